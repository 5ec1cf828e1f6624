// Using a model on data: logits, predictions, scores.
//
// Samples belong to a task: their features are those of the inputs that the task reads, one after the other,
// their labels are its outputs. The other inputs are absent.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/linalg/engine.h"
#include "isoform/model/model.h"

namespace isoform {

/// The task that data are for: the named one; without a name the only one, or the one that is called like the data.
/// Throws UsageError where that leaves a choice.
template <class T>
std::size_t task_for(const Model<T>& model, const Dataset& data, std::string_view name = {});

/// The same for what needs no labels: where task_for has no answer, but all tasks read the same inputs, all of them.
template <class T>
std::vector<std::size_t> tasks_for(const Model<T>& model, const Dataset& data,
                                   std::string_view name = {});

/// Throws UsageError unless the data has the features of a task's inputs (and, if asked, its classes).
template <class T>
void require_fitting(const Model<T>& model, const Dataset& data, bool classes = true,
                     std::size_t task = 0);

/// The data as a task reads them. A model that has lost features takes those it has, by their names; of data without names it calls them
/// by their positions (model/blocks.h). Otherwise the data, as they are.
template <class T>
Dataset as_read(const Model<T>& model, const Dataset& data, std::size_t task = 0);

/// Writes standardised samples into the inputs of a route, `input(k)` being that of its k-th space [n × samples].
/// `buffer` is used where there are several, and keeps its storage. With the engine's threads, if one is given.
template <class T>
void feed(const Model<T>& model, const Route& route, const Dataset& data,
          std::span<const std::uint32_t> samples, const std::function<View<T>(std::size_t)>& input,
          Matrix<T>& buffer, Engine<T>* engine = nullptr);

/// Samples of a task as all inputs of the network one below the other, standardised; 0 where the task reads nothing.
template <class T>
Matrix<T> stacked_samples(const Model<T>& model, std::size_t task, const Dataset& data,
                          std::span<const std::uint32_t> samples);

/// Logits of a task [outputs × samples], raw data standardised by the model. Memory: the result.
template <class T>
Matrix<T> logits(const Model<T>& model, const Dataset& data, Engine<T>& engine,
                 std::size_t task = 0);

struct Evaluation {
  Index samples = 0;
  double loss = 0;      // mean, by weight
  double accuracy = 0;  // share of samples, 0–1; of labels: of samples all right; of numbers: NaN
  Matrix<Index>
      confusion;  // [classes × classes], row = label, column = prediction; none with targets
};

/// Scores every sample; NaN loss for an empty set.
template <class T>
Evaluation evaluate(const Model<T>& model, const Dataset& data, Engine<T>& engine,
                    std::size_t task = 0);

}  // namespace isoform
