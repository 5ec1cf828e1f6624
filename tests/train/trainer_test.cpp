#include "isoform/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/train/evaluate.h"
#include "tests/support/networks.h"
#include "train/small_run.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

// By a covariant optimiser a network that is turned between epochs learns what it would have learned.
TEST(Trainer, GoesOnAfterEditsFromOutside) {
  TrainSettings settings = small_run();
  settings.optimiser.method = Method::momentum;
  settings.optimiser.learning_rate = 0.05;
  settings.adapt.enabled = false;
  const auto engine = create_engine<double>({.threads = 1});
  const auto trained = [&](bool turns) {
    auto model = blob_model<double>(training_data(), {12, 8});
    Trainer<double> trainer(model, {{"blobs", training_data(), validation_data()}}, settings,
                            *engine);
    while (trainer.run_epoch()) {
      if (!turns) continue;
      for (const int space : model.network.hidden()) {
        trainer.apply(rotate_random(model.network, space, 7));
      }
    }
    EXPECT_EQ(trainer.finish().reason, StopReason::finished);
    EXPECT_EQ(model.history.size(), turns ? 6U : 0U);
    return logits(model, validation_data(), *engine);
  };
  const Matrix<double> plain = trained(false), turned = trained(true);
  EXPECT_LE((plain - turned).norm(), 1e-10 * plain.norm());
}

// Statistics that an adaptation gathers across the end of an epoch no longer fit then.
TEST(Trainer, AdaptsAfterEditsFromOutside) {
  TrainSettings settings = small_run();
  settings.adapt.per_epoch = 0.75;
  settings.adapt.statistics_batches = 1000;
  const auto engine = create_engine<float>({.threads = 1});
  auto model = blob_model<float>(training_data(), {12, 8});
  Index born = 0;
  Trainer<float> trainer(model, {{"blobs", training_data(), validation_data()}}, settings, *engine,
                         {[&](const Event& event) {
                           if (event.type == "edit") born += event.data.at("born").get<Index>();
                         }});
  while (trainer.run_epoch()) {
    for (const int space : model.network.hidden()) {
      trainer.apply(grow(model.network, space, 3, {.group_size = 4}));
    }
  }
  const TrainResult result = trainer.finish();
  EXPECT_EQ(result.reason, StopReason::finished);
  EXPECT_EQ(result.born, born) << "edits from outside are told and counted";
  EXPECT_GE(born, 3 * 2 * 3);
}

// Batch and widths are large enough that products and gates are cut into tiles.
TEST(Trainer, BitsDoNotDependOnTheNumberOfThreads) {
  for (const PolicyRule rule : {PolicyRule::effect, PolicyRule::paper}) {
    TrainSettings settings = small_run();
    settings.epochs = 2;
    settings.batch_size = 500;
    // With a limit for the norm gradients are whole before a step, without it is taken piece by piece.
    settings.clip_norm = rule == PolicyRule::effect ? 1 : 0;
    settings.dropout = settings.input_dropout = 0.1;
    settings.label_smoothing = 0.05;
    settings.adapt.per_epoch = 2;
    settings.adapt.policy.rule = rule;
    settings.adapt.policy.threshold = rule == PolicyRule::effect ? 1e-4 : 0.5;
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 4, 8}) {
      const auto engine = create_engine<float>({.threads = threads});
      auto model = blob_model<float>(training_data(), {160, 164});
      const auto result = train(model, training_data(), validation_data(), settings, *engine);
      EXPECT_EQ(result.reason, StopReason::finished);
      EXPECT_GT(result.born + result.removed, 0) << "the shape changed";
      results.push_back(numbers(model.network));
    }
    EXPECT_TRUE(same_bits(results[0], results[1])) << policy_rule_name(rule) << ", 2 threads";
    EXPECT_TRUE(same_bits(results[0], results[2])) << policy_rule_name(rule) << ", 4 threads";
    EXPECT_TRUE(same_bits(results[0], results[3])) << policy_rule_name(rule) << ", 8 threads";
    auto other = blob_model<float>(training_data(), {160, 164});
    settings.seed = 1;
    const auto engine = create_engine<float>({.threads = 2});
    (void)train(other, training_data(), validation_data(), settings, *engine);
    EXPECT_FALSE(same_bits(results[0], numbers(other.network))) << "the seed matters";
  }
}

