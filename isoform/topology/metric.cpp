#include "isoform/topology/metric.h"

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/topology/diagonalise.h"

namespace isoform {

namespace {

constexpr double kRidge = 1e-7;

struct Roots {
  Matrix<double> root, inverse;
};

// H^½ and H^-½ of H plus its ridge.
Roots roots_of(const Matrix<double>& h) {
  const SymmetricEigen eigen = symmetric_eigen(h);
  const double mean = eigen.values.cwiseMax(0).mean();
  const Vector<double> values =
      (eigen.values.cwiseMax(0).array() + (mean > 0 ? kRidge * mean : 1)).sqrt();
  return {eigen.vectors * values.asDiagonal() * eigen.vectors.transpose(),
          eigen.vectors * values.cwiseInverse().asDiagonal() * eigen.vectors.transpose()};
}

// χ of the outgoing maps one above the other, 0 where a map has none.
template <class T>
Matrix<double> outgoing_norms(const Network<T>& network, int space) {
  Matrix<double> stack(0, network.space(space).gates());
  for (const int id : network.outgoing(space)) {
    const Map<T>& m = network.map(id);
    stack.conservativeResize(stack.rows() + m.a.rows(), Eigen::NoChange);
    auto rows = stack.bottomRows(m.a.rows());
    if (m.norms) {
      rows = m.chi().template cast<double>();
    } else {
      rows.setZero();
    }
  }
  return stack;
}

// E (W + χ zᵀ)ᵀ(W + χ zᵀ): what z does to the next pre-activation over s, the gate held, dν taken for s z·dz.
Matrix<double> gram_of_next(const Matrix<double>& w, const Vector<double>& chi,
                            const GroupMoments& of) {
  Matrix<double> gram = w.transpose() * w;
  if (chi.isZero(0)) return gram;
  const Matrix<double> cross = (w.transpose() * chi) * of.mean.transpose();
  gram += cross + cross.transpose() +
          chi.squaredNorm() * (of.covariance + of.mean * of.mean.transpose());
  return gram;
}

}  // namespace

Weighting weighting_for(Metric metric) {
  return metric == Metric::covariance ? Weighting::none
         : metric == Metric::next     ? Weighting::gate
                                      : Weighting::jacobian;
}

template <class T>
std::vector<GroupScores> score_in_metric(const Network<T>& network, int space, Metric metric,
                                         const std::vector<GroupMoments>& moments) {
  require_hidden(network, space, "importance");
  const Space<T>& s = network.space(space);
  ISOFORM_ASSERT(static_cast<Index>(moments.size()) == s.gates(), "moments of every group");
  const Matrix<double> outgoing = outgoing_matrix(network, space);
  const Matrix<double> norms = outgoing_norms(network, space);
  std::vector<GroupScores> all;
  for (Index g = 0; g < s.gates(); ++g) {
    const Index n = s.groups[g];
    const GroupMoments& of = moments[g];
    GroupScores scores;
    SymmetricEigen eigen;
    if (metric == Metric::covariance) {
      eigen = symmetric_eigen(of.covariance);
      scores.basis = eigen.vectors.transpose();
    } else {
      const auto columns = outgoing.middleCols(s.begin(g), n);
      ISOFORM_ASSERT(metric == Metric::next || of.gram.rows() == n, "the Jacobian Gram");
      const Roots h =
          roots_of(metric == Metric::next
                       ? Matrix<double>(of.weight * gram_of_next(columns, norms.col(g), of))
                       : of.gram);
      eigen = symmetric_eigen(h.root * of.covariance * h.root);
      scores.basis = eigen.vectors.transpose() * h.root;
      scores.dual = h.inverse * eigen.vectors;
    }
    scores.score = eigen.values.cwiseMax(0).cwiseSqrt();
    scores.constant = scores.basis * of.mean;
    // Keeps the weighted mean of t: tr Σ − tr ΠΣΠᵀ = Σ_{i>k} |dual_i|² Var u_i, the u_i being uncorrelated.
    scores.spread = scores.score.cwiseAbs2();
    if (scores.dual.size() > 0) {
      scores.spread.array() *= scores.dual.colwise().squaredNorm().transpose().array();
    }
    scores.counted = n;
    all.push_back(std::move(scores));
  }
  return all;
}

double predicted_change(const std::vector<GroupScores>& scores, const std::vector<Index>& keep) {
  double sum = 0;
  for (std::size_t g = 0; g < scores.size(); ++g) {
    sum += scores[g].score.tail(scores[g].score.size() - keep[g]).squaredNorm();
  }
  return std::sqrt(sum);
}

#define ISOFORM_FOR_SCALAR(T)                                                       \
  template std::vector<GroupScores> score_in_metric(const Network<T>&, int, Metric, \
                                                    const std::vector<GroupMoments>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
