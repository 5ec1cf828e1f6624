// What a model says of the rows of a table, in the table's own terms, and how good that is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "isoform/train/evaluate.h"

namespace isoform {

/// Turns logits y of a task [outputs × samples] into answers: probabilities (softmax of cross_entropy; the logistic function of
/// binary), or numbers in the units of the table. A model without schema that was trained on classes answers with probabilities.
template <class T>
void to_answers(const Model<T>& model, std::size_t task, Matrix<double>& y);
/// Answers of a task [outputs × samples].
template <class T>
Matrix<double> table_answers(const Model<T>& model, const Dataset& data, Engine<T>& engine,
                             std::size_t task = 0);

/// A figure with the name that people know.
struct TableScore {
  std::string name;
  double value = 0;
  bool is_share = false;  // between 0 and 1, told in per cent
};
using TableScores = std::vector<TableScore>;
/// "97.31 %" or "0.9731"; "–" for NaN.
[[nodiscard]] std::string format_score(const TableScore& score);

/// The first is what models are compared by: accuracy (classes), exact match (labels), R² (numbers, in units of the table).
/// Then classes: macro F1, ROC AUC, log-loss, calibration error; labels: macro F1, ROC AUC, log-loss; numbers: RMSE, MAE,
/// median error. NaN where a figure is not defined. Definitions: train/metrics.h.
[[nodiscard]] TableScores score_answers(const Schema& schema, const Matrix<double>& answers,
                                        const Dataset& data);

/// Targets of numbers in the units of the table [outputs × samples].
[[nodiscard]] Matrix<double> table_targets(const Schema& schema, const Dataset& data);

}  // namespace isoform
