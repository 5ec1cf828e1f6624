// Gates of a perceptron come and go: insertion exact and alive, removal with its error, neurons without a trace.
#include "isoform/topology/gates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/network/initialise.h"
#include "isoform/topology/bound.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/policy.h"
#include "isoform/topology/reduction.h"
#include "isoform/topology/shrink.h"
#include "tests/support/perceptrons.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

class Gates : public ::testing::Test {
 protected:
  // GIP-1 and GIP-2, one stage and two, and conversions of chains.
  static Network<double> some_perceptron(std::uint64_t seed) {
    Dice dice(seed, 95);
    const Index gates = dice.between(1, 5);
    if (seed % 3 == 0) {
      return convert(random_whole_chain(seed, gates, 12), dice.coin() ? Stages::one : Stages::two);
    }
    PerceptronSettings settings{.inputs = dice.between(2, 8),
                                .outputs = dice.between(1, 4),
                                .general = dice.coin(),
                                .two_stage = dice.coin(),
                                .radial = static_cast<Radial>(dice.between(0, 4)),
                                .length = static_cast<LengthMode>(dice.between(0, 3)),
                                .seed = seed};
    for (Index l = 0; l < gates; ++l) settings.gates.push_back(dice.between(1, 8));
    return random_perceptron(settings);
  }
  Matrix<double> y(const Network<double>& network, const Matrix<double>& x) {
    return all_outputs(network, *engine_, x);
  }
  // One step of gradient descent on ½|y − target|², and the loss before it.
  double descend(Network<double>& network, const Matrix<double>& x, const Matrix<double>& target,
                 double rate) {
    Pass<double> pass;
    pass.prepare(network, x.cols());
    pass.set_input(x);
    forward(network, *engine_, pass);
    const Matrix<double> error = pass.output() - target;
    pass.output_gradient() = error / static_cast<double>(x.cols());
    backward(network, *engine_, pass);
    for (const auto& p : pass.parameters(network)) {
      for (Index i = 0; p.trainable && i < p.size(); ++i) p.value[i] -= rate * p.gradient[i];
    }
    return 0.5 * error.squaredNorm() / static_cast<double>(x.cols());
  }
  Statistics gather(Network<double>& network, std::uint64_t seed) {
    Statistics statistics(network);
    Pass<double> pass;
    pass.prepare(network, 64);
    pass.set_input(random_inputs(seed, network.widths().front(), 64));
    forward(network, *engine_, pass);
    pass.output_gradient() = Dice(seed, 40).normals(network.widths().back(), 64, 0.01);
    backward(network, *engine_, pass);
    statistics.gather(network, pass);
    return statistics;
  }
  template <class Function>
  static std::string refusal(const Function& function) {
    try {
      function();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  }
  std::unique_ptr<Engine<double>> engine_ = create_engine<double>({.name = "cpu", .threads = 1});
};

TEST_F(Gates, AreInsertedAnywhereWithoutATrace) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto network = some_perceptron(seed);
    const auto x = random_inputs(seed, network.widths().front(), 9);
    const Matrix<double> before = y(network, x);
    const auto count = static_cast<int>(network.hidden().size());
    for (int position = 1; position <= count + 1; ++position) {
      for (const Index width : {1, 5}) {
        const auto more = insert_gate(network, position, width, seed);
        const std::string where =
            fmt::format("position {}, width {}, {}", position, width, describe(network, seed));
        ASSERT_EQ(more.hidden().size(), network.hidden().size() + 1);
        const int gate = more.hidden()[static_cast<std::size_t>(position - 1)];
        EXPECT_FALSE(network.has_space(gate)) << where;
        EXPECT_EQ(more.space(gate).dimension, width) << where;
        worst.add(relative(y(more, x), before), where);
        EXPECT_LE(relative(perceptron_oracle(more, x.leftCols(2)), before.leftCols(2)), 1e-12);
      }
    }
  }
  measured("insert_gate", worst.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
}

