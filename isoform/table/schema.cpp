#include "isoform/table/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "isoform/base/error.h"

namespace isoform {

namespace {

constexpr std::array<std::string_view, 3> kColumnKinds = {"number", "category", "ignored"};
constexpr std::array<std::string_view, 3> kTargetKinds = {"classes", "labels", "numbers"};

template <class Enum>
Enum from_name(std::string_view what, const std::array<std::string_view, 3>& known,
               std::string_view name) {
  const auto found = std::find(known.begin(), known.end(), name);
  if (found != known.end()) return static_cast<Enum>(found - known.begin());
  throw UsageError(
      fmt::format("{}: '{}' is unknown; known are {}", what, name, fmt::join(known, ", ")));
}

}  // namespace

std::string_view column_kind_name(ColumnKind kind) {
  return kColumnKinds[static_cast<std::size_t>(kind)];
}
ColumnKind column_kind_from_name(std::string_view name) {
  return from_name<ColumnKind>("column", kColumnKinds, name);
}
std::string_view target_kind_name(TargetKind kind) {
  return kTargetKinds[static_cast<std::size_t>(kind)];
}
TargetKind target_kind_from_name(std::string_view name) {
  return from_name<TargetKind>("target-kind", kTargetKinds, name);
}

const Column* Schema::find(std::string_view name) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const Column& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

std::string name_in(std::string_view field) {
  std::string name(field);
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  name.erase(0, name.find_first_not_of(' '));
  name.erase(name.find_last_not_of(' ') + 1);
  return name;
}

std::vector<std::pair<std::string, FeatureSource>> features_of(const Schema& schema) {
  std::vector<std::pair<std::string, FeatureSource>> all;
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    const Column& column = schema.columns[c];
    if (column.kind == ColumnKind::ignored) continue;
    if (column.kind == ColumnKind::number) all.push_back({column.name, {.column = c}});
    for (std::size_t k = 0; k < column.categories.size(); ++k) {
      all.push_back({fmt::format("{} = {}", column.name, column.categories[k]),
                     {.column = c, .category = k}});
    }
    if (column.has_missing) {
      all.push_back({column.name + " is missing", {.column = c, .missing = true}});
    }
  }
  return all;
}

std::vector<std::string> feature_names(const Schema& schema) {
  std::vector<std::string> names;
  for (auto& feature : features_of(schema)) names.push_back(std::move(feature.first));
  return names;
}

}  // namespace isoform
