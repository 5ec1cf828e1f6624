#include <fmt/format.h>

#include <cmath>

#include "isoform/monitor/html.h"
#include "isoform/monitor/report_axes.h"
#include "isoform/monitor/report_charts.h"
#include "isoform/monitor/report_parts.h"

namespace isoform::report {
namespace {

constexpr std::size_t kMostPoints = 600, kMostDots = 30;
constexpr int kLongestAtEnd = 17;  // columns of a label beside the end of its curve
constexpr std::size_t kMostAtEnd = 10;

struct Sample {
  double x = NAN, y = NAN, low = NAN, high = NAN;
};

// A curve as it is drawn: what cannot be drawn is NaN, long ones are thinned.
struct Line {
  std::string label, colour;
  bool dashed = false;
  std::vector<Sample> samples;
};

std::vector<Line> lines_of(const LineChart& chart) {
  // Colours that are asked for come first, the others take what follows.
  int asked = 0, own = 0;
  for (const Curve& curve : chart.curves) {
    asked = std::max(asked, std::min(curve.colour, 1000) + 1);
    own += curve.colour < 0 ? 1 : 0;
  }
  const int colours = asked + own;
  std::vector<Line> lines;
  int next = asked;
  for (const Curve& curve : chart.curves) {
    Line line{curve.label,
              colour(curve.colour < 0 ? next++ : std::min(curve.colour, 1000), colours),
              curve.dashed,
              {}};
    const auto at = [](const std::vector<double>& values, std::size_t i) {
      return i < values.size() && drawable(values[i]) ? values[i] : NAN;
    };
    const std::size_t count =
        curve.x.empty() ? curve.y.size() : std::min(curve.x.size(), curve.y.size());
    const std::size_t kept = std::min(count, kMostPoints);
    for (std::size_t k = 0; k < kept; ++k) {
      const std::size_t i = kept < 2 ? 0 : k * (count - 1) / (kept - 1);
      line.samples.push_back({curve.x.empty() ? static_cast<double>(i) : at(curve.x, i),
                              at(curve.y, i), at(curve.low, i), at(curve.high, i)});
      if (std::isnan(line.samples.back().x)) line.samples.back().y = NAN;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

// What the axes and the margins depend on.
struct Extent {
  std::vector<double> all, across;  // of y and its bands, of x
  std::size_t named = 0;
  int longest = 0;  // label, in columns
  bool values = false, whole = true;
};
Extent extent_of(const std::vector<Line>& lines) {
  Extent data;
  for (const Line& line : lines) {
    data.named += line.label.empty() ? 0 : 1;
    data.longest = std::max(data.longest, text_columns(line.label));
    for (const Sample& s : line.samples) {
      data.values = data.values || !std::isnan(s.y);
      for (const double value : {s.y, s.low, s.high}) {
        if (!std::isnan(value)) data.all.push_back(value);
      }
      if (!std::isnan(s.x)) data.across.push_back(s.x);
      data.whole = data.whole && (std::isnan(s.x) || s.x == std::floor(s.x));
    }
  }
  return data;
}

struct Plan {
  Box box;
  plot::Vertical vertical;
  plot::Scale x, y;
  Point place(double at, double value) const { return {x(at), y(vertical.place(value))}; }
};

void draw_curve(Svg& svg, const Line& line, const Plan& plan) {
  std::vector<Point> points;
  std::size_t count = 0;
  for (const Sample& s : line.samples) {
    points.push_back(std::isnan(s.y) ? Point{NAN, NAN} : plan.place(s.x, s.y));
    count += std::isnan(s.y) ? 0 : 1;
  }
  svg.curve(points,
            fmt::format("class=\"curve line{}\" {}", line.dashed ? " dashed" : "", line.colour));
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::isnan(points[i].y)) continue;
    const bool alone = (i == 0 || std::isnan(points[i - 1].y)) &&
                       (i + 1 == points.size() || std::isnan(points[i + 1].y));
    if (alone || count <= kMostDots) {
      svg.circle(points[i], 3, fmt::format("class=\"dot\" {}", line.colour));
    }
  }
}

void draw_band(Svg& svg, const Line& line, const Plan& plan) {
  std::vector<Point> upper, lower;
  const auto flush = [&] {
    upper.insert(upper.end(), lower.rbegin(), lower.rend());
    if (upper.size() > 2) svg.polygon(upper, fmt::format("class=\"fill band\" {}", line.colour));
    upper.clear();
    lower.clear();
  };
  for (const Sample& s : line.samples) {
    if (std::isnan(s.x) || std::isnan(s.low) || std::isnan(s.high)) {
      flush();
      continue;
    }
    upper.push_back(plan.place(s.x, s.high));
    lower.push_back(plan.place(s.x, s.low));
  }
  flush();
}

// Labels beside the ends of the curves, each led to from where its curve ends.
void draw_ends(Svg& svg, const std::vector<Line>& lines, const Plan& plan) {
  std::vector<const Line*> named;
  std::vector<Point> ends;
  std::vector<double> heights;
  for (const Line& line : lines) {
    const auto last = std::find_if(line.samples.rbegin(), line.samples.rend(),
                                   [](const Sample& s) { return !std::isnan(s.y); });
    if (line.label.empty() || last == line.samples.rend()) continue;
    named.push_back(&line);
    ends.push_back(plan.place(last->x, last->y));
    ends.back().y = std::clamp(ends.back().y, plan.box.y, plan.box.bottom());
    heights.push_back(ends.back().y);
  }
  plot::spread(heights, 17, plan.box.y - 6, plan.box.bottom());
  for (std::size_t i = 0; i < named.size(); ++i) {
    const std::string look = fmt::format("class=\"curve leader line{}\" {}",
                                         named[i]->dashed ? " dashed" : "", named[i]->colour);
    const std::vector<Point> way = {{std::min(ends[i].x + 5, plan.box.right()), ends[i].y},
                                    {plan.box.right() + 2, ends[i].y},
                                    {plan.box.right() + 12, heights[i]},
                                    {plan.box.right() + 20, heights[i]}};
    svg.curve(way, look);
    svg.text({plan.box.right() + 24, heights[i] + 4}, named[i]->label, "class=\"name\"");
  }
}

// The key above the plot, in as many rows as it takes; returns how far down it reaches.
double draw_key(Svg& svg, const std::vector<Line>& lines, double top) {
  double x = 4, y = top + 14;
  bool any = false;
  for (const Line& line : lines) {
    if (line.label.empty()) continue;
    const std::string label = shortened(line.label, 70);
    const double width = 30 + text_width(label);
    if (any && x + width > kChartWidth) {
      x = 4;
      y += 19;
    }
    svg.line({x, y - 4}, {x + 24, y - 4},
             fmt::format("class=\"curve line{}\" {}", line.dashed ? " dashed" : "", line.colour));
    svg.text({x + 30, y}, label, "class=\"name\"");
    x += width + 18;
    any = true;
  }
  return any ? y + 8 : top;
}

struct Word {
  double x = 0;
  std::string text;
  int row = 0;
};
// The words on top of the marks, in rows so that none runs into another.
std::vector<Word> words_of(const LineChart& chart, const Plan& plan) {
  std::vector<Word> words;
  std::vector<double> ends;  // of the rows
  std::vector<LineChart::Mark> marks = chart.marks;
  std::erase_if(marks, [](const auto& mark) { return !drawable(mark.x) || mark.label.empty(); });
  std::stable_sort(marks.begin(), marks.end(),
                   [](const auto& a, const auto& b) { return a.x < b.x; });
  for (const auto& mark : marks) {
    const std::string text = shortened(mark.label, 40);
    const double half = text_width(text) / 2;
    const double x = std::clamp(plan.x(mark.x), half + 2, kChartWidth - half - 2);
    std::size_t row = 0;
    while (row < ends.size() && ends[row] > x - half) ++row;
    if (row == ends.size()) ends.push_back(0);
    ends[row] = x + half + 8;
    words.push_back({x, text, static_cast<int>(row)});
  }
  return words;
}

void draw_x_axis(Svg& svg, const LineChart& chart, const plot::Axis& axis, const Names& names,
                 const Plan& plan) {
  const Box& box = plan.box;
  svg.line({box.x, box.bottom()}, {box.right(), box.bottom()}, "class=\"axis\"");
  const auto tick = [&](double at) {
    svg.line({plan.x(at), box.bottom()}, {plan.x(at), box.bottom() + 4}, "class=\"axis\"");
    return Point{plan.x(at), box.bottom() + 18};
  };
  for (std::size_t i = 0; i < chart.x_names.size(); ++i) {
    Point at = tick(static_cast<double>(i));
    if (i % names.every != 0) continue;
    const std::string name = shortened(chart.x_names[i], 24);
    if (names.slanted) {
      at = {at.x + 4, at.y - 2};
      svg.text(
          at, name,
          fmt::format("class=\"tick\" text-anchor=\"end\" transform=\"rotate(-30 {:.1f} {:.1f})\"",
                      at.x, at.y));
    } else {
      svg.text(at, name, "class=\"tick\" text-anchor=\"middle\"");
    }
  }
  for (const double at : axis.ticks) {
    svg.text(tick(at), tick_text(at, axis.step), "class=\"tick\" text-anchor=\"middle\"");
  }
  if (chart.x_label.empty()) return;
  svg.text({box.x + box.width / 2, box.bottom() + names.height + 18}, chart.x_label,
           "class=\"label\" text-anchor=\"middle\"");
}

}  // namespace

std::string draw_lines(const LineChart& chart, int id) {
  const std::vector<Line> lines = lines_of(chart);
  Extent data = extent_of(lines);
  if (!data.values) return draw_empty(chart.heading, chart.alt, id);
  for (const auto& mark : chart.marks) {
    if (drawable(mark.x)) data.across.push_back(mark.x);
  }

  Plan plan;
  plan.vertical = chart.logarithmic ? logarithmic_axis(data.all, chart.low, chart.high)
                                    : linear_axis(plot::range_of(data.all), chart.low, chart.high);
  double left = 28;
  for (const auto& [tick, label] : plan.vertical.ticks) left = std::max(left, text_width(label));
  const bool at_end = data.named >= 2 && data.named <= kMostAtEnd && data.longest <= kLongestAtEnd;
  const double right =
      at_end ? 28 + text_width(std::string(static_cast<std::size_t>(data.longest), 'x')) : 14;
  plan.box = {left + 14, 0, kChartWidth - left - 14 - right, kPlotHeight};
  const bool categories = !chart.x_names.empty();
  const plot::Axis axis =
      categories ? plot::Axis{{-0.5, static_cast<double>(chart.x_names.size()) - 0.5}, 1, {}}
                 : plot::exact_axis(plot::range_of(data.across), 7, data.whole ? 1 : 0);
  const double inset = categories ? 0 : 8;
  plan.x = {axis.range, {plan.box.x + inset, plan.box.right() - inset}};
  const Names names = names_of(chart.x_names, plan.box.width);
  const std::vector<Word> words = words_of(chart, plan);
  int rows = 0;
  for (const Word& word : words) rows = std::max(rows, word.row + 1);

  // Heading and key are drawn twice, at first to see how tall they are.
  const auto draw_top = [&](Svg& svg) {
    const double top = draw_heading(svg, kChartWidth, chart.heading, chart.unit);
    return at_end || data.named == 0 ? top : draw_key(svg, lines, top);
  };
  Svg measure(1, 1, "", "", "");
  plan.box.y = draw_top(measure) + 12 + 16 * rows;
  plan.y = {plan.vertical.range, {plan.box.bottom(), plan.box.y}};
  Svg svg(kChartWidth, plan.box.bottom() + names.height + (chart.x_label.empty() ? 8 : 28),
          chart.heading, chart.alt.empty() ? chart.heading : chart.alt, "");
  draw_top(svg);
  for (const auto& [tick, label] : plan.vertical.ticks) {
    const double at = plan.y(tick);
    svg.line({plan.box.x, at}, {plan.box.right(), at}, "class=\"grid\"");
    svg.text({plan.box.x - 8, at + 4}, label, "class=\"tick\" text-anchor=\"end\"");
  }
  draw_x_axis(svg, chart, axis, names, plan);
  svg.raw(
      fmt::format("<clipPath id=\"clip{}\"><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
                  "height=\"{:.1f}\"/></clipPath>\n",
                  id, plan.box.x - 4, plan.box.y - 4, plan.box.width + 8, plan.box.height + 8));
  svg.open(fmt::format("clip-path=\"url(#clip{})\"", id));
  for (const Line& line : lines) draw_band(svg, line, plan);
  for (const auto& mark : chart.marks) {
    if (!drawable(mark.x)) continue;
    svg.line({plan.x(mark.x), plan.box.y}, {plan.x(mark.x), plan.box.bottom()}, "class=\"mark\"");
  }
  for (const Line& line : lines) draw_curve(svg, line, plan);
  svg.close();
  for (const Word& word : words) {
    svg.text({word.x, plan.box.y - 6 - 16 * word.row}, word.text,
             "class=\"name\" text-anchor=\"middle\"");
  }
  if (at_end) draw_ends(svg, lines, plan);
  return inlined(svg.finish(), id);
}

}  // namespace isoform::report
