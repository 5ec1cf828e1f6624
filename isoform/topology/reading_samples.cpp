// What the samples say about each connection.
#include <algorithm>
#include <cmath>

#include "isoform/network/moments.h"
#include "isoform/topology/reading.h"

namespace isoform {

namespace {

// The gain of a space for removals that move its ghost neuron √o: of taking nothing out of one group and
// adding 1 to its o, which moves it by √(o + 1) − √o. 0 where no removal moves it.
template <class T>
double gain_with_ghost(const Network<T>& network, int space) {
  const Space<T>& s = network.space(space);
  std::vector<GroupScores> scores;
  std::vector<Index> keep = s.groups;
  for (const Index n : s.groups) {
    scores.push_back({Matrix<double>::Identity(n, n),
                      {},
                      Vector<double>::Zero(n),
                      Vector<double>::Zero(n),
                      Vector<double>::Zero(n),
                      n});
  }
  // A group that goes as a whole folds in every mode.
  const auto smallest = std::min_element(s.groups.begin(), s.groups.end()) - s.groups.begin();
  scores[smallest].spread[s.groups[smallest] - 1] = 1;
  --keep[smallest];
  const auto o = static_cast<double>(s.o(smallest));
  const Matrix<T> nowhere = Matrix<T>::Zero(s.dimension, 1);
  return removal_bound_on<T>(network, space, scores, keep, nowhere).value /
         (std::sqrt(o + 1) - std::sqrt(o));
}

}  // namespace

template <class T>
void Reader<T>::read_shares(const std::vector<GroupScores>& scores, LayerReading& layer) const {
  double variance = 0;
  for (const int id : network_.outgoing(layer.space)) {
    variance += statistics_.z_variance(network_.map(id).to);
  }
  std::vector<Vector<double>> weighted;  // qᵀK q of every direction
  for (std::size_t g = 0; g < scores.size(); ++g) {
    const Index n = scores[g].basis.rows();
    const Matrix<double> moment = statistics_.moment(layer.space, static_cast<Index>(g));
    const Vector<double> hs = moment.col(n + 1).head(n);
    const Matrix<double> k =
        moment.topLeftCorner(n, n) - hs * hs.transpose() / moment(n + 1, n + 1);
    weighted.emplace_back(
        (scores[g].basis * k * scores[g].basis.transpose()).diagonal().cwiseMax(0));
  }
  for (Connection& c : layer.connections) {
    c.share = variance > 0 ? weighted[c.group][c.place] * c.outgoing * c.outgoing / variance : 0;
  }
}

// What removal_bound_on says of each direction alone, for all of them with one pass over the samples: alone, a
// direction moves z by |u − a| and the ghost neuron by √(o + spread) − √o.
template <class T>
void Reader<T>::bound_on_samples(const std::vector<GroupScores>& scores,
                                 LayerReading& layer) const {
  const Space<T>& s = network_.space(layer.space);
  if (s.dimension == 1) return;
  const bool no_length = s.length_mode == LengthMode::none;
  Vector<double> moved = Vector<double>::Zero(s.dimension);
  each_batch(network_, engine_, ConstView<T>(x_), [&](Index, Pass<T>& pass) {
    for (Index g = 0; g < s.gates(); ++g) {
      const Index at = s.begin(g), n = s.groups[g];
      Matrix<double> u =
          scores[g].basis * pass.z(layer.space).middleRows(at, n).template cast<double>();
      // Where there is no o, the gate does not see the stand-in: it sees 0.
      if (!no_length || n == 1) u.colwise() -= scores[g].constant;
      moved.segment(at, n) = moved.segment(at, n).cwiseMax(u.cwiseAbs().rowwise().maxCoeff());
    }
  });
  const double still = gain(network_, layer.space), moving = gain_with_ghost(network_, layer.space);
  struct Loser {  // a map whose mode has nowhere to fold a constant to
    Matrix<double> weight;
    double gain;
  };
  std::vector<Loser> losers;
  for (const int id : network_.outgoing(layer.space)) {
    const Map<T>& m = network_.map(id);
    if (no_length ? m.psi_mode == PsiMode::none : has_psi(m.psi_mode)) continue;
    losers.push_back({m.weight().template cast<double>(), gain(network_, m.to)});
  }
  for (Connection& c : layer.connections) {
    const Index at = s.begin(c.group), n = s.groups[c.group];
    const auto o = static_cast<double>(s.o(c.group));
    const double spread = scores[c.group].spread[c.place];
    const double ghost = no_length && n > 1 ? 0 : std::sqrt(o + spread) - std::sqrt(o);
    c.on_samples = (ghost > 0 ? moving : still) * std::hypot(moved[at + c.place], ghost);
    if (n == 1) continue;  // a constant gate folds in every mode
    for (const Loser& loser : losers) {
      *c.on_samples +=
          (loser.weight.middleCols(at, n) * c.direction).norm() * std::abs(c.stand_in) * loser.gain;
    }
  }
}

template <class T>
Matrix<double> Reader<T>::weights(const LayerReading& layer, Index count) const {
  const Space<T>& s = network_.space(layer.space);
  count = std::min(count, s.dimension);
  for (const int id : network_.incoming(layer.space)) {
    const Map<T>& m = network_.map(id);
    if (network_.space(m.from).hidden()) continue;
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
