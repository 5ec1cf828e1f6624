// Runs that end early, and settings and data at their limits.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/data/split.h"
#include "isoform/io/checkpoint.h"
#include "isoform/io/model_file.h"
#include "isoform/train/evaluate.h"
#include "tests/support/networks.h"
#include "train/small_run.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

TEST(Trainer, StopsWithAFiniteModelWhenItDiverges) {
  const auto engine = create_engine<float>({.threads = 1});
  for (const Method method : {Method::sgd, Method::adamw}) {
    TrainSettings settings = small_run();
    settings.optimiser.method = method;
    settings.optimiser.learning_rate = 1e30;
    auto model = blob_model<float>(training_data(), {8, 8});
    const auto start = numbers(model.network);
    std::vector<Event> events;
    const auto result = train(model, training_data(), validation_data(), settings, *engine,
                              {[&](const Event& e) { events.push_back(e); }});
    EXPECT_EQ(result.reason, StopReason::diverged) << method_name(method);
    EXPECT_LE(result.steps, 40);
    EXPECT_THAT(result.message, HasSubstr("smaller learning rate"));
    EXPECT_TRUE(model.network.all_finite());
    EXPECT_TRUE(same_bits(numbers(model.network), start)) << "that of the start of the epoch";
    EXPECT_EQ(events.back().data["reason"], "diverged");
    EXPECT_EQ(events.back().epoch, 1);
  }
}

// By the formula: the mean over the samples of the first step.
double first_batch_loss(const std::string& bytes, const Dataset& data,
                        const TrainSettings& settings, Engine<float>& engine) {
  const Model<float> model = parse_model<float>(bytes, "start");
  std::vector<std::uint32_t> first =
      epoch_order(static_cast<std::uint32_t>(data.samples()), settings.seed, 1);
  first.resize(static_cast<std::size_t>(settings.batch_size));
  const Dataset batch = data.subset(first);
  Matrix<float> z = logits(model, batch, engine);
  for (Index j = 0; j < z.cols(); ++j) z(batch.labels()[static_cast<std::size_t>(j)], j) -= 1;
  return 0.5 * z.cast<double>().squaredNorm() / static_cast<double>(z.cols());
}

// A loss that explodes stays a number for some epochs: their models are no good ones. A run that goes on in between knows.
TEST(Trainer, GoesBackBeforeTheLossExploded) {
  const auto engine = create_engine<float>({.threads = 1});
  const Dataset data = blobs(1, 60, 12, 4);
  int exploded = 0, kept = 0;
  for (int k = 0; k < 40; ++k) {
    TrainSettings settings;
    settings.epochs = 30;
    settings.batch_size = 20;
    settings.optimiser.method = Method::sgd;
    settings.optimiser.learning_rate = 0.02 * std::pow(1.2, k);
    settings.schedule.kind = Schedule::constant;
    auto model = blob_model<float>(data, {16}, 4);
    model.tasks.front().loss = Loss::squared;
    const std::string start = serialise_model(model);
    std::vector<std::string> models = {start}, states;
    std::vector<double> losses = {0};
    Trainer<float> trainer(model, {{"blobs", data, Dataset()}}, settings, *engine,
                           {[&](const Event& e) {
                             if (e.type == "epoch")
                               losses.push_back(e.data["train_loss"].get<double>());
                           }});
    while (trainer.run_epoch()) {
      models.push_back(serialise_model(model));
      states.push_back(serialise_checkpoint<float>({trainer.state(), {}, "", ""}));
    }
    const TrainResult result = trainer.finish();
    if (result.reason != StopReason::diverged) continue;
    std::size_t good = 0;
    double lowest = first_batch_loss(start, data, settings, *engine);
    for (std::size_t e = 1; e < losses.size(); ++e) {
      lowest = std::min(lowest, losses[e]);
      if (losses[e] <= 10 * lowest) good = e;
    }
    exploded += good + 1 < losses.size();
    EXPECT_TRUE(serialise_model(model) == models[good]) << "rate " << k << ", epoch " << good;
    EXPECT_THAT(result.message,
                HasSubstr(good == 0 ? std::string("of the beginning")
                                    : fmt::format("of the end of epoch {};", good)));
    for (const std::string& state : states) {
      kept += parse_checkpoint<float>(state, "kept").state.last_good.has_value();
      Model<float> other;
      Trainer<float> next(other, {{"blobs", data, Dataset()}}, settings, *engine,
                          parse_checkpoint<float>(state, "kept").state);
      while (next.run_epoch()) {
      }
      EXPECT_EQ(next.finish().message, result.message);
      EXPECT_TRUE(serialise_model(other) == models[good]);
    }
  }
  measured("runs whose loss exploded first", exploded);
  EXPECT_GT(exploded, 3);
  EXPECT_GT(kept, 3);
}

