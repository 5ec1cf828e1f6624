#include "isoform/model/feature_importance.h"

#include <fmt/format.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"

namespace isoform {

namespace {

constexpr double kRidge = 1e-8;  // of the mean second moment

}  // namespace

template <class T>
FeatureOrder least_important_features(const Model<T>& model, std::string_view input, Index count,
                                      ConstView<T> x) {
  const Network<T>& network = model.network;
  const int space = network.inputs()[model.input_index(input)];
  const RowRange rows = model.rows_of_input(space);
  const Index n = rows.end - rows.begin;
  if (count < 0 || count >= n) {
    throw UsageError(fmt::format("features of input '{}': there are {}, 0 to {} can go, got {}",
                                 input, n, n - 1, count));
  }
  if (x.cols() == 0) throw UsageError("importance of features: needs samples, got none");
  const Matrix<double> samples = x.middleRows(rows.begin, n).template cast<double>();
  Matrix<double> second = samples * samples.transpose() / static_cast<double>(x.cols());
  const double mean = second.diagonal().mean();
  second.diagonal().array() += mean > 0 ? kRidge * mean : 1;
  Matrix<double> p = solve_positive(second, Matrix<double>(Matrix<double>::Identity(n, n)));
  Matrix<double> w(0, n);
  for (const int id : network.outgoing(space)) {
    const Map<T>& m = network.map(id);
    w.conservativeResize(w.rows() + m.a.rows(), Eigen::NoChange);
    w.bottomRows(m.a.rows()) = m.weight().template cast<double>();
  }

  FeatureOrder order;
  Vector<double> lengths = w.colwise().squaredNorm();
  std::vector<char> gone(static_cast<std::size_t>(n), 0);
  while (static_cast<Index>(order.positions.size()) < count) {
    Index least = -1;
    double lowest = 0;
    for (Index j = 0; j < n; ++j) {
      if (gone[static_cast<std::size_t>(j)] != 0) continue;
      const double moved = lengths[j] / p(j, j);
      if (least >= 0 && !(moved < lowest)) continue;
      least = j;
      lowest = moved;
    }
    const Vector<double> row = p.col(least);
    const double pivot = row[least];
    w.noalias() -= w.col(least).eval() * (row / pivot).transpose();
    p.noalias() -= row * (row / pivot).transpose();
    w.col(least).setZero();
    lengths = w.colwise().squaredNorm();
    gone[static_cast<std::size_t>(least)] = 1;
    order.positions.push_back(least);
    order.moved.push_back(std::sqrt(std::max(lowest, 0.0)));
  }
  return order;
}

template FeatureOrder least_important_features(const Model<float>&, std::string_view, Index,
                                               ConstView<float>);
template FeatureOrder least_important_features(const Model<double>&, std::string_view, Index,
                                               ConstView<double>);

}  // namespace isoform
