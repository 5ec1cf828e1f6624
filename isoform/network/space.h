// The two things a network is made of. A *space* is a vector space with one gate for each of its groups;
// a *map* is an affine map between two spaces. docs/mathematics.md 1, 6 and 9; docs/conventions.md.
//
//   z = Σ_incoming π (W h + b + ψ s + χ ν),   t_g = o_g + |z_g|²,   s_g = G(t_g),   h_g = s_g z_g,   ν_g = 1/s_g − 1
//
// π is 1, or the product of gates that a map names as its factors (the generalised isotropic perceptron).
// What a space is follows from the maps: an input reads nothing, an output has no gates and nobody reads it,
// a hidden space has gates, and a space between others without gates is linear (h = z). A linear space that spaces
// behind it write to is a *stream* (docs/mathematics.md 12): one space, whose sum grows while others read it.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/activation/radial.h"
#include "isoform/linalg/matrix.h"

namespace isoform {

/// How the squared intrinsic length o ≥ 0 of a group is held. What a removed neuron's bias did to the
/// norm is folded into it (docs/mathematics.md 1.5), so `none` makes removal approximate.
enum class LengthMode {
  none,       // o = 0
  constant,   // not trained; edits fold into it
  trainable,  // trained through β, o = β²
  log,        // trained through log o (the paper's)
};

/// How the linear correction ψ of the maps that read gates is held.
enum class PsiMode {
  none,       // no vector; a removed bias is dropped, removal is approximate
  constant,   // not trained; edits fold into it
  trainable,  // trained
  decay,      // trained with the penalty 0.1 Σ ψ² in the loss (the paper's usual variant)
  expectation,  // no vector; a removed bias is folded into the next bias with the mean gate: approximate
};

/// Weight of Σ ψ² in the loss for PsiMode::decay.
inline constexpr double kPsiPenalty = 0.1;

inline bool has_psi(PsiMode mode) {
  return mode == PsiMode::constant || mode == PsiMode::trainable || mode == PsiMode::decay;
}
inline bool trains_psi(PsiMode mode) {
  return mode == PsiMode::trainable || mode == PsiMode::decay;
}
inline bool trains_length(LengthMode mode) {
  return mode == LengthMode::trainable || mode == LengthMode::log;
}

std::string_view length_mode_name(LengthMode mode);
LengthMode length_mode_from_name(std::string_view name);
std::string_view psi_mode_name(PsiMode mode);
PsiMode psi_mode_from_name(std::string_view name);

/// A vector space inside the network. Input, output and linear spaces have no groups. An input of dimension 0 is
/// the constant 1: maps from it are biases.
template <class T>
struct Space {
  int id = 0;  // stays as long as the network lives
  std::string name;
  Index dimension = 0;
  std::vector<Index> groups;  // sizes, in order, adding up to dimension; empty: no gates
  Radial radial = Radial::tanh;
  LengthMode length_mode = LengthMode::trainable;
  Vector<T> length;               // [groups] as trained: o, β or log o
  std::vector<char> frozen = {};  // of each part, 1: what it computes is not trained; empty: none

  /// The parts that edits act in: the groups, or all coordinates as one.
  [[nodiscard]] std::vector<Index> parts() const {
    return hidden() ? groups : std::vector<Index>{dimension};
  }
  [[nodiscard]] bool is_frozen(Index part) const {
    return !frozen.empty() && frozen[static_cast<std::size_t>(part)] != 0;
  }
  void set_frozen(Index part, bool value);
  [[nodiscard]] bool hidden() const { return !groups.empty(); }
  [[nodiscard]] Index gates() const { return static_cast<Index>(groups.size()); }
  /// First coordinate of group g.
  [[nodiscard]] Index begin(Index g) const {
    Index at = 0;
    for (Index i = 0; i < g; ++i) at += groups[i];
    return at;
  }
  /// o of group g.
  [[nodiscard]] T o(Index g) const {
    switch (length_mode) {
      case LengthMode::none:
        return T(0);
      case LengthMode::constant:
        return length[g];
      case LengthMode::trainable:
        return length[g] * length[g];
      case LengthMode::log:
        return std::exp(length[g]);
    }
    return T(0);
  }
  /// Sets o of group g to a value ≥ 0; β keeps its sign. In mode none o stays 0.
  void set_o(Index g, double o);
};

/// An affine map that reads the augmented vector (h; 1; s; ν) of its source: z += A (h; 1; s; ν), A = [W b ψ χ].
/// Kept as one matrix, so that one product gives z and one gives every gradient. χ reads norms: ν grows with the
/// length of a group as s falls (docs/mathematics.md 14). It needs a ψ beside it.
template <class T>
struct Map {
  int id = 0;            // stays as long as the network lives
  int from = 0, to = 0;  // ids of spaces
  PsiMode psi_mode = PsiMode::none;
  Matrix<T> a;  // [n_to × (n_from + 1 + gates + gates)]; without χ, or ψ, those columns are absent
  Index inputs = 0;  // n_from
  std::vector<int> factors =
      {};              // ids of spaces of one group whose gates multiply what the map gives
  bool norms = false;  // has χ

  [[nodiscard]] auto weight() { return a.leftCols(inputs); }
  [[nodiscard]] auto weight() const { return a.leftCols(inputs); }
  [[nodiscard]] auto bias() { return a.col(inputs); }
  [[nodiscard]] auto bias() const { return a.col(inputs); }
  /// [n_to × gates], zero columns without ψ.
  [[nodiscard]] auto psi() { return a.middleCols(inputs + 1, gates()); }
  [[nodiscard]] auto psi() const { return a.middleCols(inputs + 1, gates()); }
  /// [n_to × gates], zero columns without χ.
  [[nodiscard]] auto chi() { return a.rightCols(norms ? gates() : 0); }
  [[nodiscard]] auto chi() const { return a.rightCols(norms ? gates() : 0); }
  /// [ψ χ]: all that reads gates.
  [[nodiscard]] auto features() const { return a.rightCols(a.cols() - inputs - 1); }
  /// Gates that are read.
  [[nodiscard]] Index gates() const { return (a.cols() - inputs - 1) / (norms ? 2 : 1); }
  /// Columns of features() when so many gates are read in these modes.
  [[nodiscard]] Index features_of(Index count) const {
    return has_psi(psi_mode) ? count * (norms ? 2 : 1) : 0;
  }
};

/// Cuts a width into groups of `size`, the last taking the remainder; size 0 is one group; a width
/// below `size` is one group. cut_groups(20, 8) = {8, 8, 4}.
std::vector<Index> cut_groups(Index width, Index size);

}  // namespace isoform
