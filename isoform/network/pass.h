// Forward and backward passes: the buffers of one batch and the products that fill them.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/network.h"

namespace isoform {

/// Which inputs samples bring and which outputs are wanted of them: ids of spaces, ascending; none named: all. An
/// absent input is 0 (the mean, in standardised units) and costs nothing; an output that is not wanted is not computed.
struct Route {
  std::vector<int> inputs = {}, outputs = {};
  bool operator==(const Route&) const = default;
};

/// Dropout of a training step, keyed by (seed, step): each group of hidden neurons, with its gate, and each coordinate of
/// the inputs is 0 with this probability, and else larger by 1/(1 − p). By whole groups it commutes with the symmetry:
/// a network that is turned learns the same (docs/mathematics.md 11). Gates that nobody
/// reads (Network::is_gate) stay: a product of gates with one of them at 0 would be 0 with all that it multiplies.
struct Dropout {
  double input = 0, hidden = 0;
  std::uint64_t seed = 0, step = 0;
};

/// What backward does with the gradients there are.
enum class Gradients { replace, add };

/// Told of columns [first, first + count) of [W b ψ χ] of a map when their gradients are final, once for each column and
/// maybe by several threads at a time, while they are in the cache of the one that calls.
using GradientReady = std::function<void(int map, Index first, Index count)>;

/// The buffers of a batch. Memory is claimed when the shapes grow, never in the training loop. One pass
/// serves one thread of control.
///
///   pass.prepare(network, batch);
///   pass.input() = x;                       // [n_0 × batch], already standardised
///   forward(network, engine, pass);         // pass.output(): [n_L × batch]
///   pass.output_gradient() = dL/dy;         // [n_L × batch]
///   backward(network, engine, pass);        // pass.parameters(network): values with gradients
///
/// With several inputs or outputs, set_input() takes all inputs one below the other, output() and output_gradient() have
/// all outputs one below the other, in the order of Network::inputs() and outputs().
template <class T>
class Pass {
 public:
  /// Shapes for `samples` columns and a route; gradients stay until a backward replaces them. Keeps the storage it
  /// has where that suffices.
  void prepare(const Network<T>& network, Index samples, const Route& route = {});
  /// Drops from the inputs as they are now, and from hidden spaces in the passes that follow.
  void drop(const Dropout& dropout);
  [[nodiscard]] Index samples() const { return samples_; }
  [[nodiscard]] const Route& route() const { return route_; }
  /// True after backward, until the next forward.
  [[nodiscard]] bool has_gradients() const { return has_gradients_; }
  /// True for a space that the route leaves in: it has values after forward.
  [[nodiscard]] bool takes_part(int space) const {
    return present_[static_cast<std::size_t>(space)] != 0;
  }

  /// x [n_0 × samples] of the only input, or of one, to be written by the caller.
  View<T> input() { return input(single_input_); }
  View<T> input(int space) { return block(augmented_[space], dimension_[space]); }
  /// Writes the present inputs from all inputs one below the other [Σ n × samples].
  void set_input(ConstView<T> x);
  /// y = z_L [n_L × samples]. Rows of outputs that are not wanted mean nothing.
  View<T> output() { return block(output_, output_.rows()); }
  /// dL/dy, to be written by the caller between forward and backward.
  View<T> output_gradient() { return block(output_gradient_, output_gradient_.rows()); }

  // What follows is of a space, and of a stream at its end; with the id of a stage (Network::stages) of the stream there.
  /// (h; 1; s) [n + 1 + H × samples], and ν below where a map reads it (Network::features).
  View<T> augmented(int space) { return block(augmented_[space], augmented_[space].rows()); }
  /// h [n × samples].
  View<T> hidden(int space) { return block(augmented_[space], dimension_[space]); }
  /// s [H × samples].
  View<T> gates(int space) {
    return augmented_[space]
        .middleRows(dimension_[space] + 1, kappa_[space].rows())
        .leftCols(samples_);
  }
  /// ν = 1/s − 1 [H × samples], no rows where no map reads it.
  View<T> norms(int space) { return below_gates(augmented_[space], space); }
  /// z [n × samples].
  View<T> z(int space) { return part_of(z_, output_, space); }
  /// After backward: dL/dz [n × samples]. Of an output, to be written before it.
  View<T> delta(int space) { return part_of(gradient_, output_gradient_, space); }

