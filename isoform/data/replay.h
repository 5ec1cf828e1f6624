// A replay buffer: a bounded number of samples of all that has been seen, the same number of each class.
#pragma once

#include <cstdint>
#include <vector>

#include "isoform/data/dataset.h"

namespace isoform {

/// Every sample that is added draws a keyed random number; those with the smallest stay. Where the buffer is full, the class that
/// holds most gives one up, so that numbers of classes that had enough samples differ by at most 1, and what is kept
/// of a class is a uniform choice of what was seen of it. Owns its values: what was added may be forgotten.
class ReplayBuffer {
 public:
  /// UsageError for a capacity below 1.
  ReplayBuffer(Index capacity, std::uint64_t seed);

  /// Offers every sample, in order. Features and classes as in the first call: UsageError. O(capacity + samples).
  void add(const Dataset& data);
  /// What is kept, in the order in which it came. No samples before the first add.
  [[nodiscard]] const Dataset& contents() const { return contents_; }
  [[nodiscard]] Index capacity() const { return capacity_; }
  /// Of the values, labels and numbers drawn.
  [[nodiscard]] std::size_t bytes() const;

 private:
  Index capacity_;
  std::uint64_t seed_;
  std::uint64_t seen_ = 0;
  Dataset contents_;
  std::vector<double> keys_;  // of each sample
};

}  // namespace isoform
