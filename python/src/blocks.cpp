// Outputs, features, inputs and tasks that come and go.
#include "isoform/model/blocks.h"

#include <fmt/format.h>

#include "isoform/model/tasks.h"
#include "python/src/core.h"
#include "python/src/data.h"

namespace isoform::python {

namespace {

using Names = std::vector<std::string>;

Vector<double> as_vector(const std::vector<double>& values, std::size_t count, const char* what) {
  if (values.size() != 1 && values.size() != count) {
    throw UsageError(
        fmt::format("{}: needs one number for all, or {}, got {}", what, count, values.size()));
  }
  Vector<double> v(static_cast<Index>(count));
  for (std::size_t i = 0; i < count; ++i) {
    v[static_cast<Index>(i)] = values[values.size() == 1 ? 0 : i];
  }
  return v;
}

std::string only_task(const auto& model, const std::string& name) {
  if (!name.empty() || model.tasks.size() != 1) {
    return model.tasks[model.task_index(name)].name;
  }
  return model.tasks.front().name;
}

std::string only_input(const auto& model, const std::string& name) {
  if (!name.empty() || model.inputs.size() != 1) {
    return model.inputs[model.input_index(name)].name;
  }
  return model.inputs.front().name;
}

// Names that a model needs before its parts can be told.
void name_all(auto& model) {
  name_parts(model, model.tasks.empty() ? "task" : model.tasks.front().name);
}

void add_outputs(Core& core, const std::string& task, const Names& names) {
  core.change([&](auto& model, const BeforeApply& follow) {
    name_all(model);
    append_outputs(model, only_task(model, task), names, follow);
    return Json();
  });
}

void drop_outputs(Core& core, const std::string& task, const Names& names) {
  core.change([&](auto& model, const BeforeApply& follow) {
    name_all(model);
    remove_outputs(model, only_task(model, task), names, follow);
    return Json();
  });
}

void call_output(Core& core, const std::string& task, const std::string& name,
                 const std::string& to) {
  core.change([&](auto& model, const BeforeApply&) {
    name_all(model);
    rename_output(model, only_task(model, task), name, to);
    return Json();
  });
}

void add_features(Core& core, const std::string& input, const Names& names,
                  const std::vector<double>& mean, const std::vector<double>& deviation) {
  const Vector<double> means = as_vector(mean, names.size(), "mean");
  const Vector<double> deviations = as_vector(deviation, names.size(), "deviation");
  core.change([&](auto& model, const BeforeApply& follow) {
    name_all(model);
    append_features(model, only_input(model, input), names, means, deviations, follow);
    return Json();
  });
}

py::object drop_features(Core& core, const std::string& wanted, const Names& names,
                         const std::optional<Dataset>& data, const std::string& task) {
  return to_python(core.change([&](auto& model, const BeforeApply& follow) -> Json {
    using T = std::decay_t<decltype(model.mean[0])>;
    name_all(model);
    const std::string input = only_input(model, wanted);
    name_features(model, input);
    Matrix<T> x(model.network.widths().front(), 0);
    if (data) x = samples_of<T>(model, *data, task);
    const FeatureRemoval done = remove_features<T>(
        model, input, feature_positions(model, input, names), ConstView<T>(x), follow);
    const auto maybe = [](const std::optional<double>& value) {
      return value ? Json(*value) : Json();
    };
    return {{"samples", done.samples},
            {"unexplained", done.unexplained},
            {"moved", done.moved},
            {"bound", maybe(done.bound)},
            {"largest_bound", maybe(done.largest_bound)},
            {"why_no_bound", done.why_not}};
  }));
}

void add_input(Core& core, const std::string& name, const Names& features,
               const std::vector<double>& mean, const std::vector<double>& deviation, bool random,
               std::uint64_t seed) {
  const NewInput input{{name, features},
                       as_vector(mean, features.size(), "mean"),
                       as_vector(deviation, features.size(), "deviation")};
  core.change([&](auto& model, const BeforeApply&) {
    name_all(model);
    append_input(model, input, random ? Start::random : Start::zero, seed);
    return Json();
  });
}

void add_task(Core& core, const std::string& name, const Names& outputs, const Names& inputs,
              const std::string& loss, double weight, std::uint64_t seed) {
  Task task{name, outputs, loss_from_name(loss), true, inputs, weight};
  core.change([&](auto& model, const BeforeApply&) {
    name_all(model);
    for (const Input& input : model.inputs) {
      if (inputs.empty()) task.inputs.push_back(input.name);
    }
    append_task(model, task, seed);
    return Json();
  });
}

void drop_task(Core& core, const std::string& name) {
  core.change([&](auto& model, const BeforeApply&) {
    name_all(model);
    remove_task(model, name);
    return Json();
  });
}

void call_task(Core& core, const std::string& name, const std::string& to) {
  core.change([&](auto& model, const BeforeApply&) {
    name_all(model);
    rename_task(model, name, to);
    return Json();
  });
}

void switch_task(Core& core, const std::string& name, bool active) {
  core.change([&](auto& model, const BeforeApply&) {
    name_all(model);
    model.tasks[model.task_index(name)].active = active;
    return Json();
  });
}

void freeze(Core& core, const std::string& task, bool frozen) {
  core.change([&](auto& model, const BeforeApply&) {
    name_all(model);
    if (task.empty()) {
      freeze_trunk(model, frozen);
    } else {
      freeze_head(model, task, frozen);
    }
    return Json();
  });
}

}  // namespace

void bind_blocks(py::class_<Core>& core) {
  core.def("append_outputs", &add_outputs);
  core.def("remove_outputs", &drop_outputs);
  core.def("rename_output", &call_output);
  core.def("append_features", &add_features);
  core.def("remove_features", &drop_features);
  core.def("append_input", &add_input);
  core.def("append_task", &add_task);
  core.def("remove_task", &drop_task);
  core.def("rename_task", &call_task);
  core.def("switch_task", &switch_task);
  core.def("freeze", &freeze);
}

}  // namespace isoform::python
