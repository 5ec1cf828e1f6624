#include "isoform/compile/c_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace isoform::detail {

namespace {

constexpr std::size_t kColumns = 100;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <class Value, class Write>
std::string braces(std::span<const Value> values, const Write& write) {
  std::string text = "{", line;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string number = write(values[i]) + (i + 1 < values.size() ? "," : "");
    if (line.size() + number.size() + 3 > kColumns) {
      text += "\n " + line;
      line.clear();
    }
    line += " " + number;
  }
  return text + "\n " + line + "};\n";
}

}  // namespace

std::string c_float(float value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string c_string(std::string_view bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || c == '?') {
      text += '\\';
      text += c;
    } else if (byte < 0x20 || byte > 0x7e) {
      text += fmt::format("\\{:03o}", byte);  // three digits: the next character is none of it
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::string c_comment(std::string_view bytes) {
  std::string text;
  for (const char c : c_string(bytes)) {
    const bool mark =
        !text.empty() && ((c == '/' && text.back() == '*') || (c == '*' && text.back() == '/'));
    if (mark) text += '\\';
    text += c;
  }
  return text;
}

std::string c_identifier(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (is_letter(c) || is_digit(c)) {
      text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!text.empty() && text.back() != '_') {
      text += '_';
    }
  }
  while (!text.empty() && text.back() == '_') text.pop_back();
  return text.empty() ? "unnamed" : text;
}

std::string c_upper(std::string_view name) {
  std::string text(name);
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

std::string c_numbers(std::span<const float> values) { return braces(values, c_float); }

std::string c_numbers(std::span<const long> values) {
  return braces(values, [](long value) { return fmt::format("{}", value); });
}

}  // namespace isoform::detail
