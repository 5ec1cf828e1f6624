// Whoever interrupts a run while it gives back does not wait for it, and loses nothing: the run that goes on gives back first.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>

#include "isoform/io/checkpoint.h"
#include "isoform/io/model_file.h"
#include "isoform/train/trainer.h"
#include "isoform/train/trainer_state.h"
#include "tests/support/blobs.h"
#include "tests/support/hooked_engine.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

TrainSettings settings_of(PolicyRule rule) {
  TrainSettings settings;
  settings.epochs = 3;
  settings.batch_size = 50;
  settings.dropout = 0.1;
  settings.adapt.enabled = true;
  settings.adapt.policy.rule = rule;
  settings.adapt.policy.tolerance = 0.2;
  settings.adapt.policy.threshold = rule == PolicyRule::effect ? 0.02 : kRulesOwn;
  settings.adapt.policy.buffer = 2;
  return settings;
}

template <class T>
struct Interrupt : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Interrupt, Scalars);

TYPED_TEST(Interrupt, InAnyCallOfTheEngine) {
  using T = TypeParam;
  const auto engine = create_engine<T>({.threads = 1});
  const TaskData data = {"blobs", blobs(1, 200, 12, 4), blobs(51, 60, 12, 4)};
  const Model<T> start = blob_model<T>(data.training, {12, 9}, 4, 3);
  for (const PolicyRule rule : {PolicyRule::tolerance, PolicyRule::effect}) {
    const TrainSettings settings = settings_of(rule);
    std::int64_t calls = 0;
    HookedEngine<T> counting(*engine, [&] { ++calls; });
    Model<T> whole = start;
    const TrainResult result = train<T>(whole, {data}, settings, counting);
    EXPECT_GT(result.removed, 0);
    const std::string expected = serialise_model(whole);

    int pending = 0, at_the_end = 0;
    double latest = 0;
    const std::int64_t stride = std::max<std::int64_t>(1, calls / 120);
    for (std::int64_t when = 1; when <= calls; when += stride) {
      std::atomic<bool> stop = false;
      std::int64_t now = 0;
      HookedEngine<T> stopping(*engine, [&] {
        if (++now == when) stop = true;
      });
      Model<T> model = start;
      std::optional<std::string> kept;
      {
        Trainer<T> trainer(model, {data}, settings, stopping, {}, &stop);
        trainer.on_checkpoint(1e9, [&](TrainerState<T> state) {
          pending += state.adaptation.pending;
          kept = serialise_checkpoint<T>({std::move(state), {}, "", ""});
        });
        while (trainer.run_epoch()) {
        }
        const TrainResult end = trainer.finish();
        if (end.reason == StopReason::finished) {  // too late to stop
          ++at_the_end;
          EXPECT_TRUE(serialise_model(model) == expected);
          continue;
        }
        ASSERT_EQ(end.reason, StopReason::stopped);
        latest = std::max(latest, double(now - when) / double(calls));
      }
      ASSERT_TRUE(kept.has_value());
      model = {};
      Trainer<T> next(model, {data}, settings, *engine, parse_checkpoint<T>(*kept, "kept").state);
      while (next.run_epoch()) {
      }
      EXPECT_EQ(next.finish().removed, result.removed);
      ASSERT_TRUE(serialise_model(model) == expected) << "interrupted in call " << when;
    }
    measured(fmt::format("interrupted in giving back, {}", policy_rule_name(rule)), pending);
    measured("too late", at_the_end);
    measured("calls until it stopped, of all", latest);
    EXPECT_LT(latest, 0.15) << "a trial";
    if (rule == PolicyRule::tolerance) {
      EXPECT_GT(pending, 5);
    } else {
      EXPECT_EQ(pending, 0);
    }
  }
}

}  // namespace
}  // namespace isoform
