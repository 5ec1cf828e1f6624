#include "isoform/serve/version.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "isoform/model/tasks.h"
#include "isoform/serve/http.h"

namespace isoform {

std::size_t Version::task_index(std::string_view name) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].name == name || (name.empty() && tasks.size() == 1)) return i;
    names.push_back(tasks[i].name);
  }
  if (name.empty()) {
    throw HttpError(422,
                    fmt::format("task: the model has {}; say which one", fmt::join(names, ", ")));
  }
  throw HttpError(
      404, fmt::format("task: '{}' is unknown; the model has {}", name, fmt::join(names, ", ")));
}

VersionPtr make_version(Model<float> model, std::uint64_t number, std::string made_by,
                        const std::string& name) {
  name_parts(model, name);
  auto version =
      std::make_shared<Version>(Version{number, std::move(made_by), std::move(model), {}});
  const Model<float>& own = version->model;
  for (std::size_t i = 0; i < own.tasks.size(); ++i) {
    const Route route = own.route(i);
    ServedTask task{own.tasks[i].name, route.inputs, 0,
                    own.network.space(route.outputs.front()).dimension,
                    Predictor<float>(own.network, route)};
    for (const int id : route.inputs) task.features += own.network.space(id).dimension;
    version->tasks.push_back(std::move(task));
  }
  return version;
}

AnswerKind answer_kind(const Version& version, std::size_t task) {
  if (version.model.schema) {
    switch (version.model.schema->target) {
      case TargetKind::classes:
        return AnswerKind::classes;
      case TargetKind::labels:
        return AnswerKind::labels;
      case TargetKind::numbers:
        return AnswerKind::numbers;
    }
  }
  const Task& own = version.model.tasks[task];
  const bool numbers =
      own.loss == Loss::huber || (own.loss == Loss::squared && own.outputs.size() == 1);
  return numbers ? AnswerKind::numbers : AnswerKind::classes;
}

std::string_view answer_kind_name(AnswerKind kind) {
  return kind == AnswerKind::classes  ? "classes"
         : kind == AnswerKind::labels ? "labels"
                                      : "numbers";
}

void standardise(const Version& version, std::size_t task, Matrix<float>& x) {
  Index row = 0;
  for (const int id : version.tasks[task].inputs) {
    const Index n = version.model.network.space(id).dimension;
    version.model.standardise(x.middleRows(row, n), id);
    row += n;
  }
}

nlohmann::json describe(const Version& version, bool brief) {
  const Model<float>& model = version.model;
  nlohmann::json tasks = nlohmann::json::array();
  for (std::size_t i = 0; i < version.tasks.size(); ++i) {
    const ServedTask& task = version.tasks[i];
    nlohmann::json one = {{"name", task.name},
                          {"features", task.features},
                          {"outputs", task.outputs},
                          {"answers", answer_kind_name(answer_kind(version, i))},
                          {"loss", loss_name(model.tasks[i].loss)}};
    if (!brief) one["classes"] = model.tasks[i].outputs;
    if (!brief) one["inputs"] = model.tasks[i].inputs;
    tasks.push_back(std::move(one));
  }
  nlohmann::json json = {{"version", version.number},
                         {"made_by", version.made_by},
                         {"widths", model.network.widths()},
                         {"parameters", model.network.parameter_count()},
                         {"reads_rows", model.schema.has_value()},
                         {"tasks", std::move(tasks)}};
  if (brief) return json;
  json["inputs"] = nlohmann::json::array();
  const std::vector<int> ids = model.network.inputs();
  for (std::size_t k = 0; k < model.inputs.size(); ++k) {
    json["inputs"].push_back({{"name", model.inputs[k].name},
                              {"features", model.network.space(ids[k]).dimension},
                              {"feature_names", model.inputs[k].features}});
  }
  if (model.schema) {
    json["columns"] = nlohmann::json::array();
    for (const Column& column : model.schema->columns) {
      if (column.kind == ColumnKind::ignored) continue;
      nlohmann::json one = {{"name", column.name}, {"kind", column_kind_name(column.kind)}};
      if (column.kind == ColumnKind::category) one["categories"] = column.categories;
      json["columns"].push_back(std::move(one));
    }
    json["targets"] = model.schema->targets;
  }
  return json;
}

}  // namespace isoform
