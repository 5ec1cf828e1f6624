#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "isoform/network/equivariance.h"
#include "tests/network/functions.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

constexpr double kPi = std::numbers::pi;

VectorFunction linear(const Matrix<double>& a) {
  return [a](const Matrix<double>& z) -> Matrix<double> { return a * z; };
}

// φ(r) of elementwise tanh under O(n), by Simpson's rule in the angle θ between u and the axis:
// n/r · ∫ cos θ tanh(r cos θ) sinⁿ⁻² θ dθ / ∫ sinⁿ⁻² θ dθ.
double gate_by_quadrature(Index n, double r) {
  constexpr int kSteps = 4000;
  double above = 0, below = 0;
  for (int k = 0; k <= kSteps; ++k) {
    const double angle = kPi * k / kSteps;
    const double weight = (k == 0 || k == kSteps ? 1
                           : k % 2 == 1          ? 4
                                                 : 2) *
                          std::pow(std::sin(angle), static_cast<double>(n - 2));
    above += weight * std::cos(angle) * std::tanh(r * std::cos(angle));
    below += weight;
  }
  return static_cast<double>(n) / r * above / below;
}

TEST(Projection, OfElementwiseTanhIsTheRadialFunctionOfQuadrature) {
  for (const Index n : {2, 3, 6}) {
    // Errors in units of their standard errors, over seeds and lengths.
    double squares = 0, largest = 0;
    int count = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      for (const double r : {1.0, 4.0}) {
        Matrix<double> z = Matrix<double>::Zero(n, 1);
        z(0, 0) = r;
        const auto p =
            project_at(tanh_of, Symmetry::orthogonal(n), z, {.seed = seed, .samples = 240 * n});
        const double truth = gate_by_quadrature(n, r) * r;
        EXPECT_LE(p.error(0, 0), 0.02 * truth);
        const double units = (p.value(0, 0) - truth) / p.error(0, 0);
        squares += units * units;
        largest = std::max(largest, std::abs(units));
        ++count;
      }
    }
    measured(fmt::format("error over standard error, O({})", n), std::sqrt(squares / count));
    EXPECT_NEAR(std::sqrt(squares / count), 1, 0.3) << "O(" << n << ")";
    EXPECT_LE(largest, 4.5);
  }
}

TEST(Projection, LeavesWhatCommutes) {
  for (const Sizes& groups : {Sizes{6}, Sizes{3, 1, 2}, Sizes{1, 1, 1, 1}}) {
    const auto gates = gates_of(groups, {0.4, 0, 1});
    const Symmetry symmetry = Symmetry::orthogonal_product(groups);
    const auto z = Dice(9).normals(symmetry.dimension(), 10, 2);
    const auto p = project_at(gates, symmetry, z, {.samples = 64});
    EXPECT_LE(relative(p.value, gates(z)), 1e-14);
    EXPECT_LE(p.error.maxCoeff(), 1e-15);
  }
  const auto z = Dice(10).normals(7, 10);
  const Symmetry large = Symmetry::signed_permutation(7);  // 645 120 elements: by samples
  EXPECT_LE(relative(project(tanh_of, large, {.samples = 64})(z), tanh_of(z)), 1e-14);
}

TEST(Projection, IsIdempotent) {
  for (const Symmetry& symmetry : {Symmetry::orthogonal(4), Symmetry::orthogonal_product({2, 1, 3}),
                                   Symmetry::signed_permutation(3), Symmetry::permutation(4)}) {
    const auto once = project(arbitrary(symmetry.dimension(), 3), symmetry, {1, 256});
    const auto twice = project(once, symmetry, {2, 256});
    const auto z = Dice(11).normals(symmetry.dimension(), 6);
    EXPECT_GT(once(z).norm(), 1e-3);
    EXPECT_LE(relative(twice(z), once(z)), 1e-12) << symmetry.name();
  }
}

TEST(Projection, OverAllElementsCommutesToRounding) {
  for (const Symmetry& symmetry : {Symmetry::signed_permutation(3), Symmetry::permutation(5),
                                   Symmetry::orthogonal_product(Sizes(8, 1))}) {
    const auto f = arbitrary(symmetry.dimension(), 4);
    EXPECT_GT(commutation_error(f, symmetry), 0.5);
    const double error =
        commutation_error(project(f, symmetry), symmetry, {.elements = 400, .scale = 0.3});
    measured("projected, " + symmetry.name(), error);
    EXPECT_LE(error, 2e-14) << symmetry.name();
    const auto p = project_at(f, symmetry, Dice(1).normals(symmetry.dimension(), 2));
    EXPECT_EQ(p.error.cwiseAbs().maxCoeff(), 0);
  }
}

