#include "isoform/experiment/training.h"

#include <algorithm>
#include <cmath>

#include "isoform/data/split.h"
#include "isoform/network/change.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

// Probabilities.
Vector<double> softmax(const Vector<double>& z) {
  Vector<double> p = (z.array() - z.maxCoeff()).exp();
  return p / p.sum();
}

}  // namespace

void train_model(TrialRun& run, Model<float>& model, std::vector<TaskData> data,
                 const RunSettings& settings, const AfterEpoch& after_epoch) {
  Trainer<float> trainer(model, std::move(data), settings.training, run.engine(), {}, run.stop());
  while (trainer.run_epoch()) {
    if (after_epoch) after_epoch(trainer, model);
  }
  const TrainResult result = trainer.finish();
  run.check();
  if (result.reason == StopReason::diverged) run.measure("diverged", 1);
}

Model<float> train_model(TrialRun& run, const RunSettings& settings, const Dataset& training,
                         const AfterEpoch& after_epoch) {
  Model<float> model = create_model<float>(settings, training);
  train_model(run, model, {{training.name(), training, Dataset()}}, settings, after_epoch);
  return model;
}

double accuracy_of(const Matrix<float>& logits, const std::vector<std::uint32_t>& labels) {
  Index right = 0;
  for (Index j = 0; j < logits.cols(); ++j) {
    Index best = 0;
    logits.col(j).maxCoeff(&best);
    if (best == static_cast<Index>(labels[static_cast<std::size_t>(j)])) ++right;
  }
  return static_cast<double>(right) / static_cast<double>(std::max<Index>(logits.cols(), 1));
}

LogitChange compare_logits(const Matrix<float>& before, const Matrix<float>& after,
                           const std::vector<std::uint32_t>& labels) {
  LogitChange change;
  change.accuracy_points = 100 * (accuracy_of(after, labels) - accuracy_of(before, labels));
  change.error_percent =
      100 * measure_change<float>(ConstView<float>(before), ConstView<float>(after)).mean;
  for (Index j = 0; j < before.cols(); ++j) {
    const Vector<double> p = softmax(before.col(j).cast<double>());
    const Vector<double> q = softmax(after.col(j).cast<double>());
    for (Index i = 0; i < p.size(); ++i) {
      if (p[i] > 0) change.divergence += p[i] * (std::log(p[i]) - std::log(q[i]));
    }
  }
  change.divergence /= static_cast<double>(std::max<Index>(before.cols(), 1));
  return change;
}

void measure_change(TrialRun& run, const LogitChange& change, const Labels& at) {
  run.measure("accuracy change", change.accuracy_points, at);
  run.measure("scaled error", change.error_percent, at);
  run.measure("KL", change.divergence, at);
}

Matrix<float> some_samples(const Model<float>& model, const Dataset& training, Index count) {
  std::vector<std::uint32_t> order =
      epoch_order(static_cast<std::uint32_t>(training.samples()), 0, 0);
  order.resize(std::min(order.size(), static_cast<std::size_t>(count)));
  return stacked_samples(model, 0, training, order);
}

}  // namespace isoform
