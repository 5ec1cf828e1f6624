// A keyed source of test cases: the same seed gives the same case on every machine.
#pragma once

#include <cstdint>

#include "isoform/base/random.h"
#include "isoform/linalg/matrix.h"

namespace isoform::testing {

class Dice {
 public:
  explicit Dice(std::uint64_t seed, std::uint64_t what = 0)
      : random_(seed, Purpose::test, 0, what) {}

  double uniform(double low = 0, double high = 1) {
    return low + (high - low) * random_.uniform(next_++);
  }
  double normal() { return random_.normal(next_++); }
  /// An integer from low to high, both included.
  Index between(Index low, Index high) {
    return low +
           static_cast<Index>(random_.below(static_cast<std::uint64_t>(high - low + 1), next_++));
  }
  bool coin() { return between(0, 1) == 1; }

  template <class T = double>
  Matrix<T> normals(Index rows, Index cols, double scale = 1) {
    Matrix<T> m(rows, cols);
    for (Index j = 0; j < cols; ++j) {
      for (Index i = 0; i < rows; ++i) m(i, j) = static_cast<T>(scale * normal());
    }
    return m;
  }

 private:
  Random random_;
  std::uint64_t next_ = 0;
};

}  // namespace isoform::testing
