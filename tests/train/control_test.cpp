// What is asked of a run while it is under way.
#include "isoform/train/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "isoform/base/error.h"
#include "isoform/train/trainer.h"
#include "isoform/train/trainer_state.h"
#include "tests/support/blobs.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Dataset& data() {
  static const Dataset data = blobs(1);
  return data;
}

TrainSettings settings_of(PolicyRule rule) {
  TrainSettings settings;
  settings.epochs = 4;
  settings.batch_size = 50;
  settings.optimiser.learning_rate = 3e-3;
  settings.adapt.enabled = true;
  settings.adapt.policy.rule = rule;
  settings.adapt.per_epoch = 2;
  settings.adapt.statistics_batches = 4;
  settings.adapt.policy.buffer = 3;
  settings.adapt.policy.group_size = 4;
  return settings;
}

// A run that can be asked; what is asked before an epoch, or by an observer, is answered before the next step.
struct Asking {
  explicit Asking(const TrainSettings& wanted, std::vector<TaskData> more = {})
      : settings(wanted), model(blob_model<float>(data(), {8, 8})) {
    std::vector<TaskData> all = {{"blobs", data(), data()}};
    for (TaskData& one : more) all.push_back(std::move(one));
    trainer.emplace(model, all, settings, *engine,
                    std::vector<Observer>{[this](const Event& event) {
                      events.push_back(event);
                      if (on_event) on_event(event);
                    }});
    trainer->obey(control);
  }
  void run() {
    while (trainer->run_epoch()) {
    }
    result = trainer->finish();
  }
  std::vector<std::string> told(const std::string& type, const char* field) const {
    std::vector<std::string> all;
    for (const Event& event : events) {
      if (event.type == type) all.push_back(event.data.at(field).get<std::string>());
    }
    return all;
  }
  ControlAnswer ask_and_run(ControlRequest request) {
    auto answer = control.ask(std::move(request));
    trainer->run_epoch();
    return answer.get();
  }

  TrainSettings settings;
  std::unique_ptr<Engine<float>> engine = create_engine<float>({.threads = 1});
  Model<float> model;
  std::vector<Event> events;
  std::function<void(const Event&)> on_event;
  RunControl control;
  std::optional<Trainer<float>> trainer;
  TrainResult result;
};

std::vector<float> numbers(const Network<float>& network) {
  std::vector<float> all;
  for (const auto& m : network.maps()) all.insert(all.end(), m.a.data(), m.a.data() + m.a.size());
  return all;
}

