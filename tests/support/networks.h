// Random networks, and what tests do with networks. Compiled once (networks.cpp), as every room includes it.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/network.h"
#include "isoform/network/pass.h"
#include "tests/support/dice.h"

namespace isoform::testing {

/// Records a measured number with the test, and shows it.
void measured(const std::string& what, double value);

/// The worst of many errors, with the case that gave it.
struct Worst {
  double error = 0;
  std::string where;
  void add(double candidate, const std::string& at) {
    if (std::isnan(error) || candidate <= error) return;  // a NaN stays
    error = candidate;
    where = at;
  }
};

double relative(const Matrix<double>& value, const Matrix<double>& truth);

/// A width cut into groups of random sizes.
std::vector<Index> random_groups(Dice& dice, Index width);

struct NetworkChoice {
  Index most_hidden = 6, widest = 64;
  std::vector<Radial> radials = {Radial::tanh, Radial::asinh, Radial::algebraic, Radial::log,
                                 Radial::softsign};
  std::vector<LengthMode> lengths = {LengthMode::none, LengthMode::constant, LengthMode::trainable,
                                     LengthMode::log};
  std::vector<PsiMode> psis = {PsiMode::none, PsiMode::constant, PsiMode::trainable, PsiMode::decay,
                               PsiMode::expectation};
  std::vector<bool> norms = {false, true};  // where there is a ψ
};

template <class Value>
Value pick(Dice& dice, const std::vector<Value>& values) {
  return values[static_cast<std::size_t>(dice.between(0, static_cast<Index>(values.size()) - 1))];
}

/// Biases with variance 0.25; ψ, χ and o random where the modes have them.
template <class T>
void randomise(Network<T>& network, Dice& dice);

Network<double> random_network(std::uint64_t seed, const NetworkChoice& choice = {});

/// A network that is no chain: maps 0→1, 1→2, 0→2, 2→3, 1→3, 1→4, 3→4. Two maps end in spaces 2, 3 and 4, and
/// the maps that read space 1 hold ψ differently.
Network<double> graph_network(std::uint64_t seed, Radial radial = Radial::tanh,
                              LengthMode length = LengthMode::trainable,
                              PsiMode psi = PsiMode::decay, PsiMode skip_psi = PsiMode::trainable,
                              bool norms = false);  // in every second map that may

template <class To, class From>
Network<To> cast_network(const Network<From>& network);

template <class T>
std::string describe(const Network<T>& network, std::uint64_t seed);

/// What the library computes, in the network's own scalar.
template <class T>
Matrix<double> output_of(const Network<T>& network, Engine<T>& engine, const Matrix<double>& x);

inline Matrix<double> random_inputs(std::uint64_t seed, Index features, Index samples = 64) {
  return Dice(seed, 3).normals(features, samples);
}

}  // namespace isoform::testing
