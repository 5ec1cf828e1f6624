// Using a model on data: logits, predictions, scores.
#pragma once

#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/linalg/engine.h"
#include "isoform/model/model.h"

namespace isoform {

/// Throws UsageError unless the data has the model's inputs (and, if asked, its classes).
template <class T>
void require_fitting(const Model<T>& model, const Dataset& data, bool classes = true);

/// Logits [classes × samples], raw data standardised by the model. Memory: the result.
template <class T>
Matrix<T> logits(const Model<T>& model, const Dataset& data, Engine<T>& engine);

struct Evaluation {
  Index samples = 0;
  double loss = 0;          // mean
  double accuracy = 0;      // share of samples, 0–1
  Matrix<Index> confusion;  // [classes × classes], row = label, column = prediction
};

/// Scores every sample; NaN loss for an empty set.
template <class T>
Evaluation evaluate(const Model<T>& model, const Dataset& data, Engine<T>& engine);

}  // namespace isoform
