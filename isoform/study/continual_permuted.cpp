// Permuted protocols: the same classes in every task, features in another order.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/data/combine.h"
#include "isoform/data/domains.h"
#include "isoform/data/split.h"
#include "isoform/study/continual.h"
#include "isoform/study/continual_learner.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

struct Guessed {
  double right_domain = 0, accuracy = 0, accuracy_if_told = 0;
};

// Samples of one domain, each answered by the head that its features point to.
Guessed answer(const AppendOnlyLearner& learner, const DomainGuesser& guesser, const Dataset& data,
               std::size_t domain) {
  const std::vector<std::size_t> guesses = guesser.guess(data);
  Guessed result;
  result.accuracy_if_told = learner.accuracy(data, domain);
  double right = 0;
  for (std::size_t k = 0; k < learner.tasks(); ++k) {
    std::vector<std::uint32_t> mine;
    for (std::uint32_t i = 0; i < guesses.size(); ++i) {
      if (guesses[i] == k) mine.push_back(i);
    }
    if (mine.empty()) continue;
    const auto count = static_cast<double>(mine.size());
    if (k == domain) result.right_domain = count / static_cast<double>(guesses.size());
    right += count * learner.accuracy(data.subset(mine), k);
  }
  result.accuracy = right / static_cast<double>(guesses.size());
  return result;
}

// Slope of the least squares line through (k, values[k]).
double slope(std::span<const double> values) {
  const double middle = (static_cast<double>(values.size()) - 1) / 2;
  const double level = mean(values);
  double above = 0, below = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double x = static_cast<double>(k) - middle;
    above += x * (values[k] - level);
    below += x * x;
  }
  return below > 0 ? above / below : 0;
}

}  // namespace

Figures permuted_domain_incremental(const Dataset& train, const Dataset& test,
                                    const ContinualSettings& settings, Engine<float>& engine,
                                    const std::atomic<bool>* stop) {
  settings.validate();
  const auto tasks = static_cast<std::size_t>(settings.tasks);
  const TrainValidation parts = split(train, settings.validation, settings.seed);
  AppendOnlyLearner learner(settings, engine, stop);
  DomainGuesser guesser;
  std::vector<double> validation, at_first;
  std::vector<Matrix<float>> learned;
  for (std::size_t k = 0; k < tasks; ++k) {
    const auto order = feature_order(train.features(), settings.seed, k);
    const Dataset training = with_features_permuted(parts.train, order);
    if (!learner.learn(training, with_features_permuted(parts.validation, order))) return {};
    guesser.add(training);
    validation.push_back(learner.validation_accuracy());
    learned.push_back(learner.outputs(with_features_permuted(test, order), k));
  }
  double change = 0;
  std::vector<double> accuracies, told, guessed;
  for (std::size_t k = 0; k < tasks; ++k) {
    const Dataset own =
        with_features_permuted(test, feature_order(train.features(), settings.seed, k));
    const Guessed of = answer(learner, guesser, own, k);
    accuracies.push_back(of.accuracy);
    told.push_back(of.accuracy_if_told);
    guessed.push_back(of.right_domain);
    change = std::max<double>(change, (learner.outputs(own, k) - learned[k]).cwiseAbs().maxCoeff());
  }
  Figures figures = {{"accuracy", mean(accuracies)},
                     {"accuracy if told", mean(told)},
                     {"guessed right", mean(guessed)},
                     {"largest change", change},
                     {"validation accuracy", mean(validation)},
                     {"parameters", static_cast<double>(learner.model().network.parameter_count())},
                     {"state bytes", static_cast<double>(guesser.bytes())}};
  for (std::size_t k = 0; k < tasks; ++k) {
    figures.emplace_back(fmt::format("accuracy of task {}", k + 1), accuracies[k]);
  }
  return figures;
}

Figures permuted_online(const Dataset& train, const Dataset& /*test*/,
                        const ContinualSettings& settings, Engine<float>& engine,
                        const std::atomic<bool>* stop) {
  settings.validate();
  const auto tasks = static_cast<std::size_t>(settings.tasks);
  const auto part = [&](std::size_t k) {
    std::vector<std::uint32_t> drawn =
        Random(settings.seed, Purpose::split, k)
            .permutation(static_cast<std::uint32_t>(train.samples()));
    drawn.resize(std::min(drawn.size(), static_cast<std::size_t>(settings.samples)));
    return TaskData{"stream",
                    with_features_permuted(train.subset(drawn),
                                           feature_order(train.features(), settings.seed, k)),
                    {}};
  };
  const TaskData first = part(0);
  Model<float> model = continual_model(first.training, "stream", settings);
  TrainSettings training = training_of_task(settings, 0);
  training.epochs = settings.tasks;
  std::vector<double> online;
  // An epoch is one pass over one task, and scores batches before their steps.
  const Observer observer = [&](const Event& event) {
    if (event.type == "epoch") online.push_back(event.data.at("train_accuracy").get<double>());
  };
  Trainer<float> trainer(model, {first}, training, engine, {observer}, stop);
  Index parameters_at_first = 0;
  while (trainer.run_epoch()) {
    const auto k = static_cast<std::size_t>(trainer.epoch());
    if (k == 1) parameters_at_first = model.network.parameter_count();
    if (k == tasks) break;
    const TaskData next = part(k);
    trainer.change({.action = TaskAction::change, .task = "stream", .data = "stream"}, &next);
  }
  const TrainResult result = trainer.finish();
  if (result.reason == StopReason::stopped) return {};
  online.resize(tasks, 1.0 / static_cast<double>(train.classes().size()));  // diverged: chance
  const std::size_t tenth = std::max<std::size_t>(1, tasks / 10);
  const std::span<const double> all(online);
  return {{"slope", slope(all.subspan(std::min(tenth, tasks - 1)))},
          {"accuracy", mean(all)},
          {"first tenth", mean(all.first(tenth))},
          {"last tenth", mean(all.last(tenth))},
          {"parameters at first", static_cast<double>(parameters_at_first)},
          {"parameters", static_cast<double>(model.network.parameter_count())},
          {"born", static_cast<double>(result.born)},
          {"removed", static_cast<double>(result.removed)}};
}

}  // namespace isoform
