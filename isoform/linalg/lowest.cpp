#include "isoform/linalg/lowest.h"

#include <Eigen/QR>
#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/linalg/blas.h"
#include "isoform/linalg/decompose.h"
#include "isoform/linalg/product.h"

namespace isoform {

namespace {

constexpr Index kSmall = 96;       // rows up to which the whole decomposition is as fast
constexpr Index kFew = 4;          // neurons up to which a Krylov space is sooner there
constexpr Index kMostOfSpace = 4;  // it has not converged beyond this part of all,
constexpr Index kMostDirections =
    128;                            // or so many: looking at them then takes longer than it saves
constexpr double kResidual = 1e-9;  // of an eigenpair of the inverse, beside its eigenvalue
constexpr int kMostPasses = 5;
constexpr int kBlock = 4;
constexpr Index kLookEvery = 2;  // blocks between two looks at what has converged

// Not dsyevr, which is no faster: of many equal values its vectors were orthogonal to 1e-9 alone.
std::optional<Matrix<double>> by_bisection(Matrix<double> gram, Index count) {
  const int m = static_cast<int>(gram.rows()), first = 1, last = static_cast<int>(count);
  const char lower = 'L', vectors = 'V', by_index = 'I';
  const double zero = 0, finest = 2 * std::numeric_limits<double>::min();
  Matrix<double> u(m, count);
  Vector<double> values(m);
  const auto rows = static_cast<std::size_t>(std::max<Index>(gram.rows(), 1));
  std::vector<int> iwork(5 * rows), failed(rows);
  double size = 0;
  int found = 0, info = 0, query = -1;
  const auto call = [&](double* work, const int* length) {
    dsyevx_(&vectors, &by_index, &lower, &m, gram.data(), &m, &zero, &zero, &first, &last, &finest,
            &found, values.data(), u.data(), &m, work, length, iwork.data(), failed.data(), &info);
  };
  call(&size, &query);
  std::vector<double> work(static_cast<std::size_t>(size));
  const int length = static_cast<int>(work.size());
  call(work.data(), &length);
  if (info != 0 || found != last) return std::nullopt;
  return u;
}

// Cholesky's factor of gram + shift, which has the same eigenvectors and can be inverted.
std::optional<Matrix<double>> factor_of(const Matrix<double>& gram) {
  const int m = static_cast<int>(gram.rows());
  Matrix<double> factor = gram;
  const double trace = gram.trace();
  if (!(trace > 0)) return std::nullopt;
  factor.diagonal().array() += double(m) * std::numeric_limits<double>::epsilon() * trace;
  const char lower = 'L';
  int info = 0;
  dpotrf_(&lower, &m, factor.data(), &m, &info);
  if (info != 0) return std::nullopt;
  return factor;
}

// An orthonormal basis of what W has beyond V, in W; returns R with W = V (…) + basis · R. Of what lies in V but for
// rounding only noise is left, which is taken out of V again until it is noise beyond V.
Matrix<double> orthonormalise(ConstView<double> v, Matrix<double>& w) {
  Matrix<double> r = Matrix<double>::Identity(w.cols(), w.cols());
  for (int pass = 0; pass < kMostPasses; ++pass) {
    w -= product(Op::none, v, Op::none, product(Op::transpose, v, Op::none, w));
    const Eigen::HouseholderQR<Matrix<double>> qr(w);
    const Matrix<double> now =
        qr.matrixQR().topRows(w.cols()).template triangularView<Eigen::Upper>();
    r = (now * r).eval();
    w = qr.householderQ() * Matrix<double>::Identity(w.rows(), w.cols());
    if (pass > 0 && now.diagonal().cwiseAbs().minCoeff() > 0.5) break;  // nothing was in V
  }
  return r;
}

std::optional<Matrix<double>> by_inverse(const Matrix<double>& gram, Index count) {
  const std::optional<Matrix<double>> factor = factor_of(gram);
  if (!factor) return std::nullopt;
  const int m = static_cast<int>(gram.rows()), block = kBlock;
  const Index most = std::min<Index>(m / kMostOfSpace / block * block, kMostDirections);
  Matrix<double> v(m, most + block), projected = Matrix<double>::Zero(most, most);
  const Random random(0, Purpose::user, 2);
  Matrix<double> w(m, block);
  for (Index i = 0; i < w.size(); ++i) {
    w.data()[i] = random.normal(static_cast<std::uint64_t>(i));
  }
  orthonormalise(v.leftCols(0), w);
  v.leftCols(block) = w;
  for (Index size = block; size <= most; size += block) {
    const char lower = 'L';
    int info = 0;
    w = v.middleCols(size - block, block);
    dpotrs_(&lower, &m, &block, factor->data(), &m, w.data(), &m, &info);
    ISOFORM_ASSERT(info == 0, "dpotrs");
    const auto space = v.leftCols(size);
    projected.block(0, size - block, size, block) = product(Op::transpose, space, Op::none, w);
    const Matrix<double> beyond = orthonormalise(space, w);
    v.middleCols(size, block) = w;
    if (size <= block || (size / block) % kLookEvery != 0) continue;
    Matrix<double> inside = projected.topLeftCorner(size, size);
    inside.triangularView<Eigen::StrictlyLower>() = inside.transpose();
    const SymmetricEigen ritz = symmetric_eigen(inside);  // the largest of the inverse first
    const Matrix<double> residual = beyond * ritz.vectors.bottomRows(block).leftCols(count);
    if ((residual.colwise().norm().transpose().array() <=
         kResidual * ritz.values.head(count).array())
            .all()) {
      const Matrix<double> lowest_last = ritz.vectors.leftCols(count);
      return product(Op::none, space, Op::none, lowest_last);
    }
  }
  return std::nullopt;
}

}  // namespace

Matrix<double> lowest_eigenvectors(const Matrix<double>& gram, Index count) {
  if (gram.rows() > kSmall && count <= kFew) {
    if (std::optional<Matrix<double>> vectors = by_inverse(gram, count)) return *vectors;
  }
  if (count * 4 <= gram.rows()) {
    if (std::optional<Matrix<double>> vectors = by_bisection(gram, count)) return *vectors;
  }
  return symmetric_eigen(gram).vectors.rightCols(count);
}

}  // namespace isoform
