#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "isoform/monitor/html.h"
#include "isoform/monitor/report_charts.h"
#include "isoform/monitor/report_parts.h"

namespace isoform::report {
namespace {

constexpr double kTallest = 520, kHighestRow = 22;
constexpr double kOverlap = 3.4;  // rows that the highest ridge reaches over
constexpr std::size_t kMostValues = 2000;

std::vector<double> sorted_drawable(const std::vector<double>& values) {
  std::vector<double> kept;
  std::copy_if(values.begin(), values.end(), std::back_inserter(kept), drawable);
  std::sort(kept.begin(), kept.end());
  return kept;
}

double quantile(const std::vector<double>& sorted, double part) {
  const double place = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

double bandwidth(std::vector<double> values, double floor) {
  values = sorted_drawable(values);
  if (values.size() < 2) return floor;
  const auto n = static_cast<double>(values.size());
  double mean = 0, square = 0;
  for (const double value : values) mean += value / n;
  for (const double value : values) square += (value - mean) * (value - mean) / (n - 1);
  const double quartiles = (quantile(values, 0.75) - quantile(values, 0.25)) / 1.34;
  const double deviation = std::sqrt(square);
  const double width = quartiles > 0 ? std::min(deviation, quartiles) : deviation;
  return std::max(floor, 0.9 * width * std::pow(n, -0.2));
}

std::vector<double> density(const std::vector<double>& values, const plot::Range& range) {
  std::vector<double> heights(kDensityPoints, 0);
  std::vector<double> sorted = sorted_drawable(values);
  const double step = (range.high - range.low) / (kDensityPoints - 1);
  if (sorted.empty() || !(step > 0)) return heights;
  // Narrower than the points can show, a kernel would lose its area between them.
  const double width = bandwidth(sorted, step);
  if (sorted.size() > kMostValues) {
    std::vector<double> fewer;
    for (std::size_t i = 0; i < kMostValues; ++i) {
      fewer.push_back(quantile(sorted, (static_cast<double>(i) + 0.5) / kMostValues));
    }
    sorted = std::move(fewer);
  }
  const double each =
      1 / (static_cast<double>(sorted.size()) * width * std::sqrt(2 * std::numbers::pi));
  for (int k = 0; k < kDensityPoints; ++k) {
    const double at = range.low + step * k;
    auto value = std::lower_bound(sorted.begin(), sorted.end(), at - 5 * width);
    for (; value != sorted.end() && *value <= at + 5 * width; ++value) {
      const double distance = (*value - at) / width;
      heights[static_cast<std::size_t>(k)] += each * std::exp(-0.5 * distance * distance);
    }
  }
  return heights;
}

std::string draw_ridges(const RidgeChart& chart, int id) {
  std::vector<double> all;
  double left = 30;
  for (const Ridge& ridge : chart.ridges) {
    for (const double value : ridge.values) {
      if (drawable(value)) all.push_back(value);
    }
    left = std::max(left, 10 + text_width(shortened(ridge.label, 20)));
  }
  if (all.empty()) return draw_empty(chart.heading, chart.alt, id);
  if (chart.reference && drawable(*chart.reference)) all.push_back(*chart.reference);
  plot::Range range = plot::range_of(all);
  const double room = range.high > range.low ? 0.06 * (range.high - range.low)
                                             : std::max(0.5, 0.1 * std::abs(range.low));
  range = {range.low - room, range.high + room};
  const plot::Range asked{chart.low && drawable(*chart.low) ? *chart.low : range.low,
                          chart.high && drawable(*chart.high) ? *chart.high : range.high};
  if (asked.low < asked.high) range = asked;
  const bool reference =
      chart.reference && *chart.reference >= range.low && *chart.reference <= range.high;

  const auto rows = static_cast<double>(chart.ridges.size());
  std::vector<std::vector<double>> heights;
  std::vector<double> peaks;
  for (const Ridge& ridge : chart.ridges) {
    heights.push_back(density(ridge.values, range));
    const double peak = *std::max_element(heights.back().begin(), heights.back().end());
    if (peak > 0) peaks.push_back(peak);
  }
  std::sort(peaks.begin(), peaks.end());
  const double high = peaks.empty() ? 1 : std::min(peaks.back(), 2.5 * quantile(peaks, 0.5));

  const double bottom = chart.x_label.empty() ? 28 : 48;
  Svg measure(1, 1, "", "", "");
  const double top = draw_heading(measure, kChartWidth, chart.heading, "") + (reference ? 26 : 10);
  const double pitch = std::min(kHighestRow, (kTallest - 6 - top - bottom) / (rows - 1 + kOverlap));
  const double tall = kOverlap * std::max(pitch, rows < 3 ? 40.0 : 0.0);
  const Box box{left, top, kChartWidth - left - 16, tall + pitch * (rows - 1) + 6};

  Svg svg(kChartWidth, box.bottom() + bottom, chart.heading,
          chart.alt.empty() ? chart.heading : chart.alt, "");
  draw_heading(svg, kChartWidth, chart.heading, "");
  const plot::Axis axis = plot::exact_axis(range, 7);
  const plot::Scale x{axis.range, {box.x, box.right()}};
  for (const double tick : axis.ticks) {
    svg.line({x(tick), box.y}, {x(tick), box.bottom()}, "class=\"grid\"");
    svg.line({x(tick), box.bottom()}, {x(tick), box.bottom() + 4}, "class=\"axis\"");
    svg.text({x(tick), box.bottom() + 18}, tick_text(tick, axis.step),
             "class=\"tick\" text-anchor=\"middle\"");
  }
  svg.line({box.x, box.bottom()}, {box.right(), box.bottom()}, "class=\"axis\"");
  if (!chart.x_label.empty()) {
    svg.text({box.x + box.width / 2, box.bottom() + 38}, chart.x_label,
             "class=\"label\" text-anchor=\"middle\"");
  }
  const auto every = static_cast<std::size_t>(std::ceil(14 / std::max(0.1, pitch)));
  for (std::size_t i = 0; i < chart.ridges.size(); ++i) {
    const double base = box.y + tall + pitch * static_cast<double>(i);
    const double peak = *std::max_element(heights[i].begin(), heights[i].end());
    const plot::Scale up{{0, std::max(high, peak)}, {base, base - tall}};
    // From where it rises to where it has come down: elsewhere its outline would cut through those above.
    std::vector<Point> points;
    for (int k = 0; k < kDensityPoints; ++k) {
      points.push_back({x(range.low + (range.high - range.low) * k / (kDensityPoints - 1)),
                        up(heights[i][static_cast<std::size_t>(k)])});
    }
    const auto flat = [&](const Point& point) { return base - point.y < 0.15; };
    while (!points.empty() && flat(points.back())) points.pop_back();
    points.erase(points.begin(), std::find_if_not(points.begin(), points.end(), flat));
    if (!points.empty()) {
      points.push_back({points.back().x, base});
      points.insert(points.begin(), {points.front().x, base});
    }
    const double part = rows > 1 ? static_cast<double>(i) / (rows - 1) : 0.5;
    if (!points.empty()) svg.polygon(points, "class=\"ridge\" " + ramp_colour(part));
    if (i % every == 0) {
      svg.text({box.x - 8, base + 1}, shortened(chart.ridges[i].label, 20),
               "class=\"tick\" text-anchor=\"end\"");
    }
  }
  if (reference) {
    const double at = x(*chart.reference);
    svg.line({at, box.y - 2}, {at, box.bottom()}, "class=\"mark\"");
    const std::string label = shortened(chart.reference_label, 50);
    const double half = text_width(label) / 2;
    svg.text({std::clamp(at, half + 2, kChartWidth - half - 2), box.y - 8}, label,
             "class=\"name\" text-anchor=\"middle\"");
  }
  return inlined(svg.finish(), id);
}

}  // namespace isoform::report
