#include "isoform/c/handle.h"

#include <fmt/format.h>

#include <new>

#include "isoform/base/error.h"

namespace isoform::c {

namespace {

thread_local std::string message;

isoform_status fail(isoform_status status, const char* what) noexcept {
  try {
    message = what;
  } catch (...) {
    message.clear();
  }
  return status;
}

}  // namespace

isoform_status guarded(const std::function<void()>& function) noexcept {
  message.clear();
  try {
    function();
    return ISOFORM_OK;
  } catch (const UsageError& error) {
    return fail(ISOFORM_USAGE, error.what());
  } catch (const FileError& error) {
    return fail(ISOFORM_FILE, error.what());
  } catch (const FormatError& error) {
    return fail(ISOFORM_FORMAT, error.what());
  } catch (const std::bad_alloc&) {
    return fail(ISOFORM_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return fail(ISOFORM_FAILED, error.what());
  } catch (...) {
    return fail(ISOFORM_FAILED, "an unknown failure");
  }
}

void require(const void* pointer, const char* what, const char* needed) {
  if (pointer == nullptr) throw UsageError(fmt::format("{}: needs {}, got NULL", what, needed));
}

void require_task(const isoform_model& model, std::size_t task, const char* what) {
  const std::size_t tasks = isoform_tasks(&model);
  if (task >= tasks) {
    throw UsageError(fmt::format("{}: tasks are 0 to {}, got {}", what, tasks - 1, task));
  }
}

Route route_of(const Model<float>& model, std::size_t task) {
  Route route = model.route(task);
  if (route.inputs.empty()) route.inputs = model.network.inputs();
  if (route.outputs.empty()) route.outputs = model.network.outputs();
  return route;
}

Index inputs_of(const Model<float>& model, std::size_t task) {
  Index count = 0;
  for (const int id : route_of(model, task).inputs) count += model.network.space(id).dimension;
  return count;
}

Index outputs_of(const Model<float>& model, std::size_t task) {
  Index count = 0;
  for (const int id : route_of(model, task).outputs) count += model.network.space(id).dimension;
  return count;
}

Matrix<float> stacked(const Model<float>& model, std::size_t task, const float* x, Index samples) {
  const Eigen::Map<const Matrix<float>> own(x, inputs_of(model, task), samples);
  Matrix<float> all = Matrix<float>::Zero(model.network.widths().front(), samples);
  Index row = 0;
  for (const int id : route_of(model, task).inputs) {
    const RowRange rows = model.rows_of_input(id);
    const Index n = rows.end - rows.begin;
    View<float> part = all.middleRows(rows.begin, n);
    part = own.middleRows(row, n);
    model.standardise(part, id);
    row += n;
  }
  return all;
}

}  // namespace isoform::c

const char* isoform_error(void) { return isoform::c::message.c_str(); }
