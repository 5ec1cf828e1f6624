#include "isoform/io/description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "isoform/base/error.h"
#include "isoform/io/json.h"

namespace isoform {

using nlohmann::json;

namespace {

constexpr const char* kAllInputs = "all";  // the only `inputs` of a task so far
constexpr EditKind kEditKinds[] = {EditKind::rotate, EditKind::append,       EditKind::append_group,
                                   EditKind::reduce, EditKind::remove_group, EditKind::refit};

// One name where all are the same.
template <class Value, class Name>
json names_json(const std::vector<Value>& values, Name name_of) {
  const bool same = std::all_of(values.begin(), values.end(),
                                [&](const Value& value) { return value == values.front(); });
  if (!values.empty() && same) return name_of(values.front());
  json names = json::array();
  for (const Value& value : values) names.push_back(name_of(value));
  return names;
}

// The lists of names say what they know when they meet another one.
template <class FromName>
auto known_name(const Field& field, FromName from_name) {
  try {
    return from_name(field.text());
  } catch (const UsageError& error) {
    throw FormatError(fmt::format("{}: {}", field.where(), error.what()));
  }
}

template <class Value, class FromName>
std::vector<Value> parse_names(const Field& field, std::size_t count, FromName from_name) {
  if (field.is_text()) return std::vector<Value>(count, known_name(field, from_name));
  std::vector<Value> values;
  for (const Field& name : field.list()) values.push_back(known_name(name, from_name));
  if (values.size() != count) {
    throw FormatError(fmt::format("{}: needs one name, or one for each of {} hidden spaces, got {}",
                                  field.where(), count, values.size()));
  }
  return values;
}

EditKind kind_from_name(const std::string& name) {
  for (const EditKind kind : kEditKinds) {
    if (edit_kind_name(kind) == name) return kind;
  }
  throw UsageError(fmt::format("edit {} is unknown", in_quotes(name)));
}

json task_json(const Task& task) {
  return {{"name", task.name},
          {"inputs", kAllInputs},
          {"outputs", task.outputs},
          {"loss", loss_name(task.loss)},
          {"active", task.active}};
}

Task parse_task(const Field& field) {
  Task task;
  task.name = field["name"].text();
  if (field["inputs"].text() != kAllInputs) field["inputs"].fail("'all'");
  for (const Field& output : field["outputs"].list()) task.outputs.push_back(output.text());
  task.loss = known_name(field["loss"], loss_from_name);
  task.active = field["active"].flag();
  return task;
}

json record_json(const EditRecord& record) {
  json object = {{"step", record.step},      {"kind", edit_kind_name(record.kind)},
                 {"space", record.space},    {"before", record.before},
                 {"after", record.after},    {"born", record.born},
                 {"removed", record.removed}};
  if (record.group) object["group"] = *record.group;
  if (record.score != 0 && std::isfinite(record.score)) object["score"] = record.score;
  if (record.bound && std::isfinite(*record.bound)) object["bound"] = *record.bound;
  if (record.change && std::isfinite(*record.change)) object["change"] = *record.change;
  if (!record.why.empty()) object["why"] = record.why;
  return object;
}

EditRecord parse_record(const Field& field, std::size_t hidden) {
  EditRecord record;
  record.step = field["step"].integer(0);
  record.kind = known_name(field["kind"], kind_from_name);
  const std::int64_t space = field["space"].integer(1);
  if (space > static_cast<std::int64_t>(hidden)) {
    field["space"].fail(fmt::format("one of the {} hidden spaces", hidden));
  }
  record.space = static_cast<int>(space);
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

void check_format(const Field& all, const std::string& file) {
  const std::int64_t format = all["format"].integer(1);
  if (format > kModelFormat) {
    throw FormatError(fmt::format(
        "'{}': written by a newer Isoform: format {}, this one reads {}; update Isoform to read it",
        file, format, kModelFormat));
  }
  const Field architecture = all["architecture"];
  if (architecture.text() != "chain") architecture.fail("'chain', which is all this Isoform reads");
}

std::string groups_fault(const ModelDescription& d) {
  if (d.groups.size() != d.hidden()) {
    return fmt::format("groups: needs a list of sizes for each of {} hidden spaces, got {}",
                       d.hidden(), d.groups.size());
  }
  for (std::size_t i = 0; i < d.hidden(); ++i) {
    const Index width = d.widths[i + 1];
    Index left = width;
    for (const Index size : d.groups[i]) {
      // Compared before it is subtracted, so that no sum overflows.
      if (size < 1 || size > left) left = -1;
      if (left < 0) break;
      left -= size;
    }
    if (left != 0) {
      return fmt::format(
          "groups[{}]: needs sizes of at least 1 that add up to the width {}, got [{}]", i, width,
          fmt::join(d.groups[i], ", "));
    }
  }
  return {};
}

std::string tasks_fault(const ModelDescription& d) {
  std::set<std::string> names;
  std::size_t outputs = 0;
  for (const Task& task : d.tasks) {
    if (!names.insert(task.name).second) {
      return fmt::format("tasks: two are called {}; every task needs its own name",
                         in_quotes(task.name));
    }
    outputs += task.outputs.size();
  }
  if (!d.tasks.empty() && static_cast<Index>(outputs) != d.widths.back()) {
    return fmt::format("tasks: need a name for each of {} outputs, got {}", d.widths.back(),
                       outputs);
  }
  return {};
}

std::string history_fault(const ModelDescription& d) {
  if (d.history.size() > kMaxHistory) {
    return fmt::format("history: needs at most {} records, got {}", kMaxHistory, d.history.size());
  }
  for (std::size_t i = 0; i < d.history.size(); ++i) {
    const EditRecord& r = d.history[i];
    const Index least = std::min({r.before, r.after, r.born, r.removed, r.group.value_or(0)});
    if (r.step < 0 || least < 0 || r.space < 1 || r.space > static_cast<int>(d.hidden())) {
      return fmt::format(
          "history[{}]: needs counts of at least 0 and a space from 1 to {}, got step "
          "{}, space {}, before {}, after {}, born {}, removed {}",
          i, d.hidden(), r.step, r.space, r.before, r.after, r.born, r.removed);
    }
  }
  return {};
}

}  // namespace

std::string description_fault(const ModelDescription& d) {
  if (d.widths.size() < 2) {
    return fmt::format("widths: needs an input and an output at least, got {}", d.widths.size());
  }
  for (const auto check : {groups_fault, tasks_fault, history_fault}) {
    if (std::string fault = check(d); !fault.empty()) return fault;
  }
  const Index rows = d.image_rows, cols = d.image_cols, inputs = d.widths.front();
  const bool image = rows != 0 || cols != 0;
  if (image && (rows < 1 || cols < 1 || rows > inputs / cols || inputs % (rows * cols) != 0)) {
    return fmt::format("image: needs rows and columns that divide {} inputs, got {} × {}", inputs,
                       rows, cols);
  }
  return {};
}

std::string description_json(const ModelDescription& d) {
  json all = {{"format", kModelFormat},
              {"architecture", "chain"},
              {"widths", d.widths},
              {"groups", d.groups},
              {"radial", names_json(d.radials, radial_name)},
              {"intrinsic_length_mode", names_json(d.length_modes, length_mode_name)},
              {"psi_mode", names_json(d.psi_modes, psi_mode_name)}};
  const auto sparse = [](Structure structure) { return structure != Structure::dense; };
  if (std::any_of(d.structures.begin(), d.structures.end(), sparse)) {
    for (const Structure structure : d.structures) {
      all["structure"].push_back(structure_name(structure));
    }
  }
  all["tasks"] = json::array();
  for (const Task& task : d.tasks) all["tasks"].push_back(task_json(task));
  if (d.image_rows > 0) all["image"] = {d.image_rows, d.image_cols};
  all["history"] = json::array();
  for (const EditRecord& record : d.history) all["history"].push_back(record_json(record));
  // Names of classes may come from folders in any encoding; that is no reason to lose a model.
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

ModelDescription parse_description(std::string_view text, const std::string& file) {
  const std::string where = fmt::format("'{}', {}", file, kModelKey);
  const json parsed = parse_json(text, where);
  const Field all(parsed, where);
  check_format(all, file);

  ModelDescription d;
  for (const Field& width : all["widths"].list()) d.widths.push_back(width.integer(1));
  if (d.widths.size() < 2) all["widths"].fail("an input and an output at least");
  for (const Field& sizes : all["groups"].list()) {
    d.groups.emplace_back();
    for (const Field& size : sizes.list()) d.groups.back().push_back(size.integer(1));
  }
  d.radials = parse_names<Radial>(all["radial"], d.hidden(), radial_from_name);
  d.length_modes.assign(d.hidden(), LengthMode::trainable);
  if (const auto mode = all.find("intrinsic_length_mode")) {
    d.length_modes = parse_names<LengthMode>(*mode, d.hidden(), length_mode_from_name);
  }
  d.psi_modes.assign(d.hidden(), PsiMode::decay);
  if (const auto mode = all.find("psi_mode")) {
    d.psi_modes = parse_names<PsiMode>(*mode, d.hidden(), psi_mode_from_name);
  }
  d.structures.assign(d.widths.size() - 1, Structure::dense);
  if (const auto structure = all.find("structure")) {
    const std::vector<Field> names = structure->list();
    if (names.size() != d.structures.size()) {
      structure->fail(fmt::format("a list with a name for each of {} maps", d.structures.size()));
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      d.structures[i] = known_name(names[i], structure_from_name);
    }
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
  if (const auto history = all.find("history")) {
    for (const Field& record : history->list()) {
      d.history.push_back(parse_record(record, d.hidden()));
    }
  }
  if (const std::string fault = description_fault(d); !fault.empty()) {
    throw FormatError(fmt::format("{}.{}; the file is damaged", where, fault));
  }
  return d;
}

}  // namespace isoform
