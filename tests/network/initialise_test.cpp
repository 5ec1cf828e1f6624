#include "isoform/network/initialise.h"

#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/random.h"

namespace isoform {
namespace {

double distance_to_identity(const Matrix<double>& m) {
  return (m - Matrix<double>::Identity(m.rows(), m.cols())).norm();
}

TEST(Initialise, OrthogonalHasSingularValuesOne) {
  for (const auto& [rows, cols] :
       {std::pair<Index, Index>{7, 7}, {20, 5}, {5, 20}, {1, 9}, {9, 1}}) {
    const auto w = initial_weights(Initialiser::orthogonal, rows, cols, 3, 1);
    ASSERT_EQ(w.rows(), rows);
    ASSERT_EQ(w.cols(), cols);
    const Matrix<double> tall = rows < cols ? Matrix<double>(w.transpose()) : w;
    const Matrix<double> gram = tall.transpose() * tall;
    EXPECT_LE(distance_to_identity(gram), 1e-13) << rows << " x " << cols;
  }
}

TEST(Initialise, NormalOnesHaveTheirVariance) {
  const Index rows = 200, cols = 300;
  const auto variance = [&](Initialiser initialiser) {
    return initial_weights(initialiser, rows, cols, 5, 2).squaredNorm() / double(rows * cols);
  };
  // Relative standard error of a variance of 60,000 numbers: 0.6 %.
  EXPECT_NEAR(variance(Initialiser::xavier) * (rows + cols) / 2, 1, 0.03);
  EXPECT_NEAR(variance(Initialiser::kaiming) * cols / 2, 1, 0.03);
}

TEST(Initialise, DependsOnSeedAndMapAlone) {
  for (const auto i : {Initialiser::orthogonal, Initialiser::xavier, Initialiser::kaiming}) {
    const auto w = initial_weights(i, 6, 4, 1, 0);
    EXPECT_EQ(w, initial_weights(i, 6, 4, 1, 0));
    EXPECT_NE(w, initial_weights(i, 6, 4, 2, 0));
    EXPECT_NE(w, initial_weights(i, 6, 4, 1, 1));
  }
}

// Uniform over all rotations: the trace of a uniform 5 × 5 one has mean 0 and variance 1.
TEST(Initialise, OrthogonalMatricesAreUniform) {
  double sum = 0, squares = 0;
  constexpr int count = 2000;
  for (int i = 0; i < count; ++i) {
    const double trace =
        orthogonal_matrix(5, 5, Random(7, Purpose::test, 0, static_cast<std::uint64_t>(i))).trace();
    sum += trace;
    squares += trace * trace;
  }
  EXPECT_NEAR(sum / count, 0, 0.1);
  EXPECT_NEAR(squares / count, 1, 0.15);
}

}  // namespace
}  // namespace isoform
