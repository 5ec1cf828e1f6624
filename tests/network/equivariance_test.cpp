#include "isoform/network/equivariance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "isoform/base/error.h"
#include "tests/network/functions.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

const std::vector<Radial> kRadials = {Radial::tanh, Radial::asinh, Radial::algebraic, Radial::log,
                                      Radial::softsign};
const std::vector<Sizes> kGroups = {{1}, {7}, {40}, {8, 8, 4}, {1, 1, 1, 1, 1}, {2, 1, 5}};

Matrix<double> relu(const Matrix<double>& z) { return z.cwiseMax(0); }

// What the gates of the library are, from their prescription -----------------------------------------

template <class T>
void expect_gates_commute(double tolerance) {
  Worst worst;
  for (const char* name : {"cpu", "reference"}) {
    const auto engine = create_engine<T>({.name = name, .threads = 1});
    for (const Radial radial : kRadials) {
      for (const Sizes& groups : kGroups) {
        const auto space = space_of<T>(groups, radial, {0.3, 1e-6, 0, 2});
        const Symmetry symmetry = symmetry_of(space);
        worst.add(commutation_error(activation_of(space, *engine), symmetry),
                  fmt::format("{}, {}, {}", name, radial_name(radial), symmetry.name()));
      }
    }
  }
  measured(std::is_same_v<T, float> ? "gates commute, float" : "gates commute, double",
           worst.error);
  EXPECT_LE(worst.error, tolerance) << worst.where;
}

TEST(GatesCommute, WithTheirPrescription) {
  expect_gates_commute<double>(3e-15);
  expect_gates_commute<float>(1e-6);
}

TEST(GatesCommute, WithNothingThatMixesGroups) {
  for (const Radial radial : kRadials) {
    for (const Sizes& groups : {Sizes{8, 8, 4}, Sizes{1, 1}, Sizes{2, 1, 5}}) {
      const auto gates = gates_of(groups, {0.3, 1e-6, 0}, radial);
      const Index n = std::accumulate(groups.begin(), groups.end(), Index{0});
      EXPECT_GT(commutation_error(gates, Symmetry::orthogonal(n)), 0.02) << radial_name(radial);
    }
  }
  // Nor with a turn by a small angle in one plane across two groups.
  const double angle = 0.05;
  Matrix<double> turn = Matrix<double>::Identity(6, 6);
  turn(2, 2) = turn(3, 3) = std::cos(angle);
  turn(2, 3) = std::sin(angle);
  turn(3, 2) = -turn(2, 3);
  const VectorFunction gates = gates_of({3, 3});
  const auto z = Dice(1).normals(6, 100, 2);
  EXPECT_GT((gates(turn * z) - turn * gates(z)).norm() / z.norm(), 1e-3);
}

TEST(GatesCommute, WithAnExchangeOfGroupsOfOneSizeAndLength) {
  Matrix<double> exchange = Matrix<double>::Zero(6, 6);
  exchange.topRightCorner(3, 3).setIdentity();
  exchange.bottomLeftCorner(3, 3).setIdentity();
  const auto z = Dice(2).normals(6, 100);
  const VectorFunction same = gates_of({3, 3}, {0.5, 0.5}), other = gates_of({3, 3}, {0.5, 0.1});
  EXPECT_LE(relative(same(exchange * z), exchange * same(z)), 1e-15);
  EXPECT_GT(relative(other(exchange * z), exchange * other(z)), 0.01);
  const VectorFunction carried = gates_of({3, 3}, {0.1, 0.5});
  EXPECT_LE(relative(carried(exchange * z), exchange * other(z)), 1e-15) << "o goes along";
}

TEST(GatesCommute, ElementwiseWithSignedPermutations) {
  EXPECT_LE(commutation_error(gates_of(Sizes(6, 1)), Symmetry::signed_permutation(6)), 1e-15);
  EXPECT_LE(commutation_error(tanh_of, Symmetry::signed_permutation(6)), 1e-15);
  EXPECT_LE(commutation_error(relu, Symmetry::permutation(6)), 0);
  EXPECT_GT(commutation_error(relu, Symmetry::signed_permutation(6)), 0.5) << "relu is not odd";
  EXPECT_GT(commutation_error(tanh_of, Symmetry::orthogonal(6)), 0.05);
  const VectorFunction lengths = gates_of(Sizes(6, 1), {0, 0.5});
  EXPECT_LE(commutation_error(lengths, Symmetry::orthogonal_product(Sizes(6, 1))), 1e-15);
  EXPECT_GT(commutation_error(lengths, Symmetry::permutation(6)), 0.05) << "o differs";
}

