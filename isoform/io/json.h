// Reading JSON that others wrote: strict, and every complaint names the place.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isoform {

/// Nesting that parse_json accepts; ours needs 5.
inline constexpr int kMaxJsonDepth = 32;

/// Parses one JSON value. Throws FormatError starting with `where` for anything that is not JSON, for a
/// key that occurs twice in an object (JSON leaves its meaning open) and for nesting beyond kMaxJsonDepth.
nlohmann::json parse_json(std::string_view text, const std::string& where);

/// A text from a file cut to a length that fits into a message, in quotes.
std::string in_quotes(std::string_view text);

/// A value with the place where it stands, for reading with checks. Every member throws FormatError
/// "{where}.{key}: needs …, got …" when the value is not what was asked for. Keeps a pointer to the value.
class Field {
 public:
  Field(const nlohmann::json& value, std::string where)
      : value_(&value), where_(std::move(where)) {}

  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] bool is_text() const { return value_->is_string(); }
  [[nodiscard]] bool is_null() const { return value_->is_null(); }
  [[nodiscard]] const nlohmann::json& value() const { return *value_; }
  /// The member of an object.
  [[nodiscard]] Field operator[](const std::string& key) const;
  /// The same, nothing where the key is absent.
  [[nodiscard]] std::optional<Field> find(const std::string& key) const;
  [[nodiscard]] std::vector<Field> list() const;
  /// A whole number from `least` to 2^53, above which not every JSON reader is exact.
  [[nodiscard]] std::int64_t integer(std::int64_t least) const;
  [[nodiscard]] double number() const;
  [[nodiscard]] bool flag() const;
  [[nodiscard]] std::string text() const;
  /// Throws "{where}: needs {needs}, got {what is there}".
  [[noreturn]] void fail(std::string_view needs) const;

 private:
  const nlohmann::json* value_;
  std::string where_;
};

}  // namespace isoform
