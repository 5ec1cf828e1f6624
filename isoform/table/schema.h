// What the columns of a table mean to a model: which are read, as what, and what is answered. The model keeps it, so that
// tomorrow's table is read as today's was.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace isoform {

enum class ColumnKind {
  number,    // one feature, and one more where values were missing: 1 where they are
  category,  // a feature for each category: 1 for the row's own, else 0; missing is a category
  ignored,
};
std::string_view column_kind_name(ColumnKind kind);
ColumnKind column_kind_from_name(std::string_view name);

enum class TargetKind {
  classes,  // one column, one of several names
  labels,   // several columns of 0 and 1, each answered by itself
  numbers,  // one column or several
};
std::string_view target_kind_name(TargetKind kind);
TargetKind target_kind_from_name(std::string_view name);

/// A column that a model knows. Its features, in this order: the number and "missing", or the categories and "missing".
struct Column {
  std::string name;
  ColumnKind kind = ColumnKind::number;
  std::vector<std::string> categories = {};  // category: ascending, as numbers where all are
  bool has_missing = false;
  double fill = 0;       // number: stands for what is missing, the mean of what is not
  std::string why = {};  // ignored
};

struct Schema {
  std::vector<Column> columns;  // without those of the target
  TargetKind target = TargetKind::classes;
  std::vector<std::string> targets;  // names of its columns
  std::vector<double> mean = {},
                      scale = {};  // numbers: an answer y of the network means mean + scale y

  /// The column of that name; null: none.
  [[nodiscard]] const Column* find(std::string_view name) const;
};

/// The name that a field is, of a category or a class: on one line, spaces around it left out.
[[nodiscard]] std::string name_in(std::string_view field);

/// What a feature is made of.
struct FeatureSource {
  std::size_t column = 0;    // of the schema
  bool missing = false;      // 1 where the column is missing, else 0
  std::size_t category = 0;  // of a category, unless `missing`
};

/// Names of the features of a column: "age", "age is missing", "city = Paris".
[[nodiscard]] std::vector<std::pair<std::string, FeatureSource>> features_of(const Schema& schema);

/// Names alone, in the order of the columns: the order in which a new model reads them.
[[nodiscard]] std::vector<std::string> feature_names(const Schema& schema);

}  // namespace isoform