  /// Every parameter with its value in the network and its gradient here, in a fixed order.
  std::vector<Parameter<T>> parameters(Network<T>& network);

 private:
  template <class U>
  friend class Passage;

  // What is kept of one space, a column for each sample.
  Eigen::Map<const Matrix<float>> keep(double p, int space, Index rows);
  View<T> below_gates(Matrix<T>& m, int space) {
    const Index above = dimension_[space] + 1 + kappa_[space].rows();
    return m.bottomRows(m.rows() - above).leftCols(samples_);
  }
  View<T> block(Matrix<T>& m, Index rows) { return m.topRows(rows).leftCols(samples_); }
  View<T> part_of(std::vector<Matrix<T>>& own, Matrix<T>& shared, int space) {
    const Index first = output_row_[space];
    if (first < 0) return block(own[space], dimension_[space]);
    return shared.middleRows(first, dimension_[space]).leftCols(samples_);
  }

  Index samples_ = 0;
  bool has_gradients_ = false;
  Route route_;
  Dropout dropout_;
  std::vector<float> keep_;
  int single_input_ = 0;
  std::vector<int> inputs_;  // in stacked order
  std::vector<Index> dimension_;
  std::vector<Index> output_row_;  // where an output lies in the stack; −1: no output
  std::vector<char> present_;
  Matrix<T> output_, output_gradient_;  // all outputs one below the other
  // For each stage: (h; 1; s; ν); z; 2G'; then (dL/dh; –; dL/ds; dL/dν), whose top becomes dL/dz.
  std::vector<Matrix<T>> augmented_, z_, kappa_, gradient_;
  std::vector<Matrix<T>> map_gradient_;     // dL/d[W b ψ χ]
  std::vector<Vector<T>> length_gradient_;  // dL/d(o, β or log o)
  std::vector<Vector<T>> o_;                // o of each group, as the forward pass used it
  Vector<T> scratch_;                       // dL/do of one space
  Matrix<T> ones_;                          // what an absent input still brings: its 1
  // For each map with factors: W (h; 1; s) before they multiply; their product; Σ_rows z-gradient · that.
  std::vector<Matrix<T>> part_, product_, dot_;
  Matrix<T> scaled_;
};

/// y for a matrix of inputs [n_0 × samples], with buffers of its own: for checks and small uses.
template <class T>
Matrix<T> outputs(const Network<T>& network, Engine<T>& engine, ConstView<T> x);

/// y for the input in the pass. Products: one for each map. No allocation.
template <class T>
void forward(const Network<T>& network, Engine<T>& engine, Pass<T>& pass);

/// dL/dz of `space` (of a stream: all its stages) and those after it for dL/dy in the pass, read with delta(); no gradients of maps. Follows
/// a forward, and may follow it again with another dL/dy.
template <class T>
void backward_to(const Network<T>& network, Engine<T>& engine, Pass<T>& pass, int space);

/// Gradients of every parameter for dL/dy in the pass. `replace`: these alone, with the penalty's; `add`: on top of
/// those of an earlier pass of the same step. Rows that are frozen get 0. Follows a forward. `ready` may change the map
/// that it is told of: no map is read once the first is told, and lengths have their gradients by then.
template <class T>
void backward(const Network<T>& network, Engine<T>& engine, Pass<T>& pass,
              Gradients gradients = Gradients::replace, const GradientReady& ready = {});

}  // namespace isoform