TEST(Control, NobodyAskingChangesNoBit) {
  Asking listens(settings_of(PolicyRule::effect));
  listens.run();
  auto model = blob_model<float>(data(), {8, 8});
  const auto engine = create_engine<float>({.threads = 1});
  train(model, data(), data(), settings_of(PolicyRule::effect), *engine);
  const auto a = numbers(listens.model.network), b = numbers(model.network);
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

TEST(Control, PauseStopsTheClockAndNotTheBits) {
  Asking run(settings_of(PolicyRule::effect));
  auto paused = run.control.ask({.action = ControlAction::pause});
  std::thread other([&] {
    EXPECT_TRUE(paused.get().accepted);
    EXPECT_FALSE(run.control.ask({.action = ControlAction::pause}).get().accepted);
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    EXPECT_TRUE(run.control.ask({.action = ControlAction::set, .parameter_budget = 100'000})
                    .get()
                    .accepted);
    EXPECT_TRUE(run.control.ask({.action = ControlAction::resume}).get().accepted);
  });
  run.trainer->run_epoch();
  other.join();
  EXPECT_THAT(run.ask_and_run({.action = ControlAction::resume}).note, HasSubstr("not paused"));
  run.run();
  EXPECT_THAT(run.told("control", "action"), ElementsAre("pause", "set", "resume"));
  double pause = -1, go = -1;
  double last = 0;
  for (const Event& event : run.events) {
    EXPECT_GE(event.time_s, last) << event.type;
    last = event.time_s;
    if (event.type != "control") continue;
    if (event.data["action"] == "pause") pause = event.time_s;
    if (event.data["action"] == "set") {
      EXPECT_EQ(event.time_s, pause) << "asked within the pause";
    }
    if (event.data["action"] == "resume") go = event.time_s;
  }
  EXPECT_GE(go, pause);
  EXPECT_LT(go - pause, 0.2);
  auto model = blob_model<float>(data(), {8, 8});
  train(model, data(), data(), run.settings, *run.engine);
  EXPECT_EQ(numbers(run.model.network), numbers(model.network));
}

TEST(Control, AnInterruptEndsAPause) {
  std::atomic<bool> stop = false;
  RunControl control;
  auto model = blob_model<float>(data(), {8, 8});
  const auto engine = create_engine<float>({.threads = 1});
  const TrainSettings settings = settings_of(PolicyRule::effect);
  Trainer<float> trainer(model, {{"blobs", data(), data()}}, settings, *engine, {}, &stop);
  trainer.obey(control);
  auto answer = control.ask({.action = ControlAction::pause});
  std::thread other([&] {
    answer.get();
    stop = true;
  });
  trainer.run_epoch();
  other.join();
  EXPECT_EQ(trainer.finish().reason, StopReason::stopped);
}

TEST(Control, StopsAfterAWholeStep) {
  Asking run(settings_of(PolicyRule::effect));
  run.on_event = [&](const Event& event) {
    if (event.type == "epoch") run.control.ask({.action = ControlAction::stop});
  };
  run.run();
  EXPECT_EQ(run.result.reason, StopReason::stopped);
  EXPECT_EQ(run.result.steps, (data().samples() + 49) / 50);
  EXPECT_TRUE(run.model.network.all_finite());
  const ControlAnswer late = run.control.ask({.action = ControlAction::pause}).get();
  EXPECT_FALSE(late.accepted);
  EXPECT_THAT(late.note, HasSubstr("ended"));
}

TEST(Control, AdaptsWhenAsked) {
  TrainSettings settings = settings_of(PolicyRule::effect);
  settings.adapt.per_epoch = 1.0 / 8;  // never by itself
  Asking run(settings);
  EXPECT_TRUE(run.ask_and_run({.action = ControlAction::adapt}).accepted);
  EXPECT_FALSE(run.told("edit", "kind").empty());
  EXPECT_EQ(std::count_if(run.events.begin(), run.events.end(),
                          [](const Event& e) { return e.type == "edit" && e.step != 4; }),
            0);
  run.run();

  TrainSettings fixed = settings;
  fixed.adapt.enabled = false;
  Asking kept(fixed);
  const ControlAnswer no = kept.ask_and_run({.action = ControlAction::adapt});
  EXPECT_FALSE(no.accepted);
  EXPECT_THAT(no.note, HasSubstr("--fixed"));
  EXPECT_TRUE(kept.told("control", "action").empty());
}

TEST(Control, GivesBackMoreWithALargerTolerance) {
  TrainSettings settings = settings_of(PolicyRule::tolerance);
  settings.adapt.policy.parameter_budget = 3000;
  const auto parameters = [&](std::optional<double> tolerance) {
    Asking run(settings);
    if (tolerance) {
      const ControlAnswer set =
          run.ask_and_run({.action = ControlAction::set, .tolerance = tolerance});
      EXPECT_TRUE(set.accepted) << set.note;
    }
    run.run();
    return run.model.network.parameter_count();
  };
  EXPECT_LT(parameters(0.5), parameters({}));
}

TEST(Control, SettingsThatCantBeAreRefused) {
  Asking run(settings_of(PolicyRule::tolerance));
  std::vector<std::pair<ControlRequest, const char*>> bad = {
      {{.action = ControlAction::set}, "neither"},
      {{.action = ControlAction::set, .tolerance = -1.0}, "tolerance"},
      {{.action = ControlAction::set, .tolerance = std::nan("")}, "tolerance"},
      {{.action = ControlAction::set, .parameter_budget = 0}, "parameter_budget"},
      {{.action = ControlAction::checkpoint}, "--checkpoint"},
      {{.action = ControlAction::task, .task = "birds"}, "birds"},
      {{.action = ControlAction::task, .task = "blobs", .active = true}, "already"},
      {{.action = ControlAction::task, .task = "blobs", .active = false}, "nothing"},
  };
  std::vector<std::future<ControlAnswer>> answers;
  for (auto& [request, word] : bad) answers.push_back(run.control.ask(request));
  run.trainer->run_epoch();
  for (std::size_t i = 0; i < bad.size(); ++i) {
    const ControlAnswer answer = answers[i].get();
    EXPECT_FALSE(answer.accepted) << bad[i].second;
    EXPECT_THAT(answer.note, HasSubstr(bad[i].second));
  }
  EXPECT_TRUE(run.told("control", "action").empty());

  TrainSettings effect = settings_of(PolicyRule::effect);
  Asking other(effect);
  EXPECT_THAT(other.ask_and_run({.action = ControlAction::set, .tolerance = 0.1}).note,
              HasSubstr("tolerance"));
  EXPECT_THROW(control_action_from_name("explode"), UsageError);
}

TEST(Control, WhatWasSetOutlivesACheckpoint) {
  TrainSettings settings = settings_of(PolicyRule::tolerance);
  settings.adapt.policy.parameter_budget = 3000;
  Asking whole(settings);
  whole.ask_and_run({.action = ControlAction::set, .tolerance = 0.5});
  const TrainerState<float> state = whole.trainer->state();
  EXPECT_EQ(state.adaptation.tolerance, 0.5);
  whole.run();
  auto model = blob_model<float>(data(), {8, 8});
  Trainer<float> again(model, {{"blobs", data(), data()}}, settings, *whole.engine, state);
  while (again.run_epoch()) {
  }
  EXPECT_EQ(numbers(model.network), numbers(whole.model.network));
}

// Tasks: off at the next epoch, on again at a later one.
TEST(Control, SwitchesTasksBetweenEpochs) {
  TrainSettings settings = settings_of(PolicyRule::effect);
  settings.epochs = 5;
  settings.changes = {{.epoch = 2, .action = TaskAction::append, .task = "more"}};
  Asking run(settings, {{"more", blobs(3), blobs(4)}});
  run.trainer->run_epoch();
  run.trainer->run_epoch();
  auto off = run.control.ask({.action = ControlAction::task, .task = "more", .active = false});
  run.trainer->run_epoch();  // asked before it begins
  EXPECT_TRUE(off.get().accepted);
  EXPECT_FALSE(run.model.tasks[1].active);
  auto on = run.control.ask({.action = ControlAction::task, .task = "more"});
  run.run();
  EXPECT_TRUE(on.get().accepted);
  EXPECT_TRUE(run.model.tasks[1].active);
  EXPECT_THAT(run.told("task", "action"), ElementsAre("append", "off", "on"));
  EXPECT_THAT(run.told("control", "what").front(), HasSubstr("from epoch 3 on"));
}

// A planned change stays possible.
TEST(Control, PlansGoBeforeSwitches) {
  TrainSettings settings = settings_of(PolicyRule::effect);
  settings.changes = {{.epoch = 2, .action = TaskAction::append, .task = "more"},
                      {.epoch = 4, .action = TaskAction::off, .task = "more"}};
  Asking run(settings, {{"more", blobs(3), blobs(4)}});
  run.trainer->run_epoch();
  run.trainer->run_epoch();
  const ControlAnswer answer =
      run.ask_and_run({.action = ControlAction::task, .task = "more", .active = false});
  EXPECT_FALSE(answer.accepted);
  EXPECT_THAT(answer.note, HasSubstr("off already"));
  run.run();
  EXPECT_EQ(run.result.reason, StopReason::finished);
}

}  // namespace
}  // namespace isoform
