// Residual networks in training: moments follow edits of the stream, branches adapt.
#include <gtest/gtest.h>

#include <cstring>

#include "isoform/io/model_file.h"
#include "isoform/network/residual.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/trainer.h"
#include "tests/support/blobs.h"
#include "tests/support/streams.h"
#include "tests/train/trainee.h"

namespace isoform {
namespace {

using namespace isoform::testing;

void turn_all(Trainee& trainee, std::uint64_t seed) {
  const Network<double> before = trainee.network;
  for (const Space<double>& s : before.spaces()) {
    const bool output = !s.hidden() && trainee.network.outgoing(s.id).empty();
    if (trainee.network.is_given(s.id) || output) continue;
    trainee.apply(rotate_random(trainee.network, s.id, seed));
  }
}

// A step commutes with a turn of the stream and of every branch.
TEST(StreamTraining, StepsCommuteWithTurns) {
  Worst worst;
  for (const Method method : {Method::sgd, Method::momentum, Method::nesterov, Method::muon}) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      ChainSettings settings;
      settings.widths = {5, 6, 9, 7, 3};
      settings.group_size = 3;
      settings.seed = seed;
      const OptimiserSettings optimiser{.method = method, .learning_rate = 0.05};
      Trainee here(residual<double>(settings, 8), optimiser), there(here.network, optimiser);
      here.steps(3);
      turn_all(here, seed + 1);
      here.steps(4);
      there.steps(7);
      turn_all(there, seed + 1);
      worst.add(difference(here.network, there.network), std::string(method_name(method)));
    }
  }
  measured("stream_steps_and_turns", worst.error);
  EXPECT_LE(worst.error, 1e-10) << worst.where;
}

TrainSettings adapting() {
  TrainSettings settings;
  settings.epochs = 3;
  settings.batch_size = 50;
  settings.optimiser.learning_rate = 2e-3;
  settings.adapt.enabled = true;
  settings.adapt.per_epoch = 4;
  settings.adapt.statistics_batches = 4;
  settings.adapt.policy.buffer = 3;
  settings.adapt.policy.group_size = 4;
  return settings;
}

template <class T>
Model<T> residual_model(const Dataset& data, std::vector<Index> hidden, Index stream) {
  auto model = blob_model<T>(data, {});
  ChainSettings settings;
  settings.widths = {data.features()};
  settings.widths.insert(settings.widths.end(), hidden.begin(), hidden.end());
  settings.widths.push_back(static_cast<Index>(data.classes().size()));
  settings.group_size = 4;
  settings.seed = 1;
  model.network = residual<T>(settings, stream);
  return model;
}

TEST(StreamTraining, BranchesAdaptAndTheStreamStays) {
  const Dataset data = blobs(1), validation = blobs(2, 400);
  const auto engine = create_engine<double>({.threads = 1});
  const Matrix<double> x = random_inputs(3, data.features(), 30);
  auto model = residual_model<double>(data, {8, 30, 8, 12}, 16);
  Matrix<double> before;
  std::int64_t last = -1;
  int grown = 0;
  Index born = 0, removed = 0;
  const auto result = train(model, data, validation, adapting(), *engine, {[&](const Event& e) {
                              if (e.type != "edit") return;
                              born += e.data["born"].get<Index>();
                              removed += e.data["removed"].get<Index>();
                              const Matrix<double> after =
                                  outputs<double>(model.network, *engine, x);
                              if (e.step == last && e.data["born"] > 0) {
                                ++grown;
                                EXPECT_LE(relative(after, before), 1e-12) << "step " << e.step;
                              }
                              last = e.step;
                              before = after;
                            }});
  EXPECT_EQ(result.reason, StopReason::finished);
  EXPECT_GT(grown, 0);
  EXPECT_GT(born, 0);
  EXPECT_GT(removed, 0);
  EXPECT_EQ(model.network.space(1).dimension, 16);
  EXPECT_GT(result.validation_accuracy, 0.9);
  const auto loaded = parse_model<double>(serialise_model(model), "x");
  EXPECT_EQ(outputs<double>(loaded.network, *engine, x),
            outputs<double>(model.network, *engine, x));
  EXPECT_EQ(evaluate(loaded, validation, *engine).accuracy, result.validation_accuracy);
}

TEST(StreamTraining, BitsDoNotDependOnTheNumberOfThreads) {
  const Dataset data = blobs(1);
  TrainSettings settings = adapting();
  settings.epochs = 1;
  settings.batch_size = 500;
  settings.adapt.per_epoch = 2;
  std::string first;
  for (const int threads : {1, 2, 4}) {
    const auto engine = create_engine<float>({.threads = threads});
    auto model = residual_model<float>(data, {160, 150}, 140);
    train(model, data, Dataset(), settings, *engine);
    const std::string bytes = serialise_model(model);
    if (first.empty()) first = bytes;
    EXPECT_TRUE(bytes == first) << threads << " threads";
  }
}

}  // namespace
}  // namespace isoform
