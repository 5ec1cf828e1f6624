#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "isoform/monitor/picture_panels.h"
#include "isoform/monitor/plot.h"

namespace isoform::picture {
namespace {

constexpr std::size_t kMostSpaces = 6;
constexpr std::size_t kMostRows = 80;
constexpr int kShades = 40;
constexpr double kMostDecades = 4;  // smaller values have the darkest colour

using Rows = std::vector<const RunRecord::Spectrum*>;  // of one space, in order

// Logarithms of the range that the colours cover.
struct Colours {
  double low = 0, high = 1;
  int shade(double value) const {
    if (!(value > 0)) return 0;
    const double t = high > low ? (std::log10(value) - low) / (high - low) : 1;
    return static_cast<int>(std::lround(std::clamp(t, 0.0, 1.0) * (kShades - 1)));
  }
};

std::map<std::int64_t, Rows> by_space(const RunRecord& run) {
  std::map<std::int64_t, Rows> spaces;
  for (const auto& spectrum : run.spectra) {
    if (!spectrum.values.empty()) spaces[spectrum.space].push_back(&spectrum);
  }
  for (auto& [space, rows] : spaces) {
    if (rows.size() <= kMostRows) continue;
    Rows kept;
    for (std::size_t i = 0; i < kMostRows; ++i) {
      kept.push_back(rows[i * (rows.size() - 1) / (kMostRows - 1)]);
    }
    rows = kept;
  }
  return spaces;
}

// The first and the last space, and others evenly between them.
std::vector<std::int64_t> choose(const std::map<std::int64_t, Rows>& spaces) {
  std::vector<std::int64_t> all, chosen;
  for (const auto& [space, rows] : spaces) all.push_back(space);
  if (all.size() <= kMostSpaces) return all;
  for (std::size_t i = 0; i < kMostSpaces; ++i) {
    chosen.push_back(all[i * (all.size() - 1) / (kMostSpaces - 1)]);
  }
  return chosen;
}

Colours colours_for(const std::map<std::int64_t, Rows>& spaces) {
  std::vector<double> logs;
  for (const auto& [space, rows] : spaces) {
    for (const auto* row : rows) {
      for (const double value : row->values) {
        if (value > 0 && std::isfinite(value)) logs.push_back(std::log10(value));
      }
    }
  }
  const plot::Range range = plot::range_of(logs);
  return {std::max(range.low, range.high - kMostDecades), range.high};
}

// Never true without a threshold, which is NaN then.
bool is_scaffold(const RunRecord::Spectrum& row, std::size_t i) {
  return row.values[i] < row.threshold;
}

std::size_t scaffold_count(const RunRecord::Spectrum& row) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < row.values.size(); ++i) count += is_scaffold(row, i) ? 1 : 0;
  return count;
}

// Neighbours of one shade become one rectangle: a row that descends has at most kShades of them.
void draw_row(Svg& svg, const RunRecord::Spectrum& row, const Colours& colours,
              const plot::Scale& x, double y, double height) {
  const auto& values = row.values;
  for (std::size_t i = 0; i < values.size();) {
    std::size_t end = i + 1;
    if (!std::isfinite(values[i])) {
      i = end;
      continue;
    }
    const int shade = colours.shade(values[i]);
    while (end < values.size() && std::isfinite(values[end]) &&
           colours.shade(values[end]) == shade) {
      ++end;
    }
    const double from = x(static_cast<double>(i)), to = x(static_cast<double>(end));
    // Half a pixel of overlap, or rounding would leave white seams.
    svg.rect({from, y, to - from + 0.5, height + 0.5},
             fmt::format("fill=\"{}\"", plot::viridis(shade / (kShades - 1.0))));
    i = end;
  }
  for (std::size_t i = 0; i < values.size();) {
    std::size_t end = i;
    while (end < values.size() && is_scaffold(row, end)) ++end;
    if (end > i) {
      const double from = x(static_cast<double>(i)), to = x(static_cast<double>(end));
      svg.rect({from, y, to - from, height}, "fill=\"url(#scaffold)\"");
    }
    i = end + 1;
  }
}

// Names of rows: epochs, or steps where an epoch was measured more than once.
void draw_row_labels(Svg& svg, const Rows& rows, const Box& box) {
  bool epochs = true;
  for (std::size_t i = 1; i < rows.size(); ++i) epochs &= rows[i]->epoch > rows[i - 1]->epoch;
  const auto value = [&](std::size_t i) {
    return static_cast<double>(epochs ? rows[i]->epoch : rows[i]->step);
  };
  const double height = box.height / static_cast<double>(rows.size());
  const plot::Axis axis = plot::exact_axis({value(0), value(rows.size() - 1)}, 6, 1);
  std::vector<std::pair<std::size_t, double>> labels;  // the row nearest to each round number
  for (const double tick : axis.ticks) {
    std::size_t nearest = 0;
    for (std::size_t i = 1; i < rows.size(); ++i) {
      if (std::abs(value(i) - tick) < std::abs(value(nearest) - tick)) nearest = i;
    }
    if (labels.empty() || labels.back().first != nearest) labels.emplace_back(nearest, tick);
  }
  for (const auto& [row, tick] : labels) {
    const double at = box.y + (static_cast<double>(row) + 0.5) * height;
    svg.text({box.x - 8, at + 4}, plot::tick_label(value(row), 1),
             "class=\"tick\" text-anchor=\"end\"");
  }
  const double x = box.x - (epochs ? 34 : 58), middle = box.y + box.height / 2;
  svg.text({x, middle}, epochs ? "epoch" : "step",
           fmt::format("class=\"label\" text-anchor=\"middle\" "
                       "transform=\"rotate(-90 {:.0f} {:.0f})\"",
                       x, middle));
}

