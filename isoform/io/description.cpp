#include "isoform/io/description.h"

#include <cmath>

#include "isoform/io/description_words.h"

namespace isoform {

using detail::dumped;
using detail::known_name;
using nlohmann::json;

namespace {

constexpr const char* kAllInputs = "all";  // what a task reads that names no inputs
constexpr EditKind kEditKinds[] = {EditKind::rotate, EditKind::append,       EditKind::append_group,
                                   EditKind::reduce, EditKind::remove_group, EditKind::refit};

EditKind kind_from_name(const std::string& name) {
  for (const EditKind kind : kEditKinds) {
    if (edit_kind_name(kind) == name) return kind;
  }
  throw UsageError(fmt::format("edit {} is unknown", in_quotes(name)));
}

std::vector<std::string> parse_texts(const Field& field) {
  std::vector<std::string> texts;
  for (const Field& text : field.list()) texts.push_back(text.text());
  return texts;
}

json input_json(const InputDescription& d) {
  json object = {{"name", d.input.name}, {"size", d.size}};
  if (!d.input.features.empty()) object["features"] = d.input.features;
  return object;
}

InputDescription parse_input(const Field& field) {
  InputDescription d;
  d.input.name = field["name"].text();
  d.size = field["size"].integer(1);
  if (const auto features = field.find("features")) {
    d.input.features = parse_texts(*features);
    if (d.input.features.empty()) features->fail("a name for each feature");
  }
  return d;
}

json task_json(const Task& task) {
  json object = {{"name", task.name},
                 {"outputs", task.outputs},
                 {"loss", loss_name(task.loss)},
                 {"active", task.active}};
  if (task.inputs.empty()) {
    object["inputs"] = kAllInputs;
  } else {
    object["inputs"] = task.inputs;
  }
  if (task.weight != 1) object["weight"] = task.weight;
  return object;
}

Task parse_task(const Field& field) {
  Task task;
  task.name = field["name"].text();
  const Field inputs = field["inputs"];
  if (!inputs.is_text()) task.inputs = parse_texts(inputs);
  if (task.inputs.empty() && (!inputs.is_text() || inputs.text() != kAllInputs)) {
    inputs.fail("'all' or a list of names of inputs");
  }
  task.outputs = parse_texts(field["outputs"]);
  task.loss = known_name(field["loss"], loss_from_name);
  task.active = field["active"].flag();
  if (const auto weight = field.find("weight")) task.weight = weight->number();
  return task;
}

json record_json(const EditRecord& record) {
  json object = {{"step", record.step},     {"kind", edit_kind_name(record.kind)},
                 {"before", record.before}, {"after", record.after},
                 {"born", record.born},     {"removed", record.removed}};
  if (record.space >= 0) object["space"] = record.space;
  if (record.group) object["group"] = *record.group;
  if (record.score != 0 && std::isfinite(record.score)) object["score"] = record.score;
  if (record.bound && std::isfinite(*record.bound)) object["bound"] = *record.bound;
  if (record.change && std::isfinite(*record.change)) object["change"] = *record.change;
  if (!record.why.empty()) object["why"] = record.why;
  return object;
}

// In a graph the space may be gone.
int parse_record_space(const Field& record, const ModelDescription& d) {
  if (d.architecture == Layout::graph) {
    const auto field = record.find("space");
    if (!field) return -1;
    const std::int64_t space = field->integer(0);
    if (space >= static_cast<std::int64_t>(d.spaces.size())) {
      field->fail(fmt::format("the position of one of {} spaces, from 0", d.spaces.size()));
    }
    return static_cast<int>(space);
  }
  const Field field = record["space"];
  const std::int64_t space = field.integer(1);
  if (space > static_cast<std::int64_t>(d.hidden())) {
    field.fail(fmt::format("one of the {} hidden spaces", d.hidden()));
  }
  return static_cast<int>(space);
}

EditRecord parse_record(const Field& field, const ModelDescription& d) {
  EditRecord record;
  record.step = field["step"].integer(0);
  record.kind = known_name(field["kind"], kind_from_name);
  record.space = parse_record_space(field, d);
  record.before = field["before"].integer(0);
  record.after = field["after"].integer(0);
  record.born = field["born"].integer(0);
  record.removed = field["removed"].integer(0);
  if (const auto group = field.find("group")) record.group = group->integer(0);
  if (const auto score = field.find("score")) record.score = score->number();
  if (const auto bound = field.find("bound")) record.bound = bound->number();
  if (const auto change = field.find("change")) record.change = change->number();
  if (const auto why = field.find("why")) record.why = why->text();
  return record;
}

Layout parse_head(const Field& all, const std::string& file) {
  const std::int64_t format = all["format"].integer(1);
  if (format > kModelFormat) {
    throw FormatError(fmt::format(
        "'{}': written by a newer Isoform: format {}, this one reads {}; update Isoform to read it",
        file, format, kModelFormat));
  }
  const Field architecture = all["architecture"];
  if (architecture.text() == "chain") return Layout::chain;
  if (architecture.text() != "graph") {
    architecture.fail("'chain' or 'graph', which is all this Isoform reads");
  }
  return Layout::graph;
}

void parse_structures(const Field& field, ModelDescription& d) {
  const std::vector<Field> names = field.list();
  if (names.size() != d.structures.size()) {
    field.fail(fmt::format("a list with a name for each of {} maps", d.structures.size()));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    d.structures[i] = known_name(names[i], structure_from_name);
  }
}

}  // namespace

std::string description_json(const ModelDescription& d) {
  const bool graph = d.architecture == Layout::graph;
  json all = {{"format", kModelFormat}, {"architecture", graph ? "graph" : "chain"}};
  if (graph) {
    detail::put_graph(d, all);
  } else {
    detail::put_chain(d, all);
  }
  const auto sparse = [](Structure structure) { return structure != Structure::dense; };
  if (std::any_of(d.structures.begin(), d.structures.end(), sparse)) {
    for (const Structure structure : d.structures) {
      all["structure"].push_back(structure_name(structure));
    }
  }
  for (const InputDescription& input : d.inputs) all["inputs"].push_back(input_json(input));
  all["tasks"] = json::array();
  for (const Task& task : d.tasks) all["tasks"].push_back(task_json(task));
  if (d.image_rows > 0) all["image"] = {d.image_rows, d.image_cols};
  if (d.schema) all["schema"] = detail::schema_json(*d.schema);
  all["history"] = json::array();
  for (const EditRecord& record : d.history) all["history"].push_back(record_json(record));
  return dumped(all);
}

ModelDescription parse_description(std::string_view text, const std::string& file) {
  const std::string where = fmt::format("'{}', {}", file, kModelKey);
  const json parsed = parse_json(text, where);
  const Field all(parsed, where);

  ModelDescription d;
  d.architecture = parse_head(all, file);
  if (d.architecture == Layout::graph) {
    detail::parse_graph(all, d);
    d.structures.assign(d.maps.size(), Structure::dense);
  } else {
    detail::parse_chain(all, d);
    d.structures.assign(d.widths.size() - 1, Structure::dense);
  }
  if (const auto structure = all.find("structure")) parse_structures(*structure, d);
  if (const auto inputs = all.find("inputs")) {
    for (const Field& input : inputs->list()) d.inputs.push_back(parse_input(input));
    if (d.inputs.empty()) inputs->fail("an input at least");
  }
  if (const auto tasks = all.find("tasks")) {
    for (const Field& task : tasks->list()) d.tasks.push_back(parse_task(task));
  }
  if (const auto image = all.find("image")) {
    const std::vector<Field> extents = image->list();
    if (extents.size() != 2) image->fail("two numbers, rows and columns");
    d.image_rows = extents[0].integer(1);
    d.image_cols = extents[1].integer(1);
  }
  if (const auto schema = all.find("schema")) d.schema = detail::parse_schema(*schema);
  if (const auto history = all.find("history")) {
    for (const Field& record : history->list()) d.history.push_back(parse_record(record, d));
  }
  if (const std::string fault = description_fault(d); !fault.empty()) {
    throw FormatError(fmt::format("{}.{}; the file is damaged", where, fault));
  }
  return d;
}

}  // namespace isoform
