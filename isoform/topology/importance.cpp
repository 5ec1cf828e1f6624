#include "isoform/topology/importance.h"

#include <algorithm>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/topology/diagonalise.h"

namespace isoform {

namespace {

GroupScores from_left_svd(const Matrix<double>& rows, const Vector<double>& bias) {
  const LeftSvd svd = left_svd(rows);
  GroupScores scores;
  scores.basis = svd.u.transpose();
  scores.score = svd.sigma;
  scores.constant = scores.basis * bias;
  scores.spread = Vector<double>::Zero(rows.rows());
  scores.counted = rows.rows();
  return scores;
}

}  // namespace

template <class T>
std::vector<GroupScores> score_by_singular_value(const Network<T>& network, int space) {
  require_hidden(network, space, "importance");
  const Space<T>& s = network.space(space);
  const Matrix<double> incoming = incoming_matrix(network, space);
  const Vector<double> bias = incoming_bias(network, space);
  std::vector<GroupScores> all;
  for (Index g = 0; g < s.gates(); ++g) {
    all.push_back(from_left_svd(incoming.middleRows(s.begin(g), s.groups[g]),
                                bias.segment(s.begin(g), s.groups[g])));
  }
  return all;
}

template <class T>
std::vector<GroupScores> score_by_paper(const Network<T>& network, int space) {
  require_hidden(network, space, "importance");
  const Space<T>& s = network.space(space);
  Matrix<double> weights(s.dimension, 0);
  for (const int id : network.incoming(space)) {
    const Map<T>& m = network.map(id);
    weights.conservativeResize(Eigen::NoChange, weights.cols() + m.inputs);
    weights.rightCols(m.inputs) = m.weight().template cast<double>();
  }
  const Vector<double> bias = incoming_bias(network, space);
  std::vector<GroupScores> all;
  for (Index g = 0; g < s.gates(); ++g) {
    all.push_back(from_left_svd(weights.middleRows(s.begin(g), s.groups[g]),
                                bias.segment(s.begin(g), s.groups[g])));
    all.back().counted = std::min(s.groups[g], weights.cols());
  }
  return all;
}

namespace {

// Descending, with what belongs to each.
GroupScores in_order(const Matrix<double>& basis, const Vector<double>& score,
                     const Vector<double>& constant, const Vector<double>& spread) {
  const Index n = score.size();
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return score[a] > score[b]; });
  return {basis(order, Eigen::all), {}, score(order), constant(order), spread(order), n};
}

// Var u² of normal u.
Vector<double> variance_of_square(const Vector<double>& mean, const Vector<double>& variance) {
  return 4 * mean.array().square() * variance.array() + 2 * variance.array().square();
}

// A space that nobody reads: what its neurons do to t. Moments are those of (z; 1; s) there.
template <class T>
std::vector<GroupScores> score_gates(const Space<T>& s, const Statistics& statistics) {
  std::vector<GroupScores> all;
  double total = 0;
  for (Index g = 0; g < s.gates(); ++g) {
    const Index n = s.groups[g];
    const Matrix<double> moment = statistics.moment(s.id, g);
    const Vector<double> mean = moment.col(n).head(n);
    const SymmetricEigen eigen =
        symmetric_eigen(moment.topLeftCorner(n, n) - mean * mean.transpose());
    const Vector<double> constant = eigen.vectors.transpose() * mean;
    const Vector<double> spread = eigen.values.cwiseMax(0);
    const Vector<double> score = variance_of_square(constant, spread);
    total += score.sum();
    all.push_back(in_order(eigen.vectors.transpose(), score, constant, spread));
  }
  for (GroupScores& scores : all) {
    if (total > 0) scores.score /= total;
  }
  return all;
}

}  // namespace

