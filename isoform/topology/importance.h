// How much each neuron matters: a basis for every group in which neurons are ordered, and a score each.
// docs/mathematics.md 4 and 10; docs/policies.md.
#pragma once

#include <string_view>
#include <vector>

#include "isoform/network/network.h"
#include "isoform/network/statistics.h"

namespace isoform {

/// A basis of one group with neurons in descending score, and what is kept of each if it is removed.
/// Coordinates are u = basis z, and z = dual u.
struct GroupScores {
  Matrix<double> basis;     // [n_g × n_g], rows are directions
  Matrix<double> dual;      // its inverse; empty: basis is orthogonal, the inverse its transpose
  Vector<double> score;     // [n_g], descending
  Vector<double> constant;  // [n_g]: the coordinate that stands in for a removed neuron
  Vector<double> spread;    // [n_g]: what its removal adds to o beyond the stand-in's square
  Index counted = 0;        // the first `counted` scores are real; the rest is padding
};

/// Singular values of [W ψ χ], zero-padded; the stand-in is the bias. Needs no data. A direction with score
/// 0 is removed exactly (modes that carry a fold).
template <class T>
std::vector<GroupScores> score_by_singular_value(const Network<T>& network, int space);

/// The paper's rule: singular values of W, unpadded (min(n_g, inputs) are counted). Removal leaves out
/// the ψ entry, on the assumption that decay has made it small.
template <class T>
std::vector<GroupScores> score_by_paper(const Network<T>& network, int space);

/// Share of effect: the part of E|z − Ez|² of the next spaces that a neuron contributes, in the basis of
/// the gate-weighted covariance K = E hhᵀ − E hs E shᵀ / E s², which is what removal changes once the
/// stand-in a = E s²u / E s² is folded: score = λ |W_next q|² / Var z_next. A number without unit; all
/// neurons of a layer of n that contribute equally have about 1/n. Next spaces that took no part in the batches
/// (tasks that are off) do not count.
///
/// Where χ reads norms, effect_on_norms is added, over Var z_next.
///
/// In a space that nobody reads (Network::is_gate) effect is that on t = o + |z|², in the basis of the covariance of z: with
/// u = a + v, Var u² = 4a²λ + 2λ² (Gaussian v of variance λ), as a share of their sum; the stand-in is a, spread λ.
template <class T>
std::vector<GroupScores> score_by_effect(const Network<T>& network, int space,
                                         const Statistics& statistics);

/// What removing directions of a group does to the norms that are read, to be added to λ |W_next q|²: Σ |χ_g|² E s²/4
/// (4a²λ + 2λ²) for weighted means a and variances λ along the directions (docs/mathematics.md 14).
template <class T>
Vector<double> effect_on_norms(const Network<T>& network, int space, Index group,
                               const Statistics& statistics, const Vector<double>& mean,
                               const Vector<double>& variance);

/// Neurons of a space whose counted score is at most the threshold.
Index count_at_most(const std::vector<GroupScores>& scores, double threshold);

/// How many neurons of a space, lowest score first, have at most `total` together.
Index count_within(const std::vector<GroupScores>& scores, double total);

}  // namespace isoform
