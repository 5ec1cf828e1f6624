// Metrics where a sample has several labels.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/train/metrics.h"
#include "isoform/train/metrics_input.h"

namespace isoform {

namespace {

using metrics::kClip;
using metrics::kNone;
using metrics::Mean;
using metrics::ratio;

constexpr const char* kWhere = "multi_label_metrics";

void check_targets(ConstView<double> targets) {
  for (Index j = 0; j < targets.cols(); ++j) {
    for (Index i = 0; i < targets.rows(); ++i) {
      if (targets(i, j) != 0 && targets(i, j) != 1) {
        throw UsageError(
            fmt::format("{}: targets need to be 0 or 1, got {} for label {} of "
                        "sample {}",
                        kWhere, targets(i, j), i, j));
      }
    }
  }
}

}  // namespace

MultiLabelMetrics multi_label_metrics(ConstView<double> probabilities, ConstView<double> targets,
                                      std::span<const double> given) {
  const ConstView<double>& p = probabilities;
  metrics::require_shape(targets, p, kWhere);
  check_targets(targets);
  const bool finite = metrics::probabilities_are_finite(p, kWhere);
  const metrics::Weights weights(given, p.cols(), kWhere);
  const double total = weights.total();
  const auto labels = static_cast<std::size_t>(p.rows());
  MultiLabelMetrics out{p.cols(),
                        std::vector(labels, kNone),
                        std::vector(labels, kNone),
                        kNone,
                        kNone,
                        kNone,
                        kNone,
                        kNone,
                        kNone};
  if (!finite || total <= 0) return out;

  // Of each label: weight that is right and on, and weight on plus weight predicted on.
  Vector<double> right = Vector<double>::Zero(p.rows()), on = right;
  double exact = 0, wrong = 0, log_loss = 0;
  for (Index j = 0; j < p.cols(); ++j) {
    const double w = weights[j];
    Index misses = 0;
    for (Index i = 0; i < p.rows(); ++i) {
      const bool is_on = targets(i, j) == 1, predicted = p(i, j) > 0.5;
      right[i] += is_on && predicted ? w : 0;
      on[i] += w * ((is_on ? 1 : 0) + (predicted ? 1 : 0));
      misses += is_on == predicted ? 0 : 1;
      // Clipped before the complement: 1 − 2^-52 and 2^-52 are complements exactly.
      const double chance = std::clamp(p(i, j), kClip, 1 - kClip);
      log_loss -= w * std::log(is_on ? chance : 1 - chance);
    }
    exact += misses == 0 ? w : 0;
    wrong += w * static_cast<double>(misses);
  }
  Mean f1, area;
  std::vector<double> scores(static_cast<std::size_t>(p.cols()));
  std::vector<std::uint8_t> positive(scores.size());
  for (Index i = 0; i < p.rows(); ++i) {
    for (Index j = 0; j < p.cols(); ++j) {
      scores[static_cast<std::size_t>(j)] = p(i, j);
      positive[static_cast<std::size_t>(j)] = targets(i, j) == 1 ? 1 : 0;
    }
    const auto k = static_cast<std::size_t>(i);
    out.f1[k] = ratio(2 * right[i], on[i]);
    out.roc_auc[k] = roc_auc(scores, positive, given);
    f1.add(out.f1[k]);
    area.add(out.roc_auc[k]);
  }
  out.macro_f1 = f1.value();
  out.macro_roc_auc = area.value();
  out.micro_f1 = ratio(2 * right.sum(), on.sum());
  out.exact_match = exact / total;
  out.hamming_loss = wrong / total / static_cast<double>(labels);
  out.log_loss = log_loss / total / static_cast<double>(labels);
  return out;
}

}  // namespace isoform
