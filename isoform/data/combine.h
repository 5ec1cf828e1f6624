// Data sets made of others: some classes of one, several in one, features in another order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "isoform/data/dataset.h"

namespace isoform {

/// The samples whose label is at most `last` and at least `first`, in their order and with their labels, among the
/// classes 0 … last. Shares the values. O(samples). UsageError unless first <= last < number of classes.
[[nodiscard]] Dataset class_range(const Dataset& data, std::uint32_t first, std::uint32_t last);

/// The same with labels and classes that begin at `first`: a task of its own.
[[nodiscard]] Dataset class_task(const Dataset& data, std::uint32_t first, std::uint32_t last);

/// All samples of the parts, one part after the other, in storage of their own: bytes if all parts are bytes. Name, classes and
/// image are those of the first. UsageError without parts, or where features or classes differ.
[[nodiscard]] Dataset joined(std::span<const Dataset> parts);

/// Every class that has samples as often as the largest of them: the samples in their order, then those of smaller classes
/// again, in turn. Shares the values. O(result).
[[nodiscard]] Dataset balanced(const Dataset& data);

/// Feature i of every sample is feature order[i] of the data's, in storage of its own; an image no more. UsageError
/// unless `order` is a permutation of the features.
[[nodiscard]] Dataset with_features_permuted(const Dataset& data,
                                             std::span<const std::uint32_t> order);

}  // namespace isoform
