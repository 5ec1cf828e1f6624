// The polar factor of Muon against singular values. docs/mathematics.md 7.
#include "isoform/train/polar.h"

#include <gtest/gtest.h>

#include "tests/support/networks.h"
#include "tests/support/truth.h"

namespace isoform {
namespace {

using namespace isoform::testing;

// The five steps on one singular value.
double stretched(double s) {
  for (int i = 0; i < 5; ++i) s = s * (3.4445 + s * s * (-4.7750 + s * s * 2.0315));
  return s;
}

Matrix<double> polar_by_svd(const Matrix<double>& m) {
  const Svd of = svd(m);
  Vector<double> values = of.values / m.norm();
  for (double& s : values) s = stretched(s);
  return of.u * values.asDiagonal() * of.v.transpose();
}

template <class T>
class Polar : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Polar, Scalars);

TYPED_TEST(Polar, TakesSingularValuesThroughFivePolynomials) {
  using T = TypeParam;
  Worst worst, engines;  // each engine against the singular values
  const auto engine = create_engine<T>({.threads = 2});
  const auto reference = create_engine<T>({.name = "reference"});
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Dice dice(seed);
    const Index rows = dice.between(1, 40), cols = dice.between(1, 40);
    Matrix<double> m = dice.normals(rows, cols, seed % 2 == 0 ? 1e-6 : 3);
    if (seed % 5 == 0) m = (m.col(0) * m.row(0)).eval();  // rank 1
    const Matrix<T> p = polar_factor<T>(*engine, m.template cast<T>());
    const std::string where = fmt::format("seed {}, {} by {}", seed, rows, cols);
    // Of what the engines are given: rounding m is no error of theirs.
    const Matrix<double> truth = polar_by_svd(m.template cast<T>().template cast<double>());
    worst.add(relative(p.template cast<double>(), truth), where);
    engines.add(
        relative(polar_factor<T>(*reference, m.template cast<T>()).template cast<double>(), truth),
        where);
  }
  measured("polar_error", worst.error);
  const double limit = std::is_same_v<T, float> ? 3e-4 : 1e-12;
  EXPECT_LE(worst.error, limit) << worst.where;
  measured("polar_error_plain_loops", engines.error);
  EXPECT_LE(engines.error, limit) << "plain loops: " << engines.where;
}

TYPED_TEST(Polar, BringsSingularValuesNearOneAndLeavesZeros) {
  using T = TypeParam;
  const auto engine = create_engine<T>();
  Matrix<T> m = Dice(3).normals<T>(9, 14);
  m.row(2).setZero();
  m.col(5).setZero();
  const Matrix<T> p = polar_factor<T>(*engine, m);
  EXPECT_TRUE(p.row(2).isZero(0) && p.col(5).isZero(0));
  const Vector<double> values = singular_values(p.template cast<double>());
  EXPECT_GT(values[7], 0.6);
  EXPECT_LT(values[0], 1.3);
  EXPECT_LT(values[8], 1e-6);
  EXPECT_TRUE(polar_factor<T>(*engine, Matrix<T>::Zero(3, 4)).isZero(0));
}

TEST(Polar, HasTheSameBitsForAnyNumberOfThreads) {
  const Matrix<float> m = Dice(4).normals<float>(200, 300);
  const auto one = create_engine<float>({.threads = 1}),
             four = create_engine<float>({.threads = 4});
  EXPECT_EQ(polar_factor<float>(*one, m), polar_factor<float>(*four, m));
}

}  // namespace
}  // namespace isoform
