// Numbers of reports in words. Private to this room.
#pragma once

#include <string>
#include <vector>

#include "isoform/experiment/measurements.h"
#include "isoform/monitor/report.h"

namespace isoform {

/// "12.34 ± 0.05", "3.2e-05 ± 1e-06"; without an error where there is none; "–" for nothing.
std::string with_error(const Summary& summary, int decimals = 2);
/// In as many digits as three figures need: "0.00123 ± 0.00002", "1.2e-06 ± 3e-07".
std::string with_error_scientific(const Summary& summary);

/// The same for values that are multiplied first.
Summary scaled(Summary summary, double factor);
/// Differences seed by seed of a figure, at `where` less at `other`.
Summary paired_difference(const Measurements& rows, const Labels& where, const Labels& other,
                          const std::string& figure);

/// A curve over x of the means of a figure, its band one standard error wide on each side. `where` of the k-th point has
/// `axis` = levels[k] added; x are the levels as numbers, or 0, 1, 2, … where `x` is empty.
report::Curve curve_of(const Measurements& rows, const std::string& label, const Labels& where,
                       const std::string& figure, const std::string& axis,
                       const std::vector<std::string>& levels, double factor = 1,
                       bool numbers = true);

/// The labels and one more.
Labels with(Labels labels, const std::string& name, const std::string& value);

}  // namespace isoform
