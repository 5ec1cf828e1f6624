// What topology does around a stream: bounds, growth and removal in branches, turns of the stream itself, refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/network/moments.h"
#include "isoform/topology/align.h"
#include "isoform/topology/bound.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/perceptron.h"
#include "isoform/topology/reading.h"
#include "isoform/topology/reduction.h"
#include "isoform/topology/shrink.h"
#include "isoform/topology/sparsify.h"
#include "isoform/topology/undo.h"
#include "isoform/topology/verify.h"
#include "tests/support/streams.h"
#include "tests/topology/random_scores.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

Matrix<double> inputs_for(const Network<double>& network, std::uint64_t seed, Index samples = 12) {
  return random_inputs(seed, network.widths().front(), samples);
}

double moved(const Network<double>& a, const Network<double>& b, const Matrix<double>& x) {
  return relative(stream_outputs(b, x), stream_outputs(a, x));
}

template <class T>
std::string refusal(const T& act) {
  try {
    act();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "nothing was refused";
}

// Along the stream the paths multiply: those of the network with a space for each stage.
TEST(StreamBound, GainsAreThoseOfTheUnrolledNetwork) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto network = random_residual(seed);
    const auto flat = unrolled(network);
    const Matrix<double> x = inputs_for(network, seed);
    ASSERT_LE(relative(stream_outputs(flat, x), stream_outputs(network, x)), 1e-13);
    for (const Stage& stage : network.stages()) {
      const double expected = gain(flat, stage.id);
      EXPECT_NEAR(gain(network, stage.id), expected, 1e-12 * expected) << describe(network, seed);
    }
  }
}

TEST(StreamBound, HoldsOnTheSamplesForRemovalsInBranches) {
  const auto engine = create_engine<double>({.threads = 1});
  double largest = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const auto network = random_residual(seed, {.most_hidden = 4, .widest = 10});
    Dice dice(seed, 102);
    const Matrix<double> x = std::vector<double>{1, 10, 0.1}[seed % 3] * inputs_for(network, seed);
    for (const int id : network.hidden()) {
      const auto& groups = network.space(id).groups;
      const auto scores = random_scores(groups, dice, dice.coin() ? 0.3 : 0);
      const auto keep = random_keep(groups, dice);
      EXPECT_THAT(removal_bound(network, id, scores, keep).why_not, HasSubstr("'stream'"));
      Matrix<double> z(network.space(id).dimension, x.cols());
      each_batch<double>(network, *engine, x, [&](Index, Pass<double>& pass) { z = pass.z(id); });
      const Bound bound = removal_bound_on<double>(network, id, scores, keep, z);
      auto reduced = network;
      reduced.apply(reduce(network, id, scores, keep));
      const Matrix<double> before = stream_outputs(network, x);
      const double change = (stream_outputs(reduced, x) - before).colwise().norm().maxCoeff();
      ASSERT_TRUE(bound.holds());
      ASSERT_LE(change, bound.value + 1e-12 * (1 + before.norm())) << describe(network, seed);
      if (bound.value > 1e-3) largest = std::max(largest, change / bound.value);
    }
  }
  measured("largest_share_of_the_bound_behind_a_stream", largest);
  EXPECT_GE(largest, 0.3) << "some case comes near";
}

