#include "isoform/train/polar.h"

#include <cmath>

namespace isoform {

namespace {
constexpr int kSteps = 5;
constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;
}  // namespace

// Every X is a polynomial in the first A times the first X, so that the long side is met twice only: X = Q M/‖M‖, and
// with P = aI + bA + cA² a step is Q ← PQ, A ← PAP.
template <class T>
Matrix<T> polar_factor(Engine<T>& engine, const Matrix<T>& m) {
  const double norm = std::sqrt(engine.sum_of_squares(m.size(), m.data()));
  if (norm == 0) return Matrix<T>::Zero(m.rows(), m.cols());
  const Matrix<T> x = m * static_cast<T>(1 / norm);
  const bool wide = m.rows() <= m.cols();
  const Index n = std::min(m.rows(), m.cols());
  const auto product = [&](const Matrix<T>& a, const Matrix<T>& b) {
    Matrix<T> c(a.rows(), b.cols());
    engine.multiply(Op::none, a, Op::none, b, T(0), c);
    return c;
  };
  Matrix<T> a(n, n);
  engine.multiply(wide ? Op::none : Op::transpose, x, wide ? Op::transpose : Op::none, x, T(0), a);
  Matrix<T> q;
  for (int step = 0; step < kSteps; ++step) {
    Matrix<T> p = static_cast<T>(kC) * product(a, a) + static_cast<T>(kB) * a;
    p.diagonal().array() += static_cast<T>(kA);
    q = step == 0 ? p : product(p, q);
    if (step + 1 < kSteps) a = product(p, product(a, p));
  }
  return wide ? product(q, x) : product(x, q);
}

template Matrix<float> polar_factor(Engine<float>&, const Matrix<float>&);
template Matrix<double> polar_factor(Engine<double>&, const Matrix<double>&);

}  // namespace isoform
