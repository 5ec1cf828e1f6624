#include "isoform/study/baseline_training.h"

#include <chrono>
#include <cmath>
#include <numeric>
#include <span>

#include "isoform/data/split.h"
#include "isoform/train/objective.h"
#include "isoform/train/schedule.h"

namespace isoform {

namespace {

constexpr Index kEvaluationBatch = 500;

template <class T>
Evaluation score(Baseline<T>& network, const Model<T>& transform, Loss loss, const Dataset& data,
                 Engine<T>& engine) {
  Evaluation result;
  std::vector<std::uint32_t> order(static_cast<std::size_t>(data.samples()));
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t at = 0; at < order.size(); at += kEvaluationBatch) {
    const auto samples = std::span<const std::uint32_t>(order).subspan(
        at, std::min<std::size_t>(kEvaluationBatch, order.size() - at));
    network.prepare(static_cast<Index>(samples.size()));
    data.gather(samples, network.input());
    transform.standardise(network.input());
    network.forward(engine);
    const BatchScore batch = score_batch<T>(
        loss, network.output(), std::span(data.labels()).subspan(at, samples.size()), nullptr);
    result.loss += batch.loss;
    result.accuracy += static_cast<double>(batch.correct);
    result.samples += batch.samples;
  }
  result.loss /= static_cast<double>(result.samples);
  result.accuracy /= static_cast<double>(result.samples);
  return result;
}

}  // namespace

template <class T>
BaselineScores train_baseline(const std::vector<Index>& hidden, Activation activation, Loss loss,
                              const TrainSettings& settings, const Dataset& training,
                              const Dataset& validation, const Dataset& test, Engine<T>& engine,
                              const std::atomic<bool>* stop) {
  settings.validate();
  BaselineSettings shape{{training.features()}, activation, settings.seed};
  shape.widths.insert(shape.widths.end(), hidden.begin(), hidden.end());
  shape.widths.push_back(static_cast<Index>(training.classes().size()));
  Baseline<T> network(shape);
  Model<T> transform;  // for its standardisation alone
  const FeatureStatistics statistics = input_statistics(training, settings.scaling);
  transform.set_transform(statistics.mean, statistics.standard_deviation);

  OptimiserSettings method = settings.optimiser;
  method.second_moment = SecondMoment::squared;  // nothing turns here
  Optimiser<T> optimiser(method);
  const Index batch = std::min(settings.batch_size, training.samples());
  const std::int64_t each = (training.samples() + batch - 1) / batch;
  BaselineScores scores;
  scores.parameters = network.parameter_count();
  const auto begin = std::chrono::steady_clock::now();
  std::int64_t step = 0;
  std::vector<std::uint32_t> labels;
  for (int epoch = 1; epoch <= settings.epochs; ++epoch) {
    const std::vector<std::uint32_t> order =
        epoch_order(static_cast<std::uint32_t>(training.samples()), settings.seed,
                    static_cast<std::uint64_t>(epoch));
    for (std::size_t at = 0; at < order.size(); at += static_cast<std::size_t>(batch), ++step) {
      if (stop != nullptr && stop->load()) {
        scores.stopped = true;
        return scores;
      }
      const auto samples = std::span<const std::uint32_t>(order).subspan(
          at, std::min<std::size_t>(static_cast<std::size_t>(batch), order.size() - at));
      network.prepare(static_cast<Index>(samples.size()));
      training.gather(samples, network.input());
      transform.standardise(network.input());
      network.forward(engine, {settings.input_dropout, settings.dropout, settings.seed,
                               static_cast<std::uint64_t>(step)});
      labels.clear();
      for (const std::uint32_t i : samples) labels.push_back(training.labels()[i]);
      View<T> gradient = network.output_gradient();
      const BatchScore now =
          score_batch<T>(loss, network.output(), labels, &gradient, settings.label_smoothing);
      if (!std::isfinite(now.loss)) {
        scores.diverged = true;
        scores.validation.accuracy = scores.test.accuracy =
            1.0 / static_cast<double>(training.classes().size());
        return scores;
      }
      network.backward(engine);
      const std::vector<Parameter<T>> parameters = network.parameters();
      if (settings.clip_norm > 0) clip_gradients<T>(parameters, settings.clip_norm);
      optimiser.step(parameters, engine,
                     settings.optimiser.rate() *
                         schedule_factor(settings.schedule, step, each * settings.epochs));
    }
  }
  scores.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!validation.empty()) {
    scores.validation = score(network, transform, loss, validation, engine);
  }
  scores.test = score(network, transform, loss, test, engine);
  return scores;
}

template BaselineScores train_baseline(const std::vector<Index>&, Activation, Loss,
                                       const TrainSettings&, const Dataset&, const Dataset&,
                                       const Dataset&, Engine<float>&, const std::atomic<bool>*);
template BaselineScores train_baseline(const std::vector<Index>&, Activation, Loss,
                                       const TrainSettings&, const Dataset&, const Dataset&,
                                       const Dataset&, Engine<double>&, const std::atomic<bool>*);

}  // namespace isoform
