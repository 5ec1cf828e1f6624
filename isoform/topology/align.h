// How far apart two networks are, whatever bases they are written in. The basis of every hidden space is a
// choice: rotations inside its groups, and the order of its groups, change no output. So the distance of two
// networks is what is left when one has been turned as near to the other as it goes. docs/mathematics.md 2, 9;
// docs/reading.md.
//
//   D² = Σ_maps ‖Q_l [W b ψ χ]_A (Q_{l−1}, 1, P_{l−1}, P_{l−1})ᵀ − [W b ψ χ]_B‖² + Σ_groups (√o_A − √o_B)²
//
// Q_l: rotations inside groups, then P_l, an order of the groups. Every number counts alike; o counts as √o,
// the bias of the ghost neuron that it is (1.5). A map without ψ or χ has 0 there, a mode without o has o = 0.
//
// For one space, the others held fast, the best Q is a closed form (orthogonal Procrustes): with
// M = B Aᵀ of the rows that come in plus Bᵀ A of the columns that go out, both seen in the bases of the
// neighbours so far, a pair of groups is turned by U Vᵀ, where U Σ Vᵀ = M_gg', and fits by ‖M_gg'‖_*; the pairs
// of largest total fit are found exactly. For several spaces together there is no closed form: spaces are
// turned one after the other, to and fro, until the distance falls no further. The distance never rises, and
// what is found is
//   * the optimum, if there is one hidden space;
//   * distance 0 (to rounding), if A is B in another basis, apart from coincidences (two groups alike);
//   * else a local optimum: an upper bound of the distance. It is never above the distance before.
#pragma once

#include <vector>

#include "isoform/network/network.h"

namespace isoform {

/// One map, with the √o of the space it writes to (of the first map there, where several are added).
struct MapDistance {
  int map = 0;
  double norm = 0;               // ‖B's‖
  double before = 0, after = 0;  // ‖A's − B's‖, as they stand and turned
  double weight = 0, bias = 0;   // after² = weight² + bias² + psi² + length²
  double psi = 0, length = 0;    // psi: of [ψ χ]
};

struct Alignment {
  /// For A, one for each hidden space, in any order: turn it into B's basis, with B's order of groups. Where
  /// B's groups are larger or more, they are filled up with inert zero neurons.
  std::vector<Edit> edits;
  /// For B: the inert zero neurons it needs where A's groups are larger or more; empty where nowhere.
  std::vector<Edit> padding;
  bool padded = false;  // A or B

  std::vector<MapDistance> maps;
  double norm = 0;  // ‖B‖
  double before = 0,
         after = 0;            // D; before: group i with group i, the smaller filled up with zeros
  std::vector<double> course;  // D after each sweep that led to `after`, never rising
  int sweeps = 0;              // the number of them

  /// after / norm.
  [[nodiscard]] double relative() const;
};

/// Aligns A with B, in double. Groups of A are paired with groups of B; where all sizes occur equally often in
/// both, equal with equal. Else the smaller of a pair, or a group without a partner, is filled up with zero
/// neurons (zero rows and columns, o = 0 for a group), which change no function.
///
/// Cost for n neurons in groups of g: a product n × n × inputs, and H² small decompositions for every pair of
/// groups while pairs are sought; later sweeps n g inputs and one g × g decomposition for each group. Pairing is
/// O(H³): thousands of groups take minutes.
///
/// Throws UsageError where inputs, outputs or the number of layers differ: no turn relates such networks.
template <class T>
Alignment align(const Network<T>& a, const Network<T>& b);

}  // namespace isoform
