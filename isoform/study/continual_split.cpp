// Split protocols: the classes of a set in equal shares, one after the other.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "isoform/base/error.h"
#include "isoform/data/combine.h"
#include "isoform/data/replay.h"
#include "isoform/data/split.h"
#include "isoform/model/blocks.h"
#include "isoform/study/continual.h"
#include "isoform/study/continual_learner.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

struct ClassRange {
  std::uint32_t first, last;
};

std::vector<ClassRange> shares_of_classes(const Dataset& data, int tasks) {
  const auto classes = static_cast<std::uint32_t>(data.classes().size());
  const auto count = static_cast<std::uint32_t>(tasks);
  if (classes % count != 0) {
    throw UsageError(
        fmt::format("tasks: needs a number that divides the {} classes of '{}', got {}", classes,
                    data.name(), tasks));
  }
  std::vector<ClassRange> ranges;
  for (std::uint32_t k = 0; k < count; ++k) {
    ranges.push_back({k * (classes / count), (k + 1) * (classes / count) - 1});
  }
  return ranges;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

void add_tasks(Figures& figures, const std::vector<double>& accuracies) {
  for (std::size_t k = 0; k < accuracies.size(); ++k) {
    figures.emplace_back(fmt::format("accuracy of task {}", k + 1), accuracies[k]);
  }
}

// Accuracy on the samples of each share of the classes, of a head of all of them.
std::vector<double> accuracy_of_shares(const Evaluation& of,
                                       const std::vector<ClassRange>& ranges) {
  std::vector<double> accuracies;
  for (const ClassRange& r : ranges) {
    const Index count = r.last - r.first + 1;
    const double right = static_cast<double>(of.confusion.diagonal().segment(r.first, count).sum());
    const double all = static_cast<double>(of.confusion.middleRows(r.first, count).sum());
    accuracies.push_back(right / std::max(all, 1.0));
  }
  return accuracies;
}

constexpr const char* kHead = "classes";

// Appends the outputs of a share of the classes; the largest change of a logit there was, on the data.
double grow_head(Model<float>& model, const Dataset& data, const ClassRange& range,
                 Engine<float>& engine) {
  const Matrix<float> before = logits(model, data, engine);
  const auto& names = data.classes();
  append_outputs(model, kHead, {names.begin() + range.first, names.begin() + range.last + 1});
  const Matrix<float> after = logits(model, data, engine);
  return (after.topRows(before.rows()) - before).cwiseAbs().maxCoeff();
}

}  // namespace

Figures split_task_incremental(const Dataset& train, const Dataset& test,
                               const ContinualSettings& settings, Engine<float>& engine,
                               const std::atomic<bool>* stop) {
  settings.validate();
  const std::vector<ClassRange> ranges = shares_of_classes(train, settings.tasks);
  AppendOnlyLearner learner(settings, engine, stop);
  std::vector<double> validation, at_first, at_last;
  std::vector<Matrix<float>> learned;
  for (const ClassRange& r : ranges) {
    const TrainValidation parts =
        split(class_task(train, r.first, r.last), settings.validation, settings.seed);
    if (!learner.learn(parts.train, parts.validation)) return {};
    validation.push_back(learner.validation_accuracy());
    const Dataset own = class_task(test, r.first, r.last);
    learned.push_back(learner.outputs(own, validation.size() - 1));
    at_first.push_back(learner.accuracy(own, validation.size() - 1));
  }
  double change = 0, forgetting = 0;
  for (std::size_t k = 0; k < ranges.size(); ++k) {
    const Dataset own = class_task(test, ranges[k].first, ranges[k].last);
    at_last.push_back(learner.accuracy(own, k));
    change = std::max<double>(change, (learner.outputs(own, k) - learned[k]).cwiseAbs().maxCoeff());
    forgetting += (at_first[k] - at_last[k]) / static_cast<double>(ranges.size());
  }
  Figures figures = {{"accuracy", mean(at_last)},
                     {"forgetting", forgetting},
                     {"largest change", change},
                     {"validation accuracy", mean(validation)},
                     {"parameters", static_cast<double>(learner.model().network.parameter_count())},
                     {"state bytes", 0}};
  add_tasks(figures, at_last);
  return figures;
}

Figures split_class_incremental(const Dataset& train_set, const Dataset& test,
                                const ContinualSettings& settings, Engine<float>& engine,
                                const std::atomic<bool>* stop) {
  settings.validate();
  const std::vector<ClassRange> ranges = shares_of_classes(train_set, settings.tasks);
  const TrainValidation parts = split(train_set, settings.validation, settings.seed);
  ReplayBuffer buffer(settings.buffer, settings.seed);
  Model<float> model;
  std::vector<double> at_first;
  Evaluation validated;
  double change = 0;
  for (std::size_t k = 0; k < ranges.size(); ++k) {
    const std::uint32_t last = ranges[k].last;
    // What is kept knows all classes, so that it can be joined with what comes.
    const Dataset fresh =
        class_range(parts.train, ranges[k].first, last).with_classes(train_set.classes(), 0);
    const std::array<Dataset, 2> both = {fresh, buffer.contents()};
    const Dataset seen = class_range(k == 0 ? fresh : joined(both), 0, last);
    if (k == 0) {
      model = continual_model(seen, kHead, settings);
    } else {
      change = std::max(change, grow_head(model, seen, ranges[k], engine));
    }
    const Dataset validation = class_range(parts.validation, 0, last);
    TrainSettings training = training_of_task(settings, k);
    if (k > 0) training.optimiser.learning_rate = settings.later_rate * training.optimiser.rate();
    const auto trained = [&](const Dataset& data) {
      return train<float>(model, balanced(data), validation, training, engine, {}, stop).reason !=
             StopReason::stopped;
    };
    if (!trained(seen)) return {};
    buffer.add(fresh);
    if (settings.balanced_epochs > 0) {
      training = training_of_task(settings, k);
      training.epochs = settings.balanced_epochs;
      training.optimiser.learning_rate = settings.balanced_rate * training.optimiser.rate();
      training.adapt.enabled = false;
      if (!trained(class_range(buffer.contents(), 0, last))) return {};
    }
    validated = evaluate(model, validation, engine);
    at_first.push_back(evaluate(model, class_range(test, ranges[k].first, last), engine).accuracy);
  }
  const Evaluation tested = evaluate(model, test, engine);
  const std::vector<double> at_last = accuracy_of_shares(tested, ranges);
  Figures figures = {{"accuracy", tested.accuracy},
                     {"forgetting", mean(at_first) - mean(at_last)},
                     {"change at append", change},
                     {"validation accuracy", validated.accuracy},
                     {"parameters", static_cast<double>(model.network.parameter_count())},
                     {"buffer samples", static_cast<double>(buffer.contents().samples())},
                     {"state bytes", static_cast<double>(buffer.bytes())}};
  add_tasks(figures, at_last);
  return figures;
}

}  // namespace isoform
