#include "isoform/train/metrics_input.h"

#include <fmt/format.h>

#include "isoform/base/error.h"

namespace isoform::metrics {

namespace {
// Softmax in float leaves its results this far outside.
constexpr double kRounding = 1e-6;
}  // namespace

Weights::Weights(std::span<const double> weights, Index samples, std::string_view where)
    : weights_(weights), total_(static_cast<double>(samples)) {
  if (weights.empty()) return;
  require_count(weights.size(), samples, "weights", where);
  total_ = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights[i]) || weights[i] < 0) {
      throw UsageError(fmt::format("{}: weights need to be finite and at least 0, got {} at {}",
                                   where, weights[i], i));
    }
    total_ += weights[i];
  }
}

void require_count(std::size_t got, Index samples, std::string_view what, std::string_view where) {
  if (static_cast<Index>(got) != samples) {
    throw UsageError(
        fmt::format("{}: {} samples need as many {}, got {}", where, samples, what, got));
  }
}

void require_shape(ConstView<double> got, ConstView<double> wanted, std::string_view where) {
  if (wanted.rows() < 1) throw UsageError(fmt::format("{}: needs at least 1 row, got 0", where));
  if (got.rows() != wanted.rows() || got.cols() != wanted.cols()) {
    throw UsageError(fmt::format(
        "{}: targets need the shape of the predictions, {} × {}, got {} × {} (one column a sample)",
        where, wanted.rows(), wanted.cols(), got.rows(), got.cols()));
  }
}

bool probabilities_are_finite(ConstView<double> probabilities, std::string_view where) {
  for (Index j = 0; j < probabilities.cols(); ++j) {
    for (Index i = 0; i < probabilities.rows(); ++i) {
      const double p = probabilities(i, j);
      if (!std::isfinite(p)) return false;
      if (p < -kRounding || p > 1 + kRounding) {
        throw UsageError(
            fmt::format("{}: probabilities need to lie in [0, 1], got {} in row {} of sample {}",
                        where, p, i, j));
      }
    }
  }
  return true;
}

}  // namespace isoform::metrics
