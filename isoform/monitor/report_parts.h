// What the charts of a page about an experiment have in common. Private to them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "isoform/monitor/format.h"
#include "isoform/monitor/plot.h"
#include "isoform/monitor/svg.h"

namespace isoform::report {

inline constexpr double kChartWidth = 540, kPlotHeight = 216;

/// Whether a value can be drawn. Larger ones would overflow on the way to pixels.
inline bool drawable(double value) { return value > -1e30 && value < 1e30; }

/// About, in pixels, for tick labels.
inline double text_width(const std::string& text) { return 7.1 * text_columns(text); }

/// At most so many columns, the last of them "…".
std::string shortened(const std::string& text, int columns);

/// `text` in lines of at most so many columns, broken at blanks, or anywhere in a word longer than a line.
std::vector<std::string> wrapped(const std::string& text, int columns);

/// "0.25", "1,200", or "1e+09" where that would be long.
std::string tick_text(double value, double step);

/// Heading and unit from the top of a chart; returns how far down they reach.
double draw_heading(Svg& svg, double width, const std::string& heading, const std::string& unit);

/// The sentence of a chart without data, below a heading.
std::string draw_empty(const std::string& heading, const std::string& alt, int id);

/// Attribute that gives the classes of `chart_style` the colour of curve `index` of `count`.
std::string colour(int index, int count);

/// The same of an ordered ramp, t in [0, 1]. It is lighter in the dark, where its violet end would be lost.
std::string ramp_colour(double t);

}  // namespace isoform::report
