#include "tests/support/perceptrons.h"

#include "isoform/network/pass.h"

namespace isoform::testing {

template <class T>
Matrix<double> perceptron_oracle(const Network<T>& network, const Matrix<double>& x) {
  const std::vector<int> gates = network.hidden(), outputs = network.outputs();
  std::size_t used = 0;
  Matrix<double> y(network.widths().back(), x.cols());
  for (Index sample = 0; sample < x.cols(); ++sample) {
    std::vector<std::vector<Real>> u(network.space_ids());
    Index at = 0;
    for (const int id : network.inputs()) {
      for (Index i = 0; i < network.space(id).dimension; ++i)
        u[id].push_back(Real{x(at++, sample)});
    }
    used = 0;
    const auto add = [&](std::vector<Real>& z, const Map<T>& m, Real factor) {
      ++used;
      for (Index i = 0; i < m.a.rows(); ++i) {
        Real sum = Real{m.a(i, m.inputs)};
        for (Index j = 0; j < m.inputs; ++j) sum += Real{m.a(i, j)} * u[m.from][j];
        z[static_cast<std::size_t>(i)] += factor * sum;
      }
    };
    for (const Space<T>& base : network.spaces()) {  // u = P x of two stages
      if (base.hidden() || network.is_given(base.id) || network.outgoing(base.id).empty()) continue;
      u[base.id].assign(static_cast<std::size_t>(base.dimension), 0);
      for (const int id : network.incoming(base.id)) add(u[base.id], network.map(id), 1);
    }
    std::vector<Real> s;
    const auto z_of = [&](int space) {
      std::vector<Real> z(static_cast<std::size_t>(network.space(space).dimension), 0);
      for (std::size_t k = 0; k <= s.size(); ++k) {
        const std::vector<int> product(gates.begin() + static_cast<std::ptrdiff_t>(k),
                                       gates.begin() + static_cast<std::ptrdiff_t>(s.size()));
        Real factor = 1;
        for (std::size_t i = k; i < s.size(); ++i) factor *= s[i];
        for (const int id : network.incoming(space)) {
          if (network.map(id).factors == product) add(z, network.map(id), factor);
        }
      }
      return z;
    };
    for (const int gate : gates) {
      Real t = oracle_o(network.space(gate), 0);
      for (const Real value : z_of(gate)) t += value * value;
      s.push_back(oracle_gate(network.space(gate).radial, t));
    }
    at = 0;
    for (const int output : outputs) {
      for (const Real value : z_of(output)) y(at++, sample) = static_cast<double>(value);
    }
  }
  EXPECT_EQ(used, network.maps().size()) << "terms of the formula";
  return y;
}

Network<double> random_whole_chain(std::uint64_t seed, Index gates, Index widest) {
  Dice dice(seed, 90);
  ChainSettings settings;
  settings.widths.push_back(dice.between(1, widest));
  for (Index l = 0; l < gates; ++l) settings.widths.push_back(dice.between(1, widest));
  settings.widths.push_back(dice.between(1, 8));
  settings.group_size = 0;
  settings.radial = static_cast<Radial>(dice.between(0, 4));
  settings.length = static_cast<LengthMode>(dice.between(0, 3));
  settings.psi = static_cast<PsiMode>(dice.between(0, 4));
  settings.seed = seed;
  auto network = Network<double>::chain(settings);
  const Index inputs = dice.between(0, 2), outputs = dice.between(0, 2);
  for (Index i = 0; i < inputs; ++i) {
    network.add_like(network.inputs().front(), fmt::format("input {}", i), dice.between(1, 6));
  }
  for (Index i = 0; i < outputs; ++i) {
    network.add_like(network.outputs().front(), fmt::format("output {}", i), dice.between(1, 6));
  }
  for (const Map<double>& m : network.maps()) {
    Map<double>& map = network.map(m.id);
    if (map.weight().isZero(0)) map.weight() = dice.normals(map.a.rows(), map.inputs, 0.4);
  }
  randomise(network, dice);
  for (const Map<double>& m : network.maps()) {
    if (!network.carries_bias(m.id)) network.map(m.id).bias().setZero();
  }
  return network;
}

Network<double> random_perceptron(const PerceptronSettings& settings) {
  auto network = perceptron<double>(settings);
  Dice dice(settings.seed, 91);
  randomise(network, dice);
  return network;
}

template <class T>
Matrix<double> all_outputs(const Network<T>& network, Engine<T>& engine, const Matrix<double>& x) {
  const Matrix<T> rounded = x.cast<T>();
  return outputs<T>(network, engine, rounded).template cast<double>();
}

#define ISOFORM_FOR(T)                                                                 \
  template Matrix<double> perceptron_oracle(const Network<T>&, const Matrix<double>&); \
  template Matrix<double> all_outputs(const Network<T>&, Engine<T>&, const Matrix<double>&);
ISOFORM_FOR(float)
ISOFORM_FOR(double)
#undef ISOFORM_FOR

}  // namespace isoform::testing
