// Perceptrons that adapt while they are trained: neurons of gates are born and go as those of layers do.
#include <gtest/gtest.h>

#include <cstring>

#include "isoform/io/model_file.h"
#include "isoform/topology/perceptron.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/trainer.h"
#include "tests/monitor/folder.h"
#include "tests/support/blobs.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

TrainSettings adapting() {
  TrainSettings settings;
  settings.epochs = 3;
  settings.batch_size = 50;
  settings.optimiser.learning_rate = 2e-3;
  settings.adapt.enabled = true;
  settings.adapt.per_epoch = 4;
  settings.adapt.statistics_batches = 4;
  settings.adapt.policy.buffer = 3;
  settings.adapt.policy.group_size = 4;  // gates stay one group all the same
  return settings;
}

template <class T>
Model<T> perceptron_model(const Dataset& data, bool general, std::vector<Index> gates) {
  auto model = blob_model<T>(data, {});
  model.network = perceptron<T>({.inputs = data.features(),
                                 .outputs = static_cast<Index>(data.classes().size()),
                                 .gates = std::move(gates),
                                 .general = general,
                                 .seed = 1});
  return model;
}

template <class T>
std::vector<T> numbers(const Network<T>& network) {
  std::vector<T> all;
  for (const auto& m : network.maps()) all.insert(all.end(), m.a.data(), m.a.data() + m.a.size());
  for (const auto& s : network.spaces()) {
    all.insert(all.end(), s.length.data(), s.length.data() + s.length.size());
  }
  return all;
}

// Edits of one adaptation follow each other without a step between them: what the last one left is what the next
// one found.
TEST(PerceptronTraining, GatesAdaptWithoutATrace) {
  const Dataset data = blobs(1), validation = blobs(2, 400);
  const Matrix<double> x = random_inputs(3, data.features(), 30);
  for (const bool general : {true, false}) {
    const auto engine = create_engine<double>({.threads = 1});
    auto model = perceptron_model<double>(data, general, {6, 8, 7});
    std::vector<double> losses;
    std::int64_t last = -1;
    Matrix<double> before;
    int grown = 0;
    Index born = 0, removed = 0;
    const auto result = train(model, data, validation, adapting(), *engine, {[&](const Event& e) {
                                if (e.type == "epoch") losses.push_back(e.data["train_loss"]);
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
    for (const int id : model.network.hidden()) EXPECT_EQ(model.network.space(id).gates(), 1);
    ASSERT_EQ(losses.size(), 3U);
    EXPECT_LT(losses.back(), losses.front());
    EXPECT_GT(result.validation_accuracy, 0.9);

    const Folder folder;
    const auto path = folder / "model.safetensors";
    save_model(model, path);
    const auto loaded = load_model<double>(path);
    EXPECT_EQ(outputs<double>(loaded.network, *engine, x),
              outputs<double>(model.network, *engine, x));
    EXPECT_EQ(loaded.history.size(), model.history.size());
    EXPECT_EQ(evaluate(loaded, validation, *engine).accuracy, result.validation_accuracy);
  }
}

TEST(PerceptronTraining, BitsDoNotDependOnTheNumberOfThreads) {
  const Dataset data = blobs(1);
  TrainSettings settings = adapting();
  settings.epochs = 2;
  settings.batch_size = 500;
  settings.adapt.per_epoch = 2;
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 4}) {
    const auto engine = create_engine<float>({.threads = threads});
    auto model = perceptron_model<float>(data, true, {160, 150});
    const auto result = train(model, data, Dataset(), settings, *engine);
    EXPECT_GT(result.born + result.removed, 0) << "the shape changed";
    results.push_back(numbers(model.network));
  }
  for (const auto& other : results) {
    ASSERT_EQ(other.size(), results[0].size());
    EXPECT_EQ(std::memcmp(other.data(), results[0].data(), other.size() * sizeof(float)), 0);
  }
}

}  // namespace
}  // namespace isoform
