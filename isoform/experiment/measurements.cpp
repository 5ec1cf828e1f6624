#include "isoform/experiment/measurements.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace isoform {

using Json = nlohmann::json;

namespace {

const std::string* label_of(const Measurement& row, const std::string& name) {
  for (const auto& [label, value] : row.at) {
    if (label == name) return &value;
  }
  return nullptr;
}

bool has_all(const Measurement& row, const Labels& where) {
  return std::all_of(where.begin(), where.end(), [&](const auto& wanted) {
    const std::string* value = label_of(row, wanted.first);
    return value != nullptr && *value == wanted.second;
  });
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace

std::string labels_text(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    const bool number = !value.empty() && value.find_first_not_of("0123456789.+-") == value.npos;
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", number ? name + " " : "", value);
  }
  return text;
}

std::vector<double> Measurements::values(const Labels& where, const std::string& figure) const {
  std::vector<double> found;
  for (const Measurement& row : rows_) {
    if (row.figure != figure || !has_all(row, where)) continue;
    found.insert(found.end(), row.values.begin(), row.values.end());
  }
  return found;
}

std::vector<std::string> Measurements::levels(const std::string& label, const Labels& where) const {
  std::vector<std::string> found;
  for (const Measurement& row : rows_) {
    const std::string* value = label_of(row, label);
    if (value == nullptr || !has_all(row, where)) continue;
    if (std::find(found.begin(), found.end(), *value) == found.end()) found.push_back(*value);
  }
  return found;
}

std::string Measurements::csv() const {
  std::vector<std::string> names;
  for (const Measurement& row : rows_) {
    for (const auto& [name, value] : row.at) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  std::string text;
  for (const std::string& name : names) text += quoted(name) + ',';
  text += "figure,index,value\n";
  for (const Measurement& row : rows_) {
    std::string head;
    for (const std::string& name : names) {
      const std::string* value = label_of(row, name);
      head += (value == nullptr ? std::string() : quoted(*value)) + ',';
    }
    head += quoted(row.figure);
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      text += fmt::format("{},{},{}\n", head, i, row.values[i]);
    }
  }
  return text;
}

Json Measurements::json() const {
  Json rows = Json::array();
  for (const Measurement& row : rows_) {
    Json line = Json::object();
    for (const auto& [name, value] : row.at) line[name] = value;
    line["figure"] = row.figure;
    line["values"] = to_json(row)["values"];
    rows.push_back(std::move(line));
  }
  return rows;
}

Json to_json(const Measurement& row) {
  Json values = Json::array();
  for (const double value : row.values) {
    values.push_back(std::isfinite(value) ? Json(value) : Json(nullptr));
  }
  return {{"at", row.at}, {"figure", row.figure}, {"values", std::move(values)}};
}

Measurement measurement_from_json(const Json& json) {
  Measurement row;
  json.at("at").get_to(row.at);
  json.at("figure").get_to(row.figure);
  for (const Json& value : json.at("values")) {
    row.values.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                         : value.get<double>());
  }
  return row;
}

}  // namespace isoform
