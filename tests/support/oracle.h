// What a network computes, written a second time: loops over the formulas of docs/mathematics.md 1 and 9
// in long double, with the functions of <cmath>. Shares nothing with Pass, Engine or radial.cpp.
#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include "isoform/network/network.h"

namespace isoform::testing {

using Real = long double;

/// G(t) = σ(√t)/√t.
Real oracle_gate(Radial radial, Real t);

template <class T>
Real oracle_o(const Space<T>& space, Index g);

/// The smallest t of any gate for one batch of inputs.
struct OracleRun {
  Matrix<double> y;
  double smallest_t = INFINITY;
};

/// Sees z of every space for every sample, and may overwrite it: (space, sample, z).
using OracleHook = std::function<void(int, Index, std::vector<Real>&)>;

template <class T>
OracleRun oracle_run(const Network<T>& network, const Matrix<double>& x,
                     const OracleHook& at_z = {});

/// z of a space [n × samples].
template <class T>
Matrix<double> oracle_z(const Network<T>& network, int space, const Matrix<double>& x);

/// s of a space that has z [gates × samples].
template <class T>
Matrix<double> oracle_gates(const Space<T>& space, const Matrix<double>& z);

template <class T>
Matrix<double> oracle_output(const Network<T>& network, const Matrix<double>& x);

}  // namespace isoform::testing
