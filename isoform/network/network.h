// A network: spaces, maps between them, and what an edit does to both.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "isoform/network/edit.h"
#include "isoform/network/space.h"

namespace isoform {

/// Initial weights. All biases and ψ start at 0, o at 1e-6 (0 in mode none).
enum class Initialiser {
  orthogonal,  // semi-orthogonal, singular values 1 (the paper's)
  xavier,      // normal, variance 2 / (fan in + fan out)
  kaiming,     // normal, variance 2 / fan in
};
std::string_view initialiser_name(Initialiser initialiser);
Initialiser initialiser_from_name(std::string_view name);

/// The plain network: spaces 0 … L in a row, map l from space l−1 to space l.
struct ChainSettings {
  std::vector<Index> widths = {};  // all L+1, input and output included
  std::vector<std::vector<Index>> groups =
      {};                // sizes for each hidden space; empty: cut by group_size
  Index group_size = 8;  // 0: one group, the whole layer
  Radial radial = Radial::tanh;
  LengthMode length = LengthMode::trainable;
  PsiMode psi = PsiMode::decay;
  Initialiser initialiser = Initialiser::orthogonal;
  std::uint64_t seed = 0;

  /// Throws UsageError with what is needed and what came.
  void validate() const;
};

/// What a parameter is; with its owner's id, a stable name for optimisers and checkpoints.
enum class Role { weight, bias, psi, length };
struct ParameterKey {
  Role role = Role::weight;
  int owner = 0;  // id of the map, or of the space for length
  auto operator<=>(const ParameterKey&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// A window on one parameter and its gradient. Valid until the next edit.
template <class T>
struct Parameter {
  ParameterKey key;
  Index rows = 0, cols = 0;
  T* value = nullptr;     // rows × cols, contiguous, column-major
  T* gradient = nullptr;  // the same shape
  bool trainable = true;
  [[nodiscard]] Index size() const { return rows * cols; }
};

template <class T>
class Network {
 public:
  Network() = default;
  static Network chain(const ChainSettings& settings);
  /// Assembles a network from its parts; spaces in topological order, ids equal to positions.
  Network(std::vector<Space<T>> spaces, std::vector<Map<T>> maps);

  [[nodiscard]] const std::vector<Space<T>>& spaces() const { return spaces_; }
  [[nodiscard]] const std::vector<Map<T>>& maps() const { return maps_; }
  [[nodiscard]] const Space<T>& space(int id) const { return spaces_.at(id); }
  [[nodiscard]] const Map<T>& map(int id) const { return maps_.at(id); }
  [[nodiscard]] Space<T>& space(int id) { return spaces_.at(id); }
  [[nodiscard]] Map<T>& map(int id) { return maps_.at(id); }
  /// Ids are positions, from 0: W_l of the mathematics is map(l − 1). Ids of the maps that end in, or start from, a space; in a fixed order.
  [[nodiscard]] std::vector<int> incoming(int space) const;
  [[nodiscard]] std::vector<int> outgoing(int space) const;
  /// Ids of the hidden spaces, first to last.
  [[nodiscard]] std::vector<int> hidden() const;
  [[nodiscard]] std::vector<Index> widths() const;
  /// Every number a model file stores: weights, biases, ψ and o.
  [[nodiscard]] Index parameter_count() const;
  /// The same for the network with space `id` changed by so many neurons and groups.
  [[nodiscard]] Index parameter_count_after(int id, Index neurons, Index groups) const;
  [[nodiscard]] bool all_finite() const;
  /// Σ of the penalties in the loss: kPsiPenalty Σ ψ² over maps in mode decay.
  [[nodiscard]] double penalty() const;

  /// Applies an edit in double and rounds once. Throws InternalError if the edit's shapes are not those
  /// of this network; the network is then unchanged.
  void apply(const Edit& edit);

 private:
  std::vector<Space<T>> spaces_;
  std::vector<Map<T>> maps_;
};

/// The incoming maps of a space side by side without biases, in double: [W₁ ψ₁ W₂ ψ₂ …]. The matrix whose
/// left singular vectors diagonalise the space (docs/mathematics.md 4.1).
template <class T>
Matrix<double> incoming_matrix(const Network<T>& network, int space);
/// Sum of the incoming biases [n].
template <class T>
Vector<double> incoming_bias(const Network<T>& network, int space);
/// The outgoing weights one above the other, in double: [W₁; W₂; …], columns on the space.
template <class T>
Matrix<double> outgoing_matrix(const Network<T>& network, int space);

}  // namespace isoform
