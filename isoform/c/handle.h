// What is behind the handle of the C interface, and how exceptions become codes. Private to c.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "isoform/c/isoform.h"
#include "isoform/compile/predictor.h"
#include "isoform/model/model.h"

struct isoform_model {
  isoform::Model<float> model;
  std::unique_ptr<isoform::Engine<float>> engine;
  std::vector<std::optional<isoform::Predictor<float>>> predictors;  // of each task, once asked
};

namespace isoform::c {

/// Runs a function; what it throws becomes a code and the thread's message.
isoform_status guarded(const std::function<void()>& function) noexcept;

/// Throw UsageError, beginning with `what`, for NULL and for a task that is none.
void require(const void* pointer, const char* what, const char* needed);
void require_task(const isoform_model& model, std::size_t task, const char* what);

/// Inputs (spaces) that a task reads, and what it answers with; a model without tasks has one of all.
Route route_of(const Model<float>& model, std::size_t task);
Index inputs_of(const Model<float>& model, std::size_t task);
Index outputs_of(const Model<float>& model, std::size_t task);

/// Samples of a task [inputs × samples] as all inputs one below the other, standardised; 0 where the task reads nothing.
Matrix<float> stacked(const Model<float>& model, std::size_t task, const float* x, Index samples);

}  // namespace isoform::c
