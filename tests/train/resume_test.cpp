// A run that is stopped anywhere, kept as bytes and gone on with ends with the bits of one that was not.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "isoform/base/error.h"
#include "isoform/io/checkpoint.h"
#include "isoform/io/model_file.h"
#include "isoform/train/trainer_state.h"
#include "tests/support/blobs.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

const TaskData& first() {
  static const TaskData data = {"blobs", blobs(1, 300, 12, 4), blobs(51, 60, 12, 4)};
  return data;
}
const TaskData& second() {
  static const TaskData data = {"second", blobs(2, 170, 9, 3), blobs(52, 60, 9, 3)};
  return data;
}

// A random run: method, rule, shape, what else a step depends on, and now and then tasks that come and go.
TrainSettings random_run(Dice& dice, bool tasks) {
  TrainSettings s;
  s.epochs = 4;
  s.batch_size = dice.between(20, 45);
  s.seed = static_cast<std::uint64_t>(dice.between(0, 1000));
  s.optimiser.method = static_cast<Method>(dice.between(0, 6));
  s.optimiser.second_moment = dice.coin() ? SecondMoment::factored : SecondMoment::squared;
  s.schedule.kind = static_cast<Schedule>(dice.between(0, 3));
  if (dice.coin()) s.clip_norm = 1;
  if (dice.coin()) s.dropout = 0.2;
  if (dice.coin()) s.input_dropout = 0.1;
  if (dice.coin()) s.label_smoothing = 0.05;
  s.adapt.enabled = dice.between(0, 4) > 0;
  s.adapt.policy.rule = static_cast<PolicyRule>(dice.between(0, 2));
  s.adapt.policy.outgoing = dice.coin() ? Outgoing::random : Outgoing::gradient;
  s.adapt.policy.group_size = dice.between(0, 4);
  s.adapt.policy.buffer = dice.between(1, 4);
  s.adapt.policy.cool_down = static_cast<int>(dice.between(0, 2));
  s.adapt.policy.parameter_budget = 2500;
  s.adapt.policy.tolerance = 0.1;
  // High enough that neurons fall idle and leave: then what has been gathered counts.
  if (s.adapt.policy.rule == PolicyRule::effect) s.adapt.policy.threshold = 0.02;
  s.adapt.policy.seed = s.seed;
  s.adapt.per_epoch = dice.uniform(0.7, 4);
  s.adapt.statistics_batches = static_cast<int>(dice.between(1, 6));
  s.patience = static_cast<int>(dice.between(0, 2));
  if (!tasks) return s;
  s.changes = {
      {.epoch = 2, .action = TaskAction::append, .task = "second"},
      {.epoch = 3, .action = TaskAction::freeze, .task = "blobs"},
      {.epoch = 4, .action = TaskAction::remove, .task = dice.coin() ? "second" : "blobs"}};
  if (dice.coin()) s.changes[1] = {.epoch = 3, .action = TaskAction::off, .task = "blobs"};
  if (s.changes[1].action == TaskAction::off) s.changes[2].task = "blobs";
  return s;
}

template <class T>
Model<T> random_start(Dice& dice) {
  std::vector<Index> hidden;
  for (Index l = dice.between(1, 3); l > 0; --l) hidden.push_back(dice.between(2, 12));
  return blob_model<T>(first().training, hidden, dice.between(0, 4), 3);
}

// All that is trained, β with its sign.
template <class T>
std::string raw(const Model<T>& model) {
  std::string bytes = serialise_model(model);
  const auto add = [&](const T* data, Index count) {
    bytes.append(reinterpret_cast<const char*>(data), sizeof(T) * static_cast<std::size_t>(count));
  };
  for (const auto& m : model.network.maps()) {
    bytes += fmt::format("{} {} {}", m.id, m.from, m.to);
    add(m.a.data(), m.a.size());
  }
  for (const auto& s : model.network.spaces()) {
    bytes += fmt::format("{} {}", s.id, s.name);
    add(s.length.data(), s.length.size());
  }
  return bytes;
}

template <class T>
struct Resume : public ::testing::Test {
  std::unique_ptr<Engine<T>> engine = create_engine<T>({.threads = 1});
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Resume, Scalars);

