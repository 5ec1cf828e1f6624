// What the parts of a description share: names of modes in JSON, and complaints.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/io/description.h"
#include "isoform/io/json.h"

namespace isoform::detail {

/// One name where all are the same, else a list.
template <class Value, class Name>
nlohmann::json names_json(const std::vector<Value>& values, Name name_of) {
  const bool same = std::all_of(values.begin(), values.end(),
                                [&](const Value& value) { return value == values.front(); });
  if (!values.empty() && same) return name_of(values.front());
  nlohmann::json names = nlohmann::json::array();
  for (const Value& value : values) names.push_back(name_of(value));
  return names;
}

/// The lists of names say what they know when they meet another one.
template <class FromName>
auto known_name(const Field& field, FromName from_name) {
  try {
    return from_name(field.text());
  } catch (const UsageError& error) {
    throw FormatError(fmt::format("{}: {}", field.where(), error.what()));
  }
}

/// Names may come from folders in any encoding; that is no reason to lose a model.
inline std::string dumped(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

inline std::vector<Index> parse_integers(const Field& field, std::int64_t least) {
  std::vector<Index> numbers;
  for (const Field& number : field.list()) numbers.push_back(number.integer(least));
  return numbers;
}

/// The keys of one architecture. Parsing checks single values, the fault how they fit together.
void put_chain(const ModelDescription& d, nlohmann::json& all);
void parse_chain(const Field& all, ModelDescription& d);
std::string chain_fault(const ModelDescription& d);
void put_graph(const ModelDescription& d, nlohmann::json& all);
void parse_graph(const Field& all, ModelDescription& d);
std::string graph_fault(const ModelDescription& d);

/// The key of models that read tables.
nlohmann::json schema_json(const Schema& schema);
Schema parse_schema(const Field& field);
std::string schema_fault(const ModelDescription& d);

/// Group sizes that do not add up to a width; empty when they do.
std::string sizes_fault(const std::string& where, const std::vector<Index>& groups, Index width);
/// Positions of frozen parts that are not ascending or not below the number of parts.
std::string frozen_fault(const std::string& where, const std::vector<Index>& frozen,
                         std::size_t parts);

}  // namespace isoform::detail
