#include "isoform/train/objective.h"

#include <cmath>

#include "isoform/base/error.h"

namespace isoform {

template <class T>
BatchScore score_batch(Loss loss, ConstView<T> y, std::span<const std::uint32_t> labels,
                       View<T>* gradient, double smoothing) {
  ISOFORM_ASSERT(y.cols() == static_cast<Index>(labels.size()), "a label for each column");
  BatchScore score;
  score.samples = y.cols();
  const T scale = T(1) / static_cast<T>(y.cols());
  const double share = smoothing / static_cast<double>(y.rows()), own = 1 - smoothing;
  for (Index j = 0; j < y.cols(); ++j) {
    const auto column = y.col(j);
    const auto label = static_cast<Index>(labels[j]);
    ISOFORM_ASSERT(label < y.rows(), "labels are classes");
    Index best = 0;
    const T highest = column.maxCoeff(&best);
    score.correct += best == label ? 1 : 0;
    if (loss == Loss::cross_entropy) {
      double sum = 0;
      for (Index i = 0; i < y.rows(); ++i) {
        sum += std::exp(static_cast<double>(column[i] - highest));
      }
      // cppcheck-suppress invalidFunctionArg  // the sum holds exp(0)
      score.loss += std::log(sum) - own * static_cast<double>(column[label] - highest);
      if (smoothing > 0) {
        score.loss -= share * (column.template cast<double>().array() - highest).sum();
      }
      if (gradient != nullptr) {
        const double inverse = 1 / sum;
        for (Index i = 0; i < y.rows(); ++i) {
          (*gradient)(i, j) =
              scale *
              static_cast<T>(std::exp(static_cast<double>(column[i] - highest)) * inverse - share);
        }
        (*gradient)(label, j) -= scale * static_cast<T>(own);
      }
    } else {
      for (Index i = 0; i < y.rows(); ++i) {
        const T error = column[i] - static_cast<T>(share + (i == label ? own : 0));
        score.loss += 0.5 * static_cast<double>(error) * static_cast<double>(error);
        if (gradient != nullptr) (*gradient)(i, j) = scale * error;
      }
    }
  }
  return score;
}

template BatchScore score_batch(Loss, ConstView<float>, std::span<const std::uint32_t>,
                                View<float>*, double);
template BatchScore score_batch(Loss, ConstView<double>, std::span<const std::uint32_t>,
                                View<double>*, double);

}  // namespace isoform
