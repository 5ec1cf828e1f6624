// Whole networks made smaller, in every way there is to say how small.
#include "isoform/topology/reduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>

#include "isoform/base/error.h"
#include "isoform/topology/shrink.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;
using Sizes = std::vector<Index>;

const std::vector<Rule> kAll = {Rule::singular,   Rule::paper, Rule::effect,
                                Rule::covariance, Rule::next,  Rule::jacobian};

template <class T>
void expect_same_bits(const Network<T>& one, const Network<T>& other, const std::string& where) {
  ASSERT_EQ(one.widths(), other.widths()) << where;
  for (const Map<T>& m : one.maps()) ASSERT_EQ(m.a, other.map(m.id).a) << where;
  for (const int id : one.hidden()) {
    ASSERT_EQ(one.space(id).groups, other.space(id).groups) << where;
    ASSERT_EQ(one.space(id).length, other.space(id).length) << where;
  }
}

std::vector<Index> hidden_widths(const Network<double>& network) {
  std::vector<Index> widths;
  for (const int id : network.hidden()) widths.push_back(network.space(id).dimension);
  return widths;
}

// A random network, what is asked of it, and samples.
struct Case {
  Network<double> network;
  Matrix<double> x;
  ReductionSettings settings;
  std::string where;
};

Case random_case(std::uint64_t seed,
                 const NetworkChoice& choice = {.most_hidden = 4, .widest = 12}) {
  Case c;
  Dice dice(seed, 70);
  c.network = seed % 6 == 5 ? graph_network(seed) : random_network(seed, choice);
  c.settings = {kAll[seed % kAll.size()], dice.coin()};
  const bool data = needs_data(c.settings.rule) || c.settings.refit || dice.coin();
  c.x = random_inputs(seed, c.network.widths().front(), data ? 40 : 0);
  c.where = describe(c.network, seed) + fmt::format(", {}{}", rule_name(c.settings.rule),
                                                    c.settings.refit ? " with refit" : "");
  return c;
}

std::vector<Index> random_widths(const Network<double>& network, Dice& dice) {
  std::vector<Index> widths;
  for (const Index width : hidden_widths(network)) widths.push_back(dice.between(1, width));
  return widths;
}

template <class T>
Reduction<T> to_widths(const Case& c, const std::vector<Index>& widths, int threads = 1) {
  const auto engine = create_engine<T>({.name = "cpu", .threads = threads});
  const auto network = cast_network<T>(c.network);
  return Reducer<T>(network, *engine, c.x.template cast<T>(), c.settings).to_widths(widths);
}

template <class T>
void expect_replay(const Case& c, const std::vector<Index>& widths) {
  const auto network = cast_network<T>(c.network);
  const auto before = network;
  const auto engine = create_engine<T>({.name = "cpu", .threads = 1});
  Reducer<T> reducer(network, *engine, c.x.template cast<T>(), c.settings);
  const Reduction<T> reduction = reducer.to_widths(widths);
  expect_same_bits(network, before, c.where + ": the network handed in");
  auto replayed = network;
  for (const Edit& edit : reduction.edits) replayed.apply(edit);
  expect_same_bits(replayed, reduction.network, c.where + ": replayed");
  expect_same_bits(to_widths<T>(c, widths, 2).network, reduction.network, c.where + ": threads");
  expect_same_bits(reducer.to_widths(widths).network, reduction.network, c.where + ": repeated");
  ASSERT_EQ(reduction.layers.size(), widths.size());
  for (const LayerReduction& layer : reduction.layers) {
    std::size_t at = 0;
    while (network.hidden()[at] != layer.space) ++at;
    EXPECT_EQ(layer.before, network.space(layer.space).dimension);
    EXPECT_EQ(layer.after, widths[at]) << c.where;
    EXPECT_EQ(layer.groups_before, network.space(layer.space).gates());
    EXPECT_EQ(layer.groups_after, reduction.network.space(layer.space).gates());
    const bool cut = layer.after<layer.before, data = c.x.cols()> 0;
    EXPECT_EQ(layer.on_samples.has_value(), cut && data);
    EXPECT_EQ(layer.predicted.has_value(), cut && c.settings.rule == Rule::jacobian);
    const bool below = layer.after < std::min(layer.before, network.widths().back());
    EXPECT_EQ(!layer.note.empty(), below) << layer.note;
    if (below) {
      EXPECT_THAT(layer.note, HasSubstr(fmt::format("keeps {} neurons for {} outputs", layer.after,
                                                    network.widths().back())));
    }
  }
  if (c.x.cols() == 0) return;
  const Matrix<double> x = c.x.template cast<T>().template cast<double>();
  const double change = std::is_same_v<T, double> ? 1e-9 : 1e-3;
  const Matrix<double> y = oracle_output(network, x),
                       moved = oracle_output(reduction.network, x) - y;
  double mean = 0;
  for (Index j = 0; j < x.cols(); ++j) {
    mean += moved.col(j).norm() / y.col(j).norm() / double(x.cols());
  }
  EXPECT_NEAR(reduction.change.mean, mean, change * (mean + 1e-3)) << c.where;
  EXPECT_NEAR(reduction.change.rms, moved.norm() / std::sqrt(double(x.cols())),
              change * (reduction.change.output_rms + reduction.change.rms));
}

