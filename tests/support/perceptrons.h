// Random chains with one gate a layer, random perceptrons, and what a perceptron computes, written a second time from
// the formula of docs/mathematics.md 6.3.
#pragma once

#include <string>
#include <vector>

#include "isoform/topology/perceptron.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform::testing {

/// z_l = Σ_{k≤l} π_{k,l} (A_{l,k} u + c_{l,k}) in loops, for all inputs x one below the other. Fails where the network
/// has a map that is no term of this form.
template <class T>
Matrix<double> perceptron_oracle(const Network<T>& network, const Matrix<double>& x);

/// One gate a layer, biases, ψ and o at random; up to three inputs and outputs.
Network<double> random_whole_chain(std::uint64_t seed, Index gates, Index widest = 24);

/// Fresh, then every number at random.
Network<double> random_perceptron(const PerceptronSettings& settings);

/// y for all inputs one below the other, by forward().
template <class T>
Matrix<double> all_outputs(const Network<T>& network, Engine<T>& engine, const Matrix<double>& x);

}  // namespace isoform::testing
