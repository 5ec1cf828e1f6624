#include "isoform/io/onnx_words.h"

#include <fmt/format.h>

#include <set>

#include "isoform/base/error.h"
#include "isoform/io/json.h"
#include "isoform/model/tasks.h"

namespace isoform::detail {

using nlohmann::json;

namespace {

std::string text_of(const json& list) {
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string name_of(const Field& field) {
  std::string name = field.text();
  try {
    require_name(field.where(), name);
  } catch (const UsageError& error) {
    throw FormatError(error.what());
  }
  return name;
}

std::vector<std::string> names_of(const Field& list) {
  std::vector<std::string> names;
  std::set<std::string> known;
  for (const Field& field : list.list()) {
    names.push_back(name_of(field));
    if (!known.insert(names.back()).second) field.fail("names that differ");
  }
  return names;
}

}  // namespace

template <class T>
std::string onnx_inputs_json(const Model<T>& model, const OnnxNames& names) {
  json list = json::array();
  for (std::size_t k = 0; k < model.inputs.size(); ++k) {
    const Input& input = model.inputs[k];
    list.push_back(
        {{"name", input.name}, {"input", names.inputs[k]}, {"features", input.features}});
  }
  return text_of(list);
}

template <class T>
std::string onnx_tasks_json(const Model<T>& model, const OnnxNames& names) {
  json list = json::array();
  for (std::size_t k = 0; k < model.tasks.size(); ++k) {
    const Task& task = model.tasks[k];
    list.push_back({{"name", task.name},
                    {"output", names.outputs[k]},
                    {"classes", task.outputs},
                    {"loss", loss_name(task.loss)},
                    {"inputs", task.inputs}});
  }
  return text_of(list);
}

std::vector<Input> parse_onnx_inputs(const std::string& text, const std::string& file) {
  const std::string where = fmt::format("'{}', {}", file, kOnnxInputsKey);
  const json all = parse_json(text, where);
  std::vector<Input> inputs;
  for (const Field& input : Field(all, where).list()) {
    inputs.push_back({name_of(input["name"]), names_of(input["features"])});
  }
  return inputs;
}

std::vector<Task> parse_onnx_tasks(const std::string& text, const std::string& file) {
  const std::string where = fmt::format("'{}', {}", file, kOnnxTasksKey);
  const json all = parse_json(text, where);
  std::vector<Task> tasks;
  for (const Field& entry : Field(all, where).list()) {
    Task task;
    task.name = name_of(entry["name"]);
    task.outputs = names_of(entry["classes"]);
    task.inputs = names_of(entry["inputs"]);
    try {
      task.loss = loss_from_name(entry["loss"].text());
    } catch (const UsageError& error) {
      throw FormatError(fmt::format("{}: {}", where, error.what()));
    }
    tasks.push_back(std::move(task));
  }
  return tasks;
}

template std::string onnx_inputs_json(const Model<float>&, const OnnxNames&);
template std::string onnx_inputs_json(const Model<double>&, const OnnxNames&);
template std::string onnx_tasks_json(const Model<float>&, const OnnxNames&);
template std::string onnx_tasks_json(const Model<double>&, const OnnxNames&);

}  // namespace isoform::detail
