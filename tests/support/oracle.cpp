#include "tests/support/oracle.h"

#include <algorithm>

namespace isoform::testing {

Real oracle_gate(Radial radial, Real t) {
  const Real floored = std::max(t, Real{1e-6L});
  switch (radial) {
    case Radial::tanh:
      return t == 0 ? 1 : std::tanh(std::sqrt(t)) / std::sqrt(t);
    case Radial::asinh:
      return t == 0 ? 1 : std::asinh(std::sqrt(t)) / std::sqrt(t);
    case Radial::algebraic:
      return 1 / std::sqrt(1 + t);
    case Radial::log:
      return std::log1p(std::sqrt(floored)) / std::sqrt(floored);
    case Radial::softsign:
      return 1 / (1 + std::sqrt(floored));
  }
  return 0;
}

template <class T>
Real oracle_o(const Space<T>& space, Index g) {
  const Real value = space.length_mode == LengthMode::none ? 0 : Real{space.length[g]};
  switch (space.length_mode) {
    case LengthMode::none:
      return 0;
    case LengthMode::constant:
      return value;
    case LengthMode::trainable:
      return value * value;
    case LengthMode::log:
      return std::exp(value);
  }
  return 0;
}

template <class T>
OracleRun oracle_run(const Network<T>& network, const Matrix<double>& x, const OracleHook& at_z) {
  OracleRun run;
  run.y.resize(network.widths().back(), x.cols());
  const std::size_t count = network.spaces().size();
  for (Index sample = 0; sample < x.cols(); ++sample) {
    std::vector<std::vector<Real>> h(count), s(count), z(count);
    for (std::size_t id = 0; id < count; ++id) {
      const Space<T>& space = network.spaces()[id];
      if (id == 0) {
        for (Index i = 0; i < space.dimension; ++i) h[id].push_back(Real{x(i, sample)});
        continue;
      }
      z[id].assign(static_cast<std::size_t>(space.dimension), 0);
      for (const Map<T>& map : network.maps()) {
        if (map.to != space.id) continue;
        for (Index i = 0; i < space.dimension; ++i) {
          Real sum = Real{map.a(i, map.inputs)};
          for (Index j = 0; j < map.inputs; ++j) sum += Real{map.a(i, j)} * h[map.from][j];
          for (Index j = map.inputs + 1; j < map.a.cols(); ++j) {
            sum += Real{map.a(i, j)} * s[map.from][j - map.inputs - 1];
          }
          z[id][i] += sum;
        }
      }
      if (at_z) at_z(space.id, sample, z[id]);
      Index at = 0;
      for (Index g = 0; g < space.gates(); ++g) {
        Real t = oracle_o(space, g);
        for (Index i = at; i < at + space.groups[g]; ++i) t += z[id][i] * z[id][i];
        const Real gate = oracle_gate(space.radial, t);
        run.smallest_t = std::min(run.smallest_t, static_cast<double>(t));
        s[id].push_back(gate);
        for (Index i = at; i < at + space.groups[g]; ++i) h[id].push_back(gate * z[id][i]);
        at += space.groups[g];
      }
      for (Index g = 0; g < space.gates(); ++g) s[id].push_back(1 / s[id][g] - 1);  // norms
    }
    for (Index i = 0; i < run.y.rows(); ++i) {
      run.y(i, sample) = static_cast<double>(z.back()[i]);
    }
  }
  return run;
}

template <class T>
Matrix<double> oracle_z(const Network<T>& network, int space, const Matrix<double>& x) {
  Matrix<double> all(network.space(space).dimension, x.cols());
  oracle_run(network, x, [&](int id, Index sample, std::vector<Real>& z) {
    for (Index i = 0; id == space && i < all.rows(); ++i) {
      all(i, sample) = static_cast<double>(z[static_cast<std::size_t>(i)]);
    }
  });
  return all;
}

template <class T>
Matrix<double> oracle_gates(const Space<T>& space, const Matrix<double>& z) {
  Matrix<double> s(space.gates(), z.cols());
  for (Index g = 0; g < space.gates(); ++g) {
    for (Index j = 0; j < z.cols(); ++j) {
      Real t = oracle_o(space, g);
      for (Index i = space.begin(g); i < space.begin(g) + space.groups[g]; ++i) {
        t += Real{z(i, j)} * Real{z(i, j)};
      }
      s(g, j) = static_cast<double>(oracle_gate(space.radial, t));
    }
  }
  return s;
}

template <class T>
Matrix<double> oracle_output(const Network<T>& network, const Matrix<double>& x) {
  return oracle_run(network, x).y;
}

#define ISOFORM_FOR(T)                                                                        \
  template Real oracle_o(const Space<T>&, Index);                                             \
  template OracleRun oracle_run(const Network<T>&, const Matrix<double>&, const OracleHook&); \
  template Matrix<double> oracle_z(const Network<T>&, int, const Matrix<double>&);            \
  template Matrix<double> oracle_gates(const Space<T>&, const Matrix<double>&);               \
  template Matrix<double> oracle_output(const Network<T>&, const Matrix<double>&);
ISOFORM_FOR(float)
ISOFORM_FOR(double)
#undef ISOFORM_FOR

}  // namespace isoform::testing
