#include "isoform/model/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "isoform/base/error.h"
#include "isoform/network/initialise.h"

namespace isoform {

namespace {

void require_free(std::string_view what, const std::string& name, const auto& list) {
  require_name(what, name);
  for (const auto& item : list) {
    if (item.name == name) {
      throw UsageError(fmt::format("{}: '{}' is taken; choose another name", what, name));
    }
  }
}

template <class T>
void start_at_random(Network<T>& network, int map, std::uint64_t seed) {
  Map<T>& m = network.map(map);
  m.weight() =
      initial_weights(Initialiser::orthogonal, m.a.rows(), m.inputs, seed, map).template cast<T>();
}

template <class Value>
Vector<Value> without_rows(const Vector<Value>& v, RowRange rows) {
  Vector<Value> left(v.size() - (rows.end - rows.begin));
  left << v.head(rows.begin), v.tail(v.size() - rows.end);
  return left;
}

template <class T>
void remove_input(Model<T>& model, std::size_t k) {
  const int space = model.network.inputs()[k];
  const RowRange rows = model.rows_of_input(space);
  model.mean = without_rows(model.mean, rows);
  model.scale = without_rows(model.scale, rows);
  model.network.remove_space(space);
  model.inputs.erase(model.inputs.begin() + static_cast<std::ptrdiff_t>(k));
}

}  // namespace

void require_name(std::string_view what, std::string_view name) {
  const bool controls =
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  bool text = true;
  try {
    static_cast<void>(nlohmann::json(name).dump());
  } catch (const nlohmann::json::type_error&) {
    text = false;
  }
  if (!text) throw UsageError(fmt::format("{}: needs a name in UTF-8, got other bytes", what));
  if (name.empty() || controls) {
    throw UsageError(fmt::format("{}: needs a name on one line, got {}", what,
                                 name.empty() ? "an empty text" : "one with control characters"));
  }
}

template <class T>
void name_parts(Model<T>& model, const std::string& name) {
  const std::vector<int> in = model.network.inputs();
  if (model.inputs.empty()) {
    for (std::size_t k = 0; k < in.size(); ++k) {
      model.inputs.push_back({k == 0 ? name : fmt::format("{} {}", name, k + 1)});
    }
  }
  if (model.tasks.empty()) {
    for (const int id : model.network.outputs()) {
      Task task;
      task.name = model.tasks.empty() ? name : fmt::format("{} {}", name, model.tasks.size() + 1);
      for (Index i = 0; i < model.network.space(id).dimension; ++i) {
        task.outputs.push_back(std::to_string(i));
      }
      model.tasks.push_back(std::move(task));
    }
  }
  for (Task& task : model.tasks) {  // "all" means those of now
    if (!task.inputs.empty()) continue;
    for (const Input& input : model.inputs) task.inputs.push_back(input.name);
  }
}

template <class T>
void append_input(Model<T>& model, const NewInput& added, Start start, std::uint64_t seed) {
  const Index n = added.mean.size();
  require_free("input", added.input.name, model.inputs);
  if (n < 1) throw UsageError("input: needs at least 1 feature, got none");
  ISOFORM_ASSERT(
      added.deviation.size() == n && model.inputs.size() == model.network.inputs().size(),
      "a deviation for each feature, a name for each input");
  const int id = model.network.add_like(model.network.inputs().back(), added.input.name, n);
  if (start == Start::random) {
    for (const int map : model.network.outgoing(id)) start_at_random(model.network, map, seed);
  }
  const Vector<T> mean = model.mean, scale = model.scale;
  model.set_transform(added.mean, added.deviation);
  const Vector<T> new_mean = model.mean, new_scale = model.scale;
  model.mean.resize(mean.size() + n);
  model.scale.resize(mean.size() + n);
  model.mean << mean, new_mean;
  model.scale << scale, new_scale;
  model.inputs.push_back(added.input);
  if (added.image_rows != model.image_rows || added.image_cols != model.image_cols) {
    model.image_rows = model.image_cols = 0;
  }
}

template <class T>
void append_task(Model<T>& model, const Task& task, std::uint64_t seed) {
  require_free("task", task.name, model.tasks);
  if (task.outputs.empty()) {
    throw UsageError(fmt::format("task '{}': needs at least 1 output, got none", task.name));
  }
  std::set<std::string> names;
  for (const std::string& output : task.outputs) {
    require_name(fmt::format("outputs of task '{}'", task.name), output);
    if (!names.insert(output).second) {
      throw UsageError(fmt::format("task '{}': has two outputs called '{}'", task.name, output));
    }
  }
  if (!(task.weight > 0 && task.weight <= kMaxWeight)) {
    throw UsageError(
        fmt::format("task '{}': weight needs a number above 0 and at most {:g}, got {}", task.name,
                    kMaxWeight, task.weight));
  }
  if (task.inputs.empty()) {
    throw UsageError(fmt::format("task '{}': needs an input to read, got none", task.name));
  }
  for (const std::string& input : task.inputs) static_cast<void>(model.input_index(input));
  const int id = model.network.add_like(model.network.outputs().back(), task.name,
                                        static_cast<Index>(task.outputs.size()));
  for (const int map : model.network.incoming(id)) start_at_random(model.network, map, seed);
  model.tasks.push_back(task);
}

template <class T>
void remove_task(Model<T>& model, std::string_view name) {
  const std::size_t index = model.task_index(name);
  if (model.tasks.size() == 1) {
    throw UsageError(fmt::format(
        "task '{}': is the only one, and a model needs an output; add another task first", name));
  }
  model.network.remove_space(model.network.outputs()[index]);
  model.tasks.erase(model.tasks.begin() + static_cast<std::ptrdiff_t>(index));
  for (std::size_t k = model.inputs.size(); k-- > 0;) {
    const auto reads = [&](const Task& task) {
      return task.inputs.empty() || std::find(task.inputs.begin(), task.inputs.end(),
                                              model.inputs[k].name) != task.inputs.end();
    };
    if (std::none_of(model.tasks.begin(), model.tasks.end(), reads)) remove_input(model, k);
  }
}

template <class T>
void rename_task(Model<T>& model, std::string_view name, const std::string& to) {
  const std::size_t index = model.task_index(name);
  if (name != to) require_free("task", to, model.tasks);
  model.tasks[index].name = to;
  model.network.space(model.network.outputs()[index]).name = to;
}

template <class T>
void rename_input(Model<T>& model, std::string_view name, const std::string& to) {
  const std::size_t index = model.input_index(name);
  if (name != to) require_free("input", to, model.inputs);
  for (Task& task : model.tasks)
    std::replace(task.inputs.begin(), task.inputs.end(), model.inputs[index].name, to);
  model.inputs[index].name = to;
  model.network.space(model.network.inputs()[index]).name = to;
}

template <class T>
void freeze_trunk(Model<T>& model, bool frozen) {
  const std::vector<int> outputs = model.network.outputs();
  for (const Space<T>& s : model.network.spaces()) {
    const bool output = std::find(outputs.begin(), outputs.end(), s.id) != outputs.end();
    if (output || model.network.is_given(s.id)) continue;
    const auto parts = static_cast<Index>(s.parts().size());
    for (Index part = 0; part < parts; ++part) model.network.space(s.id).set_frozen(part, frozen);
  }
}

template <class T>
void freeze_head(Model<T>& model, std::string_view task, bool frozen) {
  model.network.space(model.network.outputs()[model.task_index(task)]).set_frozen(0, frozen);
}

#define ISOFORM_FOR_SCALAR(T)                                                   \
  template void name_parts(Model<T>&, const std::string&);                      \
  template void append_input(Model<T>&, const NewInput&, Start, std::uint64_t); \
  template void append_task(Model<T>&, const Task&, std::uint64_t);             \
  template void remove_task(Model<T>&, std::string_view);                       \
  template void rename_task(Model<T>&, std::string_view, const std::string&);   \
  template void rename_input(Model<T>&, std::string_view, const std::string&);  \
  template void freeze_trunk(Model<T>&, bool);                                  \
  template void freeze_head(Model<T>&, std::string_view, bool);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
