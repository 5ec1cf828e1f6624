#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>

#include "isoform/monitor/html.h"
#include "isoform/monitor/report_charts.h"
#include "isoform/monitor/report_parts.h"

namespace isoform::report {
namespace {

constexpr int kLongestName = 20;

std::string number(double value, int decimals) {
  if (std::isnan(value)) return "";
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  std::string text = std::abs(value) < 1e7
                         ? fmt::format("{:.{}f}", value, std::clamp(decimals, 0, 6))
                         : fmt::format("{:.2g}", value);
  if (text.front() != '-') return text;
  // "-0.0" is 0.0: what is written is rounded.
  return text.find_first_of("123456789") == std::string::npos ? text.substr(1)
                                                              : "−" + text.substr(1);
}

// White or black, whichever is read more easily on "#rrggbb": contrast as the guidelines for the web define it.
const char* ink_on(const std::string& fill) {
  const auto channel = [&](std::size_t at) {
    const auto value = static_cast<double>(std::strtol(fill.substr(at, 2).c_str(), nullptr, 16));
    return std::pow((value / 255 + 0.055) / 1.055, 2.4);
  };
  const double light = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
  return light < 0.179 ? "on-dark" : "on-light";
}

void draw_scale(Svg& svg, const Box& box, const plot::Range& range, int decimals, int id) {
  std::string stops;
  for (int i = 0; i <= 8; ++i) {
    stops +=
        fmt::format("<stop offset=\"{:g}\" stop-color=\"{}\"/>", i / 8.0, plot::viridis(i / 8.0));
  }
  svg.raw(
      fmt::format("<defs><linearGradient id=\"scale{}\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0\">{}"
                  "</linearGradient></defs>\n",
                  id, stops));
  svg.rect(box, fmt::format("fill=\"url(#scale{})\"", id));
  svg.text({box.right() + 6, box.y + 10}, number(range.high, decimals), "class=\"tick\"");
  svg.text({box.right() + 6, box.bottom() - 1}, number(range.low, decimals), "class=\"tick\"");
}

}  // namespace

std::string draw_matrix(const MatrixChart& chart, int id) {
  const std::size_t down = std::max(chart.rows.size(), chart.values.size());
  std::size_t across = chart.columns.size();
  for (const auto& row : chart.values) across = std::max(across, row.size());
  const auto value_at = [&](std::size_t i, std::size_t j) {
    return i < chart.values.size() && j < chart.values[i].size() ? chart.values[i][j] : NAN;
  };
  const auto name_of = [](const std::vector<std::string>& names, std::size_t i) {
    return i < names.size() ? shortened(names[i], kLongestName) : std::string();
  };
  std::vector<double> all;
  double widest = 20, left = 0, names = 0;
  for (std::size_t i = 0; i < down; ++i) {
    left = std::max(left, text_width(name_of(chart.rows, i)));
    for (std::size_t j = 0; j < across; ++j) {
      const double value = value_at(i, j);
      if (drawable(value)) all.push_back(value);
      widest = std::max(widest, 10 + text_width(number(value, chart.decimals)));
    }
  }
  if (all.empty()) return draw_empty(chart.heading, chart.alt, id);
  for (std::size_t j = 0; j < across; ++j) {
    names = std::max(names, text_width(name_of(chart.columns, j)));
  }
  const plot::Range range = plot::range_of(all);
  const double key = 34 + std::max(text_width(number(range.high, chart.decimals)),
                                   text_width(number(range.low, chart.decimals)));

  left += chart.row_title.empty() ? 12 : 32;
  const double cell =
      std::max(widest, std::min(72.0, (kChartWidth - left - key) / static_cast<double>(across)));
  const double row = std::clamp(300 / static_cast<double>(down), 24.0, 40.0);
  const Box inner{left, 0, cell * static_cast<double>(across), row * static_cast<double>(down)};
  const double width = std::max(kChartWidth, inner.right() + key);
  const bool slanted = names + 6 > cell;
  Svg measure(1, 1, "", "", "");
  double top = draw_heading(measure, width, chart.heading, chart.unit) + 6;
  if (!chart.column_title.empty()) top += 20;
  top += slanted ? 14 + 0.6 * names : 22;
  const Box box{inner.x, top, inner.width, inner.height};

  Svg svg(width, box.bottom() + 10, chart.heading, chart.alt.empty() ? chart.heading : chart.alt,
          "");
  const double headed = draw_heading(svg, width, chart.heading, chart.unit);
  if (!chart.column_title.empty()) {
    svg.text({box.x + box.width / 2, headed + 20}, chart.column_title,
             "class=\"label\" text-anchor=\"middle\"");
  }
  if (!chart.row_title.empty()) {
    const double middle = box.y + box.height / 2;
    svg.text(
        {14, middle}, chart.row_title,
        fmt::format("class=\"label\" text-anchor=\"middle\" transform=\"rotate(-90 14 {:.1f})\"",
                    middle));
  }
  for (std::size_t j = 0; j < across; ++j) {
    const double at = box.x + cell * (static_cast<double>(j) + 0.5);
    svg.text({at, box.y - 8}, name_of(chart.columns, j),
             slanted ? fmt::format("class=\"tick\" transform=\"rotate(-35 {:.1f} {:.1f})\"", at,
                                   box.y - 8)
                     : "class=\"tick\" text-anchor=\"middle\"");
  }
  for (std::size_t i = 0; i < down; ++i) {
    const double y = box.y + row * static_cast<double>(i);
    svg.text({box.x - 8, y + row / 2 + 4}, name_of(chart.rows, i),
             "class=\"tick\" text-anchor=\"end\"");
    for (std::size_t j = 0; j < across; ++j) {
      const double value = value_at(i, j), x = box.x + cell * static_cast<double>(j);
      const Box square{x + 1, y + 1, cell - 2, row - 2};
      const char* ink = "";
      if (drawable(value)) {
        // All equal: the middle of the colours.
        const double part =
            range.high > range.low ? (value - range.low) / (range.high - range.low) : 0.5;
        const std::string fill = plot::viridis(part);
        svg.rect(square, fmt::format("rx=\"2\" fill=\"{}\"", fill));
        ink = ink_on(fill);
      } else {
        svg.rect(square, "rx=\"2\" class=\"blank\"");
      }
      const std::string text = number(value, chart.decimals);
      if (text.empty()) continue;
      svg.text({x + cell / 2, y + row / 2 + 4.5}, text,
               fmt::format("class=\"value {}\" text-anchor=\"middle\"", ink));
    }
  }
  draw_scale(svg, {box.right() + 14, box.y + 1, 10, std::min(box.height - 2, 160.0)}, range,
             chart.decimals, id);
  return inlined(svg.finish(), id);
}

}  // namespace isoform::report
