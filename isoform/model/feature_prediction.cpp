#include "isoform/model/feature_prediction.h"

#include <algorithm>
#include <cmath>

#include "isoform/linalg/decompose.h"
#include "isoform/linalg/engine.h"
#include "isoform/topology/bound.h"

namespace isoform {

namespace {

// Calls use(x_K, x_R) for consecutive samples, in double.
template <class T, class Function>
void each_batch(ConstView<T> x, const std::vector<Index>& kept, const std::vector<Index>& gone,
                const Function& use) {
  constexpr Index kBatch = 1024;
  for (Index first = 0; first < x.cols(); first += kBatch) {
    const auto batch = x.middleCols(first, std::min(kBatch, x.cols() - first));
    Matrix<double> k = batch(kept, Eigen::all).template cast<double>();
    Matrix<double> r = batch(gone, Eigen::all).template cast<double>();
    use(k, r);
  }
}

}  // namespace

template <class T>
FeaturePrediction predict_features(ConstView<T> x, const std::vector<Index>& kept,
                                   const std::vector<Index>& gone, bool constant) {
  const auto stay = static_cast<Index>(kept.size()), go = static_cast<Index>(gone.size());
  FeaturePrediction p{Matrix<double>::Zero(go, stay), Vector<double>::Zero(go)};
  if (x.cols() == 0) return p;
  Vector<double> mean_kept = Vector<double>::Zero(stay), mean_gone = Vector<double>::Zero(go);
  if (constant) {
    each_batch<T>(x, kept, gone, [&](Matrix<double>& k, Matrix<double>& r) {
      mean_kept += k.rowwise().sum();
      mean_gone += r.rowwise().sum();
    });
    mean_kept /= static_cast<double>(x.cols());
    mean_gone /= static_cast<double>(x.cols());
  }
  Matrix<double> gram = Matrix<double>::Zero(stay, stay), cross = Matrix<double>::Zero(stay, go);
  const auto sums = create_engine<double>({"cpu", 1});
  each_batch<T>(x, kept, gone, [&](Matrix<double>& k, Matrix<double>& r) {
    k.colwise() -= mean_kept;
    r.colwise() -= mean_gone;
    sums->multiply(Op::none, k, Op::transpose, k, 1, gram);
    sums->multiply(Op::none, k, Op::transpose, r, 1, cross);
  });
  const double ridge = kFeatureRidge * gram.trace();
  if (ridge > 0) {
    Matrix<double> ridged = gram;
    ridged.diagonal().array() += ridge;
    Matrix<double> b = solve_positive(ridged, cross);
    for (int round = 0; round < 2; ++round) b += solve_positive(ridged, cross - gram * b);
    p.b = b.transpose();
  }
  p.constant = mean_gone - p.b * mean_kept;
  return p;
}

template <class T>
FeatureRemoval foresee_removal(const Network<T>& network, int input, ConstView<T> x,
                               const std::vector<Index>& kept, const std::vector<Index>& gone,
                               const FeaturePrediction& prediction) {
  FeatureRemoval removal;
  removal.samples = x.cols();
  const bool bounded = x.cols() > 0 && !network.has_factors();
  std::vector<Matrix<double>> columns;
  std::vector<double> gains;
  for (const int id : network.outgoing(input)) {
    const Map<T>& m = network.map(id);
    columns.push_back(m.a(Eigen::all, gone).template cast<double>());
    if (bounded) gains.push_back(gain(network, network.writes(id)));
  }
  if (x.cols() == 0) {
    removal.why_not = "there are no samples";
    for (const Matrix<double>& w : columns) removal.moved += w.squaredNorm();
    removal.moved = std::sqrt(removal.moved);
    return removal;
  }
  double left = 0, all = 0, moved = 0, squares = 0, largest = 0;
  each_batch<T>(x, kept, gone, [&](Matrix<double>& k, Matrix<double>& r) {
    all += r.squaredNorm();
    r -= prediction.b * k;
    r.colwise() -= prediction.constant;
    left += r.squaredNorm();
    Vector<double> reach = Vector<double>::Zero(r.cols());
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Vector<double> lengths = (columns[i] * r).colwise().norm();
      moved += lengths.squaredNorm();
      if (bounded) reach += gains[i] * lengths;
    }
    squares += reach.squaredNorm();
    largest = std::max(largest, reach.maxCoeff());
  });
  const auto samples = static_cast<double>(x.cols());
  removal.unexplained = all > 0 ? left / all : 0;
  removal.moved = std::sqrt(moved / samples);
  if (bounded) {
    removal.bound = std::sqrt(squares / samples);
    removal.largest_bound = largest;
  } else {
    removal.why_not = "gates multiply maps";
  }
  return removal;
}

#define ISOFORM_FOR_SCALAR(T)                                                                   \
  template FeaturePrediction predict_features(ConstView<T>, const std::vector<Index>&,          \
                                              const std::vector<Index>&, bool);                 \
  template FeatureRemoval foresee_removal(const Network<T>&, int, ConstView<T>,                 \
                                          const std::vector<Index>&, const std::vector<Index>&, \
                                          const FeaturePrediction&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
