// The charts of a page about an experiment. Private to report.cpp. Each returns <svg> to stand inside HTML; `id` makes
// its ids unique in the page.
#pragma once

#include <string>
#include <vector>

#include "isoform/monitor/plot.h"
#include "isoform/monitor/report.h"

namespace isoform::report {

std::string draw_lines(const LineChart& chart, int id);
std::string draw_ridges(const RidgeChart& chart, int id);
std::string draw_matrix(const MatrixChart& chart, int id);

/// Where densities are evaluated: this many points over the range.
inline constexpr int kDensityPoints = 161;

/// Silverman's rule, 0.9 · min(deviation, quartiles' distance / 1.34) · n^(−1/5), at least `floor`.
double bandwidth(std::vector<double> values, double floor);

/// The density of `values` (Gaussian kernel) at kDensityPoints equidistant places from range.low to range.high: its
/// integral is 1, up to what lies outside. All 0 where no value is finite. Of more than 2000 values, 2000 quantiles
/// count.
std::vector<double> density(const std::vector<double>& values, const plot::Range& range);

/// CSS of the charts, light and dark.
std::string chart_style();

}  // namespace isoform::report
