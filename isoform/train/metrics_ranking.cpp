// Figures that depend on the order of scores alone.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/train/metrics.h"
#include "isoform/train/metrics_input.h"

namespace isoform {

namespace {

using metrics::kNone;
using metrics::ratio;

// Calls use(positives, negatives) with their weights at each distinct score, from the highest. False where a score is not finite.
template <class Function>
bool each_threshold(std::span<const double> scores, std::span<const std::uint8_t> positive,
                    std::span<const double> given, const char* where, const Function& use) {
  const auto samples = static_cast<Index>(scores.size());
  metrics::require_count(positive.size(), samples, "labels", where);
  const metrics::Weights weights(given, samples, where);
  for (std::size_t i = 0; i < positive.size(); ++i) {
    if (positive[i] > 1) {
      throw UsageError(
          fmt::format("{}: labels need to be 0 or 1, got {} at {}", where, positive[i], i));
    }
  }
  // Infinite scores have an order; NaN has none, and sorting needs one.
  if (std::any_of(scores.begin(), scores.end(), [](double s) { return std::isnan(s); })) {
    return false;
  }
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Equal scores in the order of the samples: their sum is then the same on every machine.
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  for (std::size_t first = 0; first < order.size();) {
    double sums[2] = {0, 0};
    std::size_t i = first;
    for (; i < order.size() && scores[order[i]] == scores[order[first]]; ++i) {
      sums[positive[order[i]]] += weights[static_cast<Index>(order[i])];
    }
    use(sums[1], sums[0]);
    first = i;
  }
  return true;
}

}  // namespace

double roc_auc(std::span<const double> scores, std::span<const std::uint8_t> positive,
               std::span<const double> weights) {
  double found = 0, passed = 0, pairs = 0;
  const bool ordered =
      each_threshold(scores, positive, weights, "roc_auc", [&](double yes, double no) {
        pairs += no * (found + yes / 2);
        found += yes;
        passed += no;
      });
  return ordered ? ratio(pairs, found * passed) : kNone;
}

double average_precision(std::span<const double> scores, std::span<const std::uint8_t> positive,
                         std::span<const double> weights) {
  double found = 0, all = 0, sum = 0;
  const bool ordered =
      each_threshold(scores, positive, weights, "average_precision", [&](double yes, double no) {
        found += yes;
        all += yes + no;
        if (yes > 0) sum += yes * found / all;
      });
  return ordered ? ratio(sum, found) : kNone;
}

}  // namespace isoform
