// Forward and backward passes: the buffers of one batch and the products that fill them.
#pragma once

#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/network.h"

namespace isoform {

/// The buffers of a batch. Memory is claimed when the shapes grow, never in the training loop. One pass
/// serves one thread of control.
///
///   pass.prepare(network, batch);
///   pass.input().topRows(…) = x;            // [n_0 × batch], already standardised
///   forward(network, engine, pass);         // pass.output(): [n_L × batch]
///   pass.output_gradient() = dL/dy;         // [n_L × batch]
///   backward(network, engine, pass);        // pass.parameters(network): values with gradients
template <class T>
class Pass {
 public:
  /// Shapes for `samples` columns. Keeps the storage it has where that suffices.
  void prepare(const Network<T>& network, Index samples);
  [[nodiscard]] Index samples() const { return samples_; }
  /// True after backward, until the next forward.
  [[nodiscard]] bool has_gradients() const { return has_gradients_; }

  /// x [n_0 × samples], to be written by the caller.
  View<T> input() { return block(augmented_.front(), dimension_.front()); }
  /// y = z_L [n_L × samples].
  View<T> output() { return block(z_.back(), dimension_.back()); }
  /// dL/dy, to be written by the caller between forward and backward.
  View<T> output_gradient() { return block(gradient_.back(), dimension_.back()); }

  /// Of a space: (h; 1; s) [n + 1 + H × samples].
  View<T> augmented(int space) { return block(augmented_[space], augmented_[space].rows()); }
  /// h [n × samples].
  View<T> hidden(int space) { return block(augmented_[space], dimension_[space]); }
  /// s [H × samples].
  View<T> gates(int space) {
    return augmented_[space].bottomRows(kappa_[space].rows()).leftCols(samples_);
  }
  /// z [n × samples].
  View<T> z(int space) { return block(z_[space], dimension_[space]); }
  /// After backward: dL/dz [n × samples].
  View<T> delta(int space) { return block(gradient_[space], dimension_[space]); }

  /// Every parameter with its value in the network and its gradient here, in a fixed order.
  std::vector<Parameter<T>> parameters(Network<T>& network);

 private:
  template <class U>
  friend void forward(const Network<U>&, Engine<U>&, Pass<U>&);
  template <class U>
  friend void backward_space(const Network<U>&, Engine<U>&, Pass<U>&, int);
  template <class U>
  friend void backward_to(const Network<U>&, Engine<U>&, Pass<U>&, int);
  template <class U>
  friend void backward(const Network<U>&, Engine<U>&, Pass<U>&);

  View<T> block(Matrix<T>& m, Index rows) { return m.topRows(rows).leftCols(samples_); }

  Index samples_ = 0;
  bool has_gradients_ = false;
  std::vector<Index> dimension_;
  // For each space: (h; 1; s); z; 2G'; then (dL/dh; –; dL/ds), whose top becomes dL/dz.
  std::vector<Matrix<T>> augmented_, z_, kappa_, gradient_;
  std::vector<Matrix<T>> map_gradient_;     // dL/d[W b ψ]
  std::vector<Vector<T>> length_gradient_;  // dL/d(o, β or log o)
  std::vector<Vector<T>> o_;                // o of each group, as the forward pass used it
};

/// y for a matrix of inputs [n_0 × samples], with buffers of its own: for checks and small uses.
template <class T>
Matrix<T> outputs(const Network<T>& network, Engine<T>& engine, ConstView<T> x);

/// y for the input in the pass. Products: one for each map. No allocation.
template <class T>
void forward(const Network<T>& network, Engine<T>& engine, Pass<T>& pass);

/// dL/dz of `space` and those after it for dL/dy in the pass, read with delta(); no gradients of maps. Follows
/// a forward, and may follow it again with another dL/dy.
template <class T>
void backward_to(const Network<T>& network, Engine<T>& engine, Pass<T>& pass, int space);

/// Gradients of every parameter for dL/dy in the pass, the penalty's included. Follows a forward.
template <class T>
void backward(const Network<T>& network, Engine<T>& engine, Pass<T>& pass);

}  // namespace isoform
