#include "isoform/monitor/page_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "isoform/monitor/format.h"
#include "isoform/monitor/html.h"
#include "isoform/monitor/plot.h"
#include "isoform/monitor/svg.h"

namespace isoform::page {

namespace {

constexpr double kDecades = 6;
constexpr std::size_t kMostPoints = 500, kMostDots = 64;
constexpr int kShades = 8;  // of each sign
constexpr Index kMostCells = 64;

plot::Vertical vertical_of(const Chart& chart, std::vector<double> values) {
  if (!chart.mark.empty()) values.push_back(chart.at);
  if (chart.logarithmic) return plot::decades(values, kDecades);
  values.push_back(0);
  return plot::linear(plot::round_axis(plot::range_of(values), 6));
}

void draw_series(Svg& svg, const Series& series, const plot::Scale& x, const plot::Scale& y,
                 const plot::Vertical& vertical) {
  const std::size_t count = series.values.size(), kept = std::min(count, kMostPoints);
  std::vector<Point> points;
  for (std::size_t i = 0; i < kept; ++i) {
    const std::size_t at = kept < 2 ? 0 : i * (count - 1) / (kept - 1);
    const double value = series.values[at];
    points.push_back(
        {x(static_cast<double>(at + 1)), std::isfinite(value) ? y(vertical.place(value)) : NAN});
  }
  svg.curve(points, fmt::format("class=\"curve {}\"", series.look));
  if (count > kMostDots) return;
  for (const Point& point : points) {
    if (std::isfinite(point.y))
      svg.circle(point, 2.4, fmt::format("class=\"dot {}\"", series.look));
  }
}

double text_width(const std::string& text) { return 6.6 * text_columns(text); }

}  // namespace

std::string draw_chart(const Chart& chart, int id) {
  constexpr double kWidth = 430, kHeight = 270;
  const Box box{58, 62, kWidth - 72, kHeight - 62 - 46};
  Svg svg(kWidth, kHeight, chart.heading, chart.alt, "");
  svg.raw(
      fmt::format("<text x=\"4\" y=\"18\" class=\"heading\">{}<tspan class=\"label\" dx=\"6\">"
                  "{}</tspan></text>\n",
                  escape_xml(chart.heading), escape_xml(chart.unit)));
  std::vector<double> all;
  std::size_t longest = 1;
  for (const Series& series : chart.series) {
    longest = std::max(longest, series.values.size());
    for (const double value : series.values) {
      if (std::isfinite(value)) all.push_back(value);
    }
  }
  // On a logarithmic axis nothing but zeros is nothing.
  if (std::none_of(all.begin(), all.end(),
                   [&](double value) { return !chart.logarithmic || value > 0; })) {
    // Sentences are broken by hand: SVG does not.
    std::string line;
    double at = box.y + 40;
    const auto put = [&] {
      svg.text({kWidth / 2, at}, line, "class=\"label\" text-anchor=\"middle\"");
      at += 18;
      line.clear();
    };
    for (std::size_t from = 0; from < chart.note.size();) {
      const std::size_t to = std::min(chart.note.find(' ', from), chart.note.size());
      const std::string word = chart.note.substr(from, to - from);
      if (!line.empty() && text_columns(line) + text_columns(word) > 52) put();
      line += (line.empty() ? "" : " ") + word;
      from = to + 1;
    }
    put();
    return inlined(svg.finish(), id);
  }
  const plot::Vertical vertical = vertical_of(chart, all);
  const plot::Scale y{vertical.range, {box.bottom(), box.y}};
  for (const auto& [tick, label] : vertical.ticks) {
    svg.line({box.x, y(tick)}, {box.right(), y(tick)}, "class=\"grid\"");
    svg.text({box.x - 7, y(tick) + 4}, label, "class=\"tick\" text-anchor=\"end\"");
  }
  const plot::Scale x{{1, std::max(2.0, static_cast<double>(longest))},
                      {box.x + 6, box.right() - 6}};
  svg.line({box.x, box.bottom()}, {box.right(), box.bottom()}, "class=\"axis\"");
  const plot::Axis axis = plot::exact_axis({0, static_cast<double>(longest)}, 6, 1);
  for (const double tick : axis.ticks) {
    const double number = std::max(1.0, tick);
    if (axis.step == 1 && tick == 0) continue;
    svg.line({x(number), box.bottom()}, {x(number), box.bottom() + 4}, "class=\"axis\"");
    svg.text({x(number), box.bottom() + 17}, plot::tick_label(number, 1),
             "class=\"tick\" text-anchor=\"middle\"");
  }
  svg.text({box.x + box.width / 2, box.bottom() + 36}, "number of the connection, strongest first",
           "class=\"label\" text-anchor=\"middle\"");
  double key = box.x;
  for (const Series& series : chart.series) {
    draw_series(svg, series, x, y, vertical);
    if (series.label.empty()) continue;
    svg.line({key, 38}, {key + 22, 38}, fmt::format("class=\"curve {}\"", series.look));
    svg.text({key + 28, 42}, series.label, "class=\"label\"");
    key += 28 + text_width(series.label) + 16;
  }
  if (!chart.mark.empty()) {
    const double at = y(vertical.place(chart.at));
    svg.line({box.x, at}, {box.right(), at}, "class=\"mark\"");
    // Named above: no place along the line is free of every curve.
    svg.line({key, 38}, {key + 22, 38}, "class=\"mark\"");
    svg.text({key + 28, 42}, chart.mark, "class=\"label\"");
  }
  const auto below = std::count_if(all.begin(), all.end(), [&](double value) {
    return chart.logarithmic && value < std::pow(10.0, vertical.range.low) * (1 - 1e-9);
  });
  if (below > 0) {
    svg.text({box.right() - 2, box.bottom() - 6}, fmt::format("{} below", below),
             "class=\"tick halo\" text-anchor=\"end\"");
  }
  return inlined(svg.finish(), id);
}

std::string draw_shape(const Model<float>& model, const std::vector<LayerReading>& layers, int id) {
  const auto& spaces = model.network.spaces();
  const double pitch = 84, height = 280, most = 190, bottom = 222;
  const double width = std::max(336.0, pitch * static_cast<double>(spaces.size()));
  const double first = (width - pitch * static_cast<double>(spaces.size())) / 2 + pitch / 2;
  Index widest = 1;
  std::string alt = "Widths of all layers:";
  for (const auto& s : spaces) {
    widest = std::max(widest, s.dimension);
    alt += fmt::format(" {} {};", s.name, s.dimension);
  }
  Svg svg(width, height, "The shape of the network", alt, "");
  svg.raw(
      fmt::format("<defs><pattern id=\"hatch{}\" width=\"5\" height=\"5\" "
                  "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
                  "<line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"5\" class=\"hatch\"/></pattern></defs>\n",
                  id));
  const auto box_of = [&](std::size_t i) {
    const double tall = std::max(3.0, most * std::sqrt(static_cast<double>(spaces[i].dimension) /
                                                       static_cast<double>(widest)));
    return Box{first + pitch * static_cast<double>(i) - 17, bottom - most / 2 - tall / 2, 34, tall};
  };
  for (const auto& m : model.network.maps()) {
    const auto [left, right] = std::minmax(m.from, m.to);  // a stream's writers lie behind it
    const Box a = box_of(static_cast<std::size_t>(left)),
              b = box_of(static_cast<std::size_t>(right));
    const std::array<Point, 4> corners = {Point{a.right(), a.y}, Point{b.x, b.y},
                                          Point{b.x, b.bottom()}, Point{a.right(), a.bottom()}};
    svg.polygon(corners, "class=\"link\"");
  }
  for (std::size_t i = 0; i < spaces.size(); ++i) {
    const auto& s = spaces[i];
    const Box box = box_of(i);
    svg.rect(box, s.hidden() ? "class=\"space\" rx=\"3\"" : "class=\"end\" rx=\"3\"");
    const double middle = box.x + box.width / 2;
    svg.text({middle, bottom + 22}, s.name, "class=\"name\" text-anchor=\"middle\"");
    svg.text({middle, bottom + 40}, format_count(s.dimension),
             "class=\"heading\" text-anchor=\"middle\"");
    const auto layer = std::find_if(layers.begin(), layers.end(),
                                    [&](const LayerReading& l) { return l.space == s.id; });
    if (layer == layers.end()) continue;
    const auto n = static_cast<double>(s.dimension);
    const double used = box.height * layer->strength_rank / n;
    svg.rect({box.x, box.bottom() - used, box.width, used}, "class=\"used\" rx=\"3\"");
    const Scaffold scaffold = layer->effect.value_or(layer->paper);
    const double idle = box.height * static_cast<double>(scaffold.count) / n;
    if (idle > 0)
      svg.rect({box.x, box.y, box.width, idle}, fmt::format("fill=\"url(#hatch{})\"", id));
    svg.text({middle, bottom + 56},
             s.gates() == 1 ? "one gate" : fmt::format("{} gates", s.gates()),
             "class=\"tick\" text-anchor=\"middle\"");
  }
  return inlined(svg.finish(), id);
}

std::string draw_image(const Vector<double>& values, Index rows, Index cols, const std::string& alt,
                       int id) {
  const Index square = (std::max(rows, cols) + kMostCells - 1) / kMostCells;
  const Index down = (rows + square - 1) / square, across = (cols + square - 1) / square;
  Matrix<double> cells = Matrix<double>::Zero(down, across), count = cells;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      cells(i / square, j / square) += values[i * cols + j];
      count(i / square, j / square) += 1;
    }
  }
  cells = cells.cwiseQuotient(count);
  const double most = cells.cwiseAbs().maxCoeff();
  // One path for each shade, of the runs it has: a hundredth of the bytes of rectangles with colours.
  std::vector<std::string> paths(2 * kShades + 1);
  for (Index i = 0; i < down; ++i) {
    const auto shade = [&](Index j) {
      const double value = most > 0 ? cells(i, j) / most : 0;
      return std::isfinite(value) ? static_cast<int>(std::lround(value * kShades)) : 0;
    };
    for (Index j = 0; j < across;) {
      Index end = j + 1;
      while (end < across && shade(end) == shade(j)) ++end;
      if (shade(j) != 0) {
        paths[shade(j) + kShades] += fmt::format("M{} {}h{}v1h-{}z", j, i, end - j, end - j);
      }
      j = end;
    }
  }
  Svg svg(static_cast<double>(across), static_cast<double>(down), alt, alt, "");
  svg.open("shape-rendering=\"crispEdges\"");
  svg.rect({0, 0, static_cast<double>(across), static_cast<double>(down)}, "class=\"zero\"");
  for (int shade = -kShades; shade <= kShades; ++shade) {
    const std::string& path = paths[shade + kShades];
    if (path.empty()) continue;
    svg.raw(fmt::format("<path class=\"{}{}\" d=\"{}\"/>\n", shade < 0 ? 'n' : 'p', std::abs(shade),
                        path));
  }
  svg.close();
  return inlined(svg.finish(), id);
}

