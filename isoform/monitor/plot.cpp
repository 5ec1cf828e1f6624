#include "isoform/monitor/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "isoform/monitor/format.h"

namespace isoform::plot {
namespace {

// The smallest round step that cuts `span` into at most `parts`.
double round_step(double span, int parts, double smallest) {
  const double rough = span / std::max(1, parts);
  double power = std::pow(10.0, std::floor(std::log10(rough)));
  if (!std::isfinite(power) || power <= 0) power = 1;
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  return std::max(step, smallest);
}

void place_ticks(Axis& axis) {
  const double first = std::ceil(axis.range.low / axis.step - 1e-6);
  const double last = std::floor(axis.range.high / axis.step + 1e-6);
  for (double i = first; i <= last && axis.ticks.size() < 100; ++i) {
    axis.ticks.push_back(i * axis.step);
  }
}

Range with_extent(Range range) {
  if (range.high > range.low) return range;
  const double half = std::max(0.5, 0.1 * std::abs(range.low));
  return {range.low - half, range.high + half};
}

}  // namespace

Range range_of(const std::vector<double>& values) {
  Range range{INFINITY, -INFINITY};
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  }
  return range.low <= range.high ? range : Range{0, 1};
}

Axis round_axis(Range range, int parts, double smallest_step) {
  range = with_extent(range);
  Axis axis;
  axis.step = round_step(range.high - range.low, parts, smallest_step);
  axis.range = {std::floor(range.low / axis.step + 1e-6) * axis.step,
                std::ceil(range.high / axis.step - 1e-6) * axis.step};
  place_ticks(axis);
  return axis;
}

Axis exact_axis(Range range, int parts, double smallest_step) {
  Axis axis;
  axis.range = with_extent(range);
  axis.step = round_step(axis.range.high - axis.range.low, parts, smallest_step);
  place_ticks(axis);
  return axis;
}

std::string tick_label(double value, double step) {
  if (step >= 1e5)
    return fmt::format("{:.{}f}M", std::abs(value) < 1 ? 0.0 : value / 1e6, step < 1e6 ? 1 : 0);
  if (step >= 1) return format_count(std::llround(value));
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
  const std::string text = fmt::format("{:.{}f}", std::abs(value) < 1e-12 ? 0.0 : value, decimals);
  return text.front() == '-' ? "−" + text.substr(1) : text;
}

std::string power_label(int exponent) {
  if (exponent >= -3 && exponent <= 3) return fmt::format("{:g}", std::pow(10.0, exponent));
  static constexpr std::array<const char*, 10> kDigits = {"⁰", "¹", "²", "³", "⁴",
                                                          "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = exponent < 0 ? "10⁻" : "10";
  for (const char digit : fmt::format("{}", std::abs(exponent))) {
    text += kDigits[static_cast<std::size_t>(digit - '0')];
  }
  return text;
}

double Vertical::place(double value) const {
  if (!logarithmic) return value;
  const double power = value > 0 ? std::log10(value) : -INFINITY;
  return power >= least ? power : range.low;
}

Vertical linear(const Axis& axis) {
  Vertical y;
  y.range = axis.range;
  for (const double tick : axis.ticks) y.ticks.emplace_back(tick, tick_label(tick, axis.step));
  return y;
}

Vertical decades(const std::vector<double>& values, double most) {
  std::vector<double> logs;
  for (const double value : values) {
    if (value > 0) logs.push_back(std::log10(value));
  }
  const Range range = range_of(logs);
  Vertical y;
  y.logarithmic = true;
  const double high = std::ceil(range.high + 0.02);
  y.least = std::max(std::floor(range.low - 0.02), high - most);
  y.range = {y.least, high};
  for (auto e = static_cast<int>(y.least); e <= static_cast<int>(high); ++e) {
    y.ticks.emplace_back(e, power_label(e));
    if (high - y.least > 1.5 || e == static_cast<int>(high)) continue;
    for (const double factor : {2.0, 5.0}) {
      y.ticks.emplace_back(e + std::log10(factor), fmt::format("{:g}", factor * std::pow(10.0, e)));
    }
  }
  return y;
}

std::string series_colour(int index, int count) {
  static constexpr std::array<const char*, 5> kOkabeIto = {"#0072B2", "#E69F00", "#009E73",
                                                           "#CC79A7", "#56B4E9"};
  if (count <= static_cast<int>(kOkabeIto.size())) {
    return kOkabeIto[static_cast<std::size_t>(std::clamp(index, 0, 4))];
  }
  // Layers have an order, and so has this ramp. Its yellow end is too pale for a line on white.
  return viridis(0.85 * index / (count - 1));
}

std::string viridis(double t) {
  static constexpr std::array<std::array<double, 3>, 9> kStops = {{{68, 1, 84},
                                                                   {71, 45, 123},
                                                                   {59, 82, 139},
                                                                   {44, 114, 142},
                                                                   {33, 145, 140},
                                                                   {40, 174, 128},
                                                                   {94, 201, 98},
                                                                   {173, 220, 48},
                                                                   {253, 231, 37}}};
  const double place = std::clamp(std::isfinite(t) ? t : 0.0, 0.0, 1.0) * 8;
  const auto stop = static_cast<std::size_t>(std::min(7.0, std::floor(place)));
  const double part = place - static_cast<double>(stop);
  std::array<int, 3> rgb{};
  for (std::size_t i = 0; i < 3; ++i) {
    rgb[i] = static_cast<int>(
        std::lround(kStops[stop][i] + part * (kStops[stop + 1][i] - kStops[stop][i])));
  }
  return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

void spread(std::vector<double>& positions, double gap, double low, double high) {
  std::vector<std::size_t> order(positions.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return positions[a] < positions[b]; });
  double next = low;
  for (const std::size_t i : order) {
    positions[i] = std::max(positions[i], next);
    next = positions[i] + gap;
  }
  double limit = high;
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    positions[*it] = std::min(positions[*it], limit);
    limit = positions[*it] - gap;
  }
}

void Frame::draw(Svg& svg) const {
  const Scale to_x = x_scale(), to_y = y_scale();
  for (const double tick : y.ticks) {
    const double at = to_y(tick);
    svg.line({box.x, at}, {box.right(), at}, "class=\"grid\"");
    svg.text({box.x - 8, at + 4}, tick_label(tick, y.step), "class=\"tick\" text-anchor=\"end\"");
  }
  svg.line({box.x, box.bottom()}, {box.right(), box.bottom()}, "class=\"axis\"");
  for (const double tick : x.ticks) {
    const double at = to_x(tick);
    svg.line({at, box.bottom()}, {at, box.bottom() + 4}, "class=\"axis\"");
    if (x_labels) {
      svg.text({at, box.bottom() + 18}, tick_label(tick, x.step),
               "class=\"tick\" text-anchor=\"middle\"");
    }
  }
  if (x_labels && !x_label.empty()) {
    svg.text({box.x + box.width / 2, box.bottom() + 36}, x_label,
             "class=\"label\" text-anchor=\"middle\"");
  }
  if (!heading.empty()) {
    svg.raw(
        fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" class=\"heading\">{}"
                    "<tspan class=\"label\" dx=\"6\">{}</tspan></text>\n",
                    box.x, box.y - 14, escape_xml(heading), escape_xml(unit)));
  }
}

void draw_note(Svg& svg, const Box& box, std::string_view note) {
  svg.text({box.x + box.width / 2, box.y + box.height / 2 + 4}, note,
           "class=\"label\" text-anchor=\"middle\"");
}

}  // namespace isoform::plot
