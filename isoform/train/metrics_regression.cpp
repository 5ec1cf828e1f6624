// Metrics of numbers predicted as numbers, and of repeated measurements.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/train/metrics.h"
#include "isoform/train/metrics_input.h"

namespace isoform {

namespace {

using metrics::kNone;
using metrics::Mean;

constexpr const char* kWhere = "regression_metrics";

// The value at half of the weight; the mean of two where half lies between them.
double median(const std::vector<double>& values, const metrics::Weights& weights) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t i) { return weights[static_cast<Index>(i)] == 0; });
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return values[a] != values[b] ? values[a] < values[b] : a < b;
  });
  // The same sums as below, so that the whole is met exactly.
  double whole = 0, passed = 0;
  for (const std::size_t i : order) whole += weights[static_cast<Index>(i)];
  for (std::size_t k = 0; k < order.size(); ++k) {
    passed += weights[static_cast<Index>(order[k])];
    if (passed > whole / 2) return values[order[k]];
    if (passed == whole / 2) return (values[order[k]] + values[order[k + 1]]) / 2;
  }
  return kNone;
}

RegressionFigures figures_of(ConstView<double> predictions, ConstView<double> targets, Index output,
                             const metrics::Weights& weights) {
  const auto p = predictions.row(output), y = targets.row(output);
  const double total = weights.total();
  double squares = 0, absolute = 0, mean = 0;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::vector<double> errors(static_cast<std::size_t>(p.size()));
  for (Index j = 0; j < p.size(); ++j) {
    const double w = weights[j], error = std::abs(p[j] - y[j]);
    errors[static_cast<std::size_t>(j)] = error;
    squares += w * error * error;
    absolute += w * error;
    mean += w * y[j];
    if (w == 0) continue;
    low = std::min(low, y[j]);
    high = std::max(high, y[j]);
  }
  mean /= total;
  double spread = 0;
  for (Index j = 0; j < y.size(); ++j) spread += weights[j] * (y[j] - mean) * (y[j] - mean);
  // Equal targets by comparison: rounding of their mean would leave a spread that is not 0.
  return {.rmse = std::sqrt(squares / total),
          .mae = absolute / total,
          .r2 = low < high && spread > 0 ? 1 - squares / spread : kNone,
          .median_absolute_error = median(errors, weights)};
}

}  // namespace

RegressionMetrics regression_metrics(ConstView<double> predictions, ConstView<double> targets,
                                     std::span<const double> given) {
  metrics::require_shape(targets, predictions, kWhere);
  for (Index j = 0; j < targets.cols(); ++j) {
    for (Index i = 0; i < targets.rows(); ++i) {
      if (!std::isfinite(targets(i, j))) {
        throw UsageError(
            fmt::format("{}: targets need to be finite, got {} for output {} of "
                        "sample {}",
                        kWhere, targets(i, j), i, j));
      }
    }
  }
  const metrics::Weights weights(given, predictions.cols(), kWhere);
  RegressionMetrics out;
  out.samples = predictions.cols();
  const bool defined = weights.total() > 0 && predictions.allFinite();
  Mean rmse, mae, r2, middle;
  for (Index i = 0; i < predictions.rows(); ++i) {
    out.outputs.push_back(defined ? figures_of(predictions, targets, i, weights)
                                  : RegressionFigures{kNone, kNone, kNone, kNone});
    rmse.add(out.outputs.back().rmse);
    mae.add(out.outputs.back().mae);
    r2.add(out.outputs.back().r2);
    middle.add(out.outputs.back().median_absolute_error);
  }
  out.mean = {rmse.value(), mae.value(), r2.value(), middle.value()};
  return out;
}

MeanWithError mean_and_standard_error(std::span<const double> values) {
  MeanWithError out{kNone, kNone, values.size()};
  const auto n = static_cast<double>(values.size());
  if (values.empty()) return out;
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  out.mean = sum / n;
  for (const double value : values) squares += (value - out.mean) * (value - out.mean);
  if (values.size() > 1) out.error = std::sqrt(squares / (n - 1) / n);
  return out;
}

}  // namespace isoform
