#include "isoform/run/extend.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "isoform/base/error.h"
#include "isoform/model/blocks.h"
#include "isoform/run/tables.h"

namespace isoform {

TableOptions known_columns(const TableOptions& said, const Schema& schema, const CsvFile& file) {
  TableOptions options = said;
  options.targets = schema.targets;
  options.target_kind = schema.target;
  options.partial = true;
  const std::set<std::string> there(file.columns().begin(), file.columns().end());
  const auto require_as_known = [&](std::string_view flag, const std::vector<std::string>& names,
                                    ColumnKind kind) {
    for (const std::string& name : names) {
      for (const Column& column : schema.columns) {
        if (column.name != name || column.kind == kind) continue;
        const std::string_view known = column.kind == ColumnKind::number     ? "numbers"
                                       : column.kind == ColumnKind::category ? "categories"
                                                                             : "nothing to be read";
        throw UsageError(fmt::format("{}: the model has learned column '{}' as {}, and that stays",
                                     flag, name, known));
      }
    }
  };
  require_as_known("numbers", said.numbers, ColumnKind::number);
  require_as_known("categories", said.categories, ColumnKind::category);
  require_as_known("ignore", said.ignored, ColumnKind::ignored);
  for (const Column& column : schema.columns) {
    if (!there.contains(column.name)) continue;
    switch (column.kind) {
      case ColumnKind::number:
        options.numbers.push_back(column.name);
        break;
      case ColumnKind::category:
        options.categories.push_back(column.name);
        break;
      case ColumnKind::ignored:
        options.ignored.push_back(column.name);
        break;
    }
  }
  return options;
}

namespace {

// Adds what is new to the schema; returns the names of columns that it did not have.
std::vector<std::string> merge(Schema& schema, const Schema& other) {
  std::vector<std::string> columns;
  std::unordered_map<std::string, std::size_t> at;
  for (const Column& column : schema.columns) at.emplace(column.name, at.size());
  for (const Column& column : other.columns) {
    const auto there = at.find(column.name);
    if (there == at.end()) {
      if (column.kind != ColumnKind::ignored) columns.push_back(column.name);
      schema.columns.push_back(column);
      // The rows there were before do not have it.
      schema.columns.back().has_missing = column.kind != ColumnKind::ignored;
      continue;
    }
    Column* const found = &schema.columns[there->second];
    if (found->kind == ColumnKind::ignored) continue;
    found->has_missing = found->has_missing || column.has_missing;
    for (const std::string& category : column.categories) {
      const auto& known = found->categories;
      if (std::find(known.begin(), known.end(), category) == known.end()) {
        found->categories.push_back(category);
      }
    }
  }
  return columns;
}

}  // namespace

template <class T>
Extension extend_model(Model<T>& model, const TableFacts& facts, const CsvFile& file,
                       const std::string& weights) {
  if (!model.schema || model.inputs.size() != 1 || model.tasks.size() != 1) {
    throw UsageError(
        "continue: the model has not learned from a table; it reads none (a model that was trained "
        "with --target does)");
  }
  Extension added;
  Schema schema = *model.schema;
  const std::set<std::string> before = [&] {
    const std::vector<std::string> names = feature_names(schema);
    return std::set<std::string>(names.begin(), names.end());
  }();
  added.columns = merge(schema, facts.schema);
  std::set<std::string> seen;
  for (const std::string& name : feature_names(schema)) {
    if (!seen.insert(name).second) {
      throw UsageError(fmt::format(
          "continue: a column of '{}' would make a feature '{}', which the model has from another; "
          "rename the column, or leave it out (--ignore)",
          file.name(), name));
    }
    if (!before.contains(name)) added.features.push_back(name);
  }
  const std::string task = model.tasks.front().name;
  std::vector<std::string> classes = model.tasks.front().outputs;
  if (schema.target == TargetKind::classes) {
    for (const std::string& name : facts.classes) {
      if (std::find(classes.begin(), classes.end(), name) != classes.end()) continue;
      added.classes.push_back(name);
      classes.push_back(name);
    }
  }
  // All checks before the first change.
  Vector<double> mean, deviation, own;
  if (!added.features.empty()) {
    const Dataset rows =
        encode_table(file, schema,
                     {.features = added.features, .classes = classes, .weights = weights})
            .data;
    const FeatureStatistics statistics = feature_statistics(rows);
    mean = statistics.mean;
    own = statistics.standard_deviation;
    deviation = table_deviations(schema, added.features, own);
    // A mark of missing that all or none of these rows have would else be silent, or deafening.
    for (Index f = 0; f < deviation.size(); ++f) {
      if (deviation[f] < 1e-8) deviation[f] = 1;
    }
  }
  if (!added.features.empty()) {
    append_features(model, model.inputs.front().name, added.features, mean, deviation);
    scale_small(model, std::ssize(model.inputs.front().features) - mean.size(), mean, own);
  }
  if (!added.classes.empty()) append_outputs(model, task, added.classes);
  model.schema = std::move(schema);
  return added;
}

template Extension extend_model(Model<float>&, const TableFacts&, const CsvFile&,
                                const std::string&);
template Extension extend_model(Model<double>&, const TableFacts&, const CsvFile&,
                                const std::string&);

}  // namespace isoform