// Stops each run at several steps. Every hand-over goes through bytes, and one run is handed on several times.
TYPED_TEST(Resume, EndsWithTheBitsOfARunThatWasNotStopped) {
  using T = TypeParam;
  int within = 0, grown = 0, reduced = 0, gathered = 0;
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    Dice dice(seed, 90);
    const bool tasks = seed % 3 == 0;
    const TrainSettings settings = random_run(dice, tasks);
    const std::vector<TaskData> data =
        tasks ? std::vector<TaskData>{first(), second()} : std::vector<TaskData>{first()};
    const Model<T> start = random_start<T>(dice);
    Model<T> whole = start;
    std::vector<std::int64_t> steps;
    Trainer<T> trainer(whole, data, settings, *this->engine);
    std::vector<std::string> states;
    trainer.on_checkpoint(0, [&](TrainerState<T> state) {
      steps.push_back(state.step);
      within += state.epoch_step.has_value();
      gathered += state.adaptation.statistics.samples() > 0;
      states.push_back(serialise_checkpoint<T>({std::move(state), {}, "", ""}));
    });
    while (trainer.run_epoch()) {
    }
    const TrainResult result = trainer.finish();
    ASSERT_EQ(result.reason, StopReason::finished) << seed;
    grown += result.born > 0;
    reduced += result.removed > 0;
    Model<T> alone = start;
    (void)train<T>(alone, data, settings, *this->engine);
    EXPECT_TRUE(raw(alone) == raw(whole)) << "taking states changes nothing, seed " << seed;

    for (int hand = 0; hand < 3; ++hand) {
      const auto at = static_cast<std::size_t>(dice.between(0, std::ssize(states) - 1));
      std::string kept = states[at];
      const auto again =
          static_cast<std::size_t>(dice.between(static_cast<Index>(at), std::ssize(states) - 1));
      Model<T> model;
      for (const bool last : {false, true}) {
        const TrainerState<T> state = parse_checkpoint<T>(kept, "kept").state;
        model = {};
        Trainer<T> next(model, data, settings, *this->engine, state);
        std::string then;
        next.on_checkpoint(0, [&](TrainerState<T> s) {
          if (s.step == steps[again] && then.empty()) {
            then = serialise_checkpoint<T>({std::move(s), {}, "", ""});
          }
        });
        while (next.run_epoch()) {
        }
        const TrainResult end = next.finish();
        EXPECT_EQ(end.steps, result.steps);
        EXPECT_EQ(end.born, result.born);
        EXPECT_EQ(end.removed, result.removed);
        EXPECT_EQ(end.validation_accuracy, result.validation_accuracy);
        ASSERT_TRUE(raw(model) == raw(whole))
            << "seed " << seed << ", from step " << steps[at] << (last ? ", again" : "") << ", "
            << method_name(settings.optimiser.method) << ", "
            << policy_rule_name(settings.adapt.policy.rule);
        if (!then.empty()) kept = then;
      }
    }
  }
  EXPECT_GT(within, 100);
  EXPECT_GT(grown, 10);
  EXPECT_GT(reduced, 5);
  EXPECT_GT(gathered, 50) << "statistics were half gathered";
}

// Where neurons fall idle and leave, by what was gathered before and after the interruption.
TYPED_TEST(Resume, EveryStepOfARunThatReducesWillDo) {
  using T = TypeParam;
  TrainSettings settings;
  settings.epochs = 3;
  settings.batch_size = 30;
  settings.adapt.enabled = true;
  settings.adapt.policy.rule = PolicyRule::effect;
  settings.adapt.policy.threshold = 0.05;
  settings.adapt.policy.buffer = 1;
  settings.adapt.policy.cool_down = 1;
  settings.adapt.per_epoch = 2;
  settings.adapt.statistics_batches = 4;
  const Model<T> start = blob_model<T>(first().training, {12, 12}, 4, 3);
  Model<T> whole = start;
  std::vector<std::string> states;
  Trainer<T> trainer(whole, {first()}, settings, *this->engine);
  trainer.on_checkpoint(0, [&](TrainerState<T> state) {
    states.push_back(serialise_checkpoint<T>({std::move(state), {}, "", ""}));
  });
  while (trainer.run_epoch()) {
  }
  EXPECT_GT(trainer.finish().removed, 0);
  EXPECT_EQ(states.size(), 30u);
  for (std::size_t i = 0; i < states.size(); ++i) {
    Model<T> model;
    Trainer<T> next(model, {first()}, settings, *this->engine,
                    parse_checkpoint<T>(states[i], "kept").state);
    while (next.run_epoch()) {
    }
    EXPECT_TRUE(raw(model) == raw(whole)) << "from step " << i + 1;
  }
}

TYPED_TEST(Resume, GoesOnWhereCtrlCStoppedIt) {
  using T = TypeParam;
  Dice dice(5, 91);
  TrainSettings settings = random_run(dice, false);
  settings.adapt.enabled = true;
  settings.adapt.policy.rule = PolicyRule::effect;
  const Model<T> start = random_start<T>(dice);
  Model<T> whole = start, part = start;
  (void)train<T>(whole, {first()}, settings, *this->engine);
  std::atomic<bool> stop = false;
  Trainer<T> trainer(part, {first()}, settings, *this->engine,
                     {[&](const Event& e) { stop = stop || e.type == "edit"; }}, &stop);
  while (trainer.run_epoch()) {
  }
  EXPECT_EQ(trainer.finish().reason, StopReason::stopped);
  const TrainerState<T> state = trainer.state();
  ASSERT_TRUE(state.epoch_step.has_value());
  EXPECT_FALSE(raw(part) == raw(whole));
  Model<T> model;
  std::vector<Event> events;
  Trainer<T> next(model, {first()}, settings, *this->engine, state,
                  {[&](const Event& e) { events.push_back(e); }});
  EXPECT_THROW(next.change({.action = TaskAction::rename, .task = "blobs", .to = "x"}), UsageError);
  while (next.run_epoch()) {
  }
  EXPECT_EQ(next.finish().reason, StopReason::finished);
  EXPECT_TRUE(raw(model) == raw(whole));
  EXPECT_EQ(events.front().type, "start");
  EXPECT_EQ(events.front().step, state.step);
  EXPECT_GE(events.front().time_s, state.seconds) << "the clock goes on";
  EXPECT_EQ(events.front().data["steps"], 4 * state.steps_per_epoch) << "of the whole run";
}

