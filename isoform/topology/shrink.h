// Neurodegeneration: neurons are removed, and what they did on average is folded into (o, ψ) of their group.
// docs/mathematics.md 4 and 10.
//
// In the basis of the scores a removed coordinate is replaced by a constant, and what stays of the group,
// ẑ = E z' + c, is held exactly by k neurons (the reduction lemma, 4.4):
//   [W ψ χ] ← M [W ψ χ],   b ← M b + offset,   W_next ← W_next E,   ψ_next += W_next c,   o += |c|² + spread.
// If what is removed was constant the function is unchanged. Where a mode has nowhere to fold (length none,
// psi none or expectation) removal is approximate. A group that loses its last neuron has a constant gate
// G(o); its columns of ψ and χ times that gate and its norm go into the next bias, and the group is dropped.
#pragma once

#include <span>
#include <vector>

#include "isoform/network/network.h"
#include "isoform/network/statistics.h"
#include "isoform/topology/importance.h"

namespace isoform {

/// What is left of one group when the first k directions of its scores stay: z' = project z + offset are the
/// new coordinates, and the group goes on as if z were rowsᵀ z' + constant.
struct GroupCut {
  Matrix<double> rows;      // Eᵀ [k × n], orthonormal; the identity if all stay
  Matrix<double> project;   // M [k × n]; rows, if the basis is orthogonal
  Vector<double> offset;    // [k]; 0, if the basis is orthogonal
  Vector<double> constant;  // c [n], orthogonal to the rows
  double spread = 0;        // what o gains beyond |c|²
  Matrix<double> gone =
      {};  // or, for few of many: the directions that go; rows and project are then empty
};
GroupCut cut_group(const GroupScores& scores, Index keep);

/// Keeps the first keep[g] directions of every group's scores. At least one neuron must stay, else
/// UsageError. `statistics` serve PsiMode::expectation (mean gates); without them it takes the gate at the
/// stand-ins. One edit, O(n²) beyond the products of applying it.
template <class T>
Edit reduce(const Network<T>& network, int space, const std::vector<GroupScores>& scores,
            const std::vector<Index>& keep, const Statistics* statistics = nullptr);

/// The edit of score_by_singular_value, keep_without_lowest and reduce, in another basis of what stays, and much sooner
/// where few neurons of a large group go (lowest_left_svd): one part of a decomposition, and reflections in place of a
/// rotation of all.
template <class T>
Edit remove_lowest(const Network<T>& network, int space, Index count);

/// How many directions of each group stay when the `count` lowest scores of the space go (padding first).
std::vector<Index> keep_without_lowest(const std::vector<GroupScores>& scores, Index count);

/// Selects neurons as they stand, without rotating: `kept` lists coordinates of the space, ascending. The
/// stand-in of a dropped neuron is its bias.
template <class T>
Edit keep(const Network<T>& network, int space, std::span<const Index> kept);

/// Drops whole groups; everything they contributed is folded as for neurons.
template <class T>
Edit remove_groups(const Network<T>& network, int space, std::span<const Index> groups);

/// True where the modes of the space and the maps that read it carry the fold.
template <class T>
bool carries_fold(const Network<T>& network, int space);

}  // namespace isoform
