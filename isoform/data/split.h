// Which samples are kept for choices, and in which order the others are visited. Both are functions
// of the seed alone, whatever the number of threads, ranks or interruptions.
#pragma once

#include <cstdint>
#include <vector>

#include "isoform/data/dataset.h"

namespace isoform {

/// Share of the training set kept for every choice made during training, unless told otherwise.
inline constexpr double kDefaultValidation = 0.1;

struct TrainValidation {
  Dataset train;
  Dataset validation;
};

/// Sets round(fraction · samples) samples aside, drawn without replacement (Purpose::split), each
/// part in the order of the original. At least one sample stays on each side; fraction 0 leaves
/// validation empty. Shares the values. O(samples). UsageError unless 0 <= fraction <= 0.9, or when
/// fraction > 0 and there are fewer than 2 samples.
[[nodiscard]] TrainValidation split(const Dataset& data, double validation_fraction,
                                    std::uint64_t seed);

/// The same with the share taken of every class (to one sample): for small sets, and classes that are rare, of which one sample
/// stays to be learned from where others can be set aside. Sets of numbers are drawn from as a whole.
[[nodiscard]] TrainValidation stratified_split(const Dataset& data, double fraction,
                                               std::uint64_t seed);

/// A fold 0 … folds − 1 for each sample, drawn (Purpose::split): sizes differ by at most 1, and so do those of a class. O(samples).
/// UsageError unless 2 <= folds <= samples.
[[nodiscard]] std::vector<std::uint32_t> folds(const Dataset& data, int folds, std::uint64_t seed);

/// The order in which an epoch (from 0, below 2^32) visits its samples: one permutation of
/// 0 … samples-1 for the whole run, whoever computes which part of it. O(samples).
[[nodiscard]] std::vector<std::uint32_t> epoch_order(std::uint32_t samples, std::uint64_t seed,
                                                     std::uint64_t epoch);

}  // namespace isoform