void draw_space(Svg& svg, std::int64_t space, const Rows& rows, const Colours& colours,
                const Box& box) {
  std::size_t longest = 1;
  for (const auto* row : rows) longest = std::max(longest, row->values.size());
  const plot::Scale x{{0, static_cast<double>(longest)}, {box.x, box.right()}};
  const double height = box.height / static_cast<double>(rows.size());
  svg.open("shape-rendering=\"crispEdges\"");
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const double y = box.y + static_cast<double>(r) * height;
    draw_row(svg, *rows[r], colours, x, y, height);
  }
  svg.close();
  svg.line({box.x, box.bottom()}, {box.right(), box.bottom()}, "class=\"axis\"");
  // Values count from 1, and each fills the width of one.
  const int parts = std::clamp(static_cast<int>(box.width / 38), 1, 6);
  const plot::Axis axis = plot::exact_axis({0, static_cast<double>(longest)}, parts, 1);
  for (const double tick : axis.ticks) {
    if (tick == 0 && axis.step == 1) continue;
    const double number = std::max(1.0, tick);
    const double at = x(number - 0.5);
    svg.line({at, box.bottom()}, {at, box.bottom() + 4}, "class=\"axis\"");
    svg.text({at, box.bottom() + 18}, plot::tick_label(number, 1),
             "class=\"tick\" text-anchor=\"middle\"");
  }
  const auto& last = *rows.back();
  const std::size_t scaffold = scaffold_count(last);
  std::string title = fmt::format("hidden {}: {}", space, last.values.size());
  const std::string more = scaffold > 0 ? fmt::format(", {} scaffold", scaffold) : "";
  constexpr double kCharacter = 6.4;  // pixels, about
  if (static_cast<double>(title.size() + more.size()) * kCharacter < box.width + 24) title += more;
  svg.text({box.x, box.y - 8}, title, "class=\"name\"");
}

void draw_colour_key(Svg& svg, const Colours& colours, const Box& box) {
  svg.open("shape-rendering=\"crispEdges\"");
  for (int shade = 0; shade < kShades; ++shade) {
    const double height = box.height / kShades;
    svg.rect({box.x, box.bottom() - (shade + 1) * height, box.width, height},
             fmt::format("fill=\"{}\"", plot::viridis(shade / (kShades - 1.0))));
  }
  svg.close();
  const plot::Scale y{{colours.low, colours.high}, {box.bottom(), box.y}};
  const auto label = [&](double value) {
    const double at = y(std::log10(value));
    svg.line({box.right(), at}, {box.right() + 4, at}, "class=\"axis\"");
    svg.text({box.right() + 8, at + 4}, fmt::format("{:.3g}", value), "class=\"tick\"");
  };
  const bool narrow = colours.high - colours.low < 2;
  for (double power = std::floor(colours.low); power <= colours.high; ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor != 1 && !narrow) continue;
      const double value = factor * std::pow(10.0, power);
      const double log = std::log10(value);
      if (log >= colours.low - 1e-9 && log <= colours.high + 1e-9) label(value);
    }
  }
}

}  // namespace

void draw_spectra(Svg& svg, const RunRecord& run, const Box& box) {
  const auto spaces = by_space(run);
  const auto chosen = choose(spaces);
  if (chosen.empty()) {
    svg.text({box.x, box.y - 34}, "No spectrum was measured in this run.", "class=\"label\"");
    return;
  }
  std::string unit = "one row for each time, the latest at the bottom";
  if (chosen.size() < spaces.size()) {
    unit = fmt::format("{} of {} hidden spaces; ", chosen.size(), spaces.size()) + unit;
  }
  svg.raw(
      fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" class=\"heading\">Singular values of each "
                  "hidden space<tspan class=\"label\" dx=\"6\">{}</tspan></text>\n",
                  box.x, box.y - 34, unit));
  svg.raw(
      "<defs><pattern id=\"scaffold\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
      "patternTransform=\"rotate(45)\"><line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" class=\"hatch\"/>"
      "</pattern></defs>\n");
  const Colours colours = colours_for(spaces);
  const double gap = 24, count = static_cast<double>(chosen.size());
  const double width = std::min(640.0, (box.width - gap * (count - 1)) / count);
  double x = box.x;
  for (const std::int64_t space : chosen) {
    const Box part{x, box.y, width, box.height};
    draw_space(svg, space, spaces.at(space), colours, part);
    if (x == box.x) draw_row_labels(svg, spaces.at(space), part);
    x += width + gap;
  }
  svg.text({box.x + (x - gap - box.x) / 2, box.bottom() + 38}, "number of the singular value",
           "class=\"label\" text-anchor=\"middle\"");
  const double key = x - gap + 36;
  svg.text({key, box.y - 8}, "value (log)", "class=\"label\"");
  draw_colour_key(svg, colours, {key, box.y, 14, box.height - 62});
  const bool thresholds = std::any_of(run.spectra.begin(), run.spectra.end(),
                                      [](const auto& row) { return std::isfinite(row.threshold); });
  if (!thresholds) return;
  const Box sample{key, box.bottom() - 34, 14, 14};
  svg.rect(sample, fmt::format("fill=\"{}\"", plot::viridis(0.25)));
  svg.rect(sample, "fill=\"url(#scaffold)\"");
  svg.text({key + 20, box.bottom() - 23}, "scaffold:", "class=\"label\"");
  svg.text({key, box.bottom() - 4}, "below threshold", "class=\"label\"");
}

}  // namespace isoform::picture
