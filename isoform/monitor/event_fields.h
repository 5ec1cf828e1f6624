// Reading the fields of an event without trusting them: a field may be absent, null (a number that
// was not finite, or was not measured) or come from a newer writer. Private to the monitor.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace isoform::detail {

/// The number under `key`; NaN when there is none.
inline double number_of(const nlohmann::json& data, const char* key) {
  const auto it = data.find(key);
  return it != data.end() && it->is_number() ? it->get<double>()
                                             : std::numeric_limits<double>::quiet_NaN();
}

/// The integer under `key`; `otherwise` when there is none.
inline std::int64_t integer_of(const nlohmann::json& data, const char* key,
                               std::int64_t otherwise = 0) {
  const auto it = data.find(key);
  return it != data.end() && it->is_number_integer() ? it->get<std::int64_t>() : otherwise;
}

/// The string under `key`; empty when there is none.
inline std::string string_of(const nlohmann::json& data, const char* key) {
  const auto it = data.find(key);
  return it != data.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// The list of integers under `key`; empty when there is none.
inline std::vector<std::int64_t> integers_of(const nlohmann::json& data, const char* key) {
  std::vector<std::int64_t> list;
  const auto it = data.find(key);
  if (it == data.end() || !it->is_array()) return list;
  for (const auto& value : *it)
    list.push_back(value.is_number_integer() ? value.get<std::int64_t>() : 0);
  return list;
}

/// The width of `space` after an `edit` event: `after` is that width, or the list of all widths.
/// -1 when the event does not say.
inline std::int64_t width_after(const nlohmann::json& data, std::int64_t space) {
  const auto it = data.find("after");
  if (it == data.end()) return -1;
  if (it->is_number_integer()) return it->get<std::int64_t>();
  const auto all = integers_of(data, "after");
  return space >= 0 && space < std::ssize(all) ? all[static_cast<std::size_t>(space)] : -1;
}

}  // namespace isoform::detail
