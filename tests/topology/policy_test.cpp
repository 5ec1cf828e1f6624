#include "isoform/topology/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A stand-in for training: every number of the network is shaken, and statistics are gathered.
class PolicyTest : public ::testing::Test {
 protected:
  static void shake(Network<double>& network, Dice& dice, double size) {
    for (const Map<double>& m : network.maps()) {
      network.map(m.id).a += dice.normals(m.a.rows(), m.a.cols(), size);
    }
  }
  Statistics gather(Network<double>& network, std::uint64_t seed) {
    Statistics statistics(network);
    for (std::uint64_t batch = 0; batch < 2; ++batch) {
      Pass<double> pass;
      pass.prepare(network, 48);
      pass.input() = random_inputs(100 * seed + batch, network.widths().front(), 48);
      forward(network, *engine_, pass);
      pass.output_gradient() = Dice(seed, 40 + batch).normals(network.widths().back(), 48, 0.01);
      backward(network, *engine_, pass);
      statistics.gather(network, pass);
    }
    return statistics;
  }
  static std::function<void(const Edit&)> to(Network<double>& network) {
    return [&network](const Edit& edit) { network.apply(edit); };
  }
  std::unique_ptr<Engine<double>> engine_ = create_engine<double>({.name = "cpu", .threads = 1});
};

const NetworkChoice kSmall = {.most_hidden = 3, .widest = 24};

// The promise of policy.h: the buffer holds exactly afterwards, or the outcome says why not.
TEST_F(PolicyTest, KeepsTheBufferExactlyOrSaysWhyNot) {
  int exact = 0, births = 0, removals = 0;
  std::map<std::string, int> limits;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    Dice dice(seed, 50);
    auto network = seed % 6 == 0 ? graph_network(seed) : random_network(seed, kSmall);
    PolicySettings settings;
    settings.rule = seed % 2 == 0 ? PolicyRule::effect : PolicyRule::paper;
    settings.threshold = settings.rule == PolicyRule::effect
                             ? std::pow(10.0, dice.uniform(-4, -1.5))
                             : dice.uniform(0.05, 0.9);
    settings.buffer = dice.between(0, 6);
    settings.group_size = seed % 3 == 0 ? 0 : 4;
    settings.min_width = dice.between(1, 4);
    settings.max_width = dice.coin() ? 4096 : 24;
    settings.parameter_budget = dice.coin() ? 0 : network.parameter_count() + 100;
    settings.cool_down = static_cast<int>(dice.between(0, 2));
    settings.outgoing = dice.coin() ? Outgoing::random : Outgoing::gradient;
    settings.seed = seed;
    Policy policy(settings);
    for (int round = 0; round < 5; ++round) {
      const bool settling = round == 4;
      Statistics statistics = gather(network, seed + static_cast<std::uint64_t>(round));
      const auto before = network;
      int edits = 0;
      const auto outcomes =
          policy.adapt<double>(network, statistics, round, settling, [&](const Edit& edit) {
            ++edits;
            network.apply(edit);
          });
      ASSERT_EQ(outcomes.size(), network.hidden().size());
      int changed = 0;
      for (const SpaceOutcome& o : outcomes) {
        const std::string where =
            fmt::format("seed {}, round {}, space {}, {}, limit '{}', {}", seed, round, o.space,
                        policy_rule_name(settings.rule), o.limit, describe(before, seed));
        const Index width = network.space(o.space).dimension;
        const Index target = settling ? 0 : settings.buffer;
        const Index recount =
            count_at_most(policy.scores(network, o.space, statistics), settings.threshold);
        EXPECT_EQ(recount, o.scaffold_after) << where;
        EXPECT_EQ(width, before.space(o.space).dimension + o.born - o.removed) << where;
        EXPECT_TRUE(o.born == 0 || o.removed == 0) << where;
        changed += o.born + o.removed > 0 ? 1 : 0;
        births += static_cast<int>(o.born);
        removals += static_cast<int>(o.removed);
        if (settling) {
          EXPECT_EQ(o.born, 0) << where;
        }
        if (o.limit.empty()) {
          EXPECT_EQ(recount, target) << where;
          ++exact;
          continue;
        }
        ++limits[o.limit.substr(0, 12)];
        if (o.limit.starts_with("maximum width")) {
          EXPECT_GE(width, settings.max_width) << where;
        } else if (o.limit.starts_with("minimum width")) {
          EXPECT_LE(width, settings.min_width) << where;
        } else if (o.limit.starts_with("parameter budget")) {
          // The next neuron would break the budget as it was when this space had its turn, after those
          // behind it.
          EXPECT_GT(settings.parameter_budget, 0) << where;
        } else if (o.limit == "cool-down") {
          EXPECT_EQ(o.born + o.removed, 0) << where;
          EXPECT_FALSE(settling) << where;
          EXPECT_GT(settings.cool_down, 0) << where;
        } else if (o.limit.starts_with("joint effect")) {
          EXPECT_EQ(settings.rule, PolicyRule::effect) << where;
          EXPECT_GT(recount, target) << where;
        } else {
          EXPECT_THAT(o.limit, StartsWith("paper's rule")) << where;
          EXPECT_EQ(settings.rule, PolicyRule::paper) << where;
        }
      }
      EXPECT_EQ(edits, changed) << "one edit a space";
      if (settings.parameter_budget > 0) {
        EXPECT_LE(network.parameter_count(),
                  std::max(settings.parameter_budget, before.parameter_count()));
      }
      shake(network, dice, 0.03);
    }
  }
  EXPECT_GT(exact, 300);
  EXPECT_GT(births, 300);
  EXPECT_GT(removals, 300);
  for (const char* limit : {"maximum widt", "minimum widt", "parameter bu", "cool-down"}) {
    EXPECT_GT(limits[limit], 0) << limit << " was met";
  }
}