TEST(StreamTurns, LeaveTheFunctionAndLeadBack) {
  Worst worst, back;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto network = seed % 2 == 0 ? random_streams(seed) : random_residual(seed);
    const Matrix<double> x = inputs_for(network, seed);
    const auto engine = create_engine<double>({.threads = 1});
    for (const Space<double>& s : network.spaces()) {
      if (network.is_given(s.id) || (!s.hidden() && network.outgoing(s.id).empty())) continue;
      for (const Edit& edit : {rotate_left(network, s.id), rotate_right(network, s.id),
                               rotate_random(network, s.id, seed)}) {
        auto turned = network;
        turned.apply(edit);
        worst.add(moved(network, turned, x), edit.record.why + ", " + describe(network, seed));
        EXPECT_EQ(check_shapes(network, edit), "");
        EXPECT_TRUE(check_isometry(edit).holds());
        EXPECT_TRUE(check_function<double>(network, edit, *engine, x).holds());
        turned.apply(undo(network, edit));
        for (const Map<double>& m : network.maps()) {
          back.add((turned.map(m.id).a - m.a).norm() / (1 + m.a.norm()), describe(network, seed));
        }
      }
      if (!network.is_stream(s.id)) continue;
      auto turned = network;
      turned.apply(rotate_left(network, s.id));
      Matrix<double> rows = incoming_matrix(turned, s.id);
      rows = (rows * rows.transpose()).eval();
      const Vector<double> lengths = rows.diagonal();
      rows.diagonal().setZero();
      EXPECT_LE(rows.norm(), 1e-11 * lengths.sum()) << "what is written is orthogonal";
      for (Index i = 1; i < lengths.size(); ++i)
        EXPECT_LE(lengths[i], lengths[i - 1] + 1e-12 * lengths[0]);
    }
  }
  EXPECT_LE(worst.error, 1e-12) << worst.where;
  EXPECT_LE(back.error, 1e-12) << back.where;
}

TEST(StreamBranches, GrowWithoutATraceAndLoseWhatIsConstant) {
  const auto engine = create_engine<double>({.threads = 1});
  NetworkChoice choice{.most_hidden = 4, .widest = 12};
  choice.lengths = {LengthMode::constant, LengthMode::trainable, LengthMode::log};
  choice.psis = {PsiMode::constant, PsiMode::trainable, PsiMode::decay};
  Worst grown, cut;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto network = random_residual(seed, choice);
    const Matrix<double> x = inputs_for(network, seed);
    Pass<double> pass;
    pass.prepare(network, x.cols());
    pass.set_input(x);
    forward(network, *engine, pass);
    pass.output_gradient().setOnes();
    backward(network, *engine, pass);
    Statistics statistics(network);
    statistics.gather(network, pass);
    for (const int id : network.hidden()) {
      const auto before = network;
      GrowSettings settings;
      settings.outgoing = seed % 2 == 0 ? Outgoing::gradient : Outgoing::random;
      settings.statistics = &statistics;
      settings.seed = seed;
      const Edit edit = grow(network, id, 3, settings);
      statistics.transport(network, edit);
      network.apply(edit);
      grown.add(moved(before, network, x), describe(before, seed));
      // Neurons with a constant in place of what they read: all that is left of them is folded.
      const Space<double>& s = network.space(id);
      const Index last = s.dimension - 1;
      for (const int m : network.incoming(id)) {
        network.map(m).weight().row(last).setZero();
        if (network.map(m).psi().cols() > 0) network.map(m).psi().row(last).setZero();
      }
      network.map(network.incoming(id).front()).bias()[last] = 0.7;
      const auto constant = network;
      std::vector<Index> kept;
      for (Index i = 0; i < last; ++i) kept.push_back(i);
      network.apply(keep(network, id, kept));
      cut.add(moved(constant, network, x), describe(constant, seed));
      statistics = Statistics(network);  // a new probe for the next branch
      pass.prepare(network, x.cols());
      pass.set_input(x);
      forward(network, *engine, pass);
      pass.output_gradient().setOnes();
      backward(network, *engine, pass);
      statistics.gather(network, pass);
    }
  }
  EXPECT_LE(grown.error, 1e-13) << grown.where;
  EXPECT_LE(cut.error, 1e-12) << cut.where;
}