TEST(GatesCommute, WithIsometricEmbeddings) {
  const auto z = Dice(3).normals(5, 50);
  const Matrix<double> e = Symmetry::orthogonal(8).sample(1).leftCols(5);
  const VectorFunction small = gates_of({5}, {0.2}), large = gates_of({8}, {0.2});
  EXPECT_LE(relative(large(e * z), e * small(z)), 1e-15);
  EXPECT_GT(relative(gates_of(Sizes(8, 1))(e * z), e * tanh_of(z)), 0.05);
}

// What a prescription leaves of any function ----------------------------------------------------------

TEST(Derivation, OrthogonalGivesAGateTimesTheIdentity) {
  for (const Index n : {2, 3, 8}) {
    const auto f = project(arbitrary(n, 1), Symmetry::orthogonal(n), {.samples = 512});
    // Relative to a mean that is small beside its terms.
    EXPECT_LE(commutation_error(f, Symmetry::orthogonal(n), {.scale = 0.3}), 1e-10);
    Dice dice(4);
    const Matrix<double> z = dice.normals(n, 20);
    const Matrix<double> fz = f(z);
    for (Index j = 0; j < 20; ++j) {
      const double gate = fz.col(j).dot(z.col(j)) / z.col(j).squaredNorm();
      EXPECT_LE((fz.col(j) - gate * z.col(j)).norm(), 1e-13) << "parallel to z";
      const Matrix<double> other = z.col(j).norm() * dice.normals(n, 1).normalized();
      EXPECT_LE((f(other) - gate * other).norm(), 1e-12) << "a function of the length alone";
    }
  }
}

TEST(Derivation, AProductGivesAGateForEachGroupThatMayReadAllLengths) {
  const Symmetry symmetry = Symmetry::orthogonal_product({3, 2});
  const auto f = project(arbitrary(5, 2), symmetry, {.samples = 512});
  EXPECT_LE(commutation_error(f, symmetry, {.scale = 0.3}), 1e-12);
  Matrix<double> z = Dice(5).normals(5, 1);
  const auto first_gate = [&](const VectorFunction& of) {
    return of(z).col(0).head(3).dot(z.col(0).head(3)) / z.col(0).head(3).squaredNorm();
  };
  const double before = first_gate(f);
  EXPECT_LE((f(z).col(0).head(3) - before * z.col(0).head(3)).norm(), 1e-13);
  z.bottomRows(2) *= 2;
  EXPECT_GT(std::abs(first_gate(f) - before), 1e-3) << "the length of the other group matters";

  // An activation that commutes, has gates, and is none of ours: one gate read by the other group.
  const VectorFunction crossed = [](const Matrix<double>& at) {
    Matrix<double> y = at;
    for (Index j = 0; j < at.cols(); ++j) {
      y.col(j).head(3) *= radial_gate(Radial::tanh, at.col(j).tail(2).squaredNorm());
    }
    return y;
  };
  EXPECT_LE(commutation_error(crossed, symmetry), 1e-14);

  // Where each group's value depends on its own vector alone, so does its gate.
  const auto part = arbitrary(3, 6), rest = arbitrary(2, 7);
  const VectorFunction separable = [&](const Matrix<double>& at) {
    Matrix<double> y(5, at.cols());
    y << part(at.topRows(3)), rest(at.bottomRows(2));
    return y;
  };
  const auto own = project(separable, symmetry, {.samples = 512});
  const double alone = first_gate(own);
  z.bottomRows(2) *= 3;
  EXPECT_NEAR(first_gate(own), alone, 1e-13);
}

