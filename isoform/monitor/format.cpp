#include "isoform/monitor/format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

namespace isoform {
namespace {

constexpr const char* kNothing = "–";

}  // namespace

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return kNothing;
  if (seconds < 0.0005) return "0 s";
  if (seconds < 0.0995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  if (seconds >= 1e15) return kNothing;  // beyond a whole number of anything anybody waits for
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}m {:02}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h {:02}m", whole / 3600, whole % 3600 / 60);
  return fmt::format("{}d {:02}h", whole / 86400, whole % 86400 / 3600);
}

std::string format_count(std::int64_t count) {
  std::string digits = fmt::format("{}", count);
  const bool negative = count < 0;
  if (negative) digits.erase(0, 1);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<std::size_t>(i), ",");
  }
  return negative ? fmt::format("−{}", digits) : digits;
}

std::string format_loss(double loss) {
  if (!std::isfinite(loss)) return kNothing;
  const double size = std::abs(loss);
  return size != 0 && (size < 1e-3 || size >= 1e4) ? fmt::format("{:.2e}", loss)
                                                   : fmt::format("{:.4f}", loss);
}

std::string format_percent(double fraction) {
  return std::isfinite(fraction) ? fmt::format("{:.1f} %", 100 * fraction) : kNothing;
}

std::string format_widths(std::span<const std::int64_t> widths, int max_columns) {
  if (widths.empty()) return "none";
  std::string text = fmt::format("{}", fmt::join(widths, "-"));
  if (static_cast<int>(text.size()) <= max_columns || widths.size() < 4) return text;
  return fmt::format("{}-{}-…-{}", widths[0], widths[1], widths.back());
}

std::string format_edits(std::int64_t born, std::int64_t removed) {
  return fmt::format("{}{}{}{}{}", born != 0 ? "+" : "", born != 0 ? format_count(born) : "",
                     born != 0 && removed != 0 ? " " : "", removed != 0 ? "−" : "",
                     removed != 0 ? format_count(removed) : "");
}

std::span<const std::int64_t> hidden_widths(std::span<const std::int64_t> widths) {
  return widths.size() > 2 ? widths.subspan(1, widths.size() - 2) : widths.first(0);
}

std::string format_groups(std::span<const std::int64_t> sizes) {
  std::map<std::int64_t, int, std::greater<>> count;
  for (const std::int64_t size : sizes) ++count[size];
  std::vector<std::string> parts;
  for (const auto& [size, times] : count) {
    parts.push_back(times == 1 ? fmt::format("{}", size) : fmt::format("{}×{}", times, size));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

int text_columns(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // not a continuation byte
  }));
}

std::string pad_left(std::string_view text, int columns) {
  const int missing = std::max(0, columns - text_columns(text));
  return std::string(static_cast<std::size_t>(missing), ' ').append(text);
}

std::string pad_right(std::string_view text, int columns) {
  const int missing = std::max(0, columns - text_columns(text));
  return std::string(text).append(static_cast<std::size_t>(missing), ' ');
}

}  // namespace isoform
