// The backward pass to a space, and the moments of z and of the output Jacobian, against the oracle:
// z in long double, J by differences of the outputs.
#include "isoform/network/moments.h"

#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;

template <class T>
void expect_the_deltas_of_backward(const Network<double>& exact, std::uint64_t seed) {
  const auto engine = create_engine<T>({.name = "cpu", .threads = 1});
  const auto network = cast_network<T>(exact);
  constexpr Index kSamples = 5;
  Dice dice(seed, 20);
  Pass<T> pass, other;
  for (Pass<T>* of : {&pass, &other}) {
    of->prepare(network, kSamples);
    of->input() = random_inputs(seed, network.widths().front(), kSamples).template cast<T>();
    forward(network, *engine, *of);
  }
  // One forward pass of `other` serves every dL/dy and every space.
  for (int repeat = 0; repeat < 3; ++repeat) {
    const Matrix<T> slope = dice.normals<T>(network.widths().back(), kSamples);
    pass.output_gradient() = slope;
    backward(network, *engine, pass);
    for (const int space : network.hidden()) {
      other.output_gradient() = slope;
      backward_to(network, *engine, other, space);
      for (const int id : network.hidden()) {
        if (id < space) continue;
        ASSERT_EQ(Matrix<T>(other.delta(id)), Matrix<T>(pass.delta(id)))
            << describe(network, seed) << " to " << space << " at " << id;
      }
    }
  }
}

TEST(BackwardTo, GivesTheDeltasOfBackwardForOneForwardAndManyOutputGradients) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const auto network = seed % 5 == 0
                             ? graph_network(seed, Radial::tanh, LengthMode::trainable,
                                             seed % 2 == 0 ? PsiMode::decay : PsiMode::none)
                             : random_network(seed, {.widest = 20});
    expect_the_deltas_of_backward<double>(network, seed);
    expect_the_deltas_of_backward<float>(network, seed);
  }
}

// ∂y/∂z of every sample at one space [outputs × n], by 5-point differences of the oracle.
std::vector<Matrix<double>> jacobians(const Network<double>& network, int space,
                                      const Matrix<double>& x) {
  const Index n = network.space(space).dimension;
  std::vector<Matrix<double>> all(static_cast<std::size_t>(x.cols()),
                                  Matrix<double>(network.widths().back(), n));
  constexpr double h = 2e-3;
  for (Index i = 0; i < n; ++i) {
    const auto at = [&](double step) {
      return oracle_run(network, x,
                        [&](int id, Index, std::vector<Real>& z) {
                          if (id == space) z[static_cast<std::size_t>(i)] += Real{step};
                        })
          .y;
    };
    const Matrix<double> slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    for (Index j = 0; j < x.cols(); ++j) all[static_cast<std::size_t>(j)].col(i) = slope.col(j);
  }
  return all;
}

// The definitions of GroupMoments, sample by sample; the covariance around the mean, in two passes.
GroupMoments plain_moments(const Network<double>& network, int space, Index g,
                           const Matrix<double>& x, Weighting weighting,
                           const std::vector<Matrix<double>>& slopes) {
  const Space<double>& s = network.space(space);
  const Index n = s.groups[g], at = s.begin(g);
  const Matrix<double> z = oracle_z(network, space, x).middleRows(at, n);
  const Matrix<double> gates = oracle_gates(s, oracle_z(network, space, x));
  const auto count = static_cast<double>(x.cols());
  GroupMoments of{Vector<double>::Zero(n), Matrix<double>::Zero(n, n), 0,
                  Matrix<double>::Zero(n, n)};
  Vector<double> w = Vector<double>::Ones(x.cols());
  for (Index j = 0; j < x.cols(); ++j) {
    if (weighting == Weighting::gate) w[j] = gates(g, j) * gates(g, j);
    if (weighting == Weighting::jacobian) {
      const Matrix<double> slope = slopes[static_cast<std::size_t>(j)].middleCols(at, n);
      w[j] = slope.squaredNorm();
      of.gram += slope.transpose() * slope / count;
    }
    of.weight += w[j] / count;
    of.mean += w[j] * z.col(j) / count;
  }
  if (of.weight > 0) of.mean /= of.weight;
  for (Index j = 0; j < x.cols(); ++j) {
    const Vector<double> off = z.col(j) - of.mean;
    of.covariance += w[j] * off * off.transpose() / count;
  }
  if (of.weight > 0) of.covariance /= of.weight;
  return of;
}

