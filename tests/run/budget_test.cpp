// Budgets of multiply–adds and of latency: the widest network that keeps to them.
#include "isoform/run/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/compile/forms.h"
#include "isoform/network/cost.h"

namespace isoform {
namespace {

using ::testing::HasSubstr;

Network<float> network(std::vector<Index> widths, Index group_size) {
  return Network<float>::chain({.widths = std::move(widths), .group_size = group_size});
}

RunSettings settings_for(Index group_size) {
  RunSettings settings;
  settings.data = "pictures";
  settings.network.group_size = group_size;
  settings.training.adapt.policy.group_size = group_size;
  return settings;
}

// Against a count from the widths alone: every number of [W b ψ] once, and two for each hidden neuron.
Index counted(Index in, Index width, Index out, Index group_size) {
  const Index gates = (width + group_size - 1) / group_size;
  return width * (in + 1) + width * (width + 1 + gates) + out * (width + 1 + gates) + 4 * width;
}

TEST(Budget, OfMultiplyAddsGivesTheWidestNetworkWithinIt) {
  const auto engine = create_engine<float>({.threads = 1});
  for (const Index group : {1, 4, 8}) {
    for (const Index budget : {3'000, 20'000, 200'000}) {
      RunSettings settings = settings_for(group);
      settings.multiply_adds = budget;
      const std::string said =
          apply_budgets(settings, network({20, 3, 5, 7}, group), 60'000, *engine);
      Index width = 5;
      while (counted(20, width + 1, 7, group) <= budget) ++width;
      const Network<float> widest = network({20, width, width, 7}, group);
      EXPECT_EQ(cost_of(widest).multiply_adds, counted(20, width, 7, group));
      EXPECT_THAT(said, HasSubstr(std::to_string(width) + " at most"));
      EXPECT_NEAR(double(settings.training.adapt.policy.parameter_budget),
                  double(widest.parameter_count()), 3.0 * double(width))
          << "groups of the beginning may be filled in another order";
    }
  }
}

TEST(Budget, OfLatencyIsMeasured) {
  const auto engine = create_engine<float>({.threads = 1});
  const Network<float> narrow = network({100, 4, 4, 10}, 4);
  RunSettings loose = settings_for(4), tight = loose;
  loose.latency = 1e8;
  apply_budgets(loose, narrow, 1000, *engine);
  EXPECT_LE(loose.training.adapt.policy.parameter_budget, 28'000) << "28 for each sample";
  EXPECT_GE(loose.training.adapt.policy.parameter_budget, 26'000);
  tight.latency = 1e-3;  // a nanosecond
  try {
    apply_budgets(tight, narrow, 1000, *engine);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("us an answer, over the 0.001 that are allowed"));
    EXPECT_THAT(error.what(), HasSubstr("--hidden"));
  }
  // A clock that is a count: the search finds the last width that holds, whatever the policy's largest.
  for (const Index most : {9, 64, 300}) {
    PolicySettings policy;
    policy.group_size = 4;
    policy.max_width = 300;
    const Widest found = widest_within<float>(
        narrow, policy, [&](const auto& wide) { return wide.widths()[1] <= most; });
    EXPECT_EQ(found.width, most);
  }
}

TEST(Budget, TheLeastOfAllCounts) {
  const auto engine = create_engine<float>({.threads = 1});
  const Network<float> narrow = network({20, 4, 4, 7}, 4);
  RunSettings settings = settings_for(4);
  EXPECT_EQ(apply_budgets(settings, narrow, 1000, *engine), "") << "none is asked for";
  EXPECT_EQ(settings.training.adapt.policy.parameter_budget, 0);
  settings.multiply_adds = 5000;
  settings.training.adapt.policy.parameter_budget = 3000;
  apply_budgets(settings, narrow, 1000, *engine);
  EXPECT_LE(settings.training.adapt.policy.parameter_budget, 3000);
  EXPECT_GE(settings.training.adapt.policy.parameter_budget, 2800);
  // A network that is wider than its few samples allow is not refused for that: it does not grow.
  RunSettings few = settings_for(4);
  few.latency = 1e8;
  EXPECT_THAT(apply_budgets(few, narrow, 3, *engine), HasSubstr("that of 84 parameters is less"));
  EXPECT_EQ(few.training.adapt.policy.parameter_budget, 0);
  // What was asked for is kept to from the start, or refused.
  const auto refuses = [&](Index parameters, Index width, const char* says, PolicyRule rule) {
    RunSettings own = settings_for(4);
    own.training.adapt.policy.rule = rule;
    own.training.adapt.policy.parameter_budget = parameters;
    own.training.adapt.policy.max_width = width;
    try {
      apply_budgets(own, narrow, 1000, *engine);
      EXPECT_STREQ(says, "");
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr(says));
    }
  };
  for (const PolicyRule rule : {PolicyRule::tolerance, PolicyRule::effect}) {
    const Index count = narrow.parameter_count();
    refuses(count, 4, "", rule);
    refuses(count - 1, 4, "parameter-budget: the network begins with", rule);
    refuses(0, 3, "max-width: the network begins with 4 neurons in a hidden layer, over the 3",
            rule);
  }
  settings.training.adapt.enabled = false;
  settings.multiply_adds = 1;
  EXPECT_EQ(apply_budgets(settings, narrow, 1000, *engine), "") << "fixed widths";
  settings.training.adapt.enabled = true;
  EXPECT_EQ(apply_budgets(settings, network({20, 7}, 4), 1000, *engine), "") << "no hidden space";
}

TEST(Budget, SettingsRefuseWhatIsNone) {
  for (const char* name : {"multiply-adds", "latency"}) {
    RunSettings settings = settings_for(4);
    set_setting(settings, name, "-1");
    EXPECT_THROW(settings.finish(), UsageError) << name;
  }
}

}  // namespace
}  // namespace isoform
