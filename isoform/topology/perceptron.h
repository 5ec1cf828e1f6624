// The generalised isotropic perceptron: every matrix–vector product before, and beside, every other; what follows
// one by one are the gates, which are numbers. docs/mathematics.md 6; docs/perceptron.md.
//
//   z_l = Σ_{k ≤ l} π_{k,l} (A_{l,k} u + c_{l,k}),   π_{k,l} = s_k … s_{l−1},   s_l = G(o_l + |z_l|²),   y = z_L
//
// As a network: u is the input (one stage), or a linear space u = P x, "base" (two stages). Gates are hidden spaces of
// one group that nobody reads (Network::is_gate). A term is a map with the gates k … l−1 as factors, from u, or from
// the constant 1, "one", where it has no linear part.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "isoform/network/network.h"

namespace isoform {

struct PerceptronSettings {
  Index inputs = 0, outputs = 0;
  std::vector<Index> gates = {};  // widths, first to last
  bool general =
      false;  // a linear part for every product of gates (GIP-2), else for π_{1,l} alone (GIP-1)
  bool two_stage = false;  // all linear parts read a base u = P x
  Index base = 0;          // its dimension; 0: the widest gate's, at most the inputs'
  Radial radial = Radial::tanh;
  LengthMode length = LengthMode::trainable;
  std::uint64_t seed = 0;

  /// Throws UsageError with field, value and rule.
  void validate() const;
};

/// A fresh perceptron. Every A is semi-orthogonal, scaled so that of independent inputs of variance 1 the terms of a
/// space add up to a mean square of 1 (of P: rows of length 1); all c are 0, o is 1e-6. Keyed by (seed, map).
template <class T>
Network<T> perceptron(const PerceptronSettings& settings);

/// A chain with maps from every input to every later space, all zero: the outputs keep their bits, and the new weights
/// learn at once. With one gate a layer this is GIP-2 with tied terms (6.3).
template <class T>
Network<T> with_input_skips(const Network<T>& chain);

enum class Stages { one, two };

/// A chain with one gate a layer as a perceptron, exactly (6.1): in double, rounded once. Every gate is turned so that
/// its linear part is a triangle, and cut to what its terms span (6.4); with two stages the base is turned so that the
/// first gate's is diagonal, and the second's. Several inputs and outputs stay what they are, in their order; ψ is taken
/// up by the terms. Throws UsageError for other networks: what is needed, and where it fails. O(L n³).
template <class T>
Network<T> convert(const Network<T>& chain, Stages stages);

/// Turns every gate so that the first of its linear parts is a triangle, with exact zeros. The function stays.
template <class T>
void make_triangular(Network<T>& network);

}  // namespace isoform