// Changes and edits from outside, of which observers have not been told yet, and ids that are given no more.
TYPED_TEST(Resume, KeepsWhatHappenedBetweenEpochs) {
  using T = TypeParam;
  Dice dice(7, 92);
  TrainSettings settings = random_run(dice, false);
  settings.adapt.enabled = true;
  settings.adapt.policy.rule = PolicyRule::effect;
  const auto finished = [&](Trainer<T>& trainer) {
    trainer.change({.action = TaskAction::append, .task = "third", .data = "second"});
    while (trainer.run_epoch()) {
    }
    EXPECT_EQ(trainer.finish().reason, StopReason::finished);
  };
  Model<T> whole = random_start<T>(dice), model;
  std::vector<Event> told;
  Trainer<T> trainer(whole, {first()}, settings, *this->engine);
  ASSERT_TRUE(trainer.run_epoch());
  trainer.change({.action = TaskAction::append, .task = "second"}, &second());
  ASSERT_TRUE(trainer.run_epoch());
  trainer.change({.action = TaskAction::remove, .task = "second"});
  const std::string bytes = serialise_checkpoint<T>({trainer.state(), {}, "", ""});
  finished(trainer);
  const TrainerState<T> state = parse_checkpoint<T>(bytes, "kept").state;
  EXPECT_EQ(state.untold.size(), 1u);
  EXPECT_THROW(Trainer<T>(model, {first()}, settings, *this->engine, state), UsageError);
  Trainer<T> next(model, {first(), second()}, settings, *this->engine, state, {[&](const Event& e) {
                    if (e.type == "task") told.push_back(e);
                  }});
  finished(next);
  EXPECT_TRUE(raw(model) == raw(whole));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told.front().data["action"], "remove");
}

template <class T>
std::string refusal(const TrainerState<T>& state, const std::vector<TaskData>& data,
                    const TrainSettings& settings, Engine<T>& engine) {
  Model<T> model;
  try {
    Trainer<T> trainer(model, data, settings, engine, state);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TYPED_TEST(Resume, RefusesOtherRuns) {
  using T = TypeParam;
  Dice dice(9, 93);
  const TrainSettings settings = random_run(dice, false);
  Model<T> model = random_start<T>(dice);
  Trainer<T> trainer(model, {first()}, settings, *this->engine);
  ASSERT_TRUE(trainer.run_epoch());
  ASSERT_TRUE(trainer.run_epoch());
  const TrainerState<T> state = trainer.state();
  EXPECT_EQ(refusal<T>(state, {first()}, settings, *this->engine), "accepted");
  EXPECT_EQ(refusal<T>(state, {second(), first()}, settings, *this->engine), "accepted");
  EXPECT_THAT(refusal<T>(state, {second()}, settings, *this->engine),
              HasSubstr("data: 'blobs' in the checkpoint, 'second' now"));
  EXPECT_THAT(refusal<T>(state, {{"blobs", blobs(3, 300, 12, 4), first().validation}}, settings,
                         *this->engine),
              HasSubstr("data 'blobs', checksum of training samples: "));
  EXPECT_THAT(refusal<T>(state, {{"blobs", first().training, Dataset()}}, settings, *this->engine),
              HasSubstr("validation samples: 60 in the checkpoint, 0 now"));
  TrainSettings other = settings;
  other.epochs = 1;
  EXPECT_THAT(refusal<T>(state, {first()}, other, *this->engine),
              HasSubstr("epochs: 2 in the checkpoint, 1 now"));
  other = settings;
  other.batch_size = 7;
  EXPECT_THAT(refusal<T>(state, {first()}, other, *this->engine), HasSubstr("steps in an epoch"));
}

TYPED_TEST(Resume, ADivergedRunIsKeptWithItsLastGoodModelAndCannotGoOn) {
  using T = TypeParam;
  Dice dice(11, 94);
  TrainSettings settings = random_run(dice, false);
  settings.optimiser.learning_rate = 1e300;
  settings.optimiser.method = Method::sgd;
  Model<T> model = random_start<T>(dice);
  const std::string start = raw(model);
  Trainer<T> trainer(model, {first()}, settings, *this->engine);
  std::string bytes;
  trainer.on_checkpoint(1e9, [&](TrainerState<T> state) {
    bytes = serialise_checkpoint<T>({std::move(state), {}, "", ""});
  });
  while (trainer.run_epoch()) {
  }
  ASSERT_EQ(trainer.finish().reason, StopReason::diverged);
  const TrainerState<T> state = parse_checkpoint<T>(bytes, "kept").state;
  EXPECT_TRUE(raw(state.model) == start);
  EXPECT_THAT(refusal<T>(state, {first()}, settings, *this->engine),
              HasSubstr("smaller learning rate"));
}

}  // namespace
}  // namespace isoform