// f − P f is orthogonal to whatever commutes, over every orbit; so no commuting function is nearer to f.
TEST(Projection, IsTheNearestFunctionThatCommutes) {
  const Symmetry symmetry = Symmetry::signed_permutation(3);
  const auto f = arbitrary(3, 8), nearest = project(f, symmetry);
  Matrix<double> orbit(3, 48);
  const Matrix<double> z = Dice(17).normals(3, 1);
  for (std::uint64_t i = 0; i < 48; ++i) {
    orbit.col(static_cast<Index>(i)) = symmetry.element(i) * z;
  }
  const Matrix<double> rest = f(orbit) - nearest(orbit);
  EXPECT_GT(rest.norm(), 1);
  for (const VectorFunction& commuting : {VectorFunction(tanh_of), nearest}) {
    EXPECT_NEAR(rest.cwiseProduct(commuting(orbit)).sum(), 0, 1e-12);
  }
}

// Of a matrix A: O(n) and signed permutations leave tr A/n · I, permutations also the mean off the
// diagonal, signs the diagonal. For O(n) few samples do, as a cross-polytope is exact up to degree two.
TEST(Projection, OfLinearAndQuadraticFunctionsIsExact) {
  Dice dice(12);
  const Index n = 5;
  const Matrix<double> a = dice.normals(n, n), z = dice.normals(n, 7);
  const double trace = a.trace() / n, off = (a.sum() - a.trace()) / (n * (n - 1));
  const auto projected = [&](const Symmetry& symmetry) {
    return project(linear(a), symmetry, {.samples = 3840})(z);
  };
  EXPECT_LE(relative(projected(Symmetry::signed_permutation(n)), trace * z), 1e-13);
  EXPECT_LE(relative(projected(Symmetry::orthogonal_product(Sizes(n, 1))),
                     Matrix<double>(a.diagonal().asDiagonal()) * z),
            1e-14);
  const Matrix<double> ones = Matrix<double>::Ones(n, n);
  EXPECT_LE(relative(projected(Symmetry::permutation(n)), (trace - off) * z + off * ones * z),
            1e-13);
  const VectorFunction quadratic = [&](const Matrix<double>& at) -> Matrix<double> {
    return a * at + Matrix<double>((a * at).array() * at.array()) +
           ones.leftCols(1).replicate(1, at.cols());
  };
  const auto p = project_at(quadratic, Symmetry::orthogonal(n), z, {.samples = 2});
  EXPECT_LE(relative(p.value, trace * z), 1e-13);
  EXPECT_LE(p.error.maxCoeff(), 1e-14);
}

// Discrete and continuous factors together, against the two projections one after the other.
TEST(Projection, OfAProductIsThatOfItsFactors) {
  const Symmetry s = Symmetry::permutation(3), o = Symmetry::orthogonal(3);
  const Symmetry both = Symmetry::product({s, o});
  const auto f = arbitrary(6, 9);
  const auto z = Dice(13).normals(6, 1, 0.5);
  const auto p = project_at(f, both, z, {.seed = 3, .samples = 40000});
  // First part: all six permutations, second kept; then the mean over a fine grid of directions.
  Matrix<double> expected = Matrix<double>::Zero(6, 1);
  constexpr int kRings = 60, kTurns = 120;
  const double r = z.col(0).tail(3).norm();
  for (int i = 0; i < kRings; ++i) {
    const double height = (2 * i + 1.0) / kRings - 1;
    for (int k = 0; k < kTurns; ++k) {
      const double flat = std::sqrt(1 - height * height), angle = 2 * kPi * k / kTurns;
      const Eigen::Vector3d u(flat * std::cos(angle), flat * std::sin(angle), height);
      for (std::uint64_t e = 0; e < 6; ++e) {
        const Matrix<double> swap = s.element(e);
        Matrix<double> x(6, 1);
        x << swap * z.topRows(3), r * u;
        const Matrix<double> y = f(x);
        expected.topRows(3) += swap.transpose() * y.topRows(3);
        expected.bottomRows(3) += u.dot(y.col(0).tail(3)) / r * z.bottomRows(3);
      }
    }
  }
  expected /= 6.0 * kRings * kTurns;
  const Matrix<double> units = (p.value - expected).cwiseAbs().cwiseQuotient(p.error);
  EXPECT_LE(units.maxCoeff(), 4);
  EXPECT_LE(p.error.maxCoeff(), 0.02);
  EXPECT_GT(expected.norm(), 0.2);
}

TEST(Projection, IsZeroWhereAGroupIsZero) {
  Matrix<double> z = Dice(14).normals(5, 3);
  z.topRows(3).setZero();
  const VectorFunction shifted = [](const Matrix<double>& at) -> Matrix<double> {
    return at.array() + 1;
  };
  const auto p = project_at(shifted, Symmetry::orthogonal_product({3, 2}), z);
  EXPECT_EQ(p.value.topRows(3).cwiseAbs().maxCoeff(), 0);
  EXPECT_LE(relative(p.value.bottomRows(2), z.bottomRows(2)), 1e-14);
}

}  // namespace
}  // namespace isoform