// A separable function, different in every coordinate, and what signed permutations leave of it.
TEST(Derivation, SignedPermutationsAndSeparabilityGiveOneOddFunction) {
  const VectorFunction separable = [](const Matrix<double>& z) {
    Matrix<double> y = z.array().exp();
    y.row(1) = z.row(1).array().cube() + 1;
    y.row(2) = z.row(2).array().sin() + z.row(2).array().cos();
    return y;
  };
  const Matrix<double> z = Dice(6).normals(3, 30);
  // Permutations alone: the mean of the three functions; with signs: its odd part.
  const Matrix<double> mean =
      (z.array().exp() + z.array().cube() + 1 + z.array().sin() + z.array().cos()) / 3;
  const Matrix<double> odd = (z.array().sinh() + z.array().cube() + z.array().sin()) / 3;
  EXPECT_LE(relative(project(separable, Symmetry::permutation(3))(z), mean), 1e-15);
  EXPECT_LE(relative(project(separable, Symmetry::signed_permutation(3))(z), odd), 1e-15);
  // Signs alone, O(1)³: each coordinate keeps its own odd function.
  Matrix<double> each = z.array().sinh();
  each.row(1) = z.row(1).array().cube();
  each.row(2) = z.row(2).array().sin();
  EXPECT_LE(relative(project(separable, Symmetry::orthogonal_product({1, 1, 1}))(z), each), 1e-15);
}

TEST(Derivation, WithoutSeparabilitySignedPermutationsLeaveMore) {
  const VectorFunction gate_of_all = [](const Matrix<double>& z) -> Matrix<double> {
    return z.array().rowwise() / (1 + z.array().pow(4).colwise().sum());
  };
  EXPECT_LE(commutation_error(gate_of_all, Symmetry::signed_permutation(5)), 1e-14);
  EXPECT_GT(commutation_error(gate_of_all, Symmetry::orthogonal(5)), 0.05);
}

TEST(Derivation, RotationsOfThePlaneWithoutReflectionsAllowAQuarterTurn) {
  const Matrix<double> quarter{{0, -1}, {1, 0}};
  const VectorFunction spiral = [&](const Matrix<double>& z) -> Matrix<double> {
    const Matrix<double> gate = z.colwise().norm().array().tanh();
    return (quarter * z).array().rowwise() * gate.row(0).array();
  };
  const double c = std::cos(1.1), s = std::sin(1.1);
  const Matrix<double> turn{{c, -s}, {s, c}}, mirror{{1, 0}, {0, -1}};
  const auto z = Dice(8).normals(2, 40);
  EXPECT_LE(relative(spiral(turn * z), turn * spiral(z)), 1e-14);
  EXPECT_LE(relative(spiral(mirror * z), -mirror * spiral(z)), 1e-14);
  EXPECT_LE(project(spiral, Symmetry::orthogonal(2))(z).norm(), 1e-13) << "O(2) leaves nothing";
  EXPECT_GT(commutation_error(spiral, Symmetry::orthogonal(2)), 1.9);
}

TEST(Equivariance, RefusesWhatCannotBeMeant) {
  const auto z = Dice(15).normals(4, 2);
  const VectorFunction wrong = [](const Matrix<double>& at) -> Matrix<double> {
    return at.topRows(2);
  };
  EXPECT_THROW(commutation_error(wrong, Symmetry::orthogonal(4)), UsageError);
  EXPECT_THROW(project_at(wrong, Symmetry::orthogonal(4), z), UsageError);
  EXPECT_THROW(project_at(tanh_of, Symmetry::orthogonal(3), z), UsageError);
  EXPECT_THROW(project(tanh_of, Symmetry::orthogonal(4), {.samples = 1}), UsageError);
  EXPECT_THROW(commutation_error(tanh_of, Symmetry::orthogonal(4), {.elements = 0}), UsageError);
  EXPECT_THROW(commutation_error(tanh_of, Symmetry::orthogonal(4), {.scale = NAN}), UsageError);
  EXPECT_THROW(gates_of({3, 2})(z), UsageError);
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  EXPECT_THROW(activation_of(graph_network(1).space(0), *engine), UsageError);
}

TEST(Equivariance, PassesANanOn) {
  const VectorFunction broken = [](const Matrix<double>& z) -> Matrix<double> {
    Matrix<double> y = z;
    y(0, 1) = NAN;
    return y;
  };
  EXPECT_TRUE(std::isnan(commutation_error(broken, Symmetry::orthogonal(3))));
  const auto p = project_at(broken, Symmetry::orthogonal(3), Dice(16).normals(3, 2));
  EXPECT_TRUE(std::isnan(p.value(0, 1)) && std::isnan(p.error(0, 1)));
  EXPECT_FALSE(std::isnan(p.value(0, 0)));
}

}  // namespace
}  // namespace isoform
