#include "isoform/study/continual.h"

#include <fmt/format.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/model/tasks.h"
#include "isoform/study/continual_learner.h"
#include "isoform/topology/grow.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

void require(bool holds, const char* what, double value, const char* rule) {
  if (!holds) throw UsageError(fmt::format("{}: needs {}, got {:g}", what, rule, value));
}

}  // namespace

double figure(const Figures& figures, const std::string& name) {
  for (const auto& [key, value] : figures) {
    if (key == name) return value;
  }
  throw UsageError(fmt::format("figures: there is none called '{}'", name));
}

void ContinualSettings::validate() const {
  require(tasks >= 1, "tasks", tasks, "at least 1");
  require(!hidden.empty(), "hidden", 0, "the width of at least one layer");
  for (const Index width : hidden) {
    require(width >= 1, "hidden", static_cast<double>(width), "at least 1 neuron");
  }
  require(group_size >= 0, "group-size", static_cast<double>(group_size),
          "0 (whole layer) or more");
  require(validation > 0 && validation <= 0.9, "validation", validation,
          "a share above 0 and at most 0.9");
  require(buffer >= 1, "buffer", static_cast<double>(buffer), "at least 1 sample");
  require(balanced_epochs >= 0, "balanced-epochs", balanced_epochs, "0 or more");
  require(balanced_rate > 0, "balanced-rate", balanced_rate, "a number above 0");
  require(samples >= 1, "samples", static_cast<double>(samples), "at least 1");
  training.validate();
}

Model<float> continual_model(const Dataset& data, const std::string& task,
                             const ContinualSettings& settings) {
  ChainSettings chain;
  chain.widths = {data.features()};
  chain.widths.insert(chain.widths.end(), settings.hidden.begin(), settings.hidden.end());
  chain.widths.push_back(static_cast<Index>(data.classes().size()));
  chain.group_size = settings.group_size;
  chain.seed = settings.seed;
  Model<float> model;
  model.network = Network<float>::chain(chain);
  const FeatureStatistics of = feature_statistics(data);
  const double mean = of.mean.mean();
  const double variance =
      (of.standard_deviation.array().square() + of.mean.array().square()).mean() - mean * mean;
  model.set_transform(Vector<double>::Constant(data.features(), mean),
                      Vector<double>::Constant(data.features(), std::sqrt(variance)));
  Task first;
  first.name = task;
  first.outputs = data.classes();
  model.tasks = {first};
  name_parts(model, "features");
  return model;
}

TrainSettings training_of_task(const ContinualSettings& settings, std::size_t k) {
  TrainSettings training = settings.training;
  training.seed = settings.seed + (static_cast<std::uint64_t>(k) << 32U);
  training.adapt.policy.seed = training.seed;
  training.adapt.policy.group_size = settings.group_size;
  return training;
}

std::vector<std::uint32_t> feature_order(Index features, std::uint64_t seed, std::size_t k) {
  return Random(seed, Purpose::features, k).permutation(static_cast<std::uint32_t>(features));
}

bool AppendOnlyLearner::learn(const Dataset& training, const Dataset& validation) {
  if (model_.tasks.empty()) {
    model_ = continual_model(training, "task 1", settings_);
  } else {
    make_room(training);
  }
  const TrainResult result =
      train<float>(model_, {{model_.tasks.back().name, training, validation}},
                   training_of_task(settings_, tasks() - 1), engine_, {}, stop_);
  if (result.reason == StopReason::stopped) return false;
  validation_accuracy_ = accuracy(validation, tasks() - 1);
  return true;
}

void AppendOnlyLearner::make_room(const Dataset& training) {
  freeze_trunk(model_, true);
  freeze_head(model_, model_.tasks.back().name, true);
  model_.tasks.back().active = false;
  Task task = model_.tasks.back();
  task.name = fmt::format("task {}", tasks() + 1);
  task.outputs = training.classes();
  task.active = true;
  const std::uint64_t seed = training_of_task(settings_, tasks()).seed;
  append_task(model_, task, seed);
  const std::vector<int> hidden = model_.network.hidden();
  for (std::size_t l = hidden.size(); l-- > 0;) {
    const Edit edit = grow(model_.network, hidden[l], settings_.hidden[l],
                           {.group_size = settings_.group_size, .seed = seed});
    model_.network.apply(edit);
    model_.record(edit.record);
  }
}

Matrix<float> AppendOnlyLearner::outputs(const Dataset& data, std::size_t task) const {
  return logits(model_, data, engine_, task);
}

double AppendOnlyLearner::accuracy(const Dataset& data, std::size_t task) const {
  return evaluate(model_, data, engine_, task).accuracy;
}

}  // namespace isoform
