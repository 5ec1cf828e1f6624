// Ordinary networks as peers: elementwise activations, trained by the optimiser, schedule, order of samples, objective
// and dropout of Isoform's own networks, so that a table compares activations and nothing else. Not edited, not saved.
//
//   z_l = W_l h_{l−1} + b_l,   h_l = act(z_l),   y = z_L
//
// tanh, relu: elementwise. layernorm_gelu: h = GELU(γ∘(z − mean z)/√(var z + 1e-5) + β), means over the layer
// (Ba, Kiros and Hinton 2016; Hendrycks and Gimpel 2016, exact).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/pass.h"

namespace isoform {

enum class Activation { tanh, relu, layernorm_gelu };
std::string_view activation_name(Activation activation);
/// Throws UsageError naming the known ones.
Activation activation_from_name(std::string_view name);

struct BaselineSettings {
  std::vector<Index> widths = {};  // all L+1; two of them: a linear model
  Activation activation = Activation::relu;
  std::uint64_t seed = 0;
};

/// One batch at a time: prepare, write input(), forward, write output_gradient(), backward, step on parameters().
template <class T>
class Baseline {
 public:
  /// Weights normal with variance 2/n_in behind relu and gelu, 1/n_in behind tanh; biases and β 0, γ 1.
  explicit Baseline(const BaselineSettings& settings);

  void prepare(Index samples);
  /// [n_0 × samples], standardised.
  View<T> input() { return h_.front().topRows(widths_.front()).leftCols(samples_); }
  View<T> output() { return z_.back().leftCols(samples_); }
  View<T> output_gradient() { return delta_.back().leftCols(samples_); }
  /// Drops single neurons and features; zero rates for using a trained network.
  void forward(Engine<T>& engine, const Dropout& dropout = {});
  void backward(Engine<T>& engine);
  /// Values with their gradients, in a fixed order; weights of map l have the owner l from 0.
  std::vector<Parameter<T>> parameters();
  [[nodiscard]] Index parameter_count() const;

 private:
  void normalise(std::size_t layer);
  void activate(std::size_t layer);
  void drop(double p, const Dropout& dropout, std::uint64_t layer, View<T> h, Matrix<float>& kept);
  void activate_backward(std::size_t layer);

  std::vector<Index> widths_;
  Activation activation_;
  Index samples_ = 0;
  std::vector<Matrix<T>> a_, a_gradient_;  // [W b] of each map
  std::vector<Matrix<T>> gain_,
      gain_gradient_;         // (γ β) of each hidden layer [n × 2], with LayerNorm
  std::vector<Matrix<T>> h_;  // (h; 1) of each layer but the last
  std::vector<Matrix<T>> z_, delta_, unit_;  // of each map: z; dL/dz; the normalised z
  std::vector<Vector<T>> inverse_;           // 1/√(var + ε) of each sample
  std::vector<Matrix<float>> kept_;          // of each hidden layer; empty: all
};

}  // namespace isoform
