#include "isoform/network/change.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "isoform/base/error.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using testing::Dice;

TEST(MeasureChange, IsWhatPlainLoopsGive) {
  const Matrix<double> y = Dice(1).normals(3, 50), z = y + Dice(2).normals(3, 50, 0.1);
  double mean = 0, largest = 0, squares = 0, absolute = 0, outputs = 0;
  for (Index j = 0; j < 50; ++j) {
    double moved = 0, length = 0;
    for (Index i = 0; i < 3; ++i) {
      moved += (z(i, j) - y(i, j)) * (z(i, j) - y(i, j));
      length += y(i, j) * y(i, j);
    }
    squares += moved / 50;
    outputs += length / 50;
    mean += std::sqrt(moved / length) / 50;
    largest = std::max(largest, std::sqrt(moved / length));
    absolute = std::max(absolute, std::sqrt(moved));
  }
  const Change change = measure_change<double>(y, z);
  EXPECT_NEAR(change.mean, mean, 1e-14);
  EXPECT_NEAR(change.largest, largest, 1e-14);
  EXPECT_NEAR(change.rms, std::sqrt(squares), 1e-14);
  EXPECT_NEAR(change.largest_absolute, absolute, 1e-14);
  EXPECT_NEAR(change.output_rms, std::sqrt(outputs), 1e-14);
  const Change single = measure_change<float>(y.cast<float>(), z.cast<float>());
  EXPECT_NEAR(single.mean, mean, 1e-6);
  EXPECT_NEAR(single.rms, std::sqrt(squares), 1e-6);
}

TEST(MeasureChange, OfAnOutputOfZeroIsAbsolute) {
  Matrix<double> y = Matrix<double>::Zero(2, 2), z = y;
  y(0, 1) = 4;
  z.col(1) = y.col(1);
  z(1, 0) = 3;
  const Change change = measure_change<double>(y, z);
  EXPECT_EQ(change.mean, 0);
  EXPECT_EQ(change.largest_absolute, 3);
  EXPECT_DOUBLE_EQ(change.rms, 3 / std::sqrt(2.0));
  EXPECT_EQ(measure_change<double>(Matrix<double>(2, 0), Matrix<double>(2, 0)).rms, 0);
}

// Wherever it stands, before or after the edit: no tolerance may be met by a network that has diverged.
TEST(MeasureChange, ThatIsNoNumberIsNotForgotten) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    for (Index at = 0; at < 3; ++at) {
      for (const bool was_bad : {false, true}) {
        Matrix<double> y = Matrix<double>::Ones(2, 3), z = Matrix<double>::Ones(2, 3);
        (was_bad ? y : z)(1, at) = bad;
        const Change change = measure_change<double>(y, z);
        for (const double value :
             {change.mean, change.largest, change.rms, change.largest_absolute}) {
          EXPECT_FALSE(std::isfinite(value)) << bad << " at " << at << (was_bad ? " before" : "");
        }
      }
    }
  }
}

TEST(MeasureChange, RefusesOutputsOfOtherSamples) {
  EXPECT_THROW(measure_change<double>(Matrix<double>(2, 3), Matrix<double>(2, 4)), InternalError);
}

}  // namespace
}  // namespace isoform
