// The axes of charts with curves. Private to them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "isoform/monitor/plot.h"

namespace isoform::report {

/// Round ticks over the data, or between the ends that are asked for.
plot::Vertical linear_axis(const plot::Range& data, const std::optional<double>& low,
                           const std::optional<double>& high);

/// At most 12 decades. Where a value is zero, negative or smaller, the bottom has a tick of its own below the lowest
/// decade: "0", or "<10⁻⁶" where some are positive.
plot::Vertical logarithmic_axis(const std::vector<double>& all, const std::optional<double>& low,
                                const std::optional<double>& high);

/// Names below categories: flat where they fit, else slanted, or where there are many, some of them.
struct Names {
  bool slanted = false;
  std::size_t every = 1;
  double height = 20;
};
Names names_of(const std::vector<std::string>& names, double width);

}  // namespace isoform::report