TEST(Reducer, ToWidthsIsReplayedByItsEditsBitForBit) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const Case c = random_case(seed);
    Dice dice(seed, 71);
    const auto widths = seed % 10 == 0 ? hidden_widths(c.network) : random_widths(c.network, dice);
    expect_replay<double>(c, widths);
    expect_replay<float>(c, widths);
  }
}

// Layer after layer the bounds are proved in the network as it then is: together they bound the whole.
TEST(Reducer, BoundsOfTheLayersBoundTheWhole) {
  std::vector<double> shares, on_samples;
  int bounded = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Case c = random_case(seed, {.most_hidden = 5, .widest = 10});
    c.settings.refit = false;
    Dice dice(seed, 72);
    auto widths = random_widths(c.network, dice);
    // What reads the input has no bound, so half of the cases leave it alone.
    for (std::size_t i = 0; seed % 2 == 0 && i < widths.size(); ++i) {
      const int id = c.network.hidden()[i];
      for (const int map : c.network.incoming(id)) {
        if (c.network.map(map).from == 0) widths[i] = c.network.space(id).dimension;
      }
    }
    const auto reduction = to_widths<double>(c, widths);
    double everywhere = 0, here = 0;
    bool holds = true;
    for (const LayerReduction& layer : reduction.layers) {
      everywhere += layer.bound.value;
      holds = holds && layer.bound.holds();
      here += layer.on_samples.value_or(0);
    }
    std::size_t reductions = 0;
    for (const Edit& edit : reduction.edits) reductions += edit.record.bound.has_value() ? 1 : 0;
    if (holds) {
      EXPECT_EQ(reductions, reduction.edits.size());
    }
    if (c.x.cols() > 0) {
      const double slack = 1e-11 * (1 + reduction.change.output_rms);
      EXPECT_LE(reduction.change.largest_absolute, here + slack) << c.where;
      if (here > 1e-6) on_samples.push_back(reduction.change.largest_absolute / here);
    }
    if (!holds) continue;
    ++bounded;
    for (const double size : {0.1, 1.0, 10.0}) {
      const Matrix<double> x = size * random_inputs(seed + 1, c.network.widths().front(), 20);
      const Matrix<double> y = oracle_output(c.network, x);
      const double moved = (oracle_output(reduction.network, x) - y).colwise().norm().maxCoeff();
      EXPECT_LE(moved, everywhere + 1e-11 * (1 + y.norm())) << c.where;
      if (everywhere > 1e-6 && size == 1) shares.push_back(moved / everywhere);
    }
  }
  EXPECT_GE(bounded, 100);
  ASSERT_FALSE(shares.empty() || on_samples.empty());
  std::sort(shares.begin(), shares.end());
  std::sort(on_samples.begin(), on_samples.end());
  measured("whole_median_share_of_the_bounds", shares[shares.size() / 2]);
  measured("whole_largest_share_of_the_bounds", shares.back());
  measured("whole_median_share_of_the_bounds_on_samples", on_samples[on_samples.size() / 2]);
  measured("whole_largest_share_of_the_bounds_on_samples", on_samples.back());
}

