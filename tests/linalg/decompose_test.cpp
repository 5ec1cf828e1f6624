#include "isoform/linalg/decompose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "isoform/base/error.h"
#include "tests/support/dice.h"
#include "tests/support/truth.h"

namespace isoform {
namespace {

using isoform::testing::Dice;

struct Shape {
  Index rows, cols, rank;  // rank < min: deficient
};
const Shape kShapes[] = {
    {6, 6, 6},     {40, 7, 7},   {7, 40, 7},      {1, 9, 1},       {9, 1, 1},      {1, 1, 1},
    {20, 20, 5},   {30, 12, 4},  {12, 30, 4},     {5, 8, 0},       {64, 64, 64},   {8, 785, 8},
    {100, 60, 60}, {33, 34, 33}, {200, 200, 200}, {300, 150, 150}, {160, 400, 100}};

Matrix<double> matrix_of(const Shape& shape, std::uint64_t seed) {
  Dice dice(seed);
  if (shape.rank == std::min(shape.rows, shape.cols)) return dice.normals(shape.rows, shape.cols);
  return dice.normals(shape.rows, shape.rank) * dice.normals(shape.rank, shape.cols);
}

double departure_from_orthogonal(const Matrix<double>& q) {
  return (q.transpose() * q - Matrix<double>::Identity(q.cols(), q.cols())).norm();
}

bool descends(const Vector<double>& values) {
  for (Index i = 1; i < values.size(); ++i) {
    if (!(values[i] <= values[i - 1])) return false;
  }
  return true;
}

class Svd : public ::testing::TestWithParam<Shape> {
 protected:
  Matrix<double> a_ = matrix_of(GetParam(), 7);
  double scale_ = 1e-14 * std::max(1.0, a_.norm()) * std::sqrt(double(a_.rows() + a_.cols()));
  Vector<double> truth_ = singular_values(a_);
};

TEST_P(Svd, LowestOfTheLeftHalf) {
  const Vector<double> all = left_svd(a_).sigma;
  for (const Index count : {Index{0}, Index{1}, a_.rows() / 3, a_.rows()}) {
    const LeftSvd lowest = lowest_left_svd(a_, count);
    ASSERT_EQ(lowest.u.rows(), a_.rows());
    ASSERT_EQ(lowest.u.cols(), count);
    EXPECT_LE(departure_from_orthogonal(lowest.u), 1e-12);
    EXPECT_TRUE(descends(lowest.sigma));
    // Beyond rounding of A no more is lost to A Aᵀ than its eigenvectors' mixing inside the span.
    EXPECT_LE((lowest.sigma - all.tail(count)).norm(), 10 * scale_);
    EXPECT_LE(((lowest.u.transpose() * a_).rowwise().norm() - lowest.sigma).norm(), 10 * scale_);
  }
}

TEST_P(Svd, LeftHalf) {
  const LeftSvd svd = left_svd(a_);
  ASSERT_EQ(svd.u.rows(), a_.rows());
  ASSERT_EQ(svd.u.cols(), a_.rows());
  ASSERT_EQ(svd.sigma.size(), a_.rows());
  EXPECT_LE(departure_from_orthogonal(svd.u), 1e-13);
  EXPECT_TRUE(descends(svd.sigma));
  EXPECT_GE(svd.sigma.minCoeff(), 0);
  EXPECT_LE((svd.sigma.head(truth_.size()) - truth_).norm(), scale_);
  EXPECT_TRUE(svd.sigma.tail(a_.rows() - truth_.size()).isZero(0)) << "padding is 0";
  // Rows of Uᵀ A are orthogonal and as long as sigma.
  const Matrix<double> rows = svd.u.transpose() * a_;
  const Matrix<double> gram = rows * rows.transpose();
  const Matrix<double> expected = svd.sigma.cwiseAbs2().asDiagonal();
  EXPECT_LE((gram - expected).norm(), scale_ * std::max(1.0, a_.norm()));
}

TEST_P(Svd, Full) {
  const FullSvd svd = full_svd(a_);
  EXPECT_LE(departure_from_orthogonal(svd.u), 1e-13);
  EXPECT_LE(departure_from_orthogonal(svd.v), 1e-13);
  EXPECT_LE((svd.sigma - truth_).norm(), scale_);
  EXPECT_TRUE(descends(svd.sigma));
  Matrix<double> sigma = Matrix<double>::Zero(a_.rows(), a_.cols());
  sigma.diagonal() = svd.sigma;
  EXPECT_LE((svd.u * sigma * svd.v.transpose() - a_).norm(), scale_);
}

TEST_P(Svd, ValuesAlone) {
  const Vector<double> values = singular_values(a_);
  ASSERT_EQ(values.size(), std::min(a_.rows(), a_.cols()));
  EXPECT_LE((values - truth_).norm(), scale_);
  EXPECT_TRUE(descends(values));
}

TEST_P(Svd, TriangularByQr) {
  const FullQr qr = full_qr(a_);
  ASSERT_EQ(qr.q.rows(), a_.rows());
  ASSERT_EQ(qr.q.cols(), a_.rows());
  ASSERT_EQ(qr.r.rows(), a_.rows());
  ASSERT_EQ(qr.r.cols(), a_.cols());
  EXPECT_LE(departure_from_orthogonal(qr.q), 1e-13);
  EXPECT_LE((qr.q * qr.r - a_).norm(), scale_);
  for (Index i = 0; i < a_.rows(); ++i) {
    for (Index j = 0; j < std::min(i, a_.cols()); ++j) EXPECT_EQ(qr.r(i, j), 0);
    if (i < a_.cols()) {
      EXPECT_GE(qr.r(i, i), 0);
    }
  }
  // Of R nothing is left to do.
  const FullQr again = full_qr(qr.r);
  EXPECT_EQ(again.q, (Matrix<double>::Identity(a_.rows(), a_.rows())));
  EXPECT_EQ(again.r, qr.r);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Svd, ::testing::ValuesIn(kShapes), [](const auto& p) {
  return std::to_string(p.param.rows) + "x" + std::to_string(p.param.cols) + "_rank" +
         std::to_string(p.param.rank);
});

// Whatever the spectrum looks like at its lower end.
TEST(LowestLeftSvd, OfClustersAndGaps) {
  constexpr Index kRows = 200;
  const Matrix<double> u = full_qr(Dice(1).normals(kRows, kRows)).q,
                       v = full_qr(Dice(2).normals(kRows, kRows)).q;
  const auto expect_lowest = [&](const Vector<double>& sigma, const char* what,
                                 double within = 1e-12) {
    const Matrix<double> a = u * sigma.asDiagonal() * v.transpose();
    Vector<double> sorted = sigma;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    for (const Index count : {1, 2, 7, 25}) {
      const LeftSvd lowest = lowest_left_svd(a, count);
      EXPECT_LE(departure_from_orthogonal(lowest.u), 1e-12) << what << ", " << count;
      EXPECT_LE((lowest.sigma - sorted.tail(count)).norm(), within * sigma.norm())
          << what << ", " << count;
    }
  };
  Vector<double> sigma = Vector<double>::Ones(kRows);
  expect_lowest(sigma, "all alike");
  sigma.tail(30).setConstant(1e-3);
  expect_lowest(sigma, "thirty alike");
  sigma.tail(30).setZero();
  expect_lowest(sigma, "thirty of nothing");
  for (Index i = 0; i < kRows; ++i) sigma[i] = std::pow(10.0, -4.0 * double(i) / kRows);
  expect_lowest(sigma, "graded");
  for (Index i = 0; i < kRows; ++i) sigma[i] = 1 + 1e-9 * double(i);
  expect_lowest(sigma, "hardly apart", 1e-9);
}

TEST(LeftSvd, OfNoColumnsIsTheIdentity) {
  const LeftSvd svd = left_svd(Matrix<double>(3, 0));
  EXPECT_EQ(svd.u, (Matrix<double>::Identity(3, 3)));
  EXPECT_EQ(svd.sigma, (Vector<double>::Zero(3)));
  EXPECT_EQ(left_svd(Matrix<double>(0, 3)).u.size(), 0);
  EXPECT_EQ(singular_values(Matrix<double>(0, 4)).size(), 0);
}

TEST(FullQr, OfNothingIsTheIdentity) {
  EXPECT_EQ(full_qr(Matrix<double>(3, 0)).q, (Matrix<double>::Identity(3, 3)));
  EXPECT_EQ(full_qr(Matrix<double>(0, 3)).q.size(), 0);
  EXPECT_EQ(full_qr(Matrix<double>::Zero(3, 2)).q, (Matrix<double>::Identity(3, 3)));
}

TEST(LeftSvd, TakesGradedMatricesToAFewUlpOfTheLargest) {
  Matrix<double> a = Dice(3).normals(6, 50);
  for (Index i = 0; i < 6; ++i) a.row(i) *= std::pow(10.0, -2.0 * double(i));
  const Vector<double> truth = singular_values(a);
  EXPECT_LE((left_svd(a).sigma - truth).cwiseAbs().maxCoeff(), 1e-14 * truth[0]);
}

TEST(SymmetricEigen, DecomposesInDescendingOrder) {
  for (const Index n : {1, 2, 7, 40, 130}) {
    const Matrix<double> g = Dice(static_cast<std::uint64_t>(n)).normals(n, n);
    const Matrix<double> a = g + g.transpose();
    const SymmetricEigen eigen = symmetric_eigen(a);
    EXPECT_LE(departure_from_orthogonal(eigen.vectors), 1e-12);
    EXPECT_TRUE(descends(eigen.values));
    const Matrix<double> back =
        eigen.vectors * eigen.values.asDiagonal() * eigen.vectors.transpose();
    EXPECT_LE((back - a).norm(), 1e-13 * double(n) * a.norm());
  }
  EXPECT_EQ(symmetric_eigen(Matrix<double>(0, 0)).values.size(), 0);
  EXPECT_TRUE(symmetric_eigen(Matrix<double>::Zero(4, 4)).values.isZero(0));
}

TEST(Decompose, RefusesWhatIsNotANumber) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    Matrix<double> a = Dice(1).normals(4, 4);
    a(2, 1) = bad;
    EXPECT_THROW(left_svd(a), UsageError);
    EXPECT_THROW(full_svd(a), UsageError);
    EXPECT_THROW(full_qr(a), UsageError);
    EXPECT_THROW(singular_values(a), UsageError);
    EXPECT_THROW(symmetric_eigen(a), UsageError);
    EXPECT_THROW(solve_positive(a, Matrix<double>::Identity(4, 4)), UsageError);
    EXPECT_THROW(solve_positive(Matrix<double>::Identity(4, 4), a), UsageError);
  }
}

