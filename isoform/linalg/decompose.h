// Decompositions for edits: always in double, rounded once by whoever stores the result.
// Input with NaN or infinity raises UsageError, since no decomposition of it exists.
#pragma once

#include "isoform/linalg/matrix.h"

namespace isoform {

/// The left half of A = U diag(sigma) V^T.
struct LeftSvd {
  Matrix<double> u;      // [m × m], orthogonal
  Vector<double> sigma;  // [m], descending, zero-padded beyond min(m, n)
};

/// The left half of the singular value decomposition of an m × n matrix: full U and zero-padded sigma.
/// Singular values are exact to a few ulp of the largest one. O(m² n) by way of an LQ factorisation when
/// n > m, so that no n × n factor is ever formed.
LeftSvd left_svd(const Matrix<double>& a);

/// The `count` left singular vectors of the smallest singular values of A [m × n] (of the m there are, zero-padded), lowest last:
/// u [m × count], sigma [count]. By the eigenvectors of A Aᵀ at its lower end (lowest.h; where
/// singular values differ by less than 1e-9 of themselves, any of them count as lowest), then once more inside their span, where the
/// lengths of uᵀA are taken from A itself: sigma within rounding of the largest one, as in left_svd, though
/// A Aᵀ alone would lose half the digits. O(m² n + m³), a tenth of left_svd's time.
LeftSvd lowest_left_svd(const Matrix<double>& a, Index count);

/// A = U Σ Vᵀ with square orthogonal factors.
struct FullSvd {
  Matrix<double> u;      // [m × m]
  Vector<double> sigma;  // [min(m, n)], descending
  Matrix<double> v;      // [n × n]
};
FullSvd full_svd(const Matrix<double>& a);

/// Singular values alone, descending, min(m, n) of them.
Vector<double> singular_values(const Matrix<double>& a);

/// A = Q R with a square orthogonal Q; R is upper trapezoidal with a diagonal ≥ 0 and exact zeros below it.
/// Of a matrix that has this form already, Q is exactly the identity. O(m² (m + n)).
struct FullQr {
  Matrix<double> q;  // [m × m]
  Matrix<double> r;  // [m × n]
};
FullQr full_qr(const Matrix<double>& a);

/// A symmetric matrix as Q diag(values) Q^T, values *descending*.
struct SymmetricEigen {
  Matrix<double> vectors;  // [n × n], columns
  Vector<double> values;   // [n]
};
SymmetricEigen symmetric_eigen(const Matrix<double>& a);

/// X with A X = B for a symmetric positive definite A, by Cholesky. Throws UsageError where A is not.
Matrix<double> solve_positive(const Matrix<double>& a, const Matrix<double>& b);

}  // namespace isoform
