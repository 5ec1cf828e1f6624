// What it takes to keep and to run a network in the forms of structure.h: the numbers of which
// sparsification makes fewer. docs/mathematics.md 5.
#pragma once

#include "isoform/network/network.h"
#include "isoform/network/structure.h"

namespace isoform {

struct Cost {
  Index parameters = 0;     // numbers that a model file stores: weights kept, b, ψ and o
  Index multiply_adds = 0;  // for one sample
  Index bytes = 0;          // of the parameters in the network's scalar

  Cost& operator+=(const Cost& other);
  bool operator==(const Cost&) const = default;
};

/// A map with its weight in a form: each number kept, of the bias and of ψ is stored once and used in one
/// multiply–add. O(groups).
template <class T>
Cost cost_of(const Network<T>& network, int map, Structure structure);

/// All maps in the forms that structure_of finds, and the spaces: o of each group unless the mode is none, and
/// two multiply–adds for each hidden neuron, one in |z|² and one in s z. G(t) is not counted. A network
/// without zeros has Network::parameter_count() parameters. O(weights).
///
/// Blocks of a triangle that are run whole (compile/predictor.h) do more than is counted.
template <class T>
Cost cost_of(const Network<T>& network);

}  // namespace isoform
