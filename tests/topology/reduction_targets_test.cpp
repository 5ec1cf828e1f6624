// Networks made as small as a budget or a tolerance says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "tests/support/oracle.h"
#include "tests/topology/reduction_case.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

void expect_needs_are_met(const Reducer<double>& reducer, const ReductionCase& c,
                          const Network<double>& network) {
  for (const int id : network.hidden()) {
    const Index width = c.network.space(id).dimension;
    EXPECT_EQ(reducer.need(id), std::min(width, c.network.widths().back()));
    EXPECT_GE(network.space(id).dimension, reducer.need(id)) << c.where;
  }
}

TEST(Reducer, ToParametersNeverExceedsWhatIsAskedNorRefusesWhatIsPossible) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    ReductionCase c = random_case(seed, {.most_hidden = 4, .widest = 10});
    Reducer<double> reducer(c.network, *engine, c.x, c.settings);
    const Index all = c.network.parameter_count();
    // The refusal names a number, and that number can be had, exactly; one less cannot.
    const std::string no = message([&] { reducer.to_parameters(1); });
    const std::string words = "needs at least ";
    const std::size_t at = no.find(words);
    ASSERT_NE(at, std::string::npos) << no;
    const Index least = std::stol(no.substr(at + words.size()));
    refused += least < all ? 1 : 0;
    ASSERT_LE(least, all);
    EXPECT_THAT(
        message([&] { reducer.to_parameters(least - 1); }),
        HasSubstr(fmt::format("needs at least {} for this network, got {}:", least, least - 1)))
        << c.where;
    EXPECT_EQ(reducer.to_parameters(least).network.parameter_count(), least) << c.where;
    Index before = all + 1;
    for (int part = 5; part >= 0; --part) {
      const Index asked = least + (all - least) * part / 5;
      const auto reduction = reducer.to_parameters(asked);
      const Index got = reduction.network.parameter_count();
      EXPECT_LE(got, asked) << c.where;
      EXPECT_LE(got, before) << c.where << ": a smaller budget gave more";
      before = got;
      expect_needs_are_met(reducer, c, reduction.network);
      auto replayed = c.network;
      for (const Edit& edit : reduction.edits) replayed.apply(edit);
      expect_same_bits(replayed, reduction.network, c.where);
    }
    const auto untouched = reducer.to_parameters(all + 5);
    EXPECT_TRUE(untouched.edits.empty());
    expect_same_bits(untouched.network, c.network, c.where);
  }
  EXPECT_GE(refused, 60);
}

// With one group a layer, every neuron counts for itself: nothing goes that could have stayed.
TEST(Reducer, ToParametersRemovesNoMoreThanItMust) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const auto network = Network<double>::chain({.widths = {9, 14, 11, 3},
                                                 .group_size = 0,
                                                 .initialiser = Initialiser::xavier,
                                                 .seed = seed});
    Reducer<double> reducer(network, *engine, random_inputs(seed, 9, 50),
                            {kEveryRule[seed % 6], false});
    const Index dearest = std::max(9 + 1 + 11, 14 + 1 + 1 + 3);  // parameters of one neuron
    for (const Index asked : {150, 200, 300}) {
      const Index got = reducer.to_parameters(asked).network.parameter_count();
      EXPECT_LE(got, asked);
      EXPECT_GT(got, asked - dearest);
    }
  }
}

TEST(Reducer, ToToleranceIsMeasuredAndMonotone) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  int empty = 0, cut = 0;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    ReductionCase c = random_case(seed, {.most_hidden = 3, .widest = 10});
    if (c.x.cols() == 0) c.x = random_inputs(seed, c.network.widths().front(), 40);
    Reducer<double> reducer(c.network, *engine, c.x, c.settings);
    const Matrix<double> y = oracle_output(c.network, c.x);
    Index before = std::numeric_limits<Index>::max();
    for (const double tolerance : {0.0, 1e-9, 1e-3, 0.03, 0.3, 1e9}) {
      int trials = 0;
      double last = 0;
      reducer.on_trial = [&](Index parameters, double change) {
        ++trials;
        last = change;
        EXPECT_LT(parameters, c.network.parameter_count());
        EXPECT_GE(change, 0);
      };
      const auto reduction = reducer.to_tolerance(tolerance);
      EXPECT_LE(trials, 2 + std::log2(40)) << "about log₂(neurons)";
      const Index got = reduction.network.parameter_count();
      EXPECT_LE(got, before) << c.where << ": a larger tolerance gave more";
      before = got;
      if (reduction.layers.empty()) {
        ++empty;
        EXPECT_TRUE(reduction.edits.empty());
        EXPECT_TRUE(trials == 0 || reduction.cheapest > tolerance) << c.where;
        EXPECT_EQ(reduction.cheapest, trials == 0 ? 0 : last) << "the trial of one neuron";
        expect_same_bits(reduction.network, c.network, c.where);
        continue;
      }
      ++cut;
      EXPECT_LT(got, c.network.parameter_count());
      // Judged by the last quarter of the samples, which neither scores nor refits have seen.
      const Index held_out = (c.x.cols() + 3) / 4;
      const Matrix<double> moved = (oracle_output(reduction.network, c.x) - y).rightCols(held_out);
      const double change =
          (moved.colwise().norm().array() / y.rightCols(held_out).colwise().norm().array()).mean();
      EXPECT_LE(change, tolerance * (1 + 1e-9) + 1e-14) << c.where;
      EXPECT_NEAR(reduction.change.mean, change, 1e-9 + 1e-6 * change) << c.where;
      expect_needs_are_met(reducer, c, reduction.network);
    }
  }
  EXPECT_GE(empty, 50);
  EXPECT_GE(cut, 150);
}

TEST(Reducer, ToToleranceFindsWhatIsRedundant) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    auto network = Network<double>::chain({.widths = {5, 12, 10, 3},
                                           .group_size = 0,
                                           .initialiser = Initialiser::kaiming,
                                           .seed = seed});
    Dice dice(seed, 73);
    randomise(network, dice);
    for (const Index neuron : {1, 6, 7}) {  // constant, whatever the input
      network.map(0).a.row(neuron).head(5).setZero();
      network.map(1).weight().row(neuron).setZero();
      network.map(1).psi().row(neuron).setZero();
    }
    const Rule rule = kEveryRule[seed % 6];
    if (rule == Rule::paper) continue;  // takes no account of ψ
    Reducer<double> reducer(network, *engine, random_inputs(seed, 5, 60), {rule, false});
    const auto reduction = reducer.to_tolerance(1e-7);
    EXPECT_LE(reduction.network.widths()[1], 9) << rule_name(rule);
    EXPECT_LE(reduction.network.widths()[2], 7) << rule_name(rule);
    EXPECT_LE(reduction.change.mean, 1e-7);
  }
}

TEST(Reducer, ToToleranceOfALayerThatIsAllNeededIsEmpty) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  const auto network = Network<double>::chain({.widths = {6, 4, 3, 4}, .seed = 1});
  Reducer<double> reducer(network, *engine, random_inputs(1, 6, 20), {Rule::jacobian, true});
  const auto reduction = reducer.to_tolerance(1e9);
  EXPECT_TRUE(reduction.layers.empty() && reduction.edits.empty());
  EXPECT_EQ(reduction.cheapest, 0);
  const Index all = network.parameter_count();
  EXPECT_THAT(message([&] { reducer.to_parameters(all - 1); }),
              HasSubstr(fmt::format("at least {}", all)));
}

}  // namespace
}  // namespace isoform
