#include "isoform/train/objective.h"

#include <cmath>

#include "isoform/base/error.h"

namespace isoform {

namespace {

double sigmoid(double y) {
  return y >= 0 ? 1 / (1 + std::exp(-y)) : std::exp(y) / (1 + std::exp(y));
}

// Loss of one output against its target, and its derivative.
struct Term {
  double loss = 0, slope = 0;
};

Term term(Loss loss, double y, double target) {
  const double error = y - target;
  switch (loss) {
    case Loss::binary:  // log(1 + exp(y)) − t y, without overflow
      return {std::max(y, 0.0) + std::log1p(std::exp(-std::abs(y))) - target * y,
              sigmoid(y) - target};
    case Loss::huber:
      if (std::abs(error) > 1) return {std::abs(error) - 0.5, error > 0 ? 1.0 : -1.0};
      return {0.5 * error * error, error};
    case Loss::squared:
    case Loss::cross_entropy:
      break;
  }
  return {0.5 * error * error, error};
}

// −log softmax of a column; `scale` times its gradient goes to column j.
template <class T>
double cross_entropy(ConstView<T> y, Index j, Index label, T highest, View<T>* gradient, T scale,
                     double smoothing) {
  const auto column = y.col(j);
  const double share = smoothing / static_cast<double>(y.rows()), own = 1 - smoothing;
  double sum = 0;
  for (Index i = 0; i < y.rows(); ++i) sum += std::exp(static_cast<double>(column[i] - highest));
  // cppcheck-suppress invalidFunctionArg  // the sum holds exp(0)
  double loss = std::log(sum) - own * static_cast<double>(column[label] - highest);
  if (smoothing > 0) {
    loss -= share * (column.template cast<double>().array() - highest).sum();
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
  return loss;
}

template <class T>
BatchScore score(Loss loss, ConstView<T> y, std::span<const std::uint32_t> labels,
                 const Matrix<T>& targets, std::span<const T> weights, View<T>* gradient,
                 double smoothing) {
  const bool classes = targets.size() == 0;
  ISOFORM_ASSERT(classes ? y.cols() == static_cast<Index>(labels.size())
                         : targets.rows() == y.rows() && targets.cols() == y.cols(),
                 "a label for each column, or a target for each output");
  ISOFORM_ASSERT(classes || loss != Loss::cross_entropy, "cross-entropy is of classes");
  ISOFORM_ASSERT(weights.empty() || static_cast<Index>(weights.size()) == y.cols(),
                 "a weight for each column");
  BatchScore total;
  total.samples = y.cols();
  const double uniform = classes ? 1 / static_cast<double>(y.rows()) : 0.5;
  const bool smooths = classes || loss == Loss::binary;
  const double share = smooths ? smoothing * uniform : 0, own = smooths ? 1 - smoothing : 1;
  for (Index j = 0; j < y.cols(); ++j) {
    const auto column = y.col(j);
    const T weight = weights.empty() ? T(1) : weights[static_cast<std::size_t>(j)];
    const T scale = weight / static_cast<T>(y.cols());
    total.weight += static_cast<double>(weight);
    Index best = 0;
    const T highest = column.maxCoeff(&best);
    const Index label = classes ? static_cast<Index>(labels[static_cast<std::size_t>(j)]) : -1;
    ISOFORM_ASSERT(label < y.rows(), "labels are classes");
    double sum = 0;
    bool right = classes ? best == label : loss == Loss::binary;
    if (loss == Loss::cross_entropy) {
      sum = cross_entropy(y, j, label, highest, gradient, scale, smoothing);
    } else {
      for (Index i = 0; i < y.rows(); ++i) {
        const double target =
            classes ? (i == label ? 1.0 : 0.0) : static_cast<double>(targets(i, j));
        if (!classes) right = right && (column[i] > 0) == (target > 0.5);
        const Term t = term(loss, static_cast<double>(column[i]), share + own * target);
        sum += t.loss;
        if (gradient != nullptr) (*gradient)(i, j) = scale * static_cast<T>(t.slope);
      }
    }
    total.loss += static_cast<double>(weight) * sum;
    total.correct += right ? 1 : 0;
  }
  return total;
}

}  // namespace

template <class T>
void Wanted<T>::gather(const Dataset& data, std::span<const std::uint32_t> samples) {
  labels.clear();
  weights.clear();
  targets.resize(data.has_targets() ? static_cast<Index>(data.classes().size()) : 0,
                 data.has_targets() ? static_cast<Index>(samples.size()) : 0);
  for (std::size_t j = 0; j < samples.size(); ++j) {
    const auto sample = static_cast<Index>(samples[j]);
    if (data.has_weights()) weights.push_back(static_cast<T>(data.weight(sample)));
    if (!data.has_targets()) {
      labels.push_back(data.labels()[samples[j]]);
      continue;
    }
    const std::span<const float> own = data.targets(sample);
    for (std::size_t i = 0; i < own.size(); ++i) {
      targets(static_cast<Index>(i), static_cast<Index>(j)) = static_cast<T>(own[i]);
    }
  }
}

template <class T>
BatchScore score_batch(Loss loss, ConstView<T> y, const Wanted<T>& wanted, View<T>* gradient,
                       double smoothing) {
  return score<T>(loss, y, wanted.labels, wanted.targets, wanted.weights, gradient, smoothing);
}

template <class T>
BatchScore score_batch(Loss loss, ConstView<T> y, std::span<const std::uint32_t> labels,
                       View<T>* gradient, double smoothing) {
  return score<T>(loss, y, labels, {}, {}, gradient, smoothing);
}

#define ISOFORM_FOR_SCALAR(T)                                                                   \
  template struct Wanted<T>;                                                                    \
  template BatchScore score_batch(Loss, ConstView<T>, const Wanted<T>&, View<T>*, double);      \
  template BatchScore score_batch(Loss, ConstView<T>, std::span<const std::uint32_t>, View<T>*, \
                                  double);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
