#include "isoform/io/checkpoint_words.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cmath>

namespace isoform::detail {

namespace {

// Without bytes, which may be nowhere, crc32_z would begin anew.
unsigned long add(unsigned long crc, const void* bytes, std::size_t count) {
  return count == 0 ? crc : crc32_z(crc, static_cast<const unsigned char*>(bytes), count);
}

// With its length, so that no two lists of texts are one.
unsigned long add_text(unsigned long crc, const std::string& text) {
  const std::string whole = fmt::format("{}:{}", text.size(), text);
  return add(crc, whole.data(), whole.size());
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::string checkpoint_sum(const TensorFile& file) {
  unsigned long crc = 0;
  for (const auto& [key, text] : file.metadata) {
    if (key != kSumKey) crc = add_text(add_text(crc, key), text);
  }
  for (const auto& [name, tensor] : file.tensors) {
    crc = add_text(add_text(crc, name), shape_text(tensor.shape));
    std::visit(
        [&](const auto& numbers) {
          crc = add(crc, numbers.data(), numbers.size() * sizeof(numbers[0]));
        },
        tensor.data);
  }
  return fmt::format("{:08x}", crc);
}

nlohmann::json number_json(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double parse_number(const Field& field) {
  if (!field.is_text()) return field.number();
  const std::string text = field.text();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text != "inf" && text != "-inf") field.fail("a number");
  return text == "inf" ? std::numeric_limits<double>::infinity()
                       : -std::numeric_limits<double>::infinity();
}

nlohmann::json text_json(const std::string& text) {
  nlohmann::json value = text;
  try {
    (void)value.dump();
    return value;
  } catch (const nlohmann::json::exception&) {
    std::string hex;
    for (const char c : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return {{"hex", hex}};
  }
}

std::string parse_text(const Field& field) {
  if (field.is_text()) return field.text();
  const std::string hex = field["hex"].text();
  std::string text;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) field.fail("pairs of hexadecimal digits");
    text += static_cast<char>(16 * high + low);
  }
  return text;
}

}  // namespace isoform::detail
