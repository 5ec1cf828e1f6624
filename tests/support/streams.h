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
Matrix<double> stream_outputs(const Network<T>& network, const Matrix<double>& x);

/// y by forward().
template <class T>
Matrix<double> stream_forward(const Network<T>& network, Engine<T>& engine,
                              const Matrix<double>& x);

/// A residual network with every number at random, those of biases that do not count being 0.
Network<double> random_residual(std::uint64_t seed,
                                const NetworkChoice& choice = {.most_hidden = 6, .widest = 20});

/// Two inputs, two heads, two streams (one written to twice between reads, one that reads the other), a skip around
/// both, gates that multiply, every ψ mode. Ids are no positions.
Network<double> random_streams(std::uint64_t seed, const NetworkChoice& choice = {});

/// The same function without a stream: a linear space for each stage, and the identity from one to the next.
template <class T>
Network<T> unrolled(const Network<T>& network);

}  // namespace isoform::testing
