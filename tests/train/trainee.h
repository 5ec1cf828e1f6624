// A network in training, for tests of optimisers.
#pragma once

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "isoform/network/pass.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/train/objective.h"
#include "isoform/train/optimiser.h"
#include "tests/support/networks.h"

namespace isoform::testing {

/// A network that is trained on one batch in double.
class Trainee {
 public:
  Trainee(Network<double> start, const OptimiserSettings& settings)
      : network(std::move(start)), optimiser(settings), rate_(settings.rate()) {
    for (Index j = 0; j < 30; ++j) {
      labels_.push_back(static_cast<std::uint32_t>(j % network.widths().back()));
    }
    x_ = random_inputs(4, network.widths().front(), 30);
  }
  /// `whole`: gradients first, then the step; else a step as the trainer takes it.
  double step(bool whole = true) {
    pass_.prepare(network, 30);
    pass_.input() = x_;
    forward(network, *engine, pass_);
    View<double> gradient = pass_.output_gradient();
    const double loss =
        score_batch<double>(Loss::cross_entropy, pass_.output(), labels_, &gradient).loss / 30;
    if (whole) {
      backward(network, *engine, pass_);
      optimiser.step(pass_.parameters(network), *engine, rate_);
    } else {
      backward_and_step(network, *engine, pass_, Gradients::replace, optimiser, rate_);
    }
    return loss;
  }
  void steps(int count) {
    for (; count > 0; --count) step();
  }
  void apply(const Edit& edit) {
    optimiser.transport(network, edit);
    network.apply(edit);
  }
  void rotate(std::uint64_t seed) {
    for (const int id : network.hidden()) apply(rotate_random(network, id, seed));
  }

  /// Rows of the gradients of the last step.
  [[nodiscard]] Matrix<double> gradient(const ParameterKey& key) {
    for (const auto& p : pass_.parameters(network)) {
      if (p.key == key) return Eigen::Map<Matrix<double>>(p.gradient, p.rows, p.cols);
    }
    return {};
  }
  [[nodiscard]] Matrix<double> value(const ParameterKey& key) {
    for (const auto& p : pass_.parameters(network)) {
      if (p.key == key) return Eigen::Map<Matrix<double>>(p.value, p.rows, p.cols);
    }
    return {};
  }
  [[nodiscard]] std::vector<ParameterKey> trained() {
    std::vector<ParameterKey> keys;
    for (const auto& p : pass_.parameters(network)) {
      if (p.trainable) keys.push_back(p.key);
    }
    return keys;
  }

  Network<double> network;
  Optimiser<double> optimiser;
  std::unique_ptr<Engine<double>> engine = create_engine<double>({.threads = 1});

 private:
  Pass<double> pass_;
  double rate_;
  Matrix<double> x_;
  std::vector<std::uint32_t> labels_;
};

/// Of all parameters, relative.
inline double difference(const Network<double>& a, const Network<double>& b) {
  double squares = 0, scale = 0;
  for (const Map<double>& m : a.maps()) {
    squares += (m.a - b.map(m.id).a).squaredNorm();
    scale += m.a.squaredNorm();
  }
  for (const int id : a.hidden()) {
    squares += (a.space(id).length - b.space(id).length).squaredNorm();
    scale += a.space(id).length.squaredNorm();
  }
  return std::sqrt(squares / scale);
}

}  // namespace isoform::testing
