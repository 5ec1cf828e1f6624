// The turns of one network towards another, space by space: what align() searches with. Private to topology.
#pragma once

#include <vector>

#include "isoform/network/network.h"

namespace isoform {

/// √o of every group.
Vector<double> root_lengths(const Space<double>& space);

/// For every hidden space of A and B: pairs of groups, and for each the turn from A's coordinates to B's. In
/// Σ_maps ⟨B, T A T'ᵀ⟩, which falls short of (‖A‖² + ‖B‖²)/2 by half the squared distance, each T is linear: one is
/// chosen at a time, the best for the others. Groups keep their own sizes here: a padded neuron has zeros only, and
/// adds nothing to the sum. Keeps pointers to both networks.
class Turns {
 public:
  /// Group i with group i (with the i-th of its size, where all sizes occur equally often in both), unturned.
  static Turns in_order(const Network<double>& a, const Network<double>& b);

  /// A start that finds the truth where A is B in another basis. From the input on, then to and fro, a space is
  /// turned in those directions alone that its neighbours' known directions settle; the others count as zero, so
  /// that what is unknown misleads nobody. Directions settled well come first. What nothing settles is chosen at
  /// the end, as the sum allows.
  static Turns from_the_input(const Network<double>& a, const Network<double>& b);

  /// Turns every space, first to last and back. The distance does not rise.
  void sweep();
  /// The pairs of a space that stayed the same twice are kept, until seek_pairs.
  [[nodiscard]] bool pairs_rest() const;
  void seek_pairs();

  /// See Alignment. Only after a sweep, or in order.
  [[nodiscard]] std::vector<Edit> edits() const;
  [[nodiscard]] std::vector<Edit> padding() const;
  [[nodiscard]] bool padded() const;

 private:
  struct Pair {
    Index a = 0, b = 0;  // groups
    Matrix<double> t;    // [n_b × n_a], U Vᵀ in the directions that are settled, else 0
    Index rank = 0;      // how many those are
    bool known = false;  // the pair itself
  };
  struct OfSpace {
    std::vector<Pair> pairs;  // ascending b
    int quiet = 0;            // how often in a row the pairs stayed the same
    bool equal_sizes = false;
    Matrix<double> fixed, fixed_gates;  // what input and output say of it, and √o
  };

  Turns(const Network<double>& a, const Network<double>& b);
  void turn(int space, double share);
  void to_and_fro(double share);
  void spread(double share);
  void pair_up(int space, const Matrix<double>& m, const Matrix<double>& gates);
  void collect(int space, Matrix<double>& m, Matrix<double>& gates) const;
  [[nodiscard]] Matrix<double> columns_turned(const Map<double>& of_a) const;
  [[nodiscard]] Matrix<double> rows_turned(const Map<double>& of_a) const;

  const Network<double>*a_, *b_;
  std::vector<OfSpace> spaces_;
};

}  // namespace isoform
