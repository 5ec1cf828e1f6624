#include "isoform/monitor/report_axes.h"

#include <cmath>

#include "isoform/monitor/report_parts.h"

namespace isoform::report {
namespace {

constexpr double kDecades = 12;
constexpr std::size_t kMostSlanted = 14;

}  // namespace

plot::Vertical linear_axis(const plot::Range& data, const std::optional<double>& low,
                           const std::optional<double>& high) {
  plot::Range range{low && drawable(*low) ? *low : data.low,
                    high && drawable(*high) ? *high : data.high};
  if (range.low > range.high) range = data;
  plot::Axis axis = plot::round_axis(range, 6);
  if (low == range.low && range.low < axis.range.high) axis.range.low = range.low;
  if (high == range.high && range.high > axis.range.low) axis.range.high = range.high;
  plot::Vertical y;
  y.range = axis.range;
  const double slack = 1e-6 * axis.step;
  for (const double tick : axis.ticks) {
    if (tick < y.range.low - slack || tick > y.range.high + slack) continue;
    y.ticks.emplace_back(tick, tick_text(tick, axis.step));
  }
  return y;
}

plot::Vertical logarithmic_axis(const std::vector<double>& all, const std::optional<double>& low,
                                const std::optional<double>& high) {
  std::vector<double> shown;
  for (const double value : all) {
    const bool below = low && value < *low, above = high && value > *high;
    if (!below && !above) shown.push_back(value);
  }
  for (const auto& end : {low, high}) {
    if (end && drawable(*end)) shown.push_back(*end);
  }
  plot::Vertical y = plot::decades(shown, kDecades);
  bool small = false, tiny = false;
  for (const double value : all) {
    if (value >= std::pow(10.0, y.least) * (1 - 1e-9)) continue;
    small = true;
    tiny = tiny || value > 0;
  }
  if (small) {
    y.ticks.emplace_back(y.range.low -= std::max(0.3, 0.1 * (y.range.high - y.least)),
                         tiny ? "<" + plot::power_label(static_cast<int>(y.least)) : "0");
  }
  return y;
}

Names names_of(const std::vector<std::string>& names, double width) {
  double widest = 0;
  for (const std::string& name : names) widest = std::max(widest, text_width(shortened(name, 24)));
  const double pitch = width / static_cast<double>(std::max<std::size_t>(1, names.size()));
  if (widest + 8 <= pitch) return {};
  if (names.size() <= kMostSlanted && widest > 44) return {true, 1, 14 + 0.5 * widest};
  Names some;
  some.every = static_cast<std::size_t>(std::ceil((widest + 8) / pitch));
  // The last and the one in the middle are named too, or at least the last, where that takes no more than half of the
  // others: changes from −n to n have their 0 there.
  const std::size_t least = some.every, last = names.size() - 1;
  for (const std::size_t part : {last % 2 == 0 ? last / 2 : last, last}) {
    for (std::size_t every = least; every <= 2 * least; ++every) {
      if (part % every != 0) continue;
      some.every = every;
      return some;
    }
  }
  return some;
}

}  // namespace isoform::report
