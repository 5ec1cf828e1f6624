// Matrices with a stride, and how far two results are apart.
#pragma once

#include <limits>

#include "isoform/linalg/matrix.h"
#include "tests/support/dice.h"

namespace isoform::testing {

// A matrix inside a larger one, so that its columns do not follow each other in memory; odd seeds make
// it contiguous.
template <class T>
struct Strided {
  Strided(Dice& dice, Index row_count, Index column_count, Index space)
      : storage(dice.normals<T>(row_count + 2 * space, column_count + 1)),
        rows(row_count),
        cols(column_count),
        margin(space) {}
  View<T> view() { return storage.block(margin, 0, rows, cols); }
  ConstView<T> const_view() const { return storage.block(margin, 0, rows, cols); }
  Matrix<T> storage;
  Index rows, cols, margin;
};

template <class T>
double relative(const Matrix<T>& a, const Matrix<T>& b) {
  const Matrix<double> truth = b.template cast<double>();
  const double scale = truth.norm();
  const double error = (a.template cast<double>() - truth).norm();
  return scale > 0 ? error / scale : error;
}

template <class T>
constexpr double kUlp = std::numeric_limits<T>::epsilon();

}  // namespace isoform::testing
