// Random networks with streams, and what they compute, written a second time from the definition of
// docs/mathematics.md 12: a reader sees the sum of the maps from spaces that stand before it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "isoform/network/residual.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform::testing {

/// Outputs one below the other, and z of every space at its end, for one sample; loops in long double.
template <class T>
class StreamOracle {
 public:
  StreamOracle(const Network<T>& network, const Matrix<double>& x, Index sample)
      : network_(network), spaces_(network.spaces()), h_(spaces_.size()), s_(spaces_.size()) {
    Index row = 0;
    for (std::size_t p = 0; p < spaces_.size(); ++p) {
      const Space<T>& space = spaces_[p];
      if (network.is_given(space.id)) {
        for (Index i = 0; i < space.dimension; ++i) h_[p].push_back(Real{x(row++, sample)});
      } else if (space.hidden()) {
        gate(p);
      } else if (network.outgoing(space.id).empty()) {
        for (const Real value : z(p, spaces_.size())) y.push_back(value);
      }
    }
  }
  /// Of the space at a position, as what stands at `reader` sees it.
  std::vector<Real> z(std::size_t p, std::size_t reader) const {
    std::vector<Real> sum(static_cast<std::size_t>(spaces_[p].dimension), 0);
    for (const Map<T>& m : network_.maps()) {
      const std::size_t from = position(m.from);
      if (position(m.to) != p || from >= reader) continue;
      // A linear source is seen as the later of its reader and itself sees it.
      const std::vector<Real> h = linear(from) ? z(from, std::max(p, from)) : h_[from];
      Real product = 1;
      for (const int factor : m.factors) product *= s_[position(factor)].front();
      for (Index i = 0; i < m.a.rows(); ++i) {
        Real value = Real{m.a(i, m.inputs)};
        for (Index j = 0; j < m.inputs; ++j)
          value += Real{m.a(i, j)} * h[static_cast<std::size_t>(j)];
        for (Index j = m.inputs + 1; j < m.a.cols(); ++j) {
          value += Real{m.a(i, j)} * s_[from][static_cast<std::size_t>(j - m.inputs - 1)];
        }
        sum[static_cast<std::size_t>(i)] += product * value;
      }
    }
    return sum;
  }
  std::vector<Real> y;

 private:
  [[nodiscard]] std::size_t position(int id) const {
    std::size_t p = 0;
    while (spaces_[p].id != id) ++p;
    return p;
  }
  [[nodiscard]] bool linear(std::size_t p) const {
    return !spaces_[p].hidden() && !network_.is_given(spaces_[p].id);
  }
  void gate(std::size_t p) {
    const Space<T>& space = spaces_[p];
    const std::vector<Real> own = z(p, p);
    Index at = 0;
    for (Index g = 0; g < space.gates(); at += space.groups[g++]) {
      Real t = oracle_o(space, g);
      for (Index i = at; i < at + space.groups[g]; ++i) t += own[i] * own[i];
      s_[p].push_back(oracle_gate(space.radial, t));
      for (Index i = at; i < at + space.groups[g]; ++i) h_[p].push_back(s_[p].back() * own[i]);
    }
  }

  const Network<T>& network_;
  const std::vector<Space<T>>& spaces_;
  std::vector<std::vector<Real>> h_, s_;
};

/// y for all inputs x one below the other.
template <class T>
Matrix<double> stream_outputs(const Network<T>& network, const Matrix<double>& x) {
  Matrix<double> y(network.widths().back(), x.cols());
  for (Index j = 0; j < x.cols(); ++j) {
    const StreamOracle<T> run(network, x, j);
    for (Index i = 0; i < y.rows(); ++i) {
      y(i, j) = static_cast<double>(run.y[static_cast<std::size_t>(i)]);
    }
  }
  return y;
}

/// y by forward().
template <class T>
Matrix<double> stream_forward(const Network<T>& network, Engine<T>& engine,
                              const Matrix<double>& x) {
  const Matrix<T> rounded = x.cast<T>();
  return outputs<T>(network, engine, rounded).template cast<double>();
}

