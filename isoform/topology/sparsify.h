// Exact sparsification: the rotation that every hidden space is free to choose is spent on zeros, which are then
// neither stored nor multiplied. The function is unchanged. docs/mathematics.md 2, 4.1, 5 and 9.
//
//   const SparsePlan plan = plan_sparsity(sparse_shape(network));   // arithmetic on the shape alone
//   sparsify(network, plan);                                        // rotates, cuts, sets to zero
//
// A plan says for each map which form (network/structure.h) it takes, and for each space how wide it stays:
//
//   diagonal   by singular vectors on both sides: spends the rotations of both its spaces, which must be hidden
//              and one group each
//   triangle   by a QR decomposition of each group's rows: spends the rotation of the space written to
//   widths     a group has no more neurons than [W_l ψ_l] has columns; the others are constant and fold into (o, ψ).
//              Without o or ψ to fold into, no more than [W_l ψ_l b_l] has; the others are zero.
//
// A diagonal map never removes more than the triangles of its two spaces: with a = n_l and b = n_{l−1} they win by
// ((a − b)² − |a − b|)/2 numbers, nothing for |a − b| ≤ 1. So the most is a question of triangles, and among plans
// that remove the most the one with the largest diagonal maps runs fastest.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "isoform/network/edit.h"
#include "isoform/network/network.h"
#include "isoform/network/structure.h"

namespace isoform {

/// All that a plan depends on.
struct SparseShape {
  std::vector<Index> widths;               // n_0 … n_L
  std::vector<std::vector<Index>> groups;  // sizes, for each hidden space
  std::vector<Index> gates;                // columns of [ψ χ], for each map
  std::vector<bool> folds;  // for each hidden space: a constant neuron goes into (o, ψ)

  bool operator==(const SparseShape&) const = default;
};
/// Throws UsageError for a network that is no chain, or has no hidden space.
template <class T>
SparseShape sparse_shape(const Network<T>& network);

enum class SparseMethod {
  best,         // widths, then the mixture of diagonals and triangles that removes most
  alternating,  // the paper's: maps 2, 4, … < L diagonal, nothing else
  chain,        // widths, then triangles only: QR, no singular values
};
std::string_view sparse_method_name(SparseMethod method);
/// Throws UsageError for another name.
SparseMethod sparse_method_from_name(std::string_view name);

struct SparseSettings {
  SparseMethod method = SparseMethod::best;
  /// Maps, from 1, that must become diagonal; empty: the method chooses. Only with `best`.
  std::vector<int> diagonal = {};
};

struct SparsePlan {
  SparseShape before;
  std::vector<Index> widths;               // n_0 … n_L after the exact reduction
  std::vector<std::vector<Index>> groups;  // sizes, for each hidden space
  std::vector<Structure> forms;            // for each map
  Index weights = 0;                       // numbers in all W before
  Index kept = 0;                          // and after
  /// Weights of the exact reduction and Σ n_g(n_g − 1)/2 over the groups that stay: the most that any choice of
  /// bases removes from a generic network (5.2), if constant neurons fold into o and ψ or into neither. Networks with
  /// one of the two, or with several groups wider than their input, allow a little more (9). Where a group has h > 1
  /// neurons more than its map has inputs (gates add columns), h(h − 1)/2 of these zeros lie in ψ or b, and a plan
  /// removes fewer.
  Index ceiling = 0;

  [[nodiscard]] Index removed() const { return weights - kept; }
  /// Numbers that the weight of a map (from 0) keeps.
  [[nodiscard]] Index kept_of(int map) const;
};

/// O(maps + groups). Throws UsageError for requests that no choice of bases fulfils: a diagonal map at an end of
/// the chain, two diagonal neighbours, a diagonal map between several groups.
SparsePlan plan_sparsity(const SparseShape& shape, const SparseSettings& settings = {});

/// Hears what sparsify() does. Both may be empty.
struct SparseObserver {
  std::function<void(std::string_view)> step;  // "map 2: singular vectors of 500 × 500", before it
  std::function<void(const Edit&)> edit;  // before it is applied to the network it is valid for
};

struct Sparsified {
  std::vector<EditRecord> records;  // of the edits, in order
  double largest_zeroed = 0;        // magnitude that was set to zero, in lengths of its map's W
};

/// Carries a plan out: edits of one space after the other, then exact zeros. Maps that have their form already are
/// left alone, so a second time nothing changes. The function stays within rounding of T. Cost: for each space one QR
/// decomposition or half of a full singular value decomposition of W, and the products of the edits. Throws
/// InternalError if the plan is for another shape, or if something beyond rounding would be set to zero.
template <class T>
Sparsified sparsify(Network<T>& network, const SparsePlan& plan,
                    const SparseObserver& observer = {});

}  // namespace isoform