std::string chart_style() {
  using Colour = std::array<int, 3>;
  const auto shades = [](char sign, const Colour& from, const Colour& to) {
    std::string css;
    for (int k = 1; k <= kShades; ++k) {
      std::array<int, 3> rgb{};
      for (std::size_t i = 0; i < 3; ++i) rgb[i] = from[i] + (to[i] - from[i]) * k / kShades;
      css += fmt::format(".{}{}{{fill:#{:02x}{:02x}{:02x}}}\n", sign, k, rgb[0], rgb[1], rgb[2]);
    }
    return css;
  };
  // Blue and orange of Okabe and Ito, towards white on paper and towards the dark on dark.
  const Colour white{250, 250, 250}, dark{24, 29, 35};
  std::string css = R"(.one { stroke: var(--one); }
.two { stroke: var(--two); stroke-dasharray: 6 4; }
.dot { stroke-width: 0; }
.dot.one { fill: var(--one); }
.dot.two { fill: var(--two); }
.link { fill: var(--one); opacity: 0.12; }
.space { fill: var(--pale); stroke: var(--one); }
.end { fill: var(--line); stroke: var(--soft); }
.used { fill: var(--one); }
.hatch { stroke: var(--two); stroke-width: 2.5; }
.zero { fill: #fafafa; }
)";
  css += shades('p', white, {0, 84, 140}) + shades('n', white, {200, 80, 0});
  css += "@media (prefers-color-scheme: dark) {\n.zero { fill: #181d23; }\n" +
         shades('p', dark, {110, 200, 255}) + shades('n', dark, {255, 160, 60}) + "}\n";
  return css;
}

}  // namespace isoform::page
