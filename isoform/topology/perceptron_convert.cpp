// A chain with one gate a layer as a perceptron. docs/mathematics.md 6.1 and 6.4.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/topology/assembly.h"
#include "isoform/topology/perceptron.h"

namespace isoform {

namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw UsageError(fmt::format("convert: needs a plain chain with one gate a layer, but {}", what));
}

// Throws unless the network is inputs → hidden → … → hidden → outputs.
template <class T>
void require_chain(const Network<T>& network) {
  const std::vector<int> hidden = network.hidden(), inputs = network.inputs();
  if (hidden.empty()) refuse("this network has no hidden layer: it is one affine map already");
  if (network.has_factors()) refuse("gates multiply maps here: it is a perceptron already");
  for (std::size_t l = 0; l < hidden.size(); ++l) {
    const Space<T>& s = network.space(hidden[l]);
    if (s.gates() != 1) {
      refuse(fmt::format(
          "layer {} has {} groups, each with a gate of its own, and products would run over all "
          "paths of groups (docs/mathematics.md 9); train with --group-size 0",
          l + 1, s.gates()));
    }
    if (network.features(hidden[l]) > s.gates()) {
      refuse(fmt::format(
          "norms of layer {} are read, which are no product of gates; train with --norms off",
          l + 1));
    }
  }
  const auto list = [](const std::vector<int>& ids, int id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  for (const Map<T>& m : network.maps()) {
    const auto at = std::find(hidden.begin(), hidden.end(), m.to);
    const bool output = at == hidden.end();
    const bool plain = output                 ? m.from == hidden.back()
                       : at == hidden.begin() ? list(inputs, m.from)
                                              : m.from == *(at - 1);
    if (!plain) {
      refuse(fmt::format("a map leads from '{}' to '{}'", network.space(m.from).name,
                         network.space(m.to).name));
    }
  }
  for (const Space<T>& s : network.spaces()) {
    if (s.frozen.empty() || !std::count(s.frozen.begin(), s.frozen.end(), 1)) continue;
    throw UsageError(fmt::format(
        "convert: '{}' is frozen, and a perceptron has no such part; thaw it first", s.name));
  }
}

// z = π_1 N u + Σ_k π_k c_k of one space; c has a column for each k.
struct Terms {
  Matrix<double> linear, c;
};

template <class T>
Terms next_terms(const Terms& before, const Map<T>& m) {
  const Matrix<double> w = m.weight().template cast<double>();
  Terms terms{w * before.linear, Matrix<double>::Zero(w.rows(), before.c.cols() + 1)};
  terms.c.leftCols(before.c.cols()) = w * before.c;
  if (m.psi().cols() > 0) {
    terms.c.col(before.c.cols() - 1) += m.psi().col(0).template cast<double>();
  }
  terms.c.rightCols(1) = m.bias().template cast<double>();
  return terms;
}

// Orthonormal columns that span those of a, within rounding; at least one.
Matrix<double> range_of(const Matrix<double>& a) {
  const LeftSvd svd = left_svd(a);
  const double rounding =
      std::numeric_limits<double>::epsilon() * static_cast<double>(std::max(a.rows(), a.cols()));
  Index rank = 0;
  while (rank < svd.sigma.size() && svd.sigma[rank] > rounding * svd.sigma[0]) ++rank;
  return svd.u.leftCols(std::max<Index>(rank, 1));
}

// Uses the gate's own O(n): cuts what its terms do not span, then makes the linear part triangular. The last c is
// the bias: what is orthogonal to all others adds to the length alone, and goes to o if there is one.
double fit(Terms& terms, bool has_length, bool diagonal) {
  const Index n = terms.linear.rows(), width = terms.linear.cols(), last = terms.c.cols() - 1;
  const Index moving = has_length ? last : last + 1;
  Matrix<double> all(n, width + moving);
  all << terms.linear, terms.c.leftCols(moving);
  const Matrix<double> range = range_of(all);
  double folded = 0;
  if (range.cols() < n) {
    const Vector<double> bias = range.transpose() * terms.c.col(last);
    if (has_length) folded = (terms.c.col(last) - range * bias).squaredNorm();
    terms = {range.transpose() * terms.linear, range.transpose() * terms.c};
  }
  const FullQr qr = full_qr(terms.linear);
  terms = {qr.r, qr.q.transpose() * terms.c};
  if (diagonal) {
    Matrix<double> d = Matrix<double>::Zero(terms.linear.rows(), width);
    d.diagonal() = terms.linear.diagonal();
    ISOFORM_ASSERT((terms.linear - d).norm() <= 1e-10 * terms.linear.norm(), "a diagonal basis");
    terms.linear = d;
  }
  return folded;
}

// Turns the base so that the second gate's linear part has orthogonal columns, or P is triangular.
template <class T>
Matrix<double> make_base(const Network<T>& chain, const std::vector<int>& hidden, Terms& first) {
  const Matrix<double> range = range_of(first.linear);
  Matrix<double> p = range.transpose() * first.linear, turn;
  if (hidden.size() > 1) {
    const Map<T>& second = chain.map(chain.incoming(hidden[1]).front());
    turn = full_svd(second.weight().template cast<double>() * range).v;
  } else {
    turn = full_qr(p).q;
  }
  p = turn.transpose() * p;
  first.linear = range * turn;
  return p;
}

// Adds the terms of one space as maps: the linear part from each source, the rest from the constant 1.
template <class T>
void add_terms(Assembly<T>& parts, const std::vector<std::pair<int, Index>>& sources, int one,
               int to, const Terms& terms, const std::vector<int>& gates) {
  Index column = 0;
  for (const auto& [source, width] : sources) {
    Matrix<double> a = Matrix<double>::Zero(terms.linear.rows(), width + 1);
    a.leftCols(width) = terms.linear.middleCols(column, width);
    if (column == 0) a.col(width) = terms.c.col(0);
    parts.map(source, to, a, gates);
    column += width;
  }
  for (Index k = 1; k < terms.c.cols(); ++k) {
    parts.map(one, to, terms.c.col(k), {gates.begin() + k, gates.end()});
  }
}

}  // namespace