TEST_F(Gates, InsertedIntoAConvertedDeepNetworkAreAnotherNesting) {
  auto network = convert(random_whole_chain(7, 2), Stages::two);
  const auto x = random_inputs(7, network.widths().front(), 9);
  const Matrix<double> before = y(network, x);
  for (int i = 0; i < 6; ++i) network = insert_gate(network, 1 + i % 3, 4, 1);
  EXPECT_EQ(network.hidden().size(), 8U);
  EXPECT_LE(relative(y(network, x), before), 1e-12);
}

// A teacher with one gate more than the student, which learns on better with a gate inserted than without.
TEST_F(Gates, InsertedLearnFromThereOn) {
  for (const bool general : {false, true}) {
    const auto teacher = random_perceptron(
        {.inputs = 4, .outputs = 3, .gates = {6, 6, 6}, .general = true, .seed = 5});
    auto student = perceptron<double>(
        {.inputs = 4, .outputs = 3, .gates = {6}, .general = general, .seed = 6});
    const auto x = random_inputs(8, 4, 100);
    const Matrix<double> target = y(teacher, x);
    for (int step = 0; step < 400; ++step) descend(student, x, target, 0.05);
    for (const int position : {1, 2}) {
      auto plain = student, more = insert_gate(student, position, 6, 9);
      const int gate = more.hidden()[static_cast<std::size_t>(position - 1)];
      const int first = more.incoming(gate).front();
      const Matrix<double> breath = more.map(first).weight();
      EXPECT_LE(breath.norm(), 1.1e-7);
      const double loss = descend(more, x, target, 0.05);
      EXPECT_NEAR(loss, descend(plain, x, target, 0.05), 1e-12 * loss);
      EXPECT_GT((more.map(first).weight() - breath).norm(), 1e3 * breath.norm()) << "at once";
      double without = 0, with = 0;
      for (int step = 0; step < 400; ++step) {
        without = descend(plain, x, target, 0.05);
        with = descend(more, x, target, 0.05);
      }
      EXPECT_LT(with, 0.9 * loss) << "general " << general << ", position " << position;
      if (general) {
        EXPECT_LT(with, 0.95 * without) << position;
      }
    }
  }
}

TEST_F(Gates, RemovedUndoTheirInsertion) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto network = some_perceptron(seed);
    const auto x = random_inputs(seed, network.widths().front(), 20);
    const int position = 1 + static_cast<int>(seed % (network.hidden().size() + 1));
    const auto more = insert_gate(network, position, 4, seed);
    const int gate = more.hidden()[static_cast<std::size_t>(position - 1)];
    const auto removal = remove_gate<double>(more, gate, *engine_, x);
    worst.add(relative(y(removal.network, x), y(network, x)), describe(network, seed));
    EXPECT_EQ(removal.network.hidden(), network.hidden());
    EXPECT_EQ(removal.network.maps().size(), network.maps().size()) << "terms are merged";
    EXPECT_LE(removal.deviation, 1e-7);
  }
  measured("remove_constant_gate", worst.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
}

TEST_F(Gates, RemovedSayWhatItCosts) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto network = some_perceptron(seed);
    if (network.hidden().size() < 2) continue;
    const auto x = random_inputs(seed, network.widths().front(), 30);
    const Matrix<double> before = y(network, x);
    const int gate = network.hidden()[seed % network.hidden().size()];
    const auto removal = remove_gate<double>(network, gate, *engine_, x);
    const Matrix<double> after = y(removal.network, x);
    EXPECT_FALSE(removal.network.has_space(gate));
    EXPECT_NEAR(removal.change.rms, (after - before).norm() / std::sqrt(30.0), 1e-12);
    const Matrix<double> s = [&] {
      Pass<double> pass;
      pass.prepare(network, 30);
      pass.set_input(x);
      forward(network, *engine_, pass);
      return Matrix<double>(pass.gates(gate));
    }();
    EXPECT_GE(removal.constant, s.minCoeff() - 1e-12);
    EXPECT_LE(removal.constant, s.maxCoeff() + 1e-12);
    EXPECT_NEAR(removal.deviation, std::sqrt((s.array() - s.mean()).square().mean()), 1e-12);
    EXPECT_LE(relative(perceptron_oracle(removal.network, x.leftCols(2)), after.leftCols(2)),
              1e-12);
  }
}