TEST(Trainer, StopsWithinAStepWhenAsked) {
  const auto engine = create_engine<float>({.threads = 1});
  std::atomic<bool> stop = false;
  auto model = blob_model<float>(training_data(), {8, 8});
  std::int64_t asked_at = -1;
  std::vector<Event> events;
  const auto watch = [&](const Event& e) {
    events.push_back(e);
    if (e.type == "edit" && asked_at < 0) {
      asked_at = e.step;
      stop = true;
    }
  };
  const auto result =
      train(model, training_data(), validation_data(), small_run(), *engine, {watch}, &stop);
  EXPECT_EQ(result.reason, StopReason::stopped);
  EXPECT_GT(asked_at, 0);
  EXPECT_EQ(result.steps, asked_at);
  EXPECT_EQ(events.back().type, "end");
  EXPECT_EQ(events.back().data["reason"], "stopped");
  EXPECT_EQ(events.back().epoch, 1);
  EXPECT_EQ(events.back().data["widths"], model.network.widths());
  EXPECT_TRUE(model.network.all_finite());

  auto untouched = blob_model<float>(training_data(), {8, 8});
  const auto before = numbers(untouched.network);
  const auto none =
      train(untouched, training_data(), validation_data(), small_run(), *engine, {}, &stop);
  EXPECT_EQ(none.steps, 0);
  EXPECT_TRUE(same_bits(before, numbers(untouched.network)));
}

TEST(Trainer, TakesABatchLargerThanTheData) {
  const auto engine = create_engine<float>({.threads = 1});
  TrainSettings settings = small_run();
  settings.batch_size = Index{1} << 40;
  auto model = blob_model<float>(training_data(), {8});
  EXPECT_EQ(train(model, training_data(), Dataset(), settings, *engine).steps, 3);
}

TEST(Trainer, TrainsWithoutHiddenLayersAndOnOneSample) {
  const auto engine = create_engine<float>({.threads = 1});
  auto linear = blob_model<float>(training_data(), {});
  const auto result = train(linear, training_data(), validation_data(), small_run(), *engine);
  EXPECT_GT(result.validation_accuracy, 0.9);
  const Dataset one = training_data().subset(std::vector<std::uint32_t>{3});
  auto model = blob_model<float>(training_data(), {8});
  EXPECT_EQ(train(model, one, Dataset(), small_run(), *engine).steps, 3);
  EXPECT_TRUE(model.network.all_finite());
}

TEST(TrainSettings, RefusesEachBadFieldByName) {
  const auto message = [](const auto& change) -> std::string {
    TrainSettings settings = small_run();
    change(settings);
    try {
      settings.validate();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message([](auto&) {}), "accepted");
  EXPECT_THAT(message([](auto& s) { s.epochs = 0; }), HasSubstr("epochs"));
  EXPECT_THAT(message([](auto& s) { s.batch_size = 0; }), HasSubstr("batch-size"));
  EXPECT_THAT(message([](auto& s) { s.clip_norm = -1; }), HasSubstr("clip-norm"));
  EXPECT_THAT(message([](auto& s) { s.dropout = 1; }), HasSubstr("dropout"));
  EXPECT_THAT(message([](auto& s) { s.input_dropout = -0.1; }), HasSubstr("input-dropout"));
  EXPECT_THAT(message([](auto& s) { s.label_smoothing = 1; }), HasSubstr("label-smoothing"));
  EXPECT_THAT(message([](auto& s) { s.adapt.per_epoch = 0; }), HasSubstr("adaptations-per-epoch"));
  EXPECT_THAT(message([](auto& s) { s.adapt.statistics_batches = 0; }),
              HasSubstr("statistics-batches"));
  EXPECT_THAT(message([](auto& s) { s.adapt.settle = 1.5; }), HasSubstr("settle"));
  EXPECT_THAT(message([](auto& s) { s.adapt.policy.buffer = -1; }), HasSubstr("buffer"));
  EXPECT_THAT(message([](auto& s) { s.optimiser.learning_rate = -1; }), HasSubstr("learning-rate"));
  EXPECT_THAT(message([](auto& s) { s.schedule.warm_up = 2; }), HasSubstr("warm-up"));
  const auto engine = create_engine<float>({.threads = 1});
  auto model = blob_model<float>(training_data(), {8});
  TrainSettings bad = small_run();
  bad.epochs = -3;
  EXPECT_THROW(train(model, training_data(), Dataset(), bad, *engine), UsageError);
  EXPECT_THROW(train(model, Dataset(), Dataset(), small_run(), *engine), UsageError);
  EXPECT_THROW(train(model, blobs(1, 20, 41), Dataset(), small_run(), *engine), UsageError);
  EXPECT_THROW(train(model, training_data(), blobs(1, 20, 40, 6), small_run(), *engine),
               UsageError);
}

}  // namespace
}  // namespace isoform
