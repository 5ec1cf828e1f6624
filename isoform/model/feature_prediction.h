// Features that go, predicted from those that stay, and what is lost with what cannot be predicted.
// docs/mathematics.md 8. Used by remove_features (model/blocks.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "isoform/network/network.h"

namespace isoform {

/// Ridge of the regression, as a share of the trace of the features' Gram matrix.
inline constexpr double kFeatureRidge = 1e-12;

/// x̂_R = B x_K + β₀: rows R and K of an input.
struct FeaturePrediction {
  Matrix<double> b;         // [R × K]
  Vector<double> constant;  // [R]; 0 if none was asked for
};

/// Least squares over samples x [features × samples]; with a constant or through the origin. The ridge is there for
/// features that others determine; two rounds on what is left over take its bias away. Without samples: 0. In
/// double, the same bits for any number of threads. O(K² · samples).
template <class T>
FeaturePrediction predict_features(ConstView<T> x, const std::vector<Index>& kept,
                                   const std::vector<Index>& gone, bool constant);

/// What removing features does, in standardised units of the samples it was fitted on. Without samples, those of
/// independent features of variance 1; the bounds are then absent.
struct FeatureRemoval {
  Index samples = 0;
  double unexplained = 1;  // E|x_R − x̂_R|² / E|x_R|² of the features that go; 0 where they are 0
  double moved = 0;  // √E|W_R (x_R − x̂_R)|²: how far z moves in the spaces that read the input
  std::optional<double> bound = {};          // √E|Δy|² is at most this, all outputs together
  std::optional<double> largest_bound = {};  // and |Δy| of each of the samples at most this
  std::string why_not = {};                  // no bound: why
};

/// Bound: |Δy| ≤ Σ_maps gain |W_R (x_R − x̂_R)| (topology/bound.h), for exact arithmetic; none where gates multiply maps.
template <class T>
FeatureRemoval foresee_removal(const Network<T>& network, int input, ConstView<T> x,
                               const std::vector<Index>& kept, const std::vector<Index>& gone,
                               const FeaturePrediction& prediction);

}  // namespace isoform
