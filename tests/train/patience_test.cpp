// Early stopping: a run ends when the validation loss no longer falls, with the model that had the lowest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/trainer.h"
#include "tests/support/blobs.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

// Labels that mean nothing: training fits them, validation gets worse.
struct Course {
  std::unique_ptr<Engine<double>> engine = create_engine<double>({.threads = 1});
  Dataset training = noise(1, 60), validation = noise(2, 200);
  Model<double> model = blob_model<double>(training, {24, 24}, 4, 3);
  std::vector<double> losses;
  std::vector<std::vector<Index>> widths;

  static Dataset noise(std::uint64_t seed, Index samples) {
    const Dataset shapes = blobs(seed, samples, 12, 4);
    Dataset::Contents contents = contents_without_values(shapes);
    contents.values = shapes.stored_values();
    for (std::size_t i = 0; i < contents.labels.size(); ++i) {
      contents.labels[i] = static_cast<std::uint32_t>((i * 7919 + seed) % 4);
    }
    return Dataset(std::move(contents));
  }

  TrainResult run(const TrainSettings& settings) {
    return train<double>(model, training, validation, settings, *engine, {[&](const Event& e) {
                           if (e.type != "epoch") return;
                           losses.push_back(e.data["validation_loss"].get<double>());
                           widths.push_back(e.data["widths"].get<std::vector<Index>>());
                         }});
  }
};

TrainSettings settings_of(int patience) {
  TrainSettings settings;
  settings.epochs = 40;
  settings.batch_size = 20;
  settings.patience = patience;
  settings.optimiser.learning_rate = 0.01;
  return settings;
}

TEST(Patience, EndsEarlyWithTheBestModel) {
  Course run;
  const TrainResult result = run.run(settings_of(3));
  EXPECT_EQ(result.reason, StopReason::finished);
  ASSERT_LT(run.losses.size(), 40u);
  const auto best = std::min_element(run.losses.begin(), run.losses.end());
  EXPECT_EQ(std::distance(best, run.losses.end()), 4) << "three epochs in vain after the best";
  EXPECT_EQ(evaluate(run.model, run.validation, *run.engine).loss, *best);
  EXPECT_THAT(result.message, HasSubstr("the model is that of epoch"));
  EXPECT_EQ(result.validation_accuracy, evaluate(run.model, run.validation, *run.engine).accuracy);
}

TEST(Patience, IsNotAskedForByDefault) {
  Course run;
  EXPECT_EQ(run.run(settings_of(0)).message, "");
  EXPECT_EQ(run.losses.size(), 40u);
  EXPECT_EQ(evaluate(run.model, run.validation, *run.engine).loss, run.losses.back());
}

TEST(Patience, WaitsUntilWidthsHaveSettled) {
  Course run;
  TrainSettings settings = settings_of(1);
  settings.adapt.enabled = true;
  settings.adapt.per_epoch = 1;
  settings.adapt.policy.parameter_budget = 4000;
  settings.adapt.policy.group_size = 4;
  (void)run.run(settings);
  EXPECT_GE(run.losses.size(), 20u) << "the shape is open for the first half";
  EXPECT_EQ(run.model.network.widths(), run.widths.back());
}

TEST(Patience, WithoutAValidationPartNothingEndsEarly) {
  Course run;
  run.validation = Dataset();
  EXPECT_EQ(run.run(settings_of(1)).steps, 40 * 3);
}

TEST(Patience, NeedsANumberOfEpochs) { EXPECT_THROW(settings_of(-1).validate(), UsageError); }

}  // namespace
}  // namespace isoform
