// Reading a network: the connections of every hidden space in a basis in which they are ordered, and what is
// known of each. A connection is one direction of one group: what comes in along it, what goes out along it. The
// function is the same in every basis; what differs is which numbers stand in order.
// docs/reading.md; docs/mathematics.md 2, 4.2, 4.3, 8 and 10.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/topology/bound.h"
#include "isoform/topology/importance.h"

namespace isoform {

/// In which basis of its groups a space is read, and so what strength means.
enum class Basis {
  singular,    // incoming rows orthogonal; strength: singular value of [W ψ χ]
  covariance,  // principal directions of z; strength: standard deviation along them
  effect,      // natural basis (10); strength: share of effect on the next spaces
  task,        // outgoing columns orthogonal; strength: their length. Beyond their rank it is 0
};
std::string_view basis_name(Basis basis);
/// Throws UsageError listing the names.
Basis basis_from_name(std::string_view name);
/// covariance and effect do.
bool needs_data(Basis basis);

/// One number of a map in this basis, and where it leads: a connection of a hidden space (its place in
/// LayerReading::connections), or a coordinate of the input or the output.
struct Term {
  int space = 0;
  Index number = 0;
  double weight = 0;
};
/// Terms kept of each connection and side.
inline constexpr std::size_t kTerms = 6;

struct Connection {
  Index group = 0, place = 0;  // which direction of which group: row `place` of its scores
  double strength = 0;         // as the basis has it
  double incoming = 0;         // |q [W ψ χ]|
  double outgoing = 0;         // |W_next q|
  std::optional<double>
      share;        // of effect on the next spaces, in any basis: qᵀK q |W_next q|² / Var z_next
  double bias = 0;  // q b
  double stand_in = 0;               // what would take its place
  Bound bound;                       // on |Δy| if it alone is removed, for every input
  std::optional<double> on_samples;  // the same for the samples at hand
  Vector<double> direction;          // q, a unit vector in the coordinates of its group
  std::vector<Term> hears, feeds;    // largest first
};

/// How many neurons a policy would call idle.
struct Scaffold {
  double threshold = 0;
  Index count = 0;
};

struct LayerReading {
  int space = 0;
  std::vector<Connection> connections;  // strongest first, all groups together
  Vector<double> singular_values;       // of [W ψ χ], groups together, descending, padded
  double effective_rank = 0;            // of the singular values
  double strength_rank = 0;             // of the strengths
  Index gate_only = 0;             // directions no next map reads: they act on their gate alone (8)
  std::optional<Scaffold> effect;  // by the policies' own thresholds
  Scaffold paper;
  double mean_o = 0;    // mean of o over the groups
  double psi_norm = 0;  // of ψ of all maps that read the gates
  double chi_norm = 0;  // the same of χ; 0 where no map reads norms
};

/// exp of the entropy of the squares: how many of them count. 0 where all are 0.
double effective_rank(const Vector<double>& values);

/// Reads; changes nothing. Gathers the statistics of the samples once, when it is made.
template <class T>
class Reader {
 public:
  /// x [n_0 × samples], standardised; no columns: what needs data is left out. Network and engine must outlive
  /// the reader.
  Reader(const Network<T>& network, Engine<T>& engine, Matrix<T> x);

  [[nodiscard]] Index samples() const { return x_.cols(); }
  /// Those that there is data for.
  [[nodiscard]] std::vector<Basis> bases() const;
  /// The directions of a hidden space: orthogonal, descending inside each group. Throws UsageError without the data
  /// that the basis needs.
  [[nodiscard]] std::vector<GroupScores> scores(int space, Basis basis) const;
  /// Every hidden space, first to last. One decomposition a group, those of the bounds, and a pass over the samples
  /// for each space.
  [[nodiscard]] std::vector<LayerReading> read(Basis basis) const;
  /// The network with every hidden space turned to the basis: the same function.
  [[nodiscard]] Network<T> in_basis(Basis basis) const;

  /// What the first `count` connections weigh an input by, q W [n_0 × count], for a space that reads the input;
  /// no columns for another.
  [[nodiscard]] Matrix<double> weights(const LayerReading& layer, Index count) const;
  /// What they answer to: E (x − E x)(u − E u) / √Var u, in deviations of each input [n_0 × count].
  /// Needs samples; for any space.
  [[nodiscard]] Matrix<double> answers(const LayerReading& layer, Index count) const;

 private:
  using AllScores = std::vector<std::vector<GroupScores>>;  // of each space; empty if not hidden
  [[nodiscard]] AllScores all_scores(Basis basis) const;
  LayerReading read_space(int space, Basis basis, const std::vector<GroupScores>& scores) const;
  void read_terms(const AllScores& scores, std::vector<LayerReading>& layers) const;
  void read_shares(const std::vector<GroupScores>& scores, LayerReading& layer) const;
  void bound_on_samples(const std::vector<GroupScores>& scores, LayerReading& layer) const;

  const Network<T>& network_;
  Engine<T>& engine_;
  Matrix<T> x_;
  Statistics statistics_;
};

}  // namespace isoform
