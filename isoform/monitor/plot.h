// The parts that every chart needs: scales, round ticks, colours that colour-blind people can tell
// apart, axes. Private to the monitor's pictures.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "isoform/monitor/svg.h"

namespace isoform::plot {

struct Range {
  double low = 0, high = 1;
};

/// The smallest range that holds every finite value; {0, 1} when there is none.
Range range_of(const std::vector<double>& values);

/// `range` widened to multiples of a round step (1, 2 or 5 times a power of ten, at least
/// `smallest_step`) that cuts it into at most `parts`.
struct Axis {
  Range range;
  double step = 1;
  std::vector<double> ticks;
};
Axis round_axis(Range range, int parts, double smallest_step = 0);

/// Round ticks inside `range`, which stays as it is.
Axis exact_axis(Range range, int parts, double smallest_step = 0);

/// "0.25", "1,200", "1.5M": with as many decimals as the step needs.
std::string tick_label(double value, double step);

/// From values to pixels, linearly.
struct Scale {
  Range from, to;
  double operator()(double value) const {
    const double span = from.high - from.low;
    return to.low + (span > 0 ? (value - from.low) / span : 0.5) * (to.high - to.low);
  }
};

/// 0.001 to 1000 as they are, else "10⁻⁶".
std::string power_label(int exponent);

/// A y axis: from values to heights in units of `range`, and its ticks in the same units.
struct Vertical {
  bool logarithmic = false;
  Range range;
  std::vector<std::pair<double, std::string>> ticks;
  double least = 0;  // the lowest decade; what is smaller lies on the bottom
  double place(double value) const;
};
Vertical linear(const Axis& axis);
/// The decades of the positive `values`, at most so many from the top.
Vertical decades(const std::vector<double>& values, double most);

/// Colour of series `index` of `count`: Okabe–Ito up to five, an ordered ramp beyond.
std::string series_colour(int index, int count);

/// The viridis map, t in [0, 1]: dark violet to yellow.
std::string viridis(double t);

/// Pushes label positions apart to at least `gap`, in order, inside [low, high] where they fit.
void spread(std::vector<double>& positions, double gap, double low, double high);

/// A chart's frame: heading with a unit, grid, tick labels, the label of the x axis.
struct Frame {
  Box box;
  Axis x, y;
  std::string heading, unit, x_label;
  bool x_labels = true;
  Scale x_scale() const { return {x.range, {box.x, box.right()}}; }
  Scale y_scale() const { return {y.range, {box.bottom(), box.y}}; }
  void draw(Svg& svg) const;
};

/// A sentence in the middle of a chart that has nothing to show.
void draw_note(Svg& svg, const Box& box, std::string_view note);

}  // namespace isoform::plot
