// What tests hold for true of a matrix, by Eigen's own decompositions. Compiled once: they are slow to compile.
#pragma once

#include "isoform/linalg/matrix.h"
#include "tests/support/dice.h"

namespace isoform::testing {

/// Random orthonormal columns [rows × cols], cols ≤ rows.
Matrix<double> orthonormal(Dice& dice, Index rows, Index cols);
inline Matrix<double> orthogonal(Dice& dice, Index n) { return orthonormal(dice, n, n); }

Matrix<double> inverse(const Matrix<double>& m);

/// x of the least |a x − b|, a of full column rank.
Matrix<double> least_squares(const Matrix<double>& a, const Matrix<double>& b);

/// Largest first.
Vector<double> singular_values(const Matrix<double>& m);

/// m = u diag(values) vᵀ.
struct Svd {
  Matrix<double> u, v;
  Vector<double> values;
};
enum class SvdSize { thin, full };
Svd svd(const Matrix<double>& m, SvdSize size = SvdSize::thin);

/// Real parts, in no order.
Vector<double> eigenvalues(const Matrix<double>& m);

}  // namespace isoform::testing