TEST(SolvePositive, SolvesForEveryColumn) {
  for (const Index n : {1, 2, 7, 60, 200}) {
    for (const Index columns : {1, 3, 90}) {
      Dice dice(static_cast<std::uint64_t>(n), static_cast<std::uint64_t>(columns));
      // Eigenvalues from 1e-6 to 1, as a Gram matrix with a ridge has them.
      const Matrix<double> q = orthogonal(dice, n);
      Vector<double> values(n);
      for (Index i = 0; i < n; ++i) values[i] = std::pow(10.0, -6 * dice.uniform());
      Matrix<double> a = q * values.asDiagonal() * q.transpose();
      const Matrix<double> truth = dice.normals(n, columns), b = a * truth;
      // Cholesky leaves a residual of rounding, and an error of the condition number times that.
      const Matrix<double> x = solve_positive(a, b);
      EXPECT_LE((a * x - b).norm(), 1e-15 * double(n) * a.norm() * x.norm());
      EXPECT_LE((x - truth).norm(), 1e-9 * truth.norm());
      // Only the lower half is read.
      a.triangularView<Eigen::StrictlyUpper>().setConstant(7);
      EXPECT_EQ(solve_positive(a, b), x);
    }
  }
  EXPECT_EQ(solve_positive(Matrix<double>(0, 0), Matrix<double>(0, 3)).cols(), 3);
  EXPECT_EQ(solve_positive(Matrix<double>::Identity(3, 3), Matrix<double>(3, 0)).rows(), 3);
}

TEST(SolvePositive, RefusesWhatIsNotPositiveDefinite) {
  Matrix<double> a = Matrix<double>::Identity(5, 5);
  a(3, 3) = -1e-3;
  try {
    solve_positive(a, Matrix<double>::Ones(5, 1));
    ADD_FAILURE() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("leading 4 × 4 part"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(solve_positive(Matrix<double>::Zero(2, 2), Matrix<double>::Ones(2, 1)), UsageError);
}

}  // namespace
}  // namespace isoform
