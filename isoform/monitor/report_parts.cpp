#include "isoform/monitor/report_parts.h"

#include <fmt/format.h>

#include <cmath>

#include "isoform/monitor/html.h"
#include "isoform/monitor/report_charts.h"

namespace isoform::report {
namespace {

// Bytes of the first `columns` characters.
std::size_t bytes_of(std::string_view text, int columns) {
  std::size_t at = 0;
  while (at < text.size()) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (begins && columns-- == 0) break;
    ++at;
  }
  return at;
}

}  // namespace

std::string shortened(const std::string& text, int columns) {
  if (text_columns(text) <= columns) return text;
  return text.substr(0, bytes_of(text, std::max(0, columns - 1))) + "…";
}

std::vector<std::string> wrapped(const std::string& text, int columns) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find(' ', from), text.size());
    std::string word = text.substr(from, to - from);
    from = to + 1;
    if (!line.empty() && text_columns(line) + 1 + text_columns(word) > columns) {
      lines.push_back(std::move(line));
      line.clear();
    }
    for (; text_columns(word) > columns; word.erase(0, bytes_of(word, columns))) {
      lines.push_back(word.substr(0, bytes_of(word, columns)));
    }
    line += (line.empty() ? "" : " ") + word;
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

std::string tick_text(double value, double step) {
  if (step >= 1e-6 && std::abs(value) < 1e9) return plot::tick_label(value, step);
  std::string text = fmt::format("{:.3g}", std::abs(value) < step * 1e-6 ? 0.0 : value);
  if (text.front() == '-') text = "−" + text.substr(1);
  return text;
}

double draw_heading(Svg& svg, double width, const std::string& heading, const std::string& unit) {
  constexpr double kBold = 9.6;  // of a letter, where the font is a wide one
  std::vector<std::string> lines = wrapped(heading, static_cast<int>((width - 8) / kBold));
  if (lines.empty() && !unit.empty()) lines.emplace_back();
  const bool beside =
      lines.size() == 1 && kBold * text_columns(lines.back()) + text_width(unit) + 14 < width;
  double at = 18;
  for (const std::string& line : lines) {
    svg.raw(
        fmt::format("<text x=\"4\" y=\"{:.0f}\" class=\"heading\">{}<tspan class=\"label\" "
                    "dx=\"6\">{}</tspan></text>\n",
                    at, escape_xml(line), beside ? escape_xml(unit) : ""));
    at += 20;
  }
  if (beside || unit.empty()) return at - 12;
  for (const std::string& line : wrapped(unit, static_cast<int>((width - 8) / 7))) {
    svg.text({4, at - 1}, line, "class=\"label\"");
    at += 18;
  }
  return at - 11;
}

std::string draw_empty(const std::string& heading, const std::string& alt, int id) {
  constexpr double kHeight = 120;
  Svg svg(kChartWidth, kHeight, heading, alt.empty() ? heading : alt, "");
  const double top = draw_heading(svg, kChartWidth, heading, "");
  plot::draw_note(svg, {0, top, kChartWidth, std::max(30.0, kHeight - top)},
                  "There is nothing to show: no value was measured.");
  return inlined(svg.finish(), id);
}

std::string ramp_colour(double t) {
  return fmt::format("style=\"--hue:{};--dark:{}\"", plot::viridis(0.85 * t),
                     plot::viridis(0.3 + 0.7 * t));
}

std::string colour(int index, int count) {
  if (count > 5) return ramp_colour(static_cast<double>(index) / (count - 1));
  const std::string hue = plot::series_colour(index, count);
  // The first is too dark on a dark ground.
  return fmt::format("style=\"--hue:{};--dark:{}\"", hue, hue == "#0072B2" ? "#3B9AE1" : hue);
}

std::string chart_style() {
  return R"(.line { stroke: var(--hue); }
.fill, .dot { fill: var(--hue); }
.band { opacity: 0.18; }
.dot { stroke: var(--card); stroke-width: 0.8; }
.dashed { stroke-dasharray: 6 4; }
.leader { stroke-width: 1.5; }
.ridge { fill: var(--hue); fill-opacity: 0.86; stroke: var(--card); stroke-width: 1; }
.value { font-size: 12.5px; font-weight: 500; }
.on-dark { fill: #ffffff; }
.on-light { fill: #101418; }
.blank { fill: none; stroke: var(--line); }
@media (prefers-color-scheme: dark) {
.line { stroke: var(--dark); }
.fill, .dot, .ridge { fill: var(--dark); }
.band { opacity: 0.26; }
}
)";
}

}  // namespace isoform::report
