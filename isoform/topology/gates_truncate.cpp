// Narrower gates within a tolerance. docs/mathematics.md 6.4 and 10.
#include <fmt/format.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/network/moments.h"
#include "isoform/network/pass.h"
#include "isoform/network/statistics.h"
#include "isoform/topology/gates.h"
#include "isoform/topology/importance.h"
#include "isoform/topology/perceptron.h"
#include "isoform/topology/shrink.h"

namespace isoform {

namespace {

constexpr int kProbes = 4;  // random signs on the outputs: E (r · ∂y/∂t)² = |∂y/∂t|²

struct Gate {
  int space = 0;
  double sensitivity = 0;  // E |∂y/∂t|²
  std::vector<GroupScores> scores;
};

template <class T>
std::vector<Gate> examine(const Network<T>& network, const std::vector<int>& ids, Engine<T>& engine,
                          ConstView<T> x) {
  std::vector<Gate> gates;
  for (const int id : ids) gates.push_back({id, 0, {}});
  Statistics statistics(network);
  each_batch(network, engine, x, [&](Index first, Pass<T>& pass) {
    statistics.gather(network, pass);
    const auto outputs = pass.output_gradient().rows();
    for (int probe = 0; probe < kProbes; ++probe) {
      const Random random(0, Purpose::growth, static_cast<std::uint64_t>(first),
                          static_cast<std::uint64_t>(probe));
      auto signs = pass.output_gradient();
      for (Index i = 0; i < signs.size(); ++i) {
        signs(i % outputs, i / outputs) =
            random.uniform(static_cast<std::uint64_t>(i)) < 0.5 ? T(-1) : T(1);
      }
      backward_to(network, engine, pass, ids.front());
      for (Gate& gate : gates) {
        // dL/dz = 2 z dL/dt.
        const auto z = pass.z(gate.space), delta = pass.delta(gate.space);
        for (Index j = 0; j < z.cols(); ++j) {
          const auto squared = static_cast<double>(z.col(j).squaredNorm());
          if (squared == 0) continue;
          const double slope = static_cast<double>(z.col(j).dot(delta.col(j))) / (2 * squared);
          gate.sensitivity += slope * slope;
        }
      }
    }
  });
  for (Gate& gate : gates) {
    gate.sensitivity /= static_cast<double>(kProbes * x.cols());
    gate.scores = score_by_effect(network, gate.space, statistics);
  }
  return gates;
}

// Which gates lose a neuron, least important neuron first; each keeps one.
std::vector<std::size_t> order_of(const std::vector<Gate>& gates) {
  struct Neuron {
    double effect;
    std::size_t gate;
  };
  std::vector<Neuron> neurons;
  for (std::size_t g = 0; g < gates.size(); ++g) {
    const GroupScores& scores = gates[g].scores.front();
    for (Index i = 1; i < scores.score.size(); ++i) {
      const double spread = scores.spread[i], a = scores.constant[i];
      neurons.push_back({gates[g].sensitivity * (4 * a * a * spread + 2 * spread * spread), g});
    }
  }
  std::stable_sort(neurons.begin(), neurons.end(),
                   [](const Neuron& a, const Neuron& b) { return a.effect < b.effect; });
  std::vector<std::size_t> order;
  for (const Neuron& neuron : neurons) order.push_back(neuron.gate);
  return order;
}

}  // namespace

template <class T>
GateTruncation<T> truncate_gates(const Network<T>& network, Engine<T>& engine, ConstView<T> x,
                                 double tolerance) {
  if (!(tolerance >= 0)) {
    throw UsageError(fmt::format("tolerance: needs 0 or more, got {}", tolerance));
  }
  if (x.cols() < 2) {
    throw UsageError(fmt::format("truncate: needs at least 2 samples, got {}", x.cols()));
  }
  std::vector<int> ids;
  for (const int id : network.hidden()) {
    if (network.is_gate(id) && network.space(id).gates() == 1 && !network.is_held(id, 0)) {
      ids.push_back(id);
    }
  }
  if (ids.empty()) {
    throw UsageError(
        "truncate: needs gates that nobody reads, and this network has none that may change; "
        "isoform convert makes a perceptron, isoform shrink makes chains narrower");
  }
  const Index held_out = (x.cols() + 3) / 4;
  const Matrix<T> judge = x.rightCols(held_out);
  const Matrix<T> y = outputs<T>(network, engine, judge);
  const std::vector<Gate> gates = examine<T>(network, ids, engine, x.leftCols(x.cols() - held_out));
  const std::vector<std::size_t> order = order_of(gates);
  const auto cut = [&](std::size_t steps) {
    GateTruncation<T> result{network, {}, {}, {}, 0};
    std::vector<Index> counts(gates.size(), 0);
    for (std::size_t i = 0; i < steps; ++i) ++counts[order[i]];
    for (std::size_t g = 0; g < gates.size(); ++g) {
      const Index before = network.space(gates[g].space).dimension;
      result.before.push_back(before);
      result.after.push_back(before - counts[g]);
      if (counts[g] == 0) continue;
      result.network.apply(
          reduce(result.network, gates[g].space, gates[g].scores, {before - counts[g]}));
    }
    if (steps > 0) make_triangular(result.network);
    result.change = measure_change<T>(y, outputs<T>(result.network, engine, judge));
    return result;
  };
  double too_much = 0;
  const auto fits = [&](std::size_t steps) {
    const Change change = cut(steps).change;
    if (change.rms <= tolerance * change.output_rms) return true;
    too_much = change.output_rms > 0 ? change.rms / change.output_rms : change.rms;
    return false;
  };
  std::size_t low = 0, high = order.size();
  if (high > 0 && fits(high)) low = high;
  while (low + 1 < high) {
    const std::size_t middle = (low + high) / 2;
    (fits(middle) ? low : high) = middle;
  }
  GateTruncation<T> result = cut(low);
  if (low == 0) result.cheapest = too_much;
  return result;
}

template GateTruncation<float> truncate_gates(const Network<float>&, Engine<float>&,
                                              ConstView<float>, double);
template GateTruncation<double> truncate_gates(const Network<double>&, Engine<double>&,
                                               ConstView<double>, double);

}  // namespace isoform
