// Objectives: what a batch of outputs costs, and the gradient.
#pragma once

#include <cstdint>
#include <span>

#include "isoform/model/model.h"

namespace isoform {

/// Sums over a batch; divide by samples for means.
struct BatchScore {
  double loss = 0;
  Index correct = 0;  // largest output is the label's (ties: the first)
  Index samples = 0;
};

/// Loss of each column of y [classes × B] against its label. Cross-entropy −log softmax_label (natural
/// logarithm, overflow-safe) or squared error ½|y − e_label|². If `gradient` is not null it receives
/// d(mean loss)/dy. `smoothing` ε in [0, 1) draws the target towards all classes alike, (1 − ε) e_label + ε / C. Sums run over samples in order, in double.
template <class T>
BatchScore score_batch(Loss loss, ConstView<T> y, std::span<const std::uint32_t> labels,
                       View<T>* gradient, double smoothing = 0);

}  // namespace isoform