// Dropout and smoothing act on training alone, each by itself, and another step drops others.
TEST(Trainer, RegularisesTrainingAlone) {
  const auto engine = create_engine<float>({.threads = 1});
  std::vector<std::vector<float>> results;
  for (int which = 0; which < 4; ++which) {
    TrainSettings settings = small_run();
    settings.adapt.enabled = false;
    if (which == 1) settings.dropout = 0.3;
    if (which == 2) settings.input_dropout = 0.3;
    if (which == 3) settings.label_smoothing = 0.2;
    auto model = blob_model<float>(training_data(), {16, 16});
    const auto result = train(model, training_data(), validation_data(), settings, *engine);
    EXPECT_GT(result.validation_accuracy, 0.85) << which;
    EXPECT_EQ(result.validation_accuracy, evaluate(model, validation_data(), *engine).accuracy);
    for (const auto& other : results) EXPECT_FALSE(same_bits(other, numbers(model.network)));
    results.push_back(numbers(model.network));
  }
}

// Where dropout has left nothing of a group in the statistics, adaptation still has numbers to go by.
TEST(Trainer, AdaptsWhereNearlyAllIsDropped) {
  const auto engine = create_engine<float>({.threads = 1});
  TrainSettings settings = small_run();
  settings.dropout = 0.999;
  auto model = blob_model<float>(training_data(), {32, 32});
  const auto result = train(model, training_data(), validation_data(), settings, *engine);
  EXPECT_EQ(result.reason, StopReason::finished);
  EXPECT_TRUE(model.network.all_finite());
}

TEST(Trainer, LearnsTheBlobs) {
  const auto engine = create_engine<float>({.threads = 1});
  for (const bool adapts : {false, true}) {
    TrainSettings settings = small_run();
    settings.adapt.enabled = adapts;
    auto model = blob_model<float>(training_data(), {8, 8});
    const auto result = train(model, training_data(), validation_data(), settings, *engine);
    EXPECT_EQ(result.reason, StopReason::finished);
    EXPECT_EQ(result.steps, 120);
    EXPECT_GT(result.validation_accuracy, 0.9);
    EXPECT_EQ(result.validation_accuracy, evaluate(model, validation_data(), *engine).accuracy);
    EXPECT_EQ(result.born > 0, adapts);
    EXPECT_EQ(model.history.empty(), !adapts);
  }
}

TEST(Trainer, LearnsInDoubleWithSquaredErrorAndWithoutValidation) {
  const auto engine = create_engine<double>({.threads = 1});
  auto model = blob_model<double>(training_data(), {8});
  model.tasks.front().loss = Loss::squared;
  const auto result = train(model, training_data(), Dataset(), small_run(), *engine);
  EXPECT_TRUE(std::isnan(result.validation_accuracy));
  EXPECT_GT(evaluate(model, validation_data(), *engine).accuracy, 0.9);
}

TEST(Trainer, ChangesNoShapeAfterItHasSettled) {
  const auto engine = create_engine<float>({.threads = 1});
  TrainSettings settings = small_run();
  settings.adapt.settle = 0.5;
  auto model = blob_model<float>(training_data(), {8, 8});
  std::vector<Event> edits;
  (void)train(model, training_data(), validation_data(), settings, *engine, {[&](const Event& e) {
                if (e.type == "edit") edits.push_back(e);
              }});
  ASSERT_FALSE(edits.empty());
  for (const Event& e : edits) EXPECT_LE(e.step, 60) << "the shape is fixed in the last half";
  EXPECT_GT(edits.back().data["removed"], 0);
  EXPECT_THAT(edits.back().data["why"].get<std::string>(), HasSubstr("settling"));
}

// Rule tolerance: all starts meet at one width, give back once within the tolerance, and rest.
TEST(Trainer, ExploresThenGivesBackWhereverItBegan) {
  const auto engine = create_engine<float>({.threads = 1});
  for (const Index start : {2, 8, 40}) {
    TrainSettings settings = small_run();
    settings.epochs = 6;
    settings.adapt.policy.rule = PolicyRule::tolerance;
    settings.adapt.policy.tolerance = 0.1;
    settings.adapt.policy.parameter_budget = 5000;
    settings.adapt.settle = kRulesOwn;
    auto model = blob_model<float>(training_data(), {start, start});
    std::vector<Event> edits;
    const auto result =
        train(model, training_data(), validation_data(), settings, *engine, {[&](const Event& e) {
                if (e.type == "edit") edits.push_back(e);
              }});
    EXPECT_GT(result.validation_accuracy, 0.9) << start;
    EXPECT_GT(result.born, 0) << start;
    EXPECT_GT(result.removed, 0) << start;
    Index widest = 0;
    bool given_back = false;
    for (const Event& e : edits) {
      const std::string why = e.data["why"];
      const Index after = e.data["after"];
      if (e.data["born"] > 0) {
        EXPECT_LT(e.step, 120) << why;
        EXPECT_THAT(why, HasSubstr("exploring"));
        widest = std::max(widest, after);
      } else {
        EXPECT_EQ(e.step, 120) << "half of the run is over";
        EXPECT_THAT(why, HasSubstr("10 % allowed"));
        given_back = true;
      }
    }
    EXPECT_TRUE(given_back);
    // 40-n-n-5 in groups of 4: W, b, ψ and o.
    const auto parameters = [](Index n) {
      const Index g = (n + 3) / 4;
      return 41 * n + n * (n + 1 + g) + 5 * (n + 1 + g) + 2 * g;
    };
    EXPECT_LE(parameters(widest), 5000);
    EXPECT_GT(parameters(widest + 1), 5000);
    EXPECT_LT(model.network.widths()[1], widest);
  }
}

