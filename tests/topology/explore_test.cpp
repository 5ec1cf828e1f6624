// Rule tolerance of policy.h.
#include <gtest/gtest.h>

#include "isoform/topology/policy.h"
#include "isoform/topology/verify.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

const NetworkChoice kSmall = {.most_hidden = 3, .widest = 12};

PolicySettings settings_for(std::uint64_t seed) {
  PolicySettings settings;
  settings.group_size = seed % 3 == 0 ? 0 : 4;
  settings.seed = seed;
  return settings;
}

template <class T>
double largest_difference(const Network<T>& a, const Network<T>& b, std::uint64_t seed) {
  const auto engine = create_engine<T>({.threads = 1});
  const Matrix<T> x = random_inputs(seed, a.widths().front(), 32).template cast<T>();
  return static_cast<double>(
      (outputs<T>(a, *engine, x) - outputs<T>(b, *engine, x)).cwiseAbs().maxCoeff());
}

// Whatever the widths at the start: one width at the end, which no budget is passed for, and the same outputs.
TEST(Explore, BringsEveryLayerToTheWidestThatTheBudgetAllows) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto network = random_network(seed, kSmall);
    const auto before = network;
    Policy policy(settings_for(seed));
    const Index budget = 3 * network.parameter_count() + 500;
    const auto step = [&](Index limit) {
      Index born = 0;
      const auto outcomes =
          policy.explore<double>(network, limit, nullptr, static_cast<std::int64_t>(seed),
                                 [&](const Edit& edit) { network.apply(edit); });
      for (const SpaceOutcome& o : outcomes) {
        EXPECT_EQ(o.removed, 0);
        born += o.born;
      }
      return born;
    };
    int rounds = 0;
    while (step(budget) > 0) ASSERT_LT(++rounds, 12) << describe(before, seed);
    EXPECT_LE(network.parameter_count(), budget) << describe(before, seed);
    EXPECT_LT(largest_difference(before, network, seed), 1e-9) << describe(before, seed);
    // One neuron more in each of the narrowest would break it.
    Index narrowest = kMaxWidth;
    for (const int id : network.hidden()) {
      narrowest = std::min(narrowest, network.space(id).dimension);
    }
    auto wider = network;
    for (const int id : wider.hidden()) {
      if (wider.space(id).dimension > narrowest) continue;
      wider.apply(grow(wider, id, 1, {.group_size = settings_for(seed).group_size}));
    }
    EXPECT_GT(wider.parameter_count(), budget) << describe(before, seed);
  }
}

TEST(Explore, WhatIsFrozenNeitherCountsNorGrows) {
  auto network = random_network(3, {.most_hidden = 2, .widest = 12});
  for (const int id : network.hidden()) {
    for (Index g = 0; g < network.space(id).gates(); ++g) network.space(id).set_frozen(g, true);
  }
  const auto before = network;
  PolicySettings settings;
  settings.group_size = 4;
  settings.max_width = 40;
  Policy policy(settings);
  for (int i = 0; i < 8; ++i) {
    policy.explore<double>(network, 4000, nullptr, i,
                           [&](const Edit& edit) { network.apply(edit); });
  }
  const auto born_in = [&](int id) {
    return network.space(id).dimension - before.space(id).dimension;
  };
  Index fresh = 0;
  for (const int id : network.hidden()) fresh = std::max(fresh, born_in(id));
  for (const int id : network.hidden()) {
    const Index born = born_in(id);
    EXPECT_GT(born, 0);
    EXPECT_EQ(born, std::min(fresh, settings.max_width - before.space(id).dimension));
    for (Index g = 0; g < before.space(id).gates(); ++g) {
      EXPECT_EQ(network.space(id).groups[g], before.space(id).groups[g]);
    }
  }
}

// The change that a tolerance allows is kept to on samples that were not fitted to; what is held stays.
TEST(GiveBack, KeepsToTheToleranceAndToWhatIsHeld) {
  const auto engine = create_engine<double>({.threads = 1});
  int removals = 0;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    auto network = random_network(seed, {.most_hidden = 2, .widest = 24});
    const int first = network.hidden().front();
    const bool holds = seed % 2 == 0;
    if (holds) network.space(first).set_frozen(0, true);
    const auto before = network;
    PolicySettings settings = settings_for(seed);
    settings.tolerance = 0.2;
    settings.min_width = 2;
    const Matrix<double> x = random_inputs(seed, network.widths().front(), 400);
    Policy policy(settings);
    Index removed = 0;
    const auto outcomes = policy.give_back<double>(network, *engine, x, 7, [&](const Edit& edit) {
      EXPECT_EQ(edit.record.step, 7);
      network.apply(edit);
    });
    for (const SpaceOutcome& o : outcomes) removed += o.removed;
    removals += removed > 0 ? 1 : 0;
    const Change change =
        measure_change<double>(outputs<double>(before, *engine, x.rightCols(100)),
                               outputs<double>(network, *engine, x.rightCols(100)));
    EXPECT_LE(change.mean, 0.2 + 1e-6) << describe(before, seed);
    for (const int id : network.hidden()) {
      EXPECT_GE(network.space(id).dimension, std::min<Index>(2, before.space(id).dimension));
    }
    if (holds) {
      EXPECT_TRUE(network.space(first).is_frozen(0));
      EXPECT_EQ(network.space(first).groups[0], before.space(first).groups[0]);
      const Map<double>& was = before.map(before.incoming(first).front());
      const Map<double>& now = network.map(was.id);
      const Index rows = before.space(first).groups[0];
      if (before.hidden().front() == first) {
        EXPECT_EQ(now.a.topRows(rows), was.a.topRows(rows)) << describe(before, seed);
      }
    }
  }
  EXPECT_GT(removals, 8);
}

}  // namespace
}  // namespace isoform
