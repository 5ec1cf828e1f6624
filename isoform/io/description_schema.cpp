// The key `schema`: how a model reads tables.
#include <cmath>
#include <set>

#include "isoform/io/description_words.h"

namespace isoform::detail {

using nlohmann::json;

namespace {

json column_json(const Column& column) {
  json object = {{"name", column.name}, {"kind", column_kind_name(column.kind)}};
  if (column.kind == ColumnKind::number) object["fill"] = column.fill;
  if (column.kind == ColumnKind::category) object["categories"] = column.categories;
  if (column.has_missing) object["missing"] = true;
  if (!column.why.empty()) object["why"] = column.why;
  return object;
}

Column parse_column(const Field& field) {
  Column column;
  column.name = field["name"].text();
  column.kind = known_name(field["kind"], column_kind_from_name);
  if (column.kind == ColumnKind::number) column.fill = field["fill"].number();
  if (column.kind == ColumnKind::category) {
    for (const Field& name : field["categories"].list()) column.categories.push_back(name.text());
  }
  if (const auto missing = field.find("missing")) column.has_missing = missing->flag();
  if (const auto why = field.find("why")) column.why = why->text();
  return column;
}

std::vector<double> parse_numbers(const Field& field) {
  std::vector<double> numbers;
  for (const Field& number : field.list()) numbers.push_back(number.number());
  return numbers;
}

}  // namespace

json schema_json(const Schema& schema) {
  json object = {{"target", target_kind_name(schema.target)}, {"targets", schema.targets}};
  object["columns"] = json::array();
  for (const Column& column : schema.columns) object["columns"].push_back(column_json(column));
  if (schema.target == TargetKind::numbers) {
    object["mean"] = schema.mean;
    object["scale"] = schema.scale;
  }
  return object;
}

Schema parse_schema(const Field& field) {
  Schema schema;
  schema.target = known_name(field["target"], target_kind_from_name);
  for (const Field& name : field["targets"].list()) schema.targets.push_back(name.text());
  for (const Field& column : field["columns"].list()) {
    schema.columns.push_back(parse_column(column));
  }
  if (schema.target == TargetKind::numbers) {
    schema.mean = parse_numbers(field["mean"]);
    schema.scale = parse_numbers(field["scale"]);
  }
  return schema;
}

std::string schema_fault(const ModelDescription& d) {
  if (!d.schema) return "";
  const Schema& schema = *d.schema;
  if (schema.targets.empty()) return "schema.targets: needs a column at least";
  std::set<std::string> names(schema.targets.begin(), schema.targets.end());
  if (names.size() != schema.targets.size()) return "schema.targets: a column is named twice";
  for (const Column& column : schema.columns) {
    if (!names.insert(column.name).second) {
      return fmt::format("schema.columns: column {} is there twice", in_quotes(column.name));
    }
    const std::set<std::string> categories(column.categories.begin(), column.categories.end());
    if (categories.size() != column.categories.size()) {
      return fmt::format("schema.columns: column {} has a category twice", in_quotes(column.name));
    }
    if (!std::isfinite(column.fill)) {
      return fmt::format("schema.columns: column {} is filled with {}", in_quotes(column.name),
                         column.fill);
    }
  }
  if (schema.target == TargetKind::numbers) {
    if (schema.mean.size() != schema.targets.size() || schema.scale.size() != schema.mean.size()) {
      return "schema.mean and schema.scale: need a number for each target";
    }
    for (std::size_t k = 0; k < schema.mean.size(); ++k) {
      if (!std::isfinite(schema.mean[k]) || !(schema.scale[k] > 0) ||
          !std::isfinite(schema.scale[k])) {
        return "schema.mean and schema.scale: need finite numbers, scales above 0";
      }
    }
  }
  if (d.tasks.size() != 1 || d.input_sizes().size() != 1 || d.inputs.size() != 1 ||
      d.inputs.front().input.features.empty()) {
    return "schema: a model that reads tables has one task, and one input whose features have "
           "names";
  }
  const std::size_t answers =
      schema.target == TargetKind::classes ? 1 : d.tasks.front().outputs.size();
  if (schema.targets.size() != answers) {
    return fmt::format("schema.targets: needs {} for the outputs of the task, got {}", answers,
                       schema.targets.size());
  }
  return "";
}

}  // namespace isoform::detail