TEST_F(PolicyTest, GrowthChangesNoOutput) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto network = random_network(seed, kSmall);
    const auto x = random_inputs(seed, network.widths().front());
    const Matrix<double> y = output_of(network, *engine_, x);
    Statistics statistics = gather(network, seed);
    Policy policy({.rule = seed % 2 == 0 ? PolicyRule::effect : PolicyRule::paper,
                   .threshold = 0,
                   .buffer = 30,
                   .outgoing = seed % 3 == 0 ? Outgoing::gradient : Outgoing::random});
    Index born = 0;
    for (const auto& o : policy.adapt<double>(network, statistics, 0, false, to(network))) {
      born += o.born;
      EXPECT_EQ(o.removed, 0);
    }
    EXPECT_GT(born, 0);
    worst.add(relative(output_of(network, *engine_, x), y), describe(network, seed));
  }
  measured("policy_growth", worst.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
}

TEST_F(PolicyTest, SettlingTakesTheScaffoldAwayWithoutTheFunction) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto network = random_network(seed, {.most_hidden = 3,
                                         .widest = 24,
                                         .lengths = {LengthMode::trainable},
                                         .psis = {PsiMode::decay}});
    const auto x = random_inputs(seed, network.widths().front());
    const Matrix<double> y = output_of(network, *engine_, x);
    const auto widths = network.widths();
    // Scaffold and nothing else lies below this threshold.
    Policy policy({.threshold = 1e-12, .buffer = 9, .seed = seed});
    Statistics statistics = gather(network, seed);
    (void)policy.adapt<double>(network, statistics, 0, false, to(network));
    statistics = gather(network, seed);
    for (const auto& o : policy.adapt<double>(network, statistics, 1, true, to(network))) {
      EXPECT_EQ(o.scaffold_after, 0);
      EXPECT_EQ(o.limit, "");
    }
    for (std::size_t l = 0; l < widths.size(); ++l) EXPECT_LE(network.widths()[l], widths[l]);
    worst.add(relative(output_of(network, *engine_, x), y), describe(network, seed));
  }
  measured("policy_round_trip", worst.error);
  EXPECT_LE(worst.error, 1e-4) << worst.where;
}

TEST_F(PolicyTest, CoolDownRestsAfterGrowth) {
  auto network = random_network(3, kSmall);
  Policy policy({.threshold = 0, .buffer = 4, .cool_down = 2});
  Dice dice(1);
  std::vector<Index> born;
  for (int round = 0; round < 4; ++round) {
    Statistics statistics = gather(network, static_cast<std::uint64_t>(round));
    born.push_back(policy.adapt<double>(network, statistics, round, false, to(network))[0].born);
    shake(network, dice, 0.1);
  }
  EXPECT_EQ(born, (std::vector<Index>{4, 0, 0, 4}));
}

TEST(PolicySettings, RefusesEachBadFieldByName) {
  const auto message = [](const PolicySettings& settings) -> std::string {
    try {
      settings.validate();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({}), "accepted");
  EXPECT_THAT(message({.threshold = -2}), HasSubstr("threshold"));
  EXPECT_THAT(message({.threshold = std::nan("")}), HasSubstr("threshold"));
  EXPECT_THAT(message({.buffer = -1}), HasSubstr("buffer"));
  EXPECT_THAT(message({.group_size = -1}), HasSubstr("group-size"));
  EXPECT_THAT(message({.min_width = 0}), HasSubstr("min-width"));
  EXPECT_THAT(message({.min_width = 9, .max_width = 8}), HasSubstr("max-width"));
  EXPECT_THAT(message({.max_width = kMaxWidth + 1}), HasSubstr("max-width"));
  EXPECT_THAT(message({.parameter_budget = -1}), HasSubstr("parameter-budget"));
  EXPECT_THAT(message({.cool_down = -1}), HasSubstr("cool-down"));
  EXPECT_EQ(policy_rule_from_name("effect"), PolicyRule::effect);
  EXPECT_EQ(policy_rule_from_name(policy_rule_name(PolicyRule::paper)), PolicyRule::paper);
  EXPECT_THROW(policy_rule_from_name("best"), UsageError);
}

}  // namespace
}  // namespace isoform
