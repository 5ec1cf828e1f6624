// Whole networks made smaller: the edits, what is told of them, and what is proved of them.
#include "isoform/topology/reduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/oracle.h"
#include "tests/topology/reduction_case.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

std::vector<Index> random_widths(const Network<double>& network, Dice& dice) {
  std::vector<Index> widths;
  for (const Index width : hidden_widths(network)) widths.push_back(dice.between(1, width));
  return widths;
}

template <class T>
Reduction<T> to_widths(const ReductionCase& c, const std::vector<Index>& widths, int threads = 1) {
  const auto engine = create_engine<T>({.name = "cpu", .threads = threads});
  const auto network = cast_network<T>(c.network);
  return Reducer<T>(network, *engine, c.x.template cast<T>(), c.settings).to_widths(widths);
}

template <class T>
void expect_replay(const ReductionCase& c, const std::vector<Index>& widths) {
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
  // One edit a layer that is cut, or two.
  std::vector<EditKind> kinds;
  for (const Edit& edit : reduction.edits) kinds.push_back(edit.record.kind);
  const auto cuts = std::count_if(reduction.layers.begin(), reduction.layers.end(),
                                  [](const auto& layer) { return layer.after < layer.before; });
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), EditKind::refit), c.settings.refit ? cuts : 0);
  EXPECT_EQ(static_cast<std::ptrdiff_t>(kinds.size()), c.settings.refit ? 2 * cuts : cuts);
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
    const ReductionCase c = random_case(seed);
    Dice dice(seed, 71);
    const auto widths = seed % 10 == 0 ? hidden_widths(c.network) : random_widths(c.network, dice);
    expect_replay<double>(c, widths);
    expect_replay<float>(c, widths);
  }
}

TEST(Reducer, RefitsBringTheOutputsNearer) {
  std::vector<double> ratios;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    ReductionCase c = random_case(seed, {.most_hidden = 3, .widest = 12});
    c.x = random_inputs(seed, c.network.widths().front(), 80);
    Dice dice(seed, 74);
    const auto widths = random_widths(c.network, dice);
    c.settings.refit = false;
    const double folded = to_widths<double>(c, widths).change.rms;
    c.settings.refit = true;
    if (folded > 1e-6) ratios.push_back(to_widths<double>(c, widths).change.rms / folded);
  }
  std::sort(ratios.begin(), ratios.end());
  measured("change_with_refit_over_without_median", ratios[ratios.size() / 2]);
  measured("change_with_refit_over_without_largest", ratios.back());
  EXPECT_LE(ratios[ratios.size() / 2], 0.9);
}

// Mode expectation takes the mean gate of the samples: what is lost of a constant neuron has mean 0 on them.
TEST(Reducer, FoldsIntoTheNextBiasWithTheMeanGateOfItsSamples) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    ReductionCase c;
    c.network = Network<double>::chain({.widths = {5, 8, 3},
                                        .group_size = 4,
                                        .psi = PsiMode::expectation,
                                        .initialiser = Initialiser::kaiming,
                                        .seed = seed});
    Dice dice(seed, 75);
    randomise(c.network, dice);
    c.network.map(0).weight().row(3).setZero();
    c.network.map(0).bias()[3] = 1;
    c.x = random_inputs(seed, 5, 600);
    const auto reduction = to_widths<double>(c, {7});
    const Matrix<double> moved =
        oracle_output(reduction.network, c.x) - oracle_output(c.network, c.x);
    EXPECT_GT(moved.cwiseAbs().maxCoeff(), 1e-3);
    EXPECT_LE(moved.rowwise().mean().norm(), 1e-13);
  }
}

// Layer after layer the bounds are proved in the network as it then is: together they bound the whole.
TEST(Reducer, BoundsOfTheLayersBoundTheWhole) {
  std::vector<double> shares, on_samples;
  int bounded = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    ReductionCase c = random_case(seed, {.most_hidden = 5, .widest = 10});
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
  for (const Rule rule : kEveryRule) {
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
  EXPECT_THAT(message([&] {
                reducer.to_widths({6, 0});
              }),
              HasSubstr("layer 2 needs 1 to 5 neurons, got 0"));
  const auto linear = Network<double>::chain({.widths = {3, 2}});
  EXPECT_THAT(message([&] { Reducer<double>(linear, *engine, Matrix<double>(3, 0), {}); }),
              HasSubstr("no hidden layer"));
}

}  // namespace
}  // namespace isoform
