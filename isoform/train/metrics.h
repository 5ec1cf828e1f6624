// How good predictions are, in the figures that people compare tools by. Pure functions of matrices, in double, sums in the
// order of the samples; nothing here knows a model or a data set.
//
// One column is one sample. Weights: one for each sample, finite and >= 0; none means 1 each; only their proportions count.
// What is undefined (0/0) is NaN, never a number made up, and is left out of means over classes, labels or outputs; a mean of
// nothing is NaN. Without samples, or with weights that are all 0, every figure is NaN. A prediction that is not finite
// makes every figure NaN as well, since a model that diverged is an outcome and not a mistake.
// UsageError, naming the function: sizes that do not fit, weights that are no weights, labels that are no class,
// targets that are not 0 and 1 (or not finite), probabilities outside [0, 1] or, of classes, without the sum 1 (to 1e-3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "isoform/linalg/matrix.h"

namespace isoform {

/// Area under the ROC curve: the share of pairs (positive, negative) in which the positive one has the higher score, ties
/// counting half, each pair with the product of its weights. It is the Mann-Whitney statistic by mid-ranks, exact for ties. NaN
/// without positives or without negatives. `positive` holds 0 and 1. O(n log n).
[[nodiscard]] double roc_auc(std::span<const double> scores, std::span<const std::uint8_t> positive,
                             std::span<const double> weights = {});

/// Average precision: sum of (R_k - R_(k-1)) P_k over the distinct scores as thresholds, from the highest, samples at a threshold
/// counting as found; no interpolation (scikit-learn's average_precision_score). NaN without positives. O(n log n).
[[nodiscard]] double average_precision(std::span<const double> scores,
                                       std::span<const std::uint8_t> positive,
                                       std::span<const double> weights = {});

/// Samples whose predicted class has a probability in (low, high]; the first bin holds 0 as well.
struct ReliabilityBin {
  double low = 0, high = 0;
  Index count = 0;        ///< samples of a weight above 0
  double weight = 0;      ///< sum of their weights
  double confidence = 0;  ///< mean probability of the predicted class; NaN where the bin is empty
  double accuracy = 0;    ///< share that is right; NaN where the bin is empty
};
inline constexpr int kReliabilityBins = 15;

/// t_c: weight of class c, p_c: weight predicted as c, r_c: weight of both.
struct ClassFigures {
  double support = 0;    ///< t_c
  double precision = 0;  ///< r_c / p_c; NaN where c is never predicted (scikit-learn: 0)
  double recall = 0;     ///< r_c / t_c; NaN where c is absent (scikit-learn: 0)
  double f1 = 0;         ///< 2 r_c / (t_c + p_c); NaN where c is absent and never predicted
  double roc_auc = 0;    ///< of the probability of c, c against the rest
};

/// With labels of some of the classes only, accuracy, macro_f1 and weighted_f1 are those of scikit-learn's functions without a
/// list of labels.
struct ClassificationMetrics {
  Index samples = 0;
  double accuracy = 0;  ///< share whose largest probability is the label's (ties: the first)
  double balanced_accuracy = 0;  ///< mean of recalls over the classes that are there
  double macro_f1 = 0;           ///< mean of f1 over the classes that are there or are predicted
  double weighted_f1 = 0;        ///< mean of f1, weighted with support
  /// Mean of -ln p_label after p is clipped to [e, 1 - e], e = 2^-52, and divided by its sum, as scikit-learn 1.2 does.
  double log_loss = 0;
  /// Mean of |p - e_label|^2 over more than two classes, 0-2 (Brier, 1950). Of two classes half of it, (p_1 - label)^2, 0-1,
  /// which is what scikit-learn calls the Brier score.
  double brier = 0;
  double roc_auc = 0;            ///< two classes: of p_1. More: mean over classes against the rest
  double average_precision = 0;  ///< two classes: of p_1. More: NaN
  /// Expected calibration error: sum over bins of weight share · |accuracy - confidence| (Guo et al., 2017).
  double calibration_error = 0;
  std::vector<ClassFigures> classes = {};
  std::vector<ReliabilityBin> reliability = {};  ///< kReliabilityBins of equal width
  Matrix<double> confusion = {};  ///< [classes × classes] weights, row = label, column = prediction
};

/// Of probabilities [classes × samples], at least two classes. O(C n log n), one thread.
[[nodiscard]] ClassificationMetrics classification_metrics(ConstView<double> probabilities,
                                                           std::span<const std::uint32_t> labels,
                                                           std::span<const double> weights = {});

/// Several labels a sample, each on or off; predicted on where its probability is above 0.5.
struct MultiLabelMetrics {
  Index samples = 0;
  std::vector<double> roc_auc = {};  ///< of each label; NaN where all samples agree on it
  std::vector<double> f1 = {};       ///< of each label; NaN where it is neither on nor predicted
  double macro_roc_auc = 0;          ///< mean over labels
  double macro_f1 = 0;      ///< mean over labels; scikit-learn takes 0 for those that are NaN here
  double micro_f1 = 0;      ///< of all labels and samples together
  double exact_match = 0;   ///< share of samples with every label right
  double hamming_loss = 0;  ///< share of wrong labels
  /// Mean over labels and samples of -ln of the probability given to what is true, clipped to [2^-52, 1 - 2^-52].
  double log_loss = 0;
};

/// Of probabilities [labels × samples] and targets of 0 and 1, at least one label. O(L n log n), one thread.
[[nodiscard]] MultiLabelMetrics multi_label_metrics(ConstView<double> probabilities,
                                                    ConstView<double> targets,
                                                    std::span<const double> weights = {});

struct RegressionFigures {
  double rmse = 0;  ///< sqrt of the mean of squared errors
  double mae = 0;   ///< mean of absolute errors
  /// 1 - sum of squared errors / sum of squared deviations from the mean target. NaN where all targets are equal (scikit-learn: 0,
  /// or 1 where they are met).
  double r2 = 0;
  /// Absolute error at half of the weight; where it falls between two, their mean.
  double median_absolute_error = 0;
};

struct RegressionMetrics {
  Index samples = 0;
  std::vector<RegressionFigures> outputs = {};
  RegressionFigures mean = {};  ///< of each figure, over outputs
};

/// Of predictions and targets [outputs × samples], at least one output. O(K n log n), one thread.
[[nodiscard]] RegressionMetrics regression_metrics(ConstView<double> predictions,
                                                   ConstView<double> targets,
                                                   std::span<const double> weights = {});

/// Mean and standard error of the mean, sqrt(sum (v - mean)^2 / (n - 1) / n): of folds, of seeds. The error is NaN for fewer than
/// two values, both without any. Folds share training samples: their errors are not independent, and this one is a
/// little too small.
struct MeanWithError {
  double mean = 0, error = 0;
  std::size_t count = 0;
};
[[nodiscard]] MeanWithError mean_and_standard_error(std::span<const double> values);

}  // namespace isoform
