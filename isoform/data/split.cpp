#include "isoform/data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/base/random.h"

namespace isoform {

namespace {

// How many samples are set aside: at least one on each side.
std::uint32_t share_of(const Dataset& data, double fraction) {
  if (!(fraction >= 0.0 && fraction <= 0.9)) {
    throw UsageError(fmt::format(
        "validation: needs a share of the training set from 0 (none) to 0.9, got {}", fraction));
  }
  if (fraction == 0.0) return 0;
  const auto samples = static_cast<std::uint32_t>(data.samples());
  if (samples < 2) {
    throw UsageError(
        fmt::format("validation: needs at least 2 samples to set some aside, got {} in '{}'; use "
                    "validation 0 for none",
                    samples, data.name()));
  }
  const auto wanted = static_cast<std::uint32_t>(std::lround(fraction * samples));
  return std::clamp(wanted, 1U, samples - 1);
}

TrainValidation parted(const Dataset& data, const std::vector<bool>& is_kept) {
  std::vector<std::uint32_t> train;
  std::vector<std::uint32_t> validation;
  for (std::uint32_t i = 0; i < is_kept.size(); ++i) (is_kept[i] ? validation : train).push_back(i);
  return {data.subset(train), data.subset(validation)};
}

// All samples drawn, class after class.
std::vector<std::uint32_t> drawn_by_class(const Dataset& data, std::uint64_t seed) {
  std::vector<std::uint32_t> drawn =
      Random(seed, Purpose::split).permutation(static_cast<std::uint32_t>(data.samples()));
  std::stable_sort(drawn.begin(), drawn.end(), [&](std::uint32_t a, std::uint32_t b) {
    return data.labels()[a] < data.labels()[b];
  });
  return drawn;
}

// A class of which all samples are set aside could not be learned; unless nothing else is set aside.
void leave_each_class_one(const Dataset& data, const std::vector<std::uint32_t>& drawn,
                          std::vector<bool>& is_kept) {
  std::vector<bool> after = is_kept;
  for (std::size_t begin = 0, end = 0; begin < drawn.size(); begin = end) {
    bool all = true;
    for (end = begin;
         end < drawn.size() && data.labels()[drawn[end]] == data.labels()[drawn[begin]]; ++end) {
      all = all && is_kept[drawn[end]];
    }
    if (all) after[drawn[begin]] = false;
  }
  if (std::find(after.begin(), after.end(), true) != after.end()) is_kept = after;
}

}  // namespace

TrainValidation split(const Dataset& data, double validation_fraction, std::uint64_t seed) {
  const std::uint32_t kept = share_of(data, validation_fraction);
  if (kept == 0) return {data, data.subset({})};
  const auto samples = static_cast<std::uint32_t>(data.samples());
  const std::vector<std::uint32_t> drawn = Random(seed, Purpose::split).permutation(samples);
  std::vector<bool> is_kept(samples, false);
  for (std::uint32_t i = 0; i < kept; ++i) is_kept[drawn[i]] = true;
  return parted(data, is_kept);
}

TrainValidation stratified_split(const Dataset& data, double fraction, std::uint64_t seed) {
  const std::uint32_t kept = share_of(data, fraction);
  if (kept == 0) return {data, data.subset({})};
  const std::vector<std::uint32_t> drawn = drawn_by_class(data, seed);
  // Evenly spaced along the classes.
  const std::uint64_t samples = drawn.size();
  std::vector<bool> is_kept(drawn.size(), false);
  for (std::uint64_t i = 0; i < samples; ++i) {
    if ((i + 1) * kept / samples > i * kept / samples) is_kept[drawn[i]] = true;
  }
  leave_each_class_one(data, drawn, is_kept);
  return parted(data, is_kept);
}

std::vector<std::uint32_t> folds(const Dataset& data, int folds, std::uint64_t seed) {
  if (folds < 2 || folds > data.samples()) {
    throw UsageError(fmt::format("folds: needs 2 to {} (the samples of '{}'), got {}",
                                 data.samples(), data.name(), folds));
  }
  const std::vector<std::uint32_t> drawn = drawn_by_class(data, seed);
  std::vector<std::uint32_t> fold(drawn.size());
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    fold[drawn[i]] = static_cast<std::uint32_t>(i % static_cast<std::size_t>(folds));
  }
  return fold;
}

std::vector<std::uint32_t> epoch_order(std::uint32_t samples, std::uint64_t seed,
                                       std::uint64_t epoch) {
  return Random(seed, Purpose::order, epoch).permutation(samples);
}

}  // namespace isoform
