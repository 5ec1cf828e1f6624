#include "isoform/train/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/train/metrics_input.h"

namespace isoform {

namespace {

using metrics::kClip;
using metrics::kNone;
using metrics::Mean;
using metrics::ratio;

constexpr const char* kWhere = "classification_metrics";

// Whether all probabilities are finite.
bool check(ConstView<double> p, std::span<const std::uint32_t> labels) {
  if (p.rows() < 2) {
    throw UsageError(fmt::format("{}: needs at least 2 classes, got {}", kWhere, p.rows()));
  }
  metrics::require_count(labels.size(), p.cols(), "labels", kWhere);
  for (std::size_t j = 0; j < labels.size(); ++j) {
    if (labels[j] >= p.rows()) {
      throw UsageError(
          fmt::format("{}: labels need to be below the number of classes, {}, got {} "
                      "at sample {}",
                      kWhere, p.rows(), labels[j], j));
    }
  }
  if (!metrics::probabilities_are_finite(p, kWhere)) return false;
  for (Index j = 0; j < p.cols(); ++j) {
    const double sum = p.col(j).sum();
    if (std::abs(sum - 1) > 1e-3) {
      throw UsageError(fmt::format(
          "{}: the probabilities of a sample need the sum 1, got {} at sample {}", kWhere, sum, j));
    }
  }
  return true;
}

std::vector<ReliabilityBin> empty_bins() {
  std::vector<ReliabilityBin> bins(kReliabilityBins);
  for (int b = 0; b < kReliabilityBins; ++b) {
    bins[static_cast<std::size_t>(b)].low = static_cast<double>(b) / kReliabilityBins;
    bins[static_cast<std::size_t>(b)].high = static_cast<double>(b + 1) / kReliabilityBins;
  }
  return bins;
}

// One class against the rest, by its probability.
double auc_of(ConstView<double> p, Index c, std::span<const std::uint32_t> labels,
              std::span<const double> weights, bool precision = false) {
  std::vector<double> scores(labels.size());
  std::vector<std::uint8_t> positive(labels.size());
  for (std::size_t j = 0; j < labels.size(); ++j) {
    scores[j] = p(c, static_cast<Index>(j));
    positive[j] = labels[j] == c ? 1 : 0;
  }
  return precision ? average_precision(scores, positive, weights)
                   : roc_auc(scores, positive, weights);
}

void add_class_figures(ClassificationMetrics& out) {
  Mean recalls, f1s;
  double weighted = 0, support = 0;
  for (std::size_t k = 0; k < out.classes.size(); ++k) {
    const auto c = static_cast<Index>(k);
    ClassFigures& figures = out.classes[k];
    const double right = out.confusion(c, c), predicted = out.confusion.col(c).sum();
    figures.support = out.confusion.row(c).sum();
    figures.precision = ratio(right, predicted);
    figures.recall = ratio(right, figures.support);
    figures.f1 = ratio(2 * right, figures.support + predicted);
    recalls.add(figures.recall);
    f1s.add(figures.f1);
    if (figures.support > 0) weighted += figures.support * figures.f1;
    support += figures.support;
  }
  out.balanced_accuracy = recalls.value();
  out.macro_f1 = f1s.value();
  out.weighted_f1 = ratio(weighted, support);
}

// Sums become means.
void finish(std::vector<ReliabilityBin>& bins, ClassificationMetrics& out, double total) {
  double error = 0;
  for (ReliabilityBin& bin : bins) {
    error += std::abs(bin.accuracy - bin.confidence);
    bin.accuracy = ratio(bin.accuracy, bin.weight);
    bin.confidence = ratio(bin.confidence, bin.weight);
  }
  out.calibration_error = ratio(error, total);
  out.reliability = std::move(bins);
}

ClassificationMetrics undefined(Index classes, Index samples) {
  ClassificationMetrics out;
  out.samples = samples;
  for (double* figure :
       {&out.accuracy, &out.balanced_accuracy, &out.macro_f1, &out.weighted_f1, &out.log_loss,
        &out.brier, &out.roc_auc, &out.average_precision, &out.calibration_error}) {
    *figure = kNone;
  }
  out.classes.assign(static_cast<std::size_t>(classes), {0, kNone, kNone, kNone, kNone});
  out.reliability = empty_bins();
  for (ReliabilityBin& bin : out.reliability) bin.confidence = bin.accuracy = kNone;
  out.confusion = Matrix<double>::Zero(classes, classes);
  return out;
}

}  // namespace

ClassificationMetrics classification_metrics(ConstView<double> probabilities,
                                             std::span<const std::uint32_t> labels,
                                             std::span<const double> given) {
  const ConstView<double>& p = probabilities;
  const bool finite = check(p, labels);
  const metrics::Weights weights(given, p.cols(), kWhere);
  ClassificationMetrics out = undefined(p.rows(), p.cols());
  if (!finite || weights.total() <= 0) return out;

  std::vector<ReliabilityBin> bins = empty_bins();
  double log_loss = 0, brier = 0, right = 0;
  for (Index j = 0; j < p.cols(); ++j) {
    const double w = weights[j];
    const auto label = static_cast<Index>(labels[static_cast<std::size_t>(j)]);
    Index best = 0;
    const double confidence = std::clamp(p.col(j).maxCoeff(&best), 0.0, 1.0);
    out.confusion(label, best) += w;
    const double hit = best == label ? w : 0;
    right += hit;

    double sum = 0, squares = 0;
    for (Index i = 0; i < p.rows(); ++i) {
      const double miss = p(i, j) - (i == label ? 1 : 0);
      sum += std::clamp(p(i, j), kClip, 1 - kClip);
      squares += miss * miss;
    }
    log_loss -= w * std::log(std::clamp(p(label, j), kClip, 1 - kClip) / sum);
    const double miss = p(1, j) - static_cast<double>(label);
    brier += w * (p.rows() == 2 ? miss * miss : squares);

    const auto above = static_cast<int>(std::ceil(confidence * kReliabilityBins));
    ReliabilityBin& bin = bins[static_cast<std::size_t>(std::max(above - 1, 0))];
    bin.count += w > 0 ? 1 : 0;
    bin.weight += w;
    bin.confidence += w * confidence;
    bin.accuracy += hit;
  }
  const double total = weights.total();
  out.accuracy = right / total;
  out.log_loss = log_loss / total;
  out.brier = brier / total;
  finish(bins, out, total);
  add_class_figures(out);
  Mean areas;
  for (Index c = 0; c < p.rows(); ++c) {
    double& area = out.classes[static_cast<std::size_t>(c)].roc_auc;
    area = auc_of(p, c, labels, given);
    areas.add(area);
  }
  out.roc_auc = p.rows() == 2 ? out.classes[1].roc_auc : areas.value();
  if (p.rows() == 2) out.average_precision = auc_of(p, 1, labels, given, true);
  return out;
}

}  // namespace isoform