// New columns climb the gradient of what the branch writes to: the stream as it is there, not at its end.
TEST(StreamBranches, GradientColumnsFollowTheirOwnStage) {
  const auto engine = create_engine<double>({.threads = 1});
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto network = random_residual(seed, {.most_hidden = 3, .widest = 8});
    const auto flat = unrolled(network);
    const Matrix<double> x = inputs_for(network, seed);
    std::vector<Matrix<double>> deltas;
    for (const auto* n : {&network, &flat}) {
      Pass<double> pass;
      pass.prepare(*n, x.cols());
      pass.set_input(x);
      forward(*n, *engine, pass);
      pass.output_gradient().setOnes();
      backward(*n, *engine, pass);
      Statistics statistics(*n);
      statistics.gather(*n, pass);
      for (const Stage& stage : network.stages()) {
        if (!network.is_given(stage.space)) deltas.push_back(statistics.probe_delta(stage.id));
      }
    }
    const std::size_t half = deltas.size() / 2;
    for (std::size_t i = 0; i < half; ++i) EXPECT_LE(relative(deltas[i], deltas[half + i]), 1e-12);
  }
}

TEST(StreamBranches, ShrinkByEveryRuleAndARefitHelps) {
  const auto engine = create_engine<double>({.threads = 1});
  double plain = 0, refitted = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    NetworkChoice choice{.most_hidden = 3, .widest = 16};
    choice.radials = {Radial::tanh};
    choice.psis = {PsiMode::decay};
    const auto network = random_residual(seed, choice);
    const Matrix<double> x = inputs_for(network, seed, 300);
    std::vector<Index> widths;
    for (const int id : network.hidden()) widths.push_back((network.space(id).dimension + 1) / 2);
    for (const std::string& rule : rule_names()) {
      for (const bool refit : {false, true}) {
        ReductionSettings settings;
        settings.rule = rule_from_name(rule);
        settings.refit = refit;
        Reducer<double> reducer(network, *engine, x, settings);
        const auto reduction = reducer.to_widths(widths);
        EXPECT_EQ(reduction.layers.size(), widths.size());
        EXPECT_TRUE(std::isfinite(reduction.change.mean));
        (refit ? refitted : plain) += reduction.change.mean;
      }
    }
  }
  EXPECT_LT(refitted, 0.8 * plain);
}

TEST(StreamReading, ReadsBranchesInEveryBasis) {
  const auto engine = create_engine<double>({.threads = 1});
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const auto network = random_residual(seed, {.most_hidden = 3, .widest = 10});
    const Matrix<double> x = inputs_for(network, seed, 60);
    const Reader<double> reader(network, *engine, x);
    for (const Basis basis : reader.bases()) {
      EXPECT_LE(moved(network, reader.in_basis(basis), x), 1e-12);
      for (const LayerReading& layer : reader.read(basis)) {
        EXPECT_EQ(reader.weights(layer, 2).cols(), 0) << "it reads the stream, not the input";
        for (const Connection& c : layer.connections) {
          ASSERT_FALSE(c.feeds.empty());
          EXPECT_EQ(c.feeds.front().space, 1);
        }
      }
    }
  }
}

TEST(StreamRefusals, SayWhatCannotBeDone) {
  ChainSettings settings;
  settings.widths = {4, 6, 6, 3};
  settings.group_size = 0;
  const auto network = residual<double>(settings);
  EXPECT_THAT(refusal([&] { align(network, network); }), HasSubstr("'stream' has a basis"));
  EXPECT_THAT(refusal([&] { sparse_shape(network); }), HasSubstr("plain chain"));
  EXPECT_THAT(refusal([&] { convert(network, Stages::one); }), HasSubstr("convert: needs"));
  EXPECT_THAT(refusal([&] { rotate_full(network, 1); }), HasSubstr("'stream'"));
  EXPECT_THAT(refusal([&] { rotate_left(network, 0); }), HasSubstr("out of range"));
  EXPECT_THAT(refusal([&] { rotate_left(network, 4); }), HasSubstr("out of range"));
  EXPECT_THAT(refusal([&] { grow(network, 1, 2); }), HasSubstr("out of range"));
  Edit two = identity_edit(1, {3, 3});
  EXPECT_THAT(check_shapes(network, two), HasSubstr("one group"));
}

}  // namespace
}  // namespace isoform
