// How work is cut: by its shape alone, so that the bits are the same for any number of threads. Private to linalg.
//
// Where a layer's batch is smaller than its width, everything is cut along the weights' columns: the forward product along its
// sum, the gradient and the back-propagated product along those columns, and whatever fills the inputs along their rows.
// A thread then meets the same weights, moments and inputs in its cache throughout, and only small results change
// hands; between two cores without a common cache a number that changes hands costs more than what is done with it.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>

#include "isoform/linalg/matrix.h"

namespace isoform::tiles {

constexpr int kMost = 16;
constexpr double kProductGrain = 2.5e5;  // multiply–adds worth a hand-over to another thread
constexpr double kTileSide =
    64;  // each tile packs the other matrix again: rows (or columns) that pay for it
constexpr double kDepth =
    32;  // of P parts of a sum each is at least kDepth · P terms long: P results are added
constexpr double kNumberGrain = 1.6e4;  // numbers passed through gates, or added, worth a hand-over
constexpr double kUnpackedWork = 1e6;
constexpr Index kLongestSum = 1 << 14, kMostTerms = Index{1} << 24;
constexpr Index kSmallResult = 1 << 17;  // numbers of a result whose parts may be added: 512 KiB

/// A power of two that depends on the size alone.
inline int count(double work, double grain) {
  const auto wanted = static_cast<unsigned>(std::clamp(work / grain, 1.0, double{kMost}));
  return static_cast<int>(std::bit_floor(wanted));
}

/// Of a product with so many multiply–adds, along a side of its result.
inline int along_side(Index side, double work) {
  return count(std::min(work / kProductGrain, double(side) / kTileSide), 1);
}

/// The same along its sum. However small the work, no part is longer than kLongestSum: kernels add up to one number each.
inline int along_sum(Index terms, double work) {
  const int parts = count(std::min(work / kProductGrain, std::sqrt(double(terms) / kDepth)), 1);
  return std::max(parts, static_cast<int>(std::min(terms, kMostTerms) / kLongestSum));
}

/// Parts of `cols` columns of a result, each of so many multiply–adds, that are small enough for kernels that pack
/// nothing; 1 where they would be narrow.
inline int unpacked(Index cols, double work_of_column) {
  const auto most = static_cast<Index>(kUnpackedWork / std::max(work_of_column, 1.0)) / 16 * 16;
  return most < 32 ? 1 : static_cast<int>((cols + most - 1) / most);
}

/// Whether a product is too large for those kernels, and its halves are not.
inline bool halves_are_unpacked(double work) {
  return work > kUnpackedWork && work <= 2 * kUnpackedWork;
}

/// Tile i of [0, n): near-equal parts on multiples of 16, so that tiles start on cache lines.
struct Range {
  Index begin, end;
  [[nodiscard]] Index size() const { return end - begin; }
};
inline Range range(Index n, int tiles, int i) {
  const Index blocks = (n + 15) / 16;
  return {std::min(n, blocks * i / tiles * 16), std::min(n, blocks * (i + 1) / tiles * 16)};
}

}  // namespace isoform::tiles
