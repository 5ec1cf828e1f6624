// The bound on a removal is a proof, so no case may pass it: thousands of random networks, every mode,
// profile and grouping, both scalars, several ways to choose what goes.
#include "isoform/topology/bound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoform/network/pass.h"
#include "isoform/network/statistics.h"
#include "isoform/topology/diagonalise.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"
#include "tests/support/truth.h"
#include "tests/topology/random_scores.h"

namespace isoform {
namespace {

using namespace testing;

struct Looseness {
  std::vector<double> ratios;
  void add(double measured, double bound) {
    if (bound > 1e-3) ratios.push_back(measured / bound);
  }
  double median() {
    std::nth_element(ratios.begin(), ratios.begin() + ratios.size() / 2, ratios.end());
    return ratios[ratios.size() / 2];
  }
  [[nodiscard]] double largest() const { return *std::max_element(ratios.begin(), ratios.end()); }
};

template <class T>
void expect_bounds_hold(double rounding, std::uint64_t first_seed, int networks) {
  Looseness everywhere, on_samples;
  int bounded = 0, refused = 0;
  const auto engine = create_engine<T>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = first_seed; seed < first_seed + networks; ++seed) {
    const Network<double> exact =
        seed % 7 == 0 ? graph_network(seed) : random_network(seed, {.widest = 16});
    const auto network = cast_network<T>(exact);
    Dice dice(seed, 77);
    // A proof for every input: small ones, where gates are open, and large ones, where they are shut.
    const Matrix<double> x = std::vector<double>{1, 10, 0.1}[seed % 3] *
                             random_inputs(seed, network.widths().front(), 24);
    const Matrix<double> before = oracle_output(network, x);
    for (const int id : network.hidden()) {
      const Space<T>& space = network.space(id);
      const auto scores = dice.coin() ? score_by_singular_value(network, id)
                                      : random_scores(space.groups, dice, dice.coin() ? 0.3 : 0);
      const auto keep = random_keep(space.groups, dice);
      auto reduced = network;
      reduced.apply(reduce(network, id, scores, keep));
      const Matrix<double> after = oracle_output(reduced, x);
      Vector<double> moved = (after - before).colwise().norm();
      const double slack = rounding * (1 + before.colwise().norm().maxCoeff());
      const Bound bound = removal_bound(network, id, scores, keep);
      bounded += bound.holds() ? 1 : 0;
      refused += bound.holds() ? 0 : 1;
      if (bound.holds()) {
        ASSERT_LE(moved.maxCoeff(), bound.value + slack) << describe(network, seed) << " at " << id;
        everywhere.add(moved.maxCoeff(), bound.value);
      }
      Pass<T> pass;
      pass.prepare(network, x.cols());
      pass.input() = x.template cast<T>();
      forward(network, *engine, pass);
      const Bound here = removal_bound_on<T>(network, id, scores, keep, pass.z(id));
      ASSERT_TRUE(here.holds());
      ASSERT_LE(moved.maxCoeff(), here.value + slack) << describe(network, seed) << " at " << id;
      on_samples.add(moved.maxCoeff(), here.value);
    }
  }
  EXPECT_GT(bounded, networks / 2);
  EXPECT_GT(refused, networks / 2);
  const std::string scalar = std::is_same_v<T, double> ? "double" : "float";
  measured("median_share_of_the_bound_" + scalar, everywhere.median());
  measured("median_share_of_the_bound_on_samples_" + scalar, on_samples.median());
  measured("largest_share_of_the_bound_" + scalar, everywhere.largest());
  measured("largest_share_of_the_bound_on_samples_" + scalar, on_samples.largest());
  EXPECT_GE(on_samples.largest(), 0.5) << "some case comes near";
}

TEST(Bound, HoldsInDouble) { expect_bounds_hold<double>(1e-12, 0, 1500); }
TEST(Bound, HoldsInFloat) { expect_bounds_hold<float>(1e-5, 5000, 1500); }

const NetworkChoice kBounded = {
    .most_hidden = 5,
    .widest = 12,
    .radials = {Radial::tanh, Radial::algebraic, Radial::softsign},
    .lengths = {LengthMode::constant, LengthMode::trainable, LengthMode::log},
    .psis = {PsiMode::constant, PsiMode::trainable, PsiMode::decay},
    .norms = {false}};

double largest_change(const Network<double>& network, const Edit& edit, const Matrix<double>& x) {
  auto after = network;
  after.apply(edit);
  return (oracle_output(after, x) - oracle_output(network, x)).colwise().norm().maxCoeff();
}

// Multiplies the part of [W ψ] in the directions that go by a factor.
void scale_removed(Network<double>& network, int space, const std::vector<GroupScores>& scores,
                   const std::vector<Index>& keep, double factor) {
  const Space<double>& s = network.space(space);
  for (const int id : network.incoming(space)) {
    Map<double>& m = network.map(id);
    const Vector<double> bias = m.bias();
    for (Index g = 0; g < s.gates(); ++g) {
      const Index n = s.groups[g];
      const Matrix<double> gone = scores[g].basis.bottomRows(n - keep[g]);
      auto rows = m.a.middleRows(s.begin(g), n);
      rows -= (1 - factor) * (gone.transpose() * (gone * rows)).eval();
    }
    m.bias() = bias;
  }
}

// "Arbitrarily well": with the singular values that go, bound and change fall to nothing together.
TEST(Bound, AndChangeFallWithTheSingularValues) {
  int cases = 0;
  double linear = 0, alike = 0, rounding = 0;
  for (std::uint64_t seed = 0; cases < 100; ++seed) {
    const auto network = random_network(seed, kBounded);
    const int id = network.hidden().back();
    if (id < 2) continue;
    Dice dice(seed, 40);
    const auto scores = score_by_singular_value(network, id);
    const auto keep = random_keep(network.space(id).groups, dice);
    const auto x = random_inputs(seed, network.widths().front(), 16);
    const auto at = [&](double factor) {
      auto scaled = network;
      scale_removed(scaled, id, scores, keep, factor);
      const double change = largest_change(scaled, reduce(scaled, id, scores, keep), x);
      const double bound = removal_bound(scaled, id, scores, keep).value;
      EXPECT_LE(change, bound + 1e-12) << describe(network, seed);
      return std::pair{change, bound};
    };
    const auto [change, bound] = at(1);
    if (change < 1e-3) continue;
    ++cases;
    for (const double factor : {1e-1, 1e-2, 1e-3, 1e-4}) {
      linear = std::max(linear, std::abs(at(factor).second / (factor * bound) - 1));
    }
    // In the limit the change is linear too.
    alike = std::max(alike, std::abs(at(1e-3).first / (10 * at(1e-4).first) - 1));
    // Nothing left of what goes: an exact removal, and known as one.
    const auto [no_change, no_bound] = at(0);
    rounding = std::max({rounding, no_change, no_bound});
  }
  measured("bound_departs_from_linear", linear);
  measured("change_departs_from_linear", alike);
  measured("exact_removal_change_or_bound", rounding);
  EXPECT_LE(linear, 1e-9);
  EXPECT_LE(alike, 0.05);
  EXPECT_LE(rounding, 1e-12);
}

// One path, gates wide open, the group goes: Δy = w₃ (f(w₂ h) − f(0)) with h → 1.
TEST(Bound, IsReached) {
  for (const double width : {1.0, 0.3, 0.01}) {
    auto network = Network<double>::chain(
        {.widths = {1, 1, 2, 1}, .groups = {{1}, {1, 1}}, .length = LengthMode::constant});
    network.map(0).a << 1, 0;
    network.map(1).a << width, 0, 0, 0.5, 0.2, 0.1;
    network.map(2).a << 3, 0.4, 0, 0, 0;
    for (const int id : {1, 2}) {
      for (Index g = 0; g < network.space(id).gates(); ++g) network.space(id).set_o(g, 0);
    }
    const auto scores = score_by_singular_value(network, 2);
    const double bound = removal_bound(network, 2, scores, {0, 1}).value;
    const double change = largest_change(network, reduce(network, 2, scores, {0, 1}),
                                         Matrix<double>::Constant(1, 1, 1e3));
    measured(fmt::format("share_of_the_bound_{}", width), change / bound);
    EXPECT_LE(change, bound * (1 + 1e-12));
    EXPECT_GE(change / bound, width < 0.1 ? 0.99 : 0.7);
  }
}

// What modes lose of two groups must not cancel in the bound: their gates differ.
TEST(Bound, OfConstantsThatWouldCancelIfGatesWereEqual) {
  for (const PsiMode psi : {PsiMode::none, PsiMode::expectation}) {
    auto network = Network<double>::chain({.widths = {3, 4, 4, 1},
                                           .groups = {{4}, {2, 2}},
                                           .length = LengthMode::constant,
                                           .psi = psi});
    Dice dice(5);
    randomise(network, dice);
    for (const Index i : {0, 2}) {
      network.map(1).weight().row(i).setZero();
      network.map(1).bias()[i] = 1;
      network.map(2).weight()(0, i) = i == 0 ? 1 : -1;
    }
    const auto x = random_inputs(1, 3);
    const Matrix<double> z = oracle_z(network, 2, x);
    const auto scores = score_by_singular_value(network, 2);
    const double change = largest_change(network, reduce(network, 2, scores, {1, 1}), x);
    EXPECT_GT(change, 0.01);
    EXPECT_LE(change, removal_bound(network, 2, scores, {1, 1}).value) << psi_mode_name(psi);
    EXPECT_LE(change, removal_bound_on<double>(network, 2, scores, {1, 1}, z).value);
  }
}

TEST(Bound, SaysWhyThereIsNone) {
  using ::testing::HasSubstr;
  const auto why = [](Radial radial, int space) {
    const auto network = graph_network(3, radial);
    const auto scores = score_by_singular_value(network, space);
    const Bound bound = removal_bound(network, space, scores, network.space(space).groups);
    EXPECT_EQ(bound.holds(), bound.why_not.empty());
    for (const auto& group : neuron_bounds(network, space, scores)) {
      for (const Bound& neuron : group) EXPECT_EQ(neuron.why_not, bound.why_not);
    }
    return bound.why_not;
  };
  EXPECT_THAT(why(Radial::tanh, 1), HasSubstr("layer 1 reads the input"));
  EXPECT_THAT(why(Radial::tanh, 2), HasSubstr("layer 2 reads the input")) << "by a skip";
  EXPECT_EQ(why(Radial::tanh, 3), "");
  EXPECT_THAT(why(Radial::asinh, 3), HasSubstr("asinh, which is unbounded"));
  EXPECT_THAT(why(Radial::log, 3), HasSubstr("log, which is unbounded"));
  EXPECT_EQ(why(Radial::algebraic, 3), "");
  EXPECT_EQ(why(Radial::softsign, 3), "");
}

TEST(NeuronBounds, AreBoundsOfRemovingThatDirectionAlone) {
  Worst worst;
  int cases = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto network = seed % 7 == 0 ? graph_network(seed, Radial::tanh, LengthMode::none)
                                       : random_network(seed, {.widest = 10});
    Dice dice(seed, 41);
    const int id = network.hidden().back();
    const Space<double>& s = network.space(id);
    const auto scores = seed % 3 == 0 ? score_by_singular_value(network, id)
                                      : random_scores(s.groups, dice, dice.coin() ? 0.1 : 0);
    const auto bounds = neuron_bounds(network, id, scores);
    ASSERT_EQ(static_cast<Index>(bounds.size()), s.gates());
    for (Index g = 0; g < s.gates(); ++g) {
      const Index n = s.groups[g];
      ASSERT_EQ(static_cast<Index>(bounds[g].size()), n);
      for (Index i = 0; i < n; ++i) {
        auto last = scores;  // direction i in the last place
        GroupScores& of = last[g];
        of.basis.row(i).swap(of.basis.row(n - 1));
        if (of.dual.size() > 0) of.dual.col(i).swap(of.dual.col(n - 1));
        std::swap(of.constant[i], of.constant[n - 1]);
        std::swap(of.spread[i], of.spread[n - 1]);
        auto keep = s.groups;
        --keep[g];
        const Bound truth = removal_bound(network, id, last, keep);
        EXPECT_EQ(bounds[g][i].why_not, truth.why_not);
        if (!truth.holds()) continue;
        ++cases;
        worst.add(std::abs(bounds[g][i].value - truth.value) / (1e-3 + truth.value),
                  describe(network, seed) + fmt::format(" group {}, {}", g, i));
      }
    }
  }
  measured("neuron_bounds", worst.error);  // some of the random bases are nearly singular
  EXPECT_LE(worst.error, 1e-10) << worst.where;
  EXPECT_GE(cases, 500);
}

