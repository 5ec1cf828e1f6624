// Dropout of groups: right gradients, right mean, and a network that is turned drops the same.
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/network/pass.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/perceptron.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

constexpr Index kSamples = 5;

Matrix<double> dropped_outputs(const Network<double>& network, const Matrix<double>& x,
                               const Dropout& dropout) {
  const auto engine = create_engine<double>({.name = "reference"});
  Pass<double> pass;
  pass.prepare(network, x.cols());
  pass.input() = x;
  pass.drop(dropout);
  forward(network, *engine, pass);
  return pass.output();
}

TEST(Dropout, GradientsAreThoseOfTheThinnedNetwork) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Dice dice(seed, 31);
    Network<double> network = random_network(seed, {.most_hidden = 3, .widest = 12});
    const Dropout dropout{0.2, 0.4, seed, 7};
    const Matrix<double> x = dice.normals(network.widths().front(), kSamples);
    const Matrix<double> weights = dice.normals(network.widths().back(), kSamples);
    const auto engine = create_engine<double>({.name = "reference"});
    Pass<double> pass;
    pass.prepare(network, kSamples);
    pass.input() = x;
    pass.drop(dropout);
    forward(network, *engine, pass);
    pass.output_gradient() = weights;
    backward(network, *engine, pass);
    const auto loss = [&] {
      return (dropped_outputs(network, x, dropout).array() * weights.array()).sum() +
             network.penalty();
    };
    for (const Parameter<double>& p : pass.parameters(network)) {
      const Matrix<double> direction = dice.normals(p.rows, p.cols);
      const Matrix<double> at = Eigen::Map<Matrix<double>>(p.value, p.rows, p.cols);
      const auto loss_at = [&](double step) {
        Eigen::Map<Matrix<double>>(p.value, p.rows, p.cols) = at + step * direction;
        const double value = loss();
        Eigen::Map<Matrix<double>>(p.value, p.rows, p.cols) = at;
        return value;
      };
      constexpr double h = 3e-4;
      const double slope =
          (8 * (loss_at(h) - loss_at(-h)) - (loss_at(2 * h) - loss_at(-2 * h))) / (12 * h);
      const Eigen::Map<Matrix<double>> gradient(p.gradient, p.rows, p.cols);
      const double own = (gradient.array() * direction.array()).sum();
      worst.add(std::abs(own - slope) / std::max(1.0, weights.norm()), describe(network, seed));
    }
  }
  measured("dropout gradients", worst.error);
  EXPECT_LT(worst.error, 1e-7) << worst.where;
}

TEST(Dropout, CommutesWithRotationsInsideGroups) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Network<double> network = random_network(seed);
    Network<double> turned = network;
    for (const int id : network.hidden()) turned.apply(rotate_random(turned, id, seed));
    const Matrix<double> x = Dice(seed, 32).normals(network.widths().front(), kSamples);
    const Dropout dropout{0.1, 0.3, seed, 3};
    worst.add(relative(dropped_outputs(turned, x, dropout), dropped_outputs(network, x, dropout)),
              fmt::format("seed {}", seed));
  }
  EXPECT_LT(worst.error, 1e-12) << worst.where;
}

TEST(Dropout, KeepsTheMeanOfWhatTheNextSpaceHears) {
  const Network<double> network =
      Network<double>::chain({.widths = {4, 24, 6}, .group_size = 4, .seed = 3});
  const Matrix<double> x = Dice(1, 33).normals(4, 1);
  Matrix<double> sum = Matrix<double>::Zero(6, 1);
  constexpr int kKeys = 20000;
  for (int step = 0; step < kKeys; ++step) {
    sum += dropped_outputs(network, x, {0, 0.5, 1, static_cast<std::uint64_t>(step)});
  }
  const Matrix<double> y = dropped_outputs(network, x, {});
  EXPECT_LT((sum / kKeys - y).norm(), 0.03 * y.norm());
  EXPECT_GT((dropped_outputs(network, x, {0, 0.5, 1, 0}) - y).norm(), 0.1 * y.norm());
}

// A gate that nobody reads multiplies: with it at 0 all it multiplies would be 0, and its gradient no number.
TEST(Dropout, LeavesGatesThatMultiplyAlone) {
  const auto network =
      perceptron<double>({.inputs = 5, .outputs = 3, .gates = {6, 4}, .general = true});
  const Matrix<double> x = Dice(1, 35).normals(5, 20);
  EXPECT_EQ(dropped_outputs(network, x, {0, 0.5, 1, 0}), dropped_outputs(network, x, {}));
}

TEST(Dropout, AGroupGoesWithItsGate) {
  const Network<double> network =
      Network<double>::chain({.widths = {6, 40, 3}, .group_size = 5, .seed = 5});
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  Pass<double> pass;
  pass.prepare(network, 500);
  pass.input() = Dice(2, 34).normals(6, 500);
  pass.drop({0, 0.25, 9, 1});
  forward(network, *engine, pass);
  Index dropped = 0;
  for (Index j = 0; j < 500; ++j) {
    for (Index g = 0; g < 8; ++g) {
      const bool gone = pass.gates(1)(g, j) == 0;
      EXPECT_EQ(gone, pass.hidden(1).col(j).segment(5 * g, 5).isZero(0));
      dropped += gone ? 1 : 0;
    }
  }
  EXPECT_NEAR(static_cast<double>(dropped) / 4000, 0.25, 0.03);
}

}  // namespace
}  // namespace isoform
