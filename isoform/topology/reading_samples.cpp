// What the samples say about each connection.
#include <algorithm>
#include <cmath>

#include "isoform/network/moments.h"
#include "isoform/topology/reading.h"

namespace isoform {

template <class T>
void Reader<T>::read_shares(const std::vector<GroupScores>& scores, LayerReading& layer) const {
  double variance = 0;
  for (const int id : network_.outgoing(layer.space)) {
    variance += statistics_.z_variance(network_.writes(id));
  }
  std::vector<Vector<double>> weighted, norms;  // qᵀK q of every direction; what it does to norms
  for (std::size_t g = 0; g < scores.size(); ++g) {
    const Index n = scores[g].basis.rows();
    const Matrix<double> moment = statistics_.moment(layer.space, static_cast<Index>(g));
    const Vector<double> hs = moment.col(n + 1).head(n);
    const double ss = moment(n + 1, n + 1);
    const Matrix<double> k = moment.topLeftCorner(n, n) - hs * hs.transpose() / ss;
    weighted.emplace_back(
        (scores[g].basis * k * scores[g].basis.transpose()).diagonal().cwiseMax(0));
    norms.push_back(effect_on_norms(network_, layer.space, static_cast<Index>(g), statistics_,
                                    scores[g].basis * hs / ss, weighted.back() / ss));
  }
  for (Connection& c : layer.connections) {
    const double moved =
        weighted[c.group][c.place] * c.outgoing * c.outgoing + norms[c.group][c.place];
    c.share = variance > 0 ? moved / variance : 0;
  }
}

template <class T>
void Reader<T>::bound_on_samples(const std::vector<GroupScores>& scores,
                                 LayerReading& layer) const {
  const Space<T>& s = network_.space(layer.space);
  if (s.dimension == 1) return;
  Matrix<T> z(s.dimension, x_.cols());
  each_batch(network_, engine_, ConstView<T>(x_), [&](Index first, Pass<T>& pass) {
    z.middleCols(first, pass.samples()) = pass.z(layer.space);
  });
  const auto bounds = neuron_bounds_on<T>(network_, layer.space, scores, z);
  for (Connection& c : layer.connections) {
    const Bound& bound = bounds[c.group][c.place];
    if (bound.holds()) c.on_samples = bound.value;
  }
}

template <class T>
Matrix<double> Reader<T>::weights(const LayerReading& layer, Index count) const {
  const Space<T>& s = network_.space(layer.space);
  count = std::min(count, s.dimension);
  for (const int id : network_.incoming(layer.space)) {
    const Map<T>& m = network_.map(id);
    if (!network_.is_given(m.from) || m.inputs == 0) continue;
    Matrix<double> all(m.inputs, count);
    for (Index i = 0; i < count; ++i) {
      const Connection& c = layer.connections[i];
      all.col(i) = m.weight()
                       .middleRows(s.begin(c.group), s.groups[c.group])
                       .template cast<double>()
                       .transpose() *
                   c.direction;
    }
    return all;
  }
  return {network_.widths().front(), 0};
}

template <class T>
Matrix<double> Reader<T>::answers(const LayerReading& layer, Index count) const {
  const Space<T>& s = network_.space(layer.space);
  count = std::min(count, s.dimension);
  const Index inputs = x_.rows();
  Matrix<double> product = Matrix<double>::Zero(inputs, count);
  Vector<double> x_sum = Vector<double>::Zero(inputs), u_sum = Vector<double>::Zero(count),
                 u_squares = Vector<double>::Zero(count);
  each_batch(network_, engine_, ConstView<T>(x_), [&](Index first, Pass<T>& pass) {
    const Matrix<double> x = x_.middleCols(first, pass.samples()).template cast<double>();
    Matrix<double> u(count, pass.samples());
    for (Index i = 0; i < count; ++i) {
      const Connection& c = layer.connections[i];
      u.row(i) = c.direction.transpose() * pass.z(layer.space)
                                               .middleRows(s.begin(c.group), s.groups[c.group])
                                               .template cast<double>();
    }
    product += x * u.transpose();
    x_sum += x.rowwise().sum();
    u_sum += u.rowwise().sum();
    u_squares += u.rowwise().squaredNorm();
  });
  const auto n = static_cast<double>(std::max<Index>(1, samples()));
  product = product / n - (x_sum / n) * (u_sum / n).transpose();
  for (Index i = 0; i < count; ++i) {
    const double variance = u_squares[i] / n - (u_sum[i] / n) * (u_sum[i] / n);
    // Of a direction that does not vary beyond rounding nothing can be said.
    product.col(i) *= variance > 1e-12 * u_squares[i] / n ? 1 / std::sqrt(variance) : 0;
  }
  return product;
}

#define ISOFORM_FOR_SCALAR(T)                                                                      \
  template void Reader<T>::read_shares(const std::vector<GroupScores>&, LayerReading&) const;      \
  template void Reader<T>::bound_on_samples(const std::vector<GroupScores>&, LayerReading&) const; \
  template Matrix<double> Reader<T>::weights(const LayerReading&, Index) const;                    \
  template Matrix<double> Reader<T>::answers(const LayerReading&, Index) const;
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
