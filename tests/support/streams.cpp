#include "tests/support/streams.h"

#include <utility>

#include "isoform/network/pass.h"

namespace isoform::testing {

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

template <class T>
Matrix<double> stream_forward(const Network<T>& network, Engine<T>& engine,
                              const Matrix<double>& x) {
  const Matrix<T> rounded = x.cast<T>();
  return outputs<T>(network, engine, rounded).template cast<double>();
}

Network<double> random_residual(std::uint64_t seed, const NetworkChoice& choice) {
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

Network<double> random_streams(std::uint64_t seed, const NetworkChoice& choice) {
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

#define ISOFORM_FOR(T)                                                                          \
  template Matrix<double> stream_outputs(const Network<T>&, const Matrix<double>&);             \
  template Matrix<double> stream_forward(const Network<T>&, Engine<T>&, const Matrix<double>&); \
  template Network<T> unrolled(const Network<T>&);
ISOFORM_FOR(float)
ISOFORM_FOR(double)
#undef ISOFORM_FOR

}  // namespace isoform::testing
