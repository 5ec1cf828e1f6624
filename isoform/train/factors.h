// What is known of the covariance of a gradient's rows or columns: enough to carry Adam's second moment along an edit.
// docs/mathematics.md 7.
#pragma once

#include <span>
#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/edit.h"

namespace isoform {

/// ℒ = Σ G Gᵀ of one side of a parameter, its blocks inside the groups of that side's space: all that turns can mix.
template <class T>
struct Factor {
  std::vector<Matrix<T>> blocks;  // [n_g × n_g]; empty before the first gathering
  double samples = 0;  // what λ may rely on: a gathering counts as its columns, at most 16

  /// ℒ ← fade ℒ + G Gᵀ. The rows of G live on the groups (`op` transpose: its columns). Cost: size of G · n_g.
  void gather(Engine<T>& engine, Op op, ConstView<T> g, std::span<const Index> groups, double fade);
  /// ℒ ← T ℒ Tᵀ; new entries are uncorrelated and have the mean of its diagonal, times `fresh` where it is given (for each row
  /// after the edit). Returns for each row after the edit
  ///   λ_i = (T ℒ Tᵀ)_ii / ((T∘T) diag ℒ)_i,
  /// what (T∘T) v is to be multiplied with, drawn towards 1 as if one sample more had said so. Exactly 1 where T
  /// selects, adds, or nothing was gathered.
  Vector<double> follow(EditTransport<T>& transport, const Vector<double>& fresh = {});
};

/// True for the steps (from 1) at which gradients are gathered: powers of 2, then every 8; for groups above 32 every n_g/4.
bool is_gathering(std::int64_t step, Index largest_group);

}  // namespace isoform
