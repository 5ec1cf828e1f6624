// What the functions of metrics.h ask of their arguments, and means that leave out what is undefined; for these functions alone.
#pragma once

#include <cmath>
#include <limits>
#include <span>
#include <string_view>

#include "isoform/linalg/matrix.h"

namespace isoform::metrics {

inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kClip = std::numeric_limits<double>::epsilon();

/// Weights as they were given, or 1 each. UsageError unless there are as many as samples (or none), all finite and >= 0.
class Weights {
 public:
  Weights(std::span<const double> weights, Index samples, std::string_view where);
  double operator[](Index i) const {
    return weights_.empty() ? 1.0 : weights_[static_cast<std::size_t>(i)];
  }
  [[nodiscard]] double total() const { return total_; }

 private:
  std::span<const double> weights_;
  double total_ = 0;
};

/// UsageError unless the sizes agree.
void require_count(std::size_t got, Index samples, std::string_view what, std::string_view where);
void require_shape(ConstView<double> got, ConstView<double> wanted, std::string_view where);
/// Whether all are finite; UsageError for a finite one outside [0, 1].
bool probabilities_are_finite(ConstView<double> probabilities, std::string_view where);

/// a / b, NaN for 0 / 0.
inline double ratio(double a, double b) { return b > 0 ? a / b : kNone; }

/// Mean of what is defined.
class Mean {
 public:
  void add(double value) {
    if (std::isnan(value)) return;
    sum_ += value;
    ++count_;
  }
  [[nodiscard]] double value() const { return ratio(sum_, static_cast<double>(count_)); }

 private:
  double sum_ = 0;
  Index count_ = 0;
};

}  // namespace isoform::metrics
