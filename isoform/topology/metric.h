// Removal as low-rank approximation in a metric: which directions of a group may go if errors of z are
// measured by H and weighted by how z varies. docs/mathematics.md 4.5.
//
// With Σ = Cov z and H^½ Σ H^½ = P τ² Pᵀ, keeping k directions replaces z by
//   ẑ = E z + Π (z − E z),   Π = H^-½ P_k P_kᵀ H^½,
// the best rank-k choice for E|H^½(z − ẑ)|²; what is lost is Σ_{i>k} τ_i². No covariance of what the space
// reads is needed: Π acts on z itself.
#pragma once

#include <vector>

#include "isoform/network/moments.h"
#include "isoform/topology/importance.h"

namespace isoform {

enum class Metric {
  covariance,  // H = I: principal directions of z
  next,        // H = E s² W_nextᵀ W_next: ranks, but predicts nothing (singular below full rank)
  jacobian,    // H = E JᵀJ, J = ∂y/∂z: τ in units of the output
};

/// The weights of samples that suit a metric: none for covariance, gate for next, jacobian for jacobian.
Weighting weighting_for(Metric metric);

/// Scores τ of each group with the oblique basis that realises the optimum; the stand-in is the mean. H gets a
/// ridge of 1e-7 of its mean eigenvalue. `moments` of the space, with the Gram for Metric::jacobian.
template <class T>
std::vector<GroupScores> score_in_metric(const Network<T>& network, int space, Metric metric,
                                         const std::vector<GroupMoments>& moments);

/// The predicted root mean square change of the output for keeping keep[g] directions of each group, by scores
/// of Metric::jacobian: √Σ τ² over what goes. First order; groups need not add in quadrature (at most √H off).
double predicted_change(const std::vector<GroupScores>& scores, const std::vector<Index>& keep);

}  // namespace isoform
