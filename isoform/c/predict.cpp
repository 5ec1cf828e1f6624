// Answers of a model, and changes of its form.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/c/handle.h"
#include "isoform/run/table_scores.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/reduction.h"

using namespace isoform;
using namespace isoform::c;

namespace {

constexpr Index kBatch = 256;

Index counted(size_t samples, const char* what) {
  if (samples > static_cast<size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw UsageError(fmt::format("{}: needs fewer samples at a time, got {}", what, samples));
  }
  return static_cast<Index>(samples);
}

// Calls use(first, logits) for batches of samples.
template <class Use>
void predict(isoform_model& model, size_t task, const float* x, Index samples, const Use& use) {
  std::optional<Predictor<float>>& predictor = model.predictors[task];
  if (!predictor) predictor.emplace(model.model.network, route_of(model.model, task));
  const Index inputs = inputs_of(model.model, task);
  for (Index first = 0; first < samples; first += kBatch) {
    const Index count = std::min(kBatch, samples - first);
    predictor->prepare(count);
    predictor->set_input(stacked(model.model, task, x + first * inputs, count));
    predictor->run(*model.engine);
    use(first, predictor->output());
  }
}

void require_question(isoform_model* model, size_t task, const float* x, size_t samples,
                      const float* y, const char* what) {
  require(model, what, "a model");
  require_task(*model, task, what);
  if (samples == 0) return;
  require(x, what, "samples");
  require(y, what, "a place for answers");
}

// Predictors hold copies of the maps.
void changed(isoform_model& model) {
  for (auto& predictor : model.predictors) predictor.reset();
}

}  // namespace

isoform_status isoform_predict(isoform_model* model, size_t task, const float* x, size_t samples,
                               float* y) {
  return guarded([&] {
    require_question(model, task, x, samples, y, "predict");
    const Index outputs = outputs_of(model->model, task);
    predict(*model, task, x, counted(samples, "predict"), [&](Index first, View<float> logits) {
      Eigen::Map<Matrix<float>>(y + first * outputs, outputs, logits.cols()) = logits;
    });
  });
}

isoform_status isoform_answer(isoform_model* model, size_t task, const float* x, size_t samples,
                              float* y) {
  return guarded([&] {
    require_question(model, task, x, samples, y, "answer");
    const Index outputs = outputs_of(model->model, task);
    predict(*model, task, x, counted(samples, "answer"), [&](Index first, View<float> logits) {
      const Matrix<double> answers =
          answers_of_logits(model->model, Matrix<double>(logits.cast<double>()), task);
      Eigen::Map<Matrix<float>>(y + first * outputs, outputs, logits.cols()) =
          answers.cast<float>();
    });
  });
}

isoform_status isoform_rotate(isoform_model* model, size_t layer, uint64_t seed) {
  return guarded([&] {
    require(model, "rotate", "a model");
    const size_t layers = isoform_layers(model);
    if (layer < 1 || layer > layers) {
      throw UsageError(fmt::format("rotate: hidden layers are 1 to {}, got {}", layers, layer));
    }
    const int space = model->model.network.hidden()[layer - 1];
    const Edit edit = rotate_random(model->model.network, space, seed);
    model->model.network.apply(edit);
    changed(*model);
    model->model.record(edit.record);
  });
}

isoform_status isoform_shrink(isoform_model* model, size_t task, const float* x, size_t samples,
                              double tolerance, double* change) {
  return guarded([&] {
    require(model, "shrink", "a model");
    require_task(*model, task, "shrink");
    require(x, "shrink", "samples");
    Reducer<float> reducer(model->model.network, *model->engine,
                           stacked(model->model, task, x, counted(samples, "shrink")),
                           {.rule = Rule::jacobian, .refit = true});
    Reduction<float> reduction = reducer.to_tolerance(tolerance);
    if (reduction.layers.empty()) {
      throw Error(fmt::format(
          "shrink: nothing can go within {}: one neuron less changes the outputs by {:.2g} of "
          "their length",
          tolerance, reduction.cheapest));
    }
    if (change != nullptr) *change = reduction.change.mean;
    std::vector<EditRecord> records;
    for (const Edit& edit : reduction.edits) records.push_back(edit.record);
    model->model.network = std::move(reduction.network);
    changed(*model);
    for (const EditRecord& record : records) model->model.record(record);
  });
}