// sup |Δy| / |Δz| by search: z and z + Δ of every size, Δ at random and along the steepest slope found.
TEST(Gain, IsNoLessThanAnySlopeFound) {
  Looseness shares;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const auto network = seed % 5 == 0
                             ? graph_network(seed, seed % 2 == 0 ? Radial::tanh : Radial::log)
                             : random_network(seed, {.most_hidden = 4, .widest = 6});
    Dice dice(seed, 42);
    const int id = pick(dice, network.hidden());
    const Index n = network.space(id).dimension;
    const Matrix<double> x = Matrix<double>::Zero(network.widths().front(), 1);
    const auto y = [&](const Vector<double>& at) {
      return Vector<double>(oracle_run(network, x, [&](int space, Index, std::vector<Real>& z) {
                              for (Index i = 0; space == id && i < n; ++i) z[i] = at[i];
                            }).y);
    };
    const double gain = isoform::gain(network, id);
    double found = 0;
    for (int start = 0; start < 12; ++start) {
      const double size = std::pow(10.0, dice.uniform(-2, 1));
      const Vector<double> z = dice.normals(n, 1, start == 0 ? 0 : size);
      Matrix<double> slope(network.widths().back(), n);
      for (Index i = 0; i < n; ++i) {
        slope.col(i) = (y(z + 1e-5 * Vector<double>::Unit(n, i)) - y(z)) / 1e-5;
      }
      const Vector<double> steepest = svd(slope).v.col(0);
      for (const double step : {1e-4, 0.1, 3.0}) {
        for (const Vector<double>& way :
             {steepest, Vector<double>(dice.normals(n, 1).normalized())}) {
          found = std::max(found, (y(z + step * way) - y(z)).norm() / step);
        }
      }
    }
    EXPECT_LE(found, gain * (1 + 1e-9)) << describe(network, seed) << " at " << id;
    shares.add(found, gain);
  }
  measured("gain_median_share_found", shares.median());
  measured("gain_largest_share_found", shares.largest());
  EXPECT_GE(shares.largest(), 0.5);
}