TEST(Trainer, EventsTellOneStory) {
  const auto engine = create_engine<float>({.threads = 1});
  auto model = blob_model<float>(training_data(), {8, 12});
  std::vector<Event> events;
  const auto result = train(model, training_data(), validation_data(), small_run(), *engine,
                            {[&](const Event& e) { events.push_back(e); }});
  ASSERT_GE(events.size(), 4u);
  EXPECT_EQ(events.front().type, "start");
  EXPECT_EQ(events.back().type, "end");
  const auto first = events.front().data;
  EXPECT_EQ(first["widths"], (std::vector<Index>{40, 8, 12, 5}));
  EXPECT_EQ(first["groups"], (std::vector<std::vector<Index>>{{4, 4}, {4, 4, 4}}));
  EXPECT_EQ(first["steps"], 120);
  EXPECT_EQ(first["steps_per_epoch"], 40);
  std::vector<Index> widths = first["widths"];
  std::int64_t step = 0;
  int epoch = 0, epochs = 0;
  double time = 0;
  Index born = 0, removed = 0;
  std::size_t edits = 0;
  for (const Event& e : events) {
    EXPECT_GE(e.step, step);
    EXPECT_GE(e.epoch, epoch);
    EXPECT_GE(e.time_s, time);
    step = e.step;
    epoch = e.epoch;
    time = e.time_s;
    if (e.type == "edit") {
      ++edits;
      const std::size_t space = e.data["space"];
      const Index before = e.data["before"], after = e.data["after"];
      EXPECT_EQ(before, widths.at(space));
      EXPECT_EQ(after, before + e.data["born"].get<Index>() - e.data["removed"].get<Index>());
      EXPECT_EQ(e.step % 10, 0) << "four adaptations in an epoch of 40 steps";
      EXPECT_FALSE(e.data["why"].get<std::string>().empty());
      widths.at(space) = after;
      born += e.data["born"].get<Index>();
      removed += e.data["removed"].get<Index>();
    } else if (e.type == "epoch") {
      ++epochs;
      EXPECT_EQ(e.epoch, epochs);
      EXPECT_EQ(e.step, 40 * epochs);
      EXPECT_EQ(e.data["widths"], widths);
      EXPECT_EQ(e.data["scaffold"].size(), 2u);
      EXPECT_GT(e.data["validation_accuracy"], 0);
      for (std::size_t l = 0; l < 2; ++l) {
        Index sum = 0;
        for (const Index size : e.data["groups"][l].get<std::vector<Index>>()) sum += size;
        EXPECT_EQ(sum, widths[l + 1]);
      }
    } else if (e.type == "spectrum") {
      EXPECT_EQ(e.data["spaces"].size(), 2u);
      EXPECT_EQ(e.data["spaces"][1]["values"].size(), static_cast<std::size_t>(widths[2]));
    }
  }
  EXPECT_EQ(epochs, 3);
  EXPECT_GT(edits, 0u);
  EXPECT_EQ(events.back().step, 120);
  EXPECT_EQ(events.back().epoch, 3);
  EXPECT_EQ(events.back().data["reason"], "finished");
  EXPECT_EQ(events.back().data["widths"], widths);
  EXPECT_EQ(widths, model.network.widths());
  EXPECT_EQ(events.back().data["parameters"], model.network.parameter_count());
  EXPECT_EQ(result.born, born);
  EXPECT_EQ(result.removed, removed);
  EXPECT_EQ(model.history.size(), edits);
}

TEST(Trainer, ObserversDoNotChangeTheResult) {
  const auto engine = create_engine<float>({.threads = 1});
  auto watched = blob_model<float>(training_data(), {8, 8});
  auto alone = watched;
  (void)train(watched, training_data(), validation_data(), small_run(), *engine,
              {[](const Event&) {}});
  (void)train(alone, training_data(), Dataset(), small_run(), *engine);
  EXPECT_TRUE(same_bits(numbers(watched.network), numbers(alone.network)));
}

}  // namespace
}  // namespace isoform
