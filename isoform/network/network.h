// A network: spaces, maps between them, and what an edit does to both.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "isoform/network/edit.h"
#include "isoform/network/space.h"

namespace isoform {

/// Initial weights. All biases, ψ and χ start at 0, o at 1e-6 (0 in mode none).
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
  bool norms = false;  // maps read norms, too; needs a ψ
  Initialiser initialiser = Initialiser::orthogonal;
  std::uint64_t seed = 0;

  /// Throws UsageError with what is needed and what came.
  void validate() const;
};

/// What a parameter is; with its owner's id, a stable name for optimisers and checkpoints.
enum class Role { weight, bias, psi, length, chi };
struct ParameterKey {
  Role role = Role::weight;
  int owner = 0;  // id of the map, or of the space for length
  auto operator<=>(const ParameterKey&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// Rows [begin, end) of a matrix.
struct RowRange {
  Index begin = 0, end = 0;
};

/// A window on one parameter and its gradient. Valid until the next edit.
template <class T>
struct Parameter {
  ParameterKey key;
  Index rows = 0, cols = 0;
  T* value = nullptr;     // rows × cols, contiguous, column-major
  T* gradient = nullptr;  // the same shape; 0 in frozen rows
  bool trainable = true;
  std::vector<RowRange> frozen = {};  // rows that stay as they are; not all of them
  // Of the hidden spaces that rows and columns live on; empty: no hidden space turns them.
  std::span<const Index> row_groups = {}, column_groups = {};
  [[nodiscard]] Index size() const { return rows * cols; }
};

/// What a computation stops at: a space, or what a stream holds from one write to the next. A reader of a stream sees
/// the sum of the maps from spaces before the reader; those from spaces behind it are later stages.
struct Stage {
  int id = 0;  // of the last, or only, stage of a space: the id of the space
  int space = 0;
  int before = -1, after = -1;  // stages of the same stream; −1: none
};

/// Spaces and maps. Ids stay as long as the network lives, through edits and the coming and going of inputs and
/// outputs; those of a fresh chain are positions from 0, so that W_l of the mathematics is map(l − 1).
template <class T>
class Network {
 public:
  Network() = default;
  static Network chain(const ChainSettings& settings);
  /// Assembles a network from its parts: ids of its own for each, spaces in the order of computation (what a space reads
  /// and the gates that multiply it come before it). A map may run back to a linear space that is read, which is
  /// then a stream, from a space that is none.
  Network(std::vector<Space<T>> spaces, std::vector<Map<T>> maps);
  /// The same for a network that goes on: ids below these have been given, and are not given again to what is added.
  Network(std::vector<Space<T>> spaces, std::vector<Map<T>> maps, std::size_t space_ids,
          std::size_t map_ids);

  /// In the order of computation: inputs first, outputs last in whatever a chain was made into.
  [[nodiscard]] const std::vector<Space<T>>& spaces() const { return spaces_; }
  [[nodiscard]] const std::vector<Map<T>>& maps() const { return maps_; }
  [[nodiscard]] const Space<T>& space(int id) const { return spaces_[place(space_at_, id)]; }
  [[nodiscard]] const Map<T>& map(int id) const { return maps_[place(map_at_, id)]; }
  [[nodiscard]] Space<T>& space(int id) { return spaces_[place(space_at_, id)]; }
  [[nodiscard]] Map<T>& map(int id) { return maps_[place(map_at_, id)]; }
  [[nodiscard]] bool has_space(int id) const { return known(space_at_, id); }
  [[nodiscard]] bool has_map(int id) const { return known(map_at_, id); }
  /// Every id is below: sizes of lists that are indexed by id.
  [[nodiscard]] std::size_t space_ids() const { return space_at_.size(); }
  [[nodiscard]] std::size_t map_ids() const { return map_at_.size(); }
  /// Ids of the maps that end in, or start from, a space; in a fixed order, which is that of summation.
  [[nodiscard]] std::vector<int> incoming(int space) const;
  [[nodiscard]] std::vector<int> outgoing(int space) const;
  /// Ids of the input, hidden and output spaces, first to last.
  [[nodiscard]] std::vector<int> inputs() const;
  [[nodiscard]] std::vector<int> hidden() const;
  [[nodiscard]] std::vector<int> outputs() const;
  /// True for a space that is given: it reads nothing and has no gates. All but the constant 1 are inputs.
  [[nodiscard]] bool is_given(int space) const;
  /// Of all inputs together, of each space between, of all outputs together.
  [[nodiscard]] std::vector<Index> widths() const;
  /// True where gates multiply maps: what speaks of chains of linear maps alone does not hold then.
  [[nodiscard]] bool has_factors() const;
  /// True for a hidden space that nobody reads: it counts through its gate alone.
  [[nodiscard]] bool is_gate(int space) const;
  /// True for a space whose gate multiplies maps. It stays one group.
  [[nodiscard]] bool multiplies(int space) const;
  /// True for a linear space that spaces behind it write to.
  [[nodiscard]] bool is_stream(int space) const;
  /// Every space once, in their order, and the further stages of streams before the spaces that read them.
  [[nodiscard]] const std::vector<Stage>& stages() const { return stages_; }
  /// Ids of stages are below: sizes of lists that are indexed by them.
  [[nodiscard]] std::size_t stage_ids() const { return stages_.size() + gone_; }
  /// Ids of the stage that a map reads, and of the one that it adds to.
  [[nodiscard]] int reads(int map) const { return reads_[static_cast<std::size_t>(map)]; }
  [[nodiscard]] int writes(int map) const { return writes_[static_cast<std::size_t>(map)]; }
  /// True for the one of several maps into a stage (with equal factors) whose bias counts and is trained. The others'
  /// are 0.
  [[nodiscard]] bool carries_bias(int map) const;
  /// True for a group that may not lose anything: it is frozen, or something frozen reads it.
  [[nodiscard]] bool is_held(int space, Index group) const;
  /// Numbers that a space's gates give to those who read it: s of each group, and ν where a map has χ.
  [[nodiscard]] Index features(int space) const;
  /// Rows of a space that are frozen, as few ranges as possible.
  [[nodiscard]] std::vector<RowRange> frozen_rows(int space) const;

  /// Every number a model file stores: weights, biases, ψ, χ and o.
  [[nodiscard]] Index parameter_count() const;
  /// The same for the network with space `id` changed by so many neurons and groups.
  [[nodiscard]] Index parameter_count_after(int id, Index neurons, Index groups) const;
  [[nodiscard]] bool all_finite() const;
  /// Σ of the penalties in the loss: kPsiPenalty Σ ψ² over maps in mode decay.
  [[nodiscard]] double penalty() const;

  /// Applies an edit in double and rounds once. Throws InternalError if the edit's shapes are not those
  /// of this network; the network is then unchanged.
  void apply(const Edit& edit);
  /// Adds an input or output that is connected like `like` (its maps' ends, factors and modes), with zero weights:
  /// whatever it holds, the other outputs are unchanged, bit by bit. Returns its id.
  int add_like(int like, std::string name, Index dimension);
  /// Removes an input or output with its maps. A bias that counted goes on in the next map. The outputs that stay are
  /// unchanged where a removed input is 0. The last input or output can't be removed.
  void remove_space(int id);

 private:
  static bool known(const std::vector<int>& at, int id);
  static std::size_t place(const std::vector<int>& at, int id);
  void index();
  void order_stages();

  std::vector<Space<T>> spaces_;
  std::vector<Map<T>> maps_;
  std::vector<int> space_at_, map_at_;  // position of each id; −1: gone
  std::vector<Stage> stages_;
  std::vector<int> reads_, writes_;  // stages, by id of the map
  std::size_t gone_ = 0;             // ids of spaces that are
};

/// The incoming maps of a space side by side, in double: [W₁ ψ₁ χ₁ W₂ ψ₂ χ₂ …], without biases unless gates multiply them.
/// The matrix whose left singular vectors diagonalise the space (docs/mathematics.md 4.1).
template <class T>
Matrix<double> incoming_matrix(const Network<T>& network, int space);
/// Sum of the incoming biases that no gate multiplies [n].
template <class T>
Vector<double> incoming_bias(const Network<T>& network, int space);
/// The outgoing weights one above the other, in double: [W₁; W₂; …], columns on the space.
template <class T>
Matrix<double> outgoing_matrix(const Network<T>& network, int space);

}  // namespace isoform