// log and softsign turn sharply near t = 0, where differences say nothing.
const NetworkChoice kSmall = {
    .most_hidden = 3, .widest = 9, .radials = {Radial::tanh, Radial::asinh, Radial::algebraic}};

void expect_moments(const Network<double>& network, std::uint64_t seed, Index samples, Worst& of_z,
                    Worst& of_slopes) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  const Matrix<double> x = random_inputs(seed, network.widths().front(), samples);
  for (const int id : network.hidden()) {
    const auto slopes = jacobians(network, id, x);
    for (const Weighting weighting : {Weighting::none, Weighting::gate, Weighting::jacobian}) {
      const auto moments = group_moments<double>(network, id, *engine, x, weighting);
      ASSERT_EQ(static_cast<Index>(moments.size()), network.space(id).gates());
      for (Index g = 0; g < network.space(id).gates(); ++g) {
        const GroupMoments truth = plain_moments(network, id, g, x, weighting, slopes);
        const GroupMoments& of = moments[static_cast<std::size_t>(g)];
        Worst& worst = weighting == Weighting::jacobian ? of_slopes : of_z;
        const std::string where = describe(network, seed) + fmt::format(" at {}, {}", id, g);
        // Shares of the second moment: what numbers computed from it can be held to.
        const double scale = std::max(truth.covariance.norm() + truth.mean.squaredNorm(), 1e-30);
        worst.add((of.mean - truth.mean).norm() / std::sqrt(scale), where);
        worst.add((of.covariance - truth.covariance).norm() / scale, where);
        worst.add(std::abs(of.weight - truth.weight) / std::max(truth.weight, 1e-30), where);
        if (weighting == Weighting::jacobian) {
          worst.add(relative(of.gram, truth.gram), where);
        } else {
          EXPECT_EQ(of.gram.size(), 0);
        }
        EXPECT_EQ(of.covariance, of.covariance.transpose());
      }
    }
  }
}

TEST(GroupMoments, AreWhatPlainLoopsAndDifferencesGive) {
  Worst of_z, of_slopes;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto network = seed % 6 == 0 ? graph_network(seed) : random_network(seed, kSmall);
    expect_moments(network, seed, 23, of_z, of_slopes);
  }
  // Batches of 512: one sample alone, and one in a batch of its own.
  for (const Index samples : {1, 512, 513}) {
    expect_moments(graph_network(99), 99, samples, of_z, of_slopes);
  }
  measured("moments_of_z", of_z.error);
  measured("moments_with_jacobian", of_slopes.error);
  EXPECT_LE(of_z.error, 1e-13) << of_z.where;
  EXPECT_LE(of_slopes.error, 1e-8) << of_slopes.where;
}

TEST(GroupMoments, InFloatAreThoseOfDoubleWithinRounding) {
  const auto one = create_engine<float>({.name = "cpu", .threads = 1});
  const auto two = create_engine<double>({.name = "cpu", .threads = 2});
  double worst = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto network = cast_network<float>(random_network(seed, kSmall));
    const Matrix<float> x = random_inputs(seed, network.widths().front(), 100).cast<float>();
    for (const int id : network.hidden()) {
      for (const Weighting weighting : {Weighting::none, Weighting::gate, Weighting::jacobian}) {
        const auto in_float = group_moments<float>(network, id, *one, x, weighting);
        const auto in_double = group_moments<double>(cast_network<double>(network), id, *two,
                                                     x.cast<double>(), weighting);
        for (std::size_t g = 0; g < in_float.size(); ++g) {
          const double scale = in_double[g].covariance.norm() + in_double[g].mean.squaredNorm();
          worst =
              std::max(worst, (in_float[g].covariance - in_double[g].covariance).norm() / scale);
          worst = std::max(worst, relative(in_float[g].gram, in_double[g].gram));
        }
      }
    }
  }
  measured("moments_float", worst);
  EXPECT_LE(worst, 1e-5);
}

