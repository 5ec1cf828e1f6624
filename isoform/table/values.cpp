// Single fields: what is missing, what is a number, how text is written.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <string>
#include <system_error>

#include "isoform/base/error.h"
#include "isoform/data/catalogue.h"
#include "isoform/table/csv.h"

namespace isoform {

namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

bool equal_letters(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(a))) == b;
  });
}

}  // namespace

char delimiter_from_name(const std::string& name) {
  if (name == "tab" || name == "\\t") return '\t';
  if (name.size() == 1 && std::string(",;|\t").find(name) != std::string::npos) {
    return name.front();
  }
  throw UsageError(fmt::format("delimiter: needs , ; | tab or auto, got '{}'", name));
}

std::string delimiter_name(char delimiter) {
  return delimiter == '\t' ? "tab" : std::string(1, delimiter);
}

char decimal_from_name(const std::string& name) {
  if (name == "point" || name == ".") return '.';
  if (name == "comma" || name == ",") return ',';
  throw UsageError(fmt::format("decimal: '{}' is unknown; known are auto, point, comma", name));
}

std::string decimal_name(char decimal) { return decimal == ',' ? "comma" : "point"; }

bool names_table(const std::string& data) {
  if (data == "-") return true;
  if (data.empty() || find_entry(data) != nullptr || data.ends_with(".npz")) return false;
  std::error_code ignored;
  const auto type = std::filesystem::status(data, ignored).type();
  if (type == std::filesystem::file_type::directory) return false;
  if (type != std::filesystem::file_type::not_found) return true;
  constexpr std::array<std::string_view, 4> kEndings = {".csv", ".tsv", ".csv.gz", ".tsv.gz"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return data.ends_with(ending); });
}

bool is_missing(std::string_view field) {
  const std::string_view text = trimmed(field);
  if (text.empty()) return true;
  if (text.size() > 4) return false;
  constexpr std::array<std::string_view, 8> kWords = {"na",   "n/a",  "nan", "-nan",
                                                      "null", "none", "?",   "#n/a"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return equal_letters(text, word); });
}

bool is_infinite(std::string_view field) {
  std::string_view text = trimmed(field);
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return equal_letters(text, "inf") || equal_letters(text, "infinity");
}

std::optional<double> number_in(std::string_view field, char decimal_point) {
  std::string_view text = trimmed(field);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) return {};
  }
  if (text.empty()) return {};
  std::string pointed;
  if (decimal_point != '.') {
    if (text.find('.') != std::string_view::npos) return {};
    pointed = text;
    std::replace(pointed.begin(), pointed.end(), decimal_point, '.');
    text = pointed;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // from_chars has one error for both ends of the range; what is too small is 0.
  if (error == std::errc::result_out_of_range && end == text.data() + text.size()) {
    const std::size_t exponent = text.find_first_of("eE");
    if (exponent != std::string_view::npos && text.substr(exponent + 1).starts_with('-')) return 0;
  }
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

std::string csv_field(std::string_view text, char delimiter) {
  const bool plain = text.find_first_of("\"\n\r") == std::string_view::npos &&
                     text.find(delimiter) == std::string_view::npos &&
                     (text.empty() || (text.front() != ' ' && text.back() != ' '));
  if (plain) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace isoform
