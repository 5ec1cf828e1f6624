#include "isoform/io/json.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "isoform/base/error.h"

namespace isoform {

using nlohmann::json;

json parse_json(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kMaxJsonDepth) {
      throw FormatError(fmt::format("{}: JSON nested more than {} deep; the file is damaged", where,
                                    kMaxJsonDepth));
    }
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) {
        throw FormatError(fmt::format("{}: the key {} occurs twice; every key may occur once",
                                      where, in_quotes(key)));
      }
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch);
  } catch (const json::parse_error& error) {
    throw FormatError(
        fmt::format("{}: not valid JSON at character {}; the file is damaged", where, error.byte));
  } catch (const json::exception&) {
    throw FormatError(
        fmt::format("{}: JSON with a number out of range; the file is damaged", where));
  }
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t most = 60;
  if (text.size() <= most) return fmt::format("'{}'", text);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return fmt::format("'{}…'", text.substr(0, end));
}

Field Field::operator[](const std::string& key) const {
  if (std::optional<Field> field = find(key)) return *field;
  throw FormatError(fmt::format("{}: the key '{}' is missing", where_, key));
}

std::optional<Field> Field::find(const std::string& key) const {
  if (!value_->is_object()) fail("an object");
  const auto found = value_->find(key);
  if (found == value_->end()) return std::nullopt;
  return Field(*found, fmt::format("{}.{}", where_, key));
}

std::vector<Field> Field::list() const {
  if (!value_->is_array()) fail("a list");
  std::vector<Field> fields;
  fields.reserve(value_->size());
  for (const json& value : *value_) {
    fields.emplace_back(value, fmt::format("{}[{}]", where_, fields.size()));
  }
  return fields;
}

std::int64_t Field::integer(std::int64_t least) const {
  constexpr std::int64_t most = std::int64_t{1} << 53;
  const bool fits = value_->is_number_unsigned()
                        ? value_->get<std::uint64_t>() <= static_cast<std::uint64_t>(most)
                        : value_->is_number_integer();
  if (!fits || value_->get<std::int64_t>() < least) {
    fail(fmt::format("a whole number of at least {}", least));
  }
  return value_->get<std::int64_t>();
}

double Field::number() const {
  if (!value_->is_number() || !std::isfinite(value_->get<double>())) fail("a number");
  return value_->get<double>();
}

bool Field::flag() const {
  if (!value_->is_boolean()) fail("true or false");
  return value_->get<bool>();
}

std::string Field::text() const {
  if (!value_->is_string()) fail("a text");
  return value_->get<std::string>();
}

void Field::fail(std::string_view needs) const {
  std::string got = value_->is_structured() ? value_->is_array() ? "a list" : "an object"
                    : value_->is_string()   ? in_quotes(value_->get_ref<const std::string&>())
                                            : value_->dump();
  throw FormatError(fmt::format("{}: needs {}, got {}", where_, needs, got));
}

}  // namespace isoform
