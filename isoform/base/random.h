// Random numbers keyed by what they are for, never drawn from a shared stream.
//
// Every number is a pure function of (seed, purpose, step, id, index), computed by Philox4x32-10
// (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). So results depend neither
// on the order in which parts of the program ask, nor on the number of threads, and a resumed run
// draws what the uninterrupted one would have drawn.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace isoform {

/// What the numbers are for. Values are part of the reproducibility contract: never renumber.
enum class Purpose : std::uint32_t {
  initialisation = 1,  // id = map
  order = 2,           // step = epoch
  split = 3,           // id = 0, or CRC-32 of the name of a class: its test part
  growth = 4,          // step = training step, id = space
  rotation = 5,        // id = space
  test = 6,
  dropout = 7,    // step = training step, id = space
  replay = 12,    // index = sample seen
  features = 13,  // step = task: orders of features
  user = 100,     // programs that use the library; id is theirs
};

/// A keyed source of random numbers; cheap to make, cheap to copy.
class Random {
 public:
  /// step < 2^32; id is folded into the key with the purpose.
  Random(std::uint64_t seed, Purpose purpose, std::uint64_t step = 0, std::uint64_t id = 0);

  /// Uniform on [0, 1), 53 bits; the value depends on index alone.
  [[nodiscard]] double uniform(std::uint64_t index) const;
  /// Standard normal (Box–Muller); the value depends on index alone.
  [[nodiscard]] double normal(std::uint64_t index) const;
  /// out[i] = 0 with probability p (to 2^-16), else 1/(1 − p); out[i] depends on i alone. Eight for one draw.
  void keep(double p, std::span<float> out) const;
  /// Uniform integer on [0, bound), bound >= 1.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound, std::uint64_t index) const;
  /// A permutation of 0 … n-1 (Fisher–Yates). O(n).
  [[nodiscard]] std::vector<std::uint32_t> permutation(std::uint32_t n) const;

 private:
  std::uint32_t key_[2];
  std::uint32_t counter_[2];
};

}  // namespace isoform
