// Symmetry prescriptions as values. A prescription says which matrices R an activation f is to commute
// with, f(Rz) = R f(z); the gates of this library are what follows from it, and the edits that keep a
// network's function are its elements. Sample one, act with it on a network; equivariance.h checks functions
// against a prescription and projects them onto what commutes. docs/symmetry.md; docs/mathematics.md 1.1, 2, 9.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "isoform/network/network.h"

namespace isoform {

enum class SymmetryKind {
  permutation,         // S(n): matrices that exchange coordinates
  signed_permutation,  // B(n): and flip signs
  orthogonal,          // O(n): every R with R Rᵀ = I; O(1) = B(1) = {1, −1}
};

/// One factor of a prescription; it acts on its own consecutive coordinates.
struct SymmetryFactor {
  SymmetryKind kind = SymmetryKind::orthogonal;
  Index size = 1;
  bool operator==(const SymmetryFactor&) const = default;
};

/// A group of orthogonal matrices: a product of factors along the diagonal. Sizes below 1 and products of
/// nothing are UsageErrors.
class Symmetry {
 public:
  static Symmetry permutation(Index n);
  static Symmetry signed_permutation(Index n);
  static Symmetry orthogonal(Index n);
  /// ∏ O(n_g): what grouped gates with these sizes commute with.
  static Symmetry orthogonal_product(const std::vector<Index>& sizes);
  /// Acts on the first coordinates by the first part, on the next ones by the second, and so on.
  static Symmetry product(const std::vector<Symmetry>& parts);

  [[nodiscard]] const std::vector<SymmetryFactor>& factors() const { return factors_; }
  /// n of the vectors that it acts on.
  [[nodiscard]] Index dimension() const;
  /// "O(8)×O(8)×O(4)"; runs of more than three are powers, "O(1)^64".
  [[nodiscard]] std::string name() const;
  /// Number of elements; infinity for O(n) with n ≥ 2, and beyond what a double holds.
  [[nodiscard]] double order() const;

  /// An element [n × n], uniform over the group (Haar), keyed by (seed, index). O(Σ n_g³).
  [[nodiscard]] Matrix<double> sample(std::uint64_t seed, std::uint32_t index = 0) const;
  /// Element 0 … order() − 1 of a finite group; 0 is the identity. UsageError for others.
  [[nodiscard]] Matrix<double> element(std::uint64_t index) const;
  /// Whether every entry is within `tolerance` of an element's (for O(n): of R Rᵀ = I).
  [[nodiscard]] bool contains(const Matrix<double>& r, double tolerance = 1e-10) const;

  bool operator==(const Symmetry&) const = default;

 private:
  explicit Symmetry(std::vector<SymmetryFactor> factors);
  std::vector<SymmetryFactor> factors_;
};

/// ∏ O(n_g) over the groups of a hidden space: every element may act on it, whatever its o and ψ. UsageError for
/// input and output, whose bases the task fixes.
template <class T>
Symmetry symmetry_of(const Space<T>& space);

/// The edit by which an element [n × n] acts on a hidden space, z → Rz; the network's function stays. Taken
/// are rotations inside groups and, since o and the columns of ψ go with their group, groups that move
/// as a whole (a permutation matrix, where groups have one neuron). UsageError, saying where, for an R that is
/// not orthogonal, mixes groups or tears one apart: the gates do not commute with it. Entries below 1e-10 count as 0.
template <class T>
Edit act(const Network<T>& network, int space, const Matrix<double>& element);

}  // namespace isoform
