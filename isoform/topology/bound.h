// What a removal can do to the output, known before it is done. docs/mathematics.md 4.2.
//
// A reduced network is the old one with the pre-activation z of a space replaced by ẑ. Gates and activations
// are Lipschitz in z, so |Δy| ≤ sup|z − ẑ| · gain, and z − ẑ = R (h; s) + r is affine in what the space reads.
#pragma once

#include <string>
#include <vector>

#include "isoform/network/network.h"
#include "isoform/topology/shrink.h"

namespace isoform {

/// How far the output moves at most when the augmented pre-activation of a space, or of a stage of a stream
/// (Network::stages), moves by 1:
/// Σ over paths Π (|W|₂ + γ|ψ|₂), where γ is the steepest slope of the gate in m; a factor is
/// |[W, ψ diag(1/√o)]|₂ where that is smaller. 1 for the output. One decomposition for each later map. Throws UsageError
/// where gates multiply maps. Along a stream the path that goes on has the factor 1.
template <class T>
double gain(const Network<T>& network, int stage);

/// A bound on |Δy| in the units of the output, or the reason why there is none.
struct Bound {
  double value = 0;
  std::string why_not;  // empty: the bound holds
  [[nodiscard]] bool holds() const { return why_not.empty(); }
};

/// For every input whatever: |Δy| ≤ value, in exact arithmetic, for reduce() with these arguments, in every
/// mode. No data. There is none for a space that reads the input or a linear space, or a space of an unbounded profile (asinh,
/// log): what it reads has no largest length. None of any kind where gates multiply maps (has_factors).
template <class T>
Bound removal_bound(const Network<T>& network, int space, const std::vector<GroupScores>& scores,
                    const std::vector<Index>& keep);

/// For the samples at hand: z [n × samples] of this space. Holds on them for every profile; not
/// a statement about other inputs. O(n² · samples).
template <class T>
Bound removal_bound_on(const Network<T>& network, int space, const std::vector<GroupScores>& scores,
                       const std::vector<Index>& keep, ConstView<T> z);

/// The bound of removing each direction alone, in the order of the scores of each group.
template <class T>
std::vector<std::vector<Bound>> neuron_bounds(const Network<T>& network, int space,
                                              const std::vector<GroupScores>& scores);
/// The same for the samples at hand: z [n × samples] of this space.
template <class T>
std::vector<std::vector<Bound>> neuron_bounds_on(const Network<T>& network, int space,
                                                 const std::vector<GroupScores>& scores,
                                                 ConstView<T> z);

}  // namespace isoform