std::string message(const std::function<void()>& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

void expect_needs_are_met(const Reducer<double>& reducer, const Case& c,
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
    Case c = random_case(seed, {.most_hidden = 4, .widest = 10});
    Reducer<double> reducer(c.network, *engine, c.x, c.settings);
    const Index all = c.network.parameter_count();
    // The refusal names a number, and that number can be had, exactly; one less cannot.
    const std::string no = message([&] { reducer.to_parameters(1); });
    std::smatch found;
    ASSERT_TRUE(std::regex_search(no, found, std::regex("needs at least ([0-9]+)"))) << no;
    const Index least = std::stol(found[1]);
    refused += least < all ? 1 : 0;
    ASSERT_LE(least, all);
    EXPECT_EQ(message([&] { reducer.to_parameters(least - 1); }),
              std::regex_replace(no, std::regex("got 1:"), fmt::format("got {}:", least - 1)))
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
    Reducer<double> reducer(network, *engine, random_inputs(seed, 9, 50), {kAll[seed % 6], false});
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
    Case c = random_case(seed, {.most_hidden = 3, .widest = 10});
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
      const Matrix<double> moved = oracle_output(reduction.network, c.x) - y;
      const double change = (moved.colwise().norm().array() / y.colwise().norm().array()).mean();
      EXPECT_LE(change, tolerance * (1 + 1e-9) + 1e-14) << c.where;
      EXPECT_LE(reduction.change.mean, tolerance);
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
    const Rule rule = kAll[seed % 6];
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

TEST(Reducer, TellsOfEachLayerInTheOrderOfTheCuts) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  const auto network = random_network(3, {.most_hidden = 6, .widest = 12});
  for (const bool data : {false, true}) {
    Reducer<double> reducer(network, *engine,
                            random_inputs(3, network.widths().front(), data ? 20 : 0),
                            {Rule::singular, false});
    std::vector<int> spaces;
    reducer.on_layer = [&](const Network<double>& so_far, LayerReduction& layer) {
      spaces.push_back(layer.space);
      EXPECT_EQ(so_far.space(layer.space).dimension, layer.after);
      layer.note = "seen";
    };
    const auto reduction = reducer.to_widths(std::vector<Index>(network.hidden().size(), 1));
    std::vector<int> expected = network.hidden();
    if (!data) std::reverse(expected.begin(), expected.end());
    EXPECT_EQ(spaces, expected);
    for (const LayerReduction& layer : reduction.layers) EXPECT_EQ(layer.note, "seen");
  }
}

TEST(Reducer, RefusesWithWhatIsPossible) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  const auto network = Network<double>::chain({.widths = {3, 6, 5, 2}});
  const auto make = [&](Rule rule, bool refit, Index samples) {
    return Reducer<double>(network, *engine, random_inputs(1, 3, samples), {rule, refit});
  };
  for (const Rule rule : kAll) {
    EXPECT_EQ(rule_from_name(rule_name(rule)), rule);
    EXPECT_EQ(needs_data(rule), rule != Rule::singular && rule != Rule::paper);
    EXPECT_EQ(message([&] { make(rule, false, 0); }) == "accepted", !needs_data(rule));
    EXPECT_THAT(message([&] { make(rule, true, 0); }), HasSubstr("data; give samples"));
  }
  EXPECT_THAT(message([&] { make(Rule::next, false, 0); }), HasSubstr("the metric next looks at"));
  EXPECT_THAT(message([] { rule_from_name("x"); }), HasSubstr("singular, paper, effect"));
  auto blind = make(Rule::singular, false, 0), reducer = make(Rule::jacobian, true, 10);
  EXPECT_THAT(message([&] { blind.to_tolerance(0.1); }), HasSubstr("give samples"));
  EXPECT_THAT(message([&] { reducer.to_tolerance(-0.1); }), HasSubstr("0 or more, got -0.1"));
  EXPECT_THAT(message([&] { reducer.to_tolerance(std::nan("")); }), HasSubstr("got nan"));
  EXPECT_THAT(message([&] { reducer.to_widths({4}); }), HasSubstr("each of the 2 hidden layers"));
  EXPECT_THAT(message([&] { reducer.to_widths({7, 5}); }), HasSubstr("needs 1 to 6, got 7"));
  EXPECT_THAT(message([&] { reducer.to_widths({6, 0}); }), HasSubstr("layer 2 is 5 wide"));
  const auto linear = Network<double>::chain({.widths = {3, 2}});
  EXPECT_THAT(message([&] { Reducer<double>(linear, *engine, Matrix<double>(3, 0), {}); }),
              HasSubstr("no hidden layer"));
}

}  // namespace
}  // namespace isoform
