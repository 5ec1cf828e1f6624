#include "isoform/network/moments.h"

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/base/random.h"

namespace isoform {

namespace {

constexpr Index kSmall = 24;  // products of small groups are not worth the pool

// dL/dy of probe k: a unit vector, or random signs whose second moment is the identity.
template <class T>
void fill_probe(Index k, bool exact, Index first, View<T> gradient) {
  gradient.setZero();
  if (exact) {
    gradient.row(k).setOnes();
    return;
  }
  for (Index j = 0; j < gradient.cols(); ++j) {
    const Random signs(0, Purpose::user, static_cast<std::uint64_t>(k),
                       static_cast<std::uint64_t>(first + j));
    for (Index i = 0; i < gradient.rows(); ++i) {
      gradient(i, j) = signs.uniform(static_cast<std::uint64_t>(i)) < 0.5 ? T(-1) : T(1);
    }
  }
}

}  // namespace

template <class T>
std::vector<GroupMoments> group_moments(const Network<T>& network, int space, Engine<T>& engine,
                                        ConstView<T> x, Weighting weighting) {
  if (x.cols() == 0) throw UsageError("moments: need at least one sample, got none");
  const Space<T>& s = network.space(space);
  const Index outputs = network.widths().back(), probes = std::min(outputs, kExactJacobian);
  const bool exact = probes == outputs;
  const bool jacobian = weighting == Weighting::jacobian;
  std::vector<GroupMoments> all;
  for (const Index n : s.groups) {
    all.push_back({Vector<double>::Zero(n), Matrix<double>::Zero(n, n), 0, {}});
    if (jacobian) all.back().gram = Matrix<double>::Zero(n, n);
  }
  // In double: directions of small variance are what a reduction is about.
  const auto sums = create_engine<double>({engine.name(), engine.threads()});
  const auto add_squares = [&](const Matrix<double>& a, const Matrix<double>& b,
                               Matrix<double>& sum) {
    if (a.rows() < kSmall) {
      sum.noalias() += a * b.transpose();
    } else {
      sums->multiply(Op::none, a, Op::transpose, b, 1, sum);
    }
  };
  Matrix<double> weights;  // [groups × samples of the batch]
  each_batch(network, engine, x, [&](Index first, Pass<T>& pass) {
    weights = Matrix<double>::Zero(s.gates(), pass.samples());
    for (Index k = 0; jacobian && k < probes; ++k) {
      fill_probe<T>(k, exact, first, pass.output_gradient());
      backward_to(network, engine, pass, space);
      for (Index g = 0; g < s.gates(); ++g) {
        const Matrix<double> slope =
            pass.delta(space).middleRows(s.begin(g), s.groups[g]).template cast<double>();
        add_squares(slope, slope, all[g].gram);
        weights.row(g) += slope.colwise().squaredNorm() / (exact ? 1.0 : double(probes));
      }
    }
    if (weighting == Weighting::gate) {
      weights = pass.gates(space).template cast<double>().cwiseAbs2();
    } else if (weighting == Weighting::none) {
      weights.setOnes();
    }
    for (Index g = 0; g < s.gates(); ++g) {
      const Matrix<double> z =
          pass.z(space).middleRows(s.begin(g), s.groups[g]).template cast<double>();
      const Matrix<double> weighted = z * weights.row(g).asDiagonal();
      all[g].mean += weighted.rowwise().sum();
      all[g].weight += weights.row(g).sum();
      add_squares(weighted, z, all[g].covariance);
    }
  });
  const auto count = static_cast<double>(x.cols());
  for (GroupMoments& of : all) {
    const double total = of.weight > 0 ? of.weight : 1;
    of.mean /= total;
    of.covariance = of.covariance / total - of.mean * of.mean.transpose();
    of.covariance = (0.5 * (of.covariance + of.covariance.transpose())).eval();
    of.weight /= count;
    if (jacobian) of.gram /= exact ? count : count * static_cast<double>(probes);
  }
  return all;
}

#define ISOFORM_FOR_SCALAR(T)                                                          \
  template std::vector<GroupMoments> group_moments(const Network<T>&, int, Engine<T>&, \
                                                   ConstView<T>, Weighting);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
