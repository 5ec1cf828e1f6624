#include "isoform/data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/base/random.h"

namespace isoform {

TrainValidation split(const Dataset& data, double validation_fraction, std::uint64_t seed) {
  if (!(validation_fraction >= 0.0 && validation_fraction <= 0.9)) {
    throw UsageError(
        fmt::format("validation: needs a share of the training set from 0 (none) to 0.9, got {}",
                    validation_fraction));
  }
  if (validation_fraction == 0.0) return {data, data.subset({})};
  const auto samples = static_cast<std::uint32_t>(data.samples());
  if (samples < 2) {
    throw UsageError(
        fmt::format("validation: needs at least 2 samples to set some aside, got {} in '{}'; use "
                    "validation 0 for none",
                    samples, data.name()));
  }
  const auto wanted = static_cast<std::uint32_t>(std::lround(validation_fraction * samples));
  const std::uint32_t kept = std::clamp(wanted, 1U, samples - 1);

  const std::vector<std::uint32_t> drawn = Random(seed, Purpose::split).permutation(samples);
  std::vector<bool> is_kept(samples, false);
  for (std::uint32_t i = 0; i < kept; ++i) is_kept[drawn[i]] = true;
  std::vector<std::uint32_t> train;
  std::vector<std::uint32_t> validation;
  train.reserve(samples - kept);
  validation.reserve(kept);
  for (std::uint32_t i = 0; i < samples; ++i) (is_kept[i] ? validation : train).push_back(i);
  return {data.subset(train), data.subset(validation)};
}

std::vector<std::uint32_t> epoch_order(std::uint32_t samples, std::uint64_t seed,
                                       std::uint64_t epoch) {
  return Random(seed, Purpose::order, epoch).permutation(samples);
}

}  // namespace isoform