template <class T>
std::vector<GroupScores> score_by_effect(const Network<T>& network, int space,
                                         const Statistics& statistics) {
  require_hidden(network, space, "importance");
  const Space<T>& s = network.space(space);
  if (network.is_gate(space)) return score_gates(s, statistics);
  // Outputs that no batch wanted have no say.
  double variance = 0;
  Matrix<double> outgoing(0, s.dimension);
  for (const int id : network.outgoing(space)) {
    const Map<T>& m = network.map(id);
    if (!statistics.saw(m.to)) continue;
    variance += statistics.z_variance(network.writes(id));
    outgoing.conservativeResize(outgoing.rows() + m.a.rows(), Eigen::NoChange);
    outgoing.bottomRows(m.a.rows()) = m.weight().template cast<double>();
  }
  const double unit = variance > 0 ? 1 / variance : 0;
  std::vector<GroupScores> all;
  for (Index g = 0; g < s.gates(); ++g) {
    const Index n = s.groups[g];
    const Matrix<double> moment = statistics.moment(space, g);
    const Matrix<double> hh = moment.topLeftCorner(n, n);
    const Vector<double> hs = moment.col(n + 1).head(n);
    // Where every sample has dropped the group all of these are 0, and no effect is 0.
    const double ss = moment(n + 1, n + 1) > 0 ? moment(n + 1, n + 1) : 1;
    const SymmetricEigen eigen = symmetric_eigen(hh - hs * hs.transpose() / ss);
    const Matrix<double> columns = outgoing.middleCols(s.begin(g), n) * eigen.vectors;
    const Vector<double> constant = eigen.vectors.transpose() * hs / ss;
    Vector<double> spread(n);
    for (Index i = 0; i < n; ++i) {
      const Vector<double> q = eigen.vectors.col(i);
      spread[i] = std::max(0.0, q.dot(hh * q) / ss - constant[i] * constant[i]);
    }
    const Vector<double> score =
        unit * (eigen.values.cwiseMax(0).cwiseProduct(columns.colwise().squaredNorm().transpose()) +
                effect_on_norms(network, space, g, statistics, constant, spread));
    all.push_back(in_order(eigen.vectors.transpose(), score, constant, spread));
  }
  return all;
}

template <class T>
Vector<double> effect_on_norms(const Network<T>& network, int space, Index group,
                               const Statistics& statistics, const Vector<double>& mean,
                               const Vector<double>& variance) {
  double heard = 0;
  for (const int id : network.outgoing(space)) {
    const Map<T>& m = network.map(id);
    if (!m.norms || !statistics.saw(m.to)) continue;
    heard += m.chi().col(group).template cast<double>().squaredNorm();
  }
  if (heard == 0) return Vector<double>::Zero(mean.size());
  const Matrix<double> moment = statistics.moment(space, group);
  const double squared_gate = moment(moment.rows() - 1, moment.cols() - 1);
  return heard * squared_gate / 4 * variance_of_square(mean, variance);
}

Index count_at_most(const std::vector<GroupScores>& scores, double threshold) {
  Index count = 0;
  for (const GroupScores& group : scores) {
    for (Index i = 0; i < group.counted; ++i) count += group.score[i] <= threshold ? 1 : 0;
  }
  return count;
}

Index count_within(const std::vector<GroupScores>& scores, double total) {
  std::vector<double> all;
  for (const GroupScores& group : scores) {
    all.insert(all.end(), group.score.begin(), group.score.end());
  }
  std::sort(all.begin(), all.end());
  Index count = 0;
  double sum = 0;
  for (const double score : all) {
    sum += score;
    if (sum > total) break;
    ++count;
  }
  return count;
}

#define ISOFORM_FOR_SCALAR(T)                                                                   \
  template std::vector<GroupScores> score_by_singular_value(const Network<T>&, int);            \
  template std::vector<GroupScores> score_by_paper(const Network<T>&, int);                     \
  template std::vector<GroupScores> score_by_effect(const Network<T>&, int, const Statistics&); \
  template Vector<double> effect_on_norms(const Network<T>&, int, Index, const Statistics&,     \
                                          const Vector<double>&, const Vector<double>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
