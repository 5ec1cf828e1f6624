#include "tests/support/truth.h"

#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <Eigen/QR>
#include <Eigen/SVD>

namespace isoform::testing {

Matrix<double> orthonormal(Dice& dice, Index rows, Index cols) {
  const Eigen::HouseholderQR<Matrix<double>> qr(dice.normals(rows, cols));
  return qr.householderQ() * Matrix<double>::Identity(rows, cols);
}

Matrix<double> inverse(const Matrix<double>& m) { return m.inverse(); }

Matrix<double> least_squares(const Matrix<double>& a, const Matrix<double>& b) {
  return a.colPivHouseholderQr().solve(b);
}

Vector<double> singular_values(const Matrix<double>& m) {
  return Eigen::JacobiSVD<Matrix<double>>(m).singularValues();
}

Svd svd(const Matrix<double>& m, SvdSize size) {
  const unsigned parts = size == SvdSize::thin ? Eigen::ComputeThinU | Eigen::ComputeThinV
                                               : Eigen::ComputeFullU | Eigen::ComputeFullV;
  const Eigen::JacobiSVD<Matrix<double>> of(m, parts);
  return {of.matrixU(), of.matrixV(), of.singularValues()};
}

Vector<double> eigenvalues(const Matrix<double>& m) {
  return Eigen::EigenSolver<Matrix<double>>(m, false).eigenvalues().real();
}

}  // namespace isoform::testing