TEST_F(Gates, AreTruncatedWithinTheTolerance) {
  int cut = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const auto network = perceptron<double>({.inputs = 20,
                                             .outputs = 4,
                                             .gates = {12, 12, 12},
                                             .general = seed % 2 == 0,
                                             .two_stage = seed % 3 == 0,
                                             .seed = seed});
    const auto x = random_inputs(seed, 20, 200);
    const Matrix<double> before = y(network, x).rightCols(50);
    Index last = 36;
    for (const double tolerance : {0.0, 0.02, 0.2}) {
      const auto result = truncate_gates<double>(network, *engine_, x, tolerance);
      const Matrix<double> after = y(result.network, x).rightCols(50);
      EXPECT_LE((after - before).norm(), tolerance * before.norm() + 1e-12) << seed;
      EXPECT_NEAR(result.change.rms, (after - before).norm() / std::sqrt(50.0), 1e-12);
      Index neurons = 0;
      for (std::size_t g = 0; g < 3; ++g) {
        EXPECT_EQ(result.before[g], 12);
        EXPECT_EQ(result.network.space(network.hidden()[g]).dimension, result.after[g]);
        neurons += result.after[g];
      }
      EXPECT_LE(neurons, last);
      EXPECT_EQ(result.cheapest > tolerance, neurons == 36) << "why nothing went";
      last = neurons;
    }
    cut += last < 36 ? 1 : 0;
  }
  EXPECT_GE(cut, 10);
}

// Each gate has its own O(n): neurons come, and a basis turns, and no output hears of it.
TEST_F(Gates, GrowAndTurnWithoutATrace) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto network = some_perceptron(seed);
    const auto x = random_inputs(seed, network.widths().front(), 9);
    const Matrix<double> before = y(network, x);
    for (const int gate : network.hidden()) {
      const auto others = network;
      network.apply(grow(network, gate, 3, {.group_size = 0, .seed = seed}));
      Edit turn = identity_edit(gate, network.space(gate).groups);
      const Random random(seed, Purpose::test, 0, 1);
      turn.groups[0].t =
          orthogonal_matrix(network.space(gate).dimension, network.space(gate).dimension, random);
      network.apply(turn);
      for (const Map<double>& m : others.maps()) {
        if (m.to != gate) {
          EXPECT_EQ(network.map(m.id).a, m.a) << "nothing else is touched";
        }
      }
    }
    worst.add(relative(y(network, x), before), describe(network, seed));
  }
  measured("grow_gates", worst.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
}

// The policy grows gates without a trace, and takes idle neurons of gates away again.
TEST_F(Gates, AreAdaptedByThePolicy) {
  Worst growth, shrinking;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto network = random_perceptron({.inputs = 8,
                                      .outputs = 3,
                                      .gates = {6, 6},
                                      .general = seed % 2 == 0,
                                      .two_stage = seed % 3 == 0,
                                      .seed = seed});
    const auto x = random_inputs(seed, 8, 50);
    const Matrix<double> before = y(network, x);
    const std::function<void(const Edit&)> apply = [&](const Edit& edit) { network.apply(edit); };
    Policy policy({.threshold = 0, .buffer = 4, .group_size = 0, .seed = seed});
    Statistics statistics = gather(network, seed);
    Index born = 0, removed = 0;
    for (const auto& o : policy.adapt<double>(network, statistics, 0, false, apply)) born += o.born;
    EXPECT_GT(born, 0);
    growth.add(relative(y(network, x), before), describe(network, seed));
    Policy tidy({.threshold = 1e-5, .buffer = 0, .group_size = 0, .seed = seed});
    statistics = gather(network, seed + 100);
    for (const auto& o : tidy.adapt<double>(network, statistics, 1, true, apply)) {
      removed += o.removed;
    }
    EXPECT_GE(removed, born);
    shrinking.add(relative(y(network, x), before), describe(network, seed));
  }
  measured("policy_on_gates_growth", growth.error);
  measured("policy_on_gates_shrinking", shrinking.error);
  EXPECT_LE(growth.error, 1e-12) << growth.where;
  EXPECT_LE(shrinking.error, 0.1) << shrinking.where;
}