// With more outputs than kExactJacobian, E JᵀJ is estimated with random signs ε, by E εεᵀ = I. For r = Jᵀε the
// variance of r_i r_j is |J_i|²|J_j|² + (J_i·J_j)² − 2 Σ_a J_ai² J_aj², J_i being columns: so the estimate is
// not only close but as close as it should be, which it is not if signs repeat.
TEST(GroupMoments, EstimatedWithRandomSignsAreUnbiasedWithTheirKnownVariance) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  double squares = 0, sum = 0, largest = 0, weights = 0;
  int count = 0, estimates = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    auto network = Network<double>::chain({.widths = {4, 5, 6, 40},
                                           .groups = {{5}, {4, 2}},
                                           .initialiser = Initialiser::kaiming,
                                           .seed = seed});
    Dice dice(seed);
    randomise(network, dice);
    const Matrix<double> x = random_inputs(seed, 4, 30);
    const auto moments = group_moments<double>(network, 2, *engine, x, Weighting::jacobian);
    const auto slopes = jacobians(network, 2, x);
    for (Index g = 0; g < 2; ++g) {
      const Index at = network.space(2).begin(g), n = network.space(2).groups[g];
      Matrix<double> truth = Matrix<double>::Zero(n, n), variance = truth;
      for (const Matrix<double>& all : slopes) {
        const Matrix<double> j = all.middleCols(at, n);
        const Matrix<double> gram = j.transpose() * j,
                             fourth = j.cwiseAbs2().transpose() * j.cwiseAbs2();
        truth += gram / 30;
        variance +=
            (gram.diagonal() * gram.diagonal().transpose() + gram.cwiseAbs2() - 2 * fourth) /
            (30.0 * 30.0 * kExactJacobian);
      }
      const Matrix<double>& estimate = moments[static_cast<std::size_t>(g)].gram;
      for (Index i = 0; i < n; ++i) {
        for (Index k = i; k < n; ++k) {
          const double deviation = (estimate(i, k) - truth(i, k)) / std::sqrt(variance(i, k));
          sum += deviation;
          squares += deviation * deviation;
          largest = std::max(largest, std::abs(deviation));
          ++count;
        }
      }
      weights += moments[static_cast<std::size_t>(g)].weight / truth.trace();
      ++estimates;
    }
  }
  measured("signs_largest_deviation", largest);
  measured("signs_mean_square_deviation", squares / count);
  EXPECT_LE(largest, 5);
  EXPECT_NEAR(sum / count, 0, 0.3);  // 156 entries, not all independent
  EXPECT_NEAR(squares / count, 1, 0.4);
  EXPECT_NEAR(weights / estimates, 1, 0.02);
}

TEST(GroupMoments, RefuseNoSamples) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  EXPECT_THROW(
      group_moments<double>(graph_network(1), 1, *engine, Matrix<double>(5, 0), Weighting::none),
      UsageError);
}

TEST(EachBatch, CoversEverySampleOnceInOrder) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  const auto network = graph_network(3);
  for (const Index samples : {0, 1, 512, 513, 1025}) {
    const Matrix<double> x = random_inputs(3, 5, samples);
    Matrix<double> y(3, 0);
    each_batch(network, *engine, ConstView<double>(x), [&](Index first, Pass<double>& pass) {
      ASSERT_EQ(first, y.cols());
      y.conservativeResize(3, first + pass.samples());
      y.rightCols(pass.samples()) = pass.output();
    });
    ASSERT_EQ(y.cols(), samples);
    if (samples > 0) {
      EXPECT_LE(relative(y, oracle_output(network, x)), 1e-14);
    }
  }
}

}  // namespace
}  // namespace isoform
