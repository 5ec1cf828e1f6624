#include "isoform/serve/rows.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>

#include "isoform/base/text.h"
#include "isoform/io/json.h"
#include "isoform/serve/http.h"
#include "isoform/table/csv.h"

namespace isoform {

namespace {

using nlohmann::json;

constexpr Index kNowhere = -1;
constexpr std::size_t kMaxNotes = 20;

// Where a column's features are among the model's.
struct Place {
  const Column* column = nullptr;
  Index number = kNowhere, missing = kNowhere;
  std::unordered_map<std::string, Index> categories = {};
  bool read = false;
};

std::map<std::string, Place> places_of(const Version& version) {
  const Schema& schema = *version.model.schema;
  std::unordered_map<std::string, Index> at;
  const std::vector<std::string>& names = version.model.inputs.front().features;
  for (std::size_t f = 0; f < names.size(); ++f) at.emplace(names[f], static_cast<Index>(f));
  std::map<std::string, Place> places;
  for (const Column& column : schema.columns) places[column.name].column = &column;
  for (const auto& [name, source] : features_of(schema)) {
    const Column& column = schema.columns[source.column];
    Place& place = places[column.name];
    const auto found = at.find(name);
    const Index feature = found == at.end() ? kNowhere : found->second;
    place.read = place.read || feature != kNowhere;
    if (source.missing) {
      place.missing = feature;
    } else if (column.kind == ColumnKind::category) {
      place.categories[column.categories[source.category]] = feature;
    } else {
      place.number = feature;
    }
  }
  return places;
}

// A number written as tables write it: a category 3 is "3".
std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  return value.dump();
}

[[noreturn]] void fail(std::size_t row, const std::string& column, const std::string& what) {
  throw HttpError(422, fmt::format("rows[{}], column {}: {}", row, in_quotes(column), what));
}

void fill(const Place& place, std::size_t row, const json& value, float* sample,
          std::set<std::string>& notes) {
  const Column& column = *place.column;
  if (value.is_object() || value.is_array()) {
    fail(row, column.name, "needs a number, a text or null");
  }
  const std::string text = value.is_null() ? "" : text_of(value);
  if (is_missing(text)) {
    if (place.missing != kNowhere) sample[place.missing] = 1;
    if (place.number != kNowhere) sample[place.number] = static_cast<float>(column.fill);
    if (!column.has_missing && notes.size() < kMaxNotes) {
      notes.insert(fmt::format(
          "column {}: was never missing in training; the mean, or no category, stands for it",
          in_quotes(column.name)));
    }
    return;
  }
  if (column.kind == ColumnKind::number) {
    std::optional<double> number;
    if (value.is_number()) {
      number = value.get<double>();
    } else if (value.is_boolean()) {
      number = value.get<bool>() ? 1 : 0;
    } else {
      number = number_in(text);
    }
    if (!number || !(std::abs(*number) <= static_cast<double>(std::numeric_limits<float>::max()))) {
      fail(row, column.name,
           fmt::format("needs a number of at most 3.4e38, or null, got {}", in_quotes(text)));
    }
    if (place.number != kNowhere) sample[place.number] = static_cast<float>(*number);
    return;
  }
  const auto found = place.categories.find(name_in(text));
  if (found == place.categories.end()) {
    if (notes.size() < kMaxNotes) {
      notes.insert(fmt::format("column {}: the model has not seen {}; it counts as none",
                               in_quotes(column.name), in_quotes(text)));
    }
  } else if (found->second != kNowhere) {
    sample[found->second] = 1;
  }
}

}  // namespace

Matrix<float> encode_rows(const Version& version, const json& rows, std::set<std::string>& notes) {
  if (!version.model.schema || version.model.inputs.size() != 1) {
    throw HttpError(422,
                    "rows: this model has not learned from a table; give inputs, a list of numbers "
                    "for each sample");
  }
  if (!rows.is_array()) throw HttpError(422, "rows: needs a list of objects, {column: value}");
  const std::map<std::string, Place> places = places_of(version);
  const std::vector<std::string>& targets = version.model.schema->targets;
  const auto features = static_cast<Index>(version.model.inputs.front().features.size());
  Matrix<float> x = Matrix<float>::Zero(features, static_cast<Index>(rows.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const json& row = rows[i];
    if (!row.is_object())
      throw HttpError(422, fmt::format("rows[{}]: needs an object, {{column: value}}", i));
    for (const auto& [name, value] : row.items()) {
      const auto place = places.find(name);
      if (place != places.end()) {
        if (place->second.read)
          fill(place->second, i, value, x.col(static_cast<Index>(i)).data(), notes);
      } else if (std::find(targets.begin(), targets.end(), name) == targets.end()) {
        std::vector<std::string> known;
        for (const auto& [column, own] : places) known.push_back(column);
        fail(i, name, fmt::format("the model knows no such column{}", did_you_mean(name, known)));
      }
    }
    for (const auto& [name, place] : places) {
      if (place.read && !row.contains(name)) {
        fail(i, name, "is lacking; give null where a value is missing");
      }
    }
  }
  return x;
}

}  // namespace isoform
