#include "isoform/linalg/decompose.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/linalg/blas.h"
#include "isoform/linalg/lowest.h"
#include "isoform/linalg/product.h"

namespace isoform {

namespace {

void require_finite(const Matrix<double>& a, const char* what) {
  if (!a.allFinite()) {
    throw UsageError(fmt::format(
        "{}: needs finite numbers, got NaN or infinity in a {} × {} matrix; the model has diverged",
        what, a.rows(), a.cols()));
  }
}

int stride(const Matrix<double>& a) { return static_cast<int>(std::max<Index>(1, a.rows())); }

// Replaces `a` by R and, below it, the reflections of its QR decomposition; returns their factors.
std::vector<double> factorise_qr(Matrix<double>& a) {
  const int rows = static_cast<int>(a.rows()), cols = static_cast<int>(a.cols());
  const int lead = stride(a);
  std::vector<double> tau(static_cast<std::size_t>(std::min(rows, cols)));
  double size = 0;
  int info = 0, query = -1;
  dgeqrf_(&rows, &cols, a.data(), &lead, tau.data(), &size, &query, &info);
  std::vector<double> work(static_cast<std::size_t>(size));
  const int length = static_cast<int>(work.size());
  dgeqrf_(&rows, &cols, a.data(), &lead, tau.data(), work.data(), &length, &info);
  ISOFORM_ASSERT(info == 0, "dgeqrf");
  return tau;
}

// The R factor of a QR decomposition of `tall` [n × m, n ≥ m], as an m × m upper triangle.
Matrix<double> triangular_factor(Matrix<double> tall) {
  factorise_qr(tall);
  return tall.topRows(tall.cols()).template triangularView<Eigen::Upper>();
}

// job 'A': all of U and V; 'N': singular values alone.
FullSvd gesdd(char job, Matrix<double> a) {
  const int m = static_cast<int>(a.rows()), n = static_cast<int>(a.cols());
  FullSvd out{{}, Vector<double>::Zero(std::min(m, n)), {}};
  Matrix<double> vt;
  if (job == 'A') {
    out.u.resize(m, m);
    vt.resize(n, n);
  }
  const int lda = stride(a), ldu = std::max(1, m), ldv = std::max(1, n);
  std::vector<int> iwork(8 * std::max(1, std::min(m, n)));
  double size = 0;
  int info = 0, query = -1;
  dgesdd_(&job, &m, &n, a.data(), &lda, out.sigma.data(), out.u.data(), &ldu, vt.data(), &ldv,
          &size, &query, iwork.data(), &info);
  std::vector<double> work(static_cast<std::size_t>(size));
  const int length = static_cast<int>(work.size());
  dgesdd_(&job, &m, &n, a.data(), &lda, out.sigma.data(), out.u.data(), &ldu, vt.data(), &ldv,
          work.data(), &length, iwork.data(), &info);
  ISOFORM_ASSERT(info == 0, "dgesdd did not converge");
  out.v = vt.transpose();
  return out;
}

}  // namespace

FullSvd full_svd(const Matrix<double>& a) {
  require_finite(a, "full_svd");
  ISOFORM_ASSERT(a.size() > 0, "a matrix with rows and columns");
  return gesdd('A', a);
}

LeftSvd left_svd(const Matrix<double>& a) {
  require_finite(a, "left_svd");
  const Index m = a.rows(), n = a.cols();
  if (m == 0 || n == 0) return {Matrix<double>::Identity(m, m), Vector<double>::Zero(m)};
  // A = R^T Q^T: the left singular vectors of A are those of the m × m factor R^T.
  FullSvd full =
      gesdd('A', n > m ? Matrix<double>(triangular_factor(a.transpose()).transpose()) : a);
  LeftSvd left{std::move(full.u), Vector<double>::Zero(m)};
  left.sigma.head(full.sigma.size()) = full.sigma;
  return left;
}

LeftSvd lowest_left_svd(const Matrix<double>& a, Index count) {
  require_finite(a, "lowest_left_svd");
  const int m = static_cast<int>(a.rows()), n = static_cast<int>(a.cols());
  ISOFORM_ASSERT(count >= 0 && count <= a.rows(), "as many vectors as there are rows");
  if (count == 0) return {Matrix<double>(m, 0), Vector<double>(0)};
  Matrix<double> gram = Matrix<double>::Zero(m, m);
  const char lower = 'L', plain = 'N';
  const double one = 1, zero = 0;
  const int lead = stride(a);
  openblas_set_num_threads(1);
  if (n > 0) dsyrk_(&lower, &plain, &m, &n, &one, a.data(), &lead, &zero, gram.data(), &m);
  const Matrix<double> u = lowest_eigenvectors(gram, count);
  // Inside the span A itself orders the directions.
  const LeftSvd inside = left_svd(product(Op::transpose, u, Op::none, a));
  return {product(Op::none, u, Op::none, inside.u), inside.sigma};
}

Vector<double> singular_values(const Matrix<double>& a) {
  require_finite(a, "singular_values");
  const Index count = std::min(a.rows(), a.cols());
  if (count == 0) return Vector<double>::Zero(0);
  if (a.cols() > a.rows()) {
    return gesdd('N', triangular_factor(a.transpose())).sigma;
  }
  return gesdd('N', a.rows() > a.cols() ? triangular_factor(a) : a).sigma;
}

FullQr full_qr(const Matrix<double>& a) {
  require_finite(a, "full_qr");
  const int m = static_cast<int>(a.rows()), n = static_cast<int>(a.cols());
  const int reflections = std::min(m, n);
  FullQr out{Matrix<double>::Identity(m, m), a};
  if (reflections == 0) return out;
  std::vector<double> tau = factorise_qr(out.r);
  out.q.leftCols(reflections) = out.r.leftCols(reflections);
  const int lead = stride(out.q);
  double size = 0;
  int info = 0, query = -1;
  dorgqr_(&m, &m, &reflections, out.q.data(), &lead, tau.data(), &size, &query, &info);
  std::vector<double> work(static_cast<std::size_t>(size));
  const int length = static_cast<int>(work.size());
  dorgqr_(&m, &m, &reflections, out.q.data(), &lead, tau.data(), work.data(), &length, &info);
  ISOFORM_ASSERT(info == 0, "dorgqr");
  out.r = out.r.template triangularView<Eigen::Upper>().toDenseMatrix().eval();
  for (Index i = 0; i < reflections; ++i) {
    if (out.r(i, i) >= 0) continue;
    out.r.row(i) *= -1;
    out.q.col(i) *= -1;
  }
  return out;
}

SymmetricEigen symmetric_eigen(const Matrix<double>& a) {
  require_finite(a, "symmetric_eigen");
  const int n = static_cast<int>(a.rows());
  SymmetricEigen out{a, Vector<double>::Zero(n)};
  if (n == 0) return out;
  const char job = 'V', uplo = 'L';
  double size = 0;
  int isize = 0, info = 0, query = -1;
  dsyevd_(&job, &uplo, &n, out.vectors.data(), &n, out.values.data(), &size, &query, &isize, &query,
          &info);
  std::vector<double> work(static_cast<std::size_t>(size));
  std::vector<int> iwork(isize);
  const int length = static_cast<int>(work.size()), ilength = static_cast<int>(iwork.size());
  dsyevd_(&job, &uplo, &n, out.vectors.data(), &n, out.values.data(), work.data(), &length,
          iwork.data(), &ilength, &info);
  ISOFORM_ASSERT(info == 0, "dsyevd did not converge");
  out.values.reverseInPlace();
  out.vectors = out.vectors.rowwise().reverse().eval();
  return out;
}

Matrix<double> solve_positive(const Matrix<double>& a, const Matrix<double>& b) {
  require_finite(a, "solve_positive");
  require_finite(b, "solve_positive");
  ISOFORM_ASSERT(a.rows() == a.cols() && a.rows() == b.rows(), "shapes of a linear system");
  Matrix<double> factor = a, x = b;
  const int n = static_cast<int>(a.rows()), columns = static_cast<int>(b.cols()), lead = stride(a);
  if (n == 0 || columns == 0) return x;
  const char uplo = 'L';
  int info = 0;
  dposv_(&uplo, &n, &columns, factor.data(), &lead, x.data(), &lead, &info);
  if (info > 0) {
    throw UsageError(fmt::format(
        "solve_positive: needs a positive definite {} × {} matrix, but its leading {} × {} part is "
        "not; a larger ridge makes it so",
        n, n, info, info));
  }
  ISOFORM_ASSERT(info == 0, "dposv");
  return x;
}

}  // namespace isoform