template <class T>
Network<T> convert(const Network<T>& chain, Stages stages) {
  require_chain(chain);
  const std::vector<int> hidden = chain.hidden();
  const bool two = stages == Stages::two;
  Assembly<T> parts;
  std::vector<std::pair<int, Index>> sources;
  Terms terms{incoming_matrix(chain, hidden.front()), incoming_bias(chain, hidden.front())};
  // Columns in the order of the inputs, which need not be that of the maps.
  Index column = 0;
  for (const int input : chain.inputs()) {
    const Space<T>& s = chain.space(input);
    sources.emplace_back(parts.space(s.name, s.dimension), s.dimension);
    for (const int id : chain.outgoing(input)) {
      terms.linear.middleCols(column, s.dimension) = chain.map(id).weight().template cast<double>();
    }
    column += s.dimension;
  }
  const int one = parts.space("one", 0);
  if (two) {
    const Matrix<double> p = make_base(chain, hidden, terms);
    const int base = parts.space("base", p.rows());
    column = 0;
    for (const auto& [source, width] : sources) {
      Matrix<double> a = Matrix<double>::Zero(p.rows(), width + 1);
      a.leftCols(width) = p.middleCols(column, width);
      parts.map(source, base, a);
      column += width;
    }
    sources = {{base, p.rows()}};
  }
  std::vector<int> gates;
  for (std::size_t l = 0; l < hidden.size(); ++l) {
    if (l > 0) terms = next_terms(terms, chain.map(chain.incoming(hidden[l]).front()));
    const Space<T>& s = chain.space(hidden[l]);
    Terms own = terms;
    const bool has_length = s.length_mode != LengthMode::none;
    double o = static_cast<double>(s.o(0)) + fit(own, has_length, two && l < 2);
    if (two && l == 0) own.linear.diagonal().setOnes();  // orthonormal columns: 1 but for rounding
    const int gate =
        parts.gate(fmt::format("gate {}", l + 1), own.linear.rows(), s.radial, s.length_mode, o);
    add_terms(parts, sources, one, gate, own, gates);
    gates.push_back(gate);
  }
  for (const int output : chain.outputs()) {
    const Space<T>& s = chain.space(output);
    const int to = parts.space(s.name, s.dimension);
    add_terms(parts, sources, one, to, next_terms(terms, chain.map(chain.incoming(output).front())),
              gates);
  }
  return std::move(parts).network();
}

template Network<float> convert(const Network<float>&, Stages);
template Network<double> convert(const Network<double>&, Stages);

}  // namespace isoform