/// A residual network with every number at random, those of biases that do not count being 0.
inline Network<double> random_residual(std::uint64_t seed, const NetworkChoice& choice = {
                                                               .most_hidden = 6, .widest = 20}) {
  Dice dice(seed, 95);
  ChainSettings settings;
  settings.widths.push_back(dice.between(1, choice.widest));
  const Index branches = dice.between(1, choice.most_hidden);
  for (Index l = 0; l < branches; ++l) {
    settings.widths.push_back(dice.between(1, choice.widest));
    settings.groups.push_back(random_groups(dice, settings.widths.back()));
  }
  settings.widths.push_back(dice.between(1, 6));
  settings.radial = pick(dice, choice.radials);
  settings.length = pick(dice, choice.lengths);
  settings.psi = pick(dice, choice.psis);
  settings.seed = seed;
  auto network = residual<double>(settings, dice.between(0, choice.widest));
  randomise(network, dice);
  return network;
}

/// Two inputs, two heads, two streams (one written to twice between reads, one that reads the other), a skip around
/// both, gates that multiply, every ψ mode. Ids are no positions.
inline Network<double> random_streams(std::uint64_t seed, const NetworkChoice& choice = {}) {
  Dice dice(seed, 96);
  std::vector<Space<double>> spaces;
  std::vector<Map<double>> maps;
  const auto space = [&](const std::string& name, bool hidden, bool one_group = false) {
    Space<double> s;
    s.id = 100 - 3 * static_cast<int>(spaces.size());
    s.name = name;
    s.dimension = dice.between(1, 7);
    if (hidden) {
      s.groups = one_group ? std::vector<Index>{s.dimension} : random_groups(dice, s.dimension);
      s.radial = pick(dice, choice.radials);
      s.length_mode = pick(dice, choice.lengths);
      s.length = Vector<double>::Zero(s.gates());
    }
    spaces.push_back(std::move(s));
    return static_cast<int>(spaces.size()) - 1;
  };
  const auto map = [&](int from, int to, std::vector<int> factors = {}) {
    const Space<double>& source = spaces[static_cast<std::size_t>(from)];
    Map<double> m;
    m.id = 2 * static_cast<int>(maps.size()) + 1;
    m.from = source.id;
    m.to = spaces[static_cast<std::size_t>(to)].id;
    m.inputs = source.dimension;
    if (source.hidden()) m.psi_mode = pick(dice, choice.psis);
    const Index psi = has_psi(m.psi_mode) ? source.gates() : 0;
    m.a = dice.normals(spaces[static_cast<std::size_t>(to)].dimension, m.inputs + 1 + psi, 0.4);
    for (const int factor : factors) {
      m.factors.push_back(spaces[static_cast<std::size_t>(factor)].id);
    }
    maps.push_back(std::move(m));
  };
  const int u = space("u", false), v = space("v", false), gate = space("gate", true, true),
            x = space("x", false), a = space("a", true), w = space("w", false),
            b = space("b", true), c = space("c", true, true), d = space("d", true),
            y = space("y", false), other = space("other", false);
  map(u, gate);
  map(d, x);  // the order of maps is not that of stages
  map(u, x);
  map(v, x);
  map(gate, x);
  map(x, a);
  map(a, x);
  map(x, w);
  map(v, w);
  map(w, b);
  map(b, w);
  map(c, w, {gate});
  map(b, x);
  map(a, c);
  map(c, x);
  map(x, d);
  map(w, d);
  map(u, d, {gate, c});
  map(d, w);
  map(x, y);
  map(w, y);
  map(a, y);
  map(w, other);
  map(d, other);
  Network<double> network(std::move(spaces), std::move(maps));
  randomise(network, dice);
  for (const Map<double>& m : network.maps()) {
    if (!network.carries_bias(m.id)) network.map(m.id).bias().setZero();
  }
  return network;
}

/// The same function without a stream: a linear space for each stage, and the identity from one to the next.
template <class T>
Network<T> unrolled(const Network<T>& network) {
  std::vector<Space<T>> spaces;
  std::vector<Map<T>> maps;
  for (const Stage& stage : network.stages()) {
    spaces.push_back(network.space(stage.space));
    spaces.back().id = stage.id;
    if (stage.before < 0) continue;
    const Index n = spaces.back().dimension;
    Map<T> on;
    on.id = static_cast<int>(network.map_ids() + maps.size());
    on.from = stage.before;
    on.to = stage.id;
    on.inputs = n;
    on.a = Matrix<T>::Identity(n, n + 1);
    maps.push_back(std::move(on));
  }
  for (Map<T> m : network.maps()) {
    m.from = network.reads(m.id);
    m.to = network.writes(m.id);
    maps.push_back(std::move(m));
  }
  return Network<T>(std::move(spaces), std::move(maps));
}

}  // namespace isoform::testing
