#include "isoform/run/table_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/train/metrics.h"

namespace isoform {

namespace {

void to_probabilities(Matrix<double>& y) {
  for (Index j = 0; j < y.cols(); ++j) {
    y.col(j) = (y.col(j).array() - y.col(j).maxCoeff()).exp();
    y.col(j) /= y.col(j).sum();
  }
}

}  // namespace

std::string format_score(const TableScore& score) {
  if (std::isnan(score.value)) return "–";
  if (score.is_share) return fmt::format("{:.2f} %", 100 * score.value);
  return fmt::format("{:.4g}", score.value);
}

template <class T>
void to_answers(const Model<T>& model, std::size_t task, Matrix<double>& y) {
  const TargetKind kind = model.schema ? model.schema->target : TargetKind::classes;
  const Loss loss = model.tasks.empty() ? Loss::cross_entropy : model.tasks[task].loss;
  switch (kind) {
    case TargetKind::classes:
      // Other losses are fitted to one-hot targets: what they say is no logarithm.
      if (loss == Loss::cross_entropy) {
        to_probabilities(y);
      } else if (loss == Loss::binary) {
        y = (1 / (1 + (-y.array()).exp())).matrix();
        for (Index j = 0; j < y.cols(); ++j) y.col(j) /= y.col(j).sum();
      } else {
        y = y.cwiseMax(1e-9).cwiseMin(1.0);
        for (Index j = 0; j < y.cols(); ++j) y.col(j) /= y.col(j).sum();
      }
      break;
    case TargetKind::labels:
      if (loss == Loss::binary) {
        y = (1 / (1 + (-y.array()).exp())).matrix();
      } else {
        y = y.cwiseMax(0.0).cwiseMin(1.0);
      }
      break;
    case TargetKind::numbers:
      for (Index i = 0; i < y.rows(); ++i) {
        const auto k = static_cast<std::size_t>(i);
        y.row(i) = (y.row(i).array() * model.schema->scale[k] + model.schema->mean[k]).matrix();
      }
      break;
  }
}

template <class T>
Matrix<double> table_answers(const Model<T>& model, const Dataset& data, Engine<T>& engine,
                             std::size_t task) {
  Matrix<double> y = logits(model, data, engine, task).template cast<double>();
  to_answers(model, task, y);
  return y;
}

Matrix<double> table_targets(const Schema& schema, const Dataset& data) {
  Matrix<double> targets(static_cast<Index>(data.classes().size()), data.samples());
  for (Index j = 0; j < data.samples(); ++j) {
    const std::span<const float> own = data.targets(j);
    for (std::size_t k = 0; k < own.size(); ++k) {
      const auto value = static_cast<double>(own[k]);
      targets(static_cast<Index>(k), j) =
          schema.target == TargetKind::numbers ? value * schema.scale[k] + schema.mean[k] : value;
    }
  }
  return targets;
}

TableScores score_answers(const Schema& schema, const Matrix<double>& answers,
                          const Dataset& data) {
  std::vector<double> weights;
  for (Index i = 0; i < data.samples() && data.has_weights(); ++i) {
    weights.push_back(static_cast<double>(data.weight(i)));
  }
  switch (schema.target) {
    case TargetKind::classes: {
      const ClassificationMetrics m = classification_metrics(answers, data.labels(), weights);
      return {{"accuracy", m.accuracy, true},
              {"macro F1", m.macro_f1, true},
              {"ROC AUC", m.roc_auc, false},
              {"log-loss", m.log_loss, false},
              {"calibration error", m.calibration_error, true}};
    }
    case TargetKind::labels: {
      const MultiLabelMetrics m =
          multi_label_metrics(answers, table_targets(schema, data), weights);
      return {{"exact match", m.exact_match, true},
              {"macro F1", m.macro_f1, true},
              {"ROC AUC", m.macro_roc_auc, false},
              {"log-loss", m.log_loss, false}};
    }
    case TargetKind::numbers:
      break;
  }
  const RegressionMetrics m = regression_metrics(answers, table_targets(schema, data), weights);
  return {{"R²", m.mean.r2, false},
          {"RMSE", m.mean.rmse, false},
          {"MAE", m.mean.mae, false},
          {"median error", m.mean.median_absolute_error, false}};
}

template void to_answers(const Model<float>&, std::size_t, Matrix<double>&);
template void to_answers(const Model<double>&, std::size_t, Matrix<double>&);
template Matrix<double> table_answers(const Model<float>&, const Dataset&, Engine<float>&,
                                      std::size_t);
template Matrix<double> table_answers(const Model<double>&, const Dataset&, Engine<double>&,
                                      std::size_t);

}  // namespace isoform
