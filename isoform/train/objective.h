// Objectives: what a batch of outputs costs, and the gradient.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/model/model.h"

namespace isoform {

/// Sums over a batch; divide by weight for means.
struct BatchScore {
  double loss = 0;
  Index correct =
      0;  // largest output is the label's (ties: the first); of labels: all are right; of numbers: none
  Index samples = 0;
  double weight = 0;  // of the samples together
};

/// What the outputs of a batch shall be.
template <class T>
struct Wanted {
  std::vector<std::uint32_t> labels = {};  // of each sample, unless there are targets
  Matrix<T> targets = {};                  // [outputs × B], or empty
  std::vector<T> weights = {};             // of each sample; empty: all 1

  /// Those of samples of a set. Keeps its storage.
  void gather(const Dataset& data, std::span<const std::uint32_t> samples);
};

/// Loss of each column of y [outputs × B] against its label, or its targets (not for cross_entropy), times its weight. Cross-entropy
/// −log softmax_label (natural logarithm, overflow-safe); others as Loss says, against one-hot targets where there are labels. If
/// `gradient` is not null it receives d(Σ weight · loss / B)/dy. `smoothing` ε in [0, 1) draws the target of classes towards all alike,
/// (1 − ε) e_label + ε / C, and labels towards ½, (1 − ε) t + ε / 2; numbers stay. Sums run over samples in order, in double.
template <class T>
BatchScore score_batch(Loss loss, ConstView<T> y, const Wanted<T>& wanted, View<T>* gradient,
                       double smoothing = 0);
/// The same against labels of weight 1.
template <class T>
BatchScore score_batch(Loss loss, ConstView<T> y, std::span<const std::uint32_t> labels,
                       View<T>* gradient, double smoothing = 0);

}  // namespace isoform
