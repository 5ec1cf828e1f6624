// Opening, asking and saving a model.
#include <fmt/format.h>

#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/c/handle.h"
#include "isoform/io/model_file.h"
#include "isoform/network/cost.h"

using namespace isoform;
using namespace isoform::c;

const char* isoform_version(void) {
  static const std::string text = version();
  return text.c_str();
}

isoform_status isoform_open(const char* path, int threads, isoform_model** model) {
  if (model != nullptr) *model = nullptr;
  return guarded([&] {
    require(path, "open", "a path");
    require(model, "open", "a place for the model");
    if (threads < 0) {
      throw UsageError(fmt::format("open: needs 0 (all cores) or more threads, got {}", threads));
    }
    auto opened = std::make_unique<isoform_model>();
    opened->model = load_model<float>(path);
    opened->engine = create_engine<float>({"cpu", threads});
    opened->predictors.resize(isoform_tasks(opened.get()));
    *model = opened.release();
  });
}

void isoform_close(isoform_model* model) { delete model; }

isoform_status isoform_save(const isoform_model* model, const char* path) {
  return guarded([&] {
    require(model, "save", "a model");
    require(path, "save", "a path");
    save_model(model->model, path);
  });
}

size_t isoform_parameters(const isoform_model* model) {
  return model == nullptr ? 0 : static_cast<size_t>(cost_of(model->model.network).parameters);
}

size_t isoform_tasks(const isoform_model* model) {
  return model == nullptr ? 0 : std::max<size_t>(1, model->model.tasks.size());
}

const char* isoform_task_name(const isoform_model* model, size_t task) {
  if (model == nullptr || task >= model->model.tasks.size()) return nullptr;
  return model->model.tasks[task].name.c_str();
}

size_t isoform_inputs(const isoform_model* model, size_t task) {
  if (task >= isoform_tasks(model)) return 0;
  return static_cast<size_t>(inputs_of(model->model, task));
}

const char* isoform_input_name(const isoform_model* model, size_t task, size_t input) {
  if (task >= isoform_tasks(model)) return nullptr;
  const std::vector<int> all = model->model.network.inputs();
  for (const int id : route_of(model->model, task).inputs) {
    const auto width = static_cast<size_t>(model->model.network.space(id).dimension);
    if (input >= width) {
      input -= width;
      continue;
    }
    const auto k = static_cast<size_t>(std::find(all.begin(), all.end(), id) - all.begin());
    if (k >= model->model.inputs.size()) return nullptr;
    const std::vector<std::string>& names = model->model.inputs[k].features;
    return input < names.size() ? names[input].c_str() : nullptr;
  }
  return nullptr;
}

size_t isoform_outputs(const isoform_model* model, size_t task) {
  if (task >= isoform_tasks(model)) return 0;
  return static_cast<size_t>(outputs_of(model->model, task));
}

const char* isoform_output_name(const isoform_model* model, size_t task, size_t output) {
  if (model == nullptr || task >= model->model.tasks.size()) return nullptr;
  const std::vector<std::string>& names = model->model.tasks[task].outputs;
  return output < names.size() ? names[output].c_str() : nullptr;
}

size_t isoform_layers(const isoform_model* model) {
  return model == nullptr ? 0 : model->model.network.hidden().size();
}

size_t isoform_width(const isoform_model* model, size_t layer) {
  if (layer < 1 || layer > isoform_layers(model)) return 0;
  const Network<float>& network = model->model.network;
  return static_cast<size_t>(network.space(network.hidden()[layer - 1]).dimension);
}