// γ = sup |ds/dm| and the supremum of |(h, s)| of each profile, from the bounds of the smallest networks.
TEST(Bound, HasTheConstantsOfTheProfiles) {
  for (const Radial radial :
       {Radial::tanh, Radial::asinh, Radial::algebraic, Radial::log, Radial::softsign}) {
    double slope = 0, length = 0;
    for (double m = 1e-3; m < 60; m *= 1.0005) {
      const Real h = 1e-6L * m, low = m - h, high = m + h;
      slope = std::max(
          slope,
          std::abs(static_cast<double>(
              (oracle_gate(radial, high * high) - oracle_gate(radial, low * low)) / (2 * h))));
      length = std::max(length,
                        static_cast<double>(oracle_gate(radial, Real{m} * m)) * std::hypot(m, 1));
    }
    auto network = Network<double>::chain({.widths = {1, 1, 2, 1},
                                           .groups = {{1}, {1, 1}},
                                           .radial = radial,
                                           .length = LengthMode::none});
    network.map(2).a << 0, 0, 0, 1, 0;  // y = s of the first group
    const double gamma = gain(network, 2);
    EXPECT_GE(gamma, slope * (1 - 1e-9)) << radial_name(radial);
    EXPECT_LE(gamma, slope * (radial == Radial::log || radial == Radial::softsign ? 1.003 : 1.0001))
        << radial_name(radial) << ": log and softsign are steepest at 0, of which 1e-3 is short";
    network.map(1).a << 1, 0, 0.5, 0, 0, 0;
    network.map(2).a << 1, 0, 0, 0, 0;
    const Bound bound = removal_bound(network, 2, score_by_singular_value(network, 2), {0, 1});
    if (radial == Radial::asinh || radial == Radial::log) {
      EXPECT_FALSE(bound.holds());
      continue;
    }
    const double supremum = bound.value / std::hypot(1, 0.5);
    EXPECT_GE(supremum, length * (1 - 1e-9)) << radial_name(radial);
    EXPECT_LE(supremum, radial == Radial::softsign ? 1 + 1e-12 : length * 1.0001)
        << radial_name(radial);
  }
}

}  // namespace
}  // namespace isoform