TEST_F(Gates, HaveNoBoundAndStayOneGroup) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    auto network = some_perceptron(seed);
    if (!network.has_factors()) continue;
    const Matrix<double> x = Dice(seed, 3).normals(network.widths().front(), 20);
    for (const int id : network.hidden()) {
      if (!network.multiplies(id)) continue;
      const Index n = network.space(id).dimension;
      const auto scores = score_by_singular_value(network, id);
      const Matrix<double> z = Dice(seed, 4).normals(n, 20);
      for (const Bound& bound :
           {removal_bound(network, id, scores, {n}), neuron_bounds(network, id, scores)[0][0],
            removal_bound_on<double>(network, id, scores, {n}, z),
            neuron_bounds_on<double>(network, id, scores, z)[0].at(n - 1)}) {
        EXPECT_THAT(bound.why_not, HasSubstr("gates multiply maps"));
      }
      EXPECT_THROW(gain(network, id), UsageError);
      EXPECT_THROW(grow(network, id, Growth{{0}, {4}}), UsageError);
      const Matrix<double> before = y(network, x);
      network.apply(grow(network, id, 5, {.group_size = 2}));
      EXPECT_EQ(network.space(id).groups, (std::vector<Index>{n + 5}));
      EXPECT_LE((y(network, x) - before).norm(), 1e-12 * (1 + before.norm())) << seed;
    }
    Reducer<double> reducer(network, *engine_, Matrix<double>(x.rows(), 0), {});
    for (const int id : network.hidden()) EXPECT_EQ(reducer.need(id), 1);
    EXPECT_THROW(reducer.to_parameters(1), UsageError) << "scores can't be compared";
  }
}

TEST_F(Gates, RefuseWithWhatIsNeeded) {
  const auto network = random_perceptron({.inputs = 4, .outputs = 2, .gates = {3, 3}, .seed = 1});
  const auto chain = Network<double>::chain({.widths = {4, 3, 2}, .group_size = 0});
  const auto x = random_inputs(1, 4, 5);
  const auto insert = [&](const Network<double>& n, int position, Index width) {
    return refusal([&] { (void)insert_gate(n, position, width, 0); });
  };
  EXPECT_EQ(insert(network, 3, 1), "accepted");
  EXPECT_THAT(insert(network, 4, 1), HasSubstr("1 to 3"));
  EXPECT_THAT(insert(network, 0, 1), HasSubstr("position"));
  EXPECT_THAT(insert(network, 1, 0), HasSubstr("width"));
  EXPECT_THAT(insert(chain, 1, 1), HasSubstr("isoform convert"));
  const auto remove = [&](const Network<double>& n, int gate, const Matrix<double>& samples) {
    return refusal([&] { (void)remove_gate<double>(n, gate, *engine_, samples); });
  };
  EXPECT_THAT(remove(network, network.inputs().front(), x), HasSubstr("no gate"));
  EXPECT_THAT(remove(chain, 1, x), HasSubstr("no gate"));
  EXPECT_THAT(remove(network, network.hidden().front(), Matrix<double>(4, 0)),
              HasSubstr("samples"));
  const auto last = random_perceptron({.inputs = 4, .outputs = 2, .gates = {3}, .seed = 1});
  EXPECT_THAT(remove(last, last.hidden().front(), x), HasSubstr("last"));
  auto frozen = network;
  frozen.space(frozen.outputs().front()).set_frozen(0, true);
  EXPECT_THAT(insert(frozen, 1, 2), HasSubstr("frozen"));
  EXPECT_THAT(remove(frozen, frozen.hidden().front(), x), HasSubstr("frozen"));
  const auto truncate = [&](const Network<double>& n, const Matrix<double>& samples, double by) {
    return refusal([&] { (void)truncate_gates<double>(n, *engine_, samples, by); });
  };
  EXPECT_THAT(truncate(network, x, -1), HasSubstr("tolerance"));
  EXPECT_THAT(truncate(network, x.leftCols(1), 1), HasSubstr("2 samples"));
  EXPECT_THAT(truncate(chain, x, 1), HasSubstr("isoform convert"));
}

}  // namespace
}  // namespace isoform
