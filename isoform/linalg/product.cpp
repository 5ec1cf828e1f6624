#include "isoform/linalg/product.h"

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/linalg/blas.h"

namespace isoform {

namespace {

template <class T>
Matrix<T> product_of(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b) {
  const Index rows = op_a == Op::none ? a.rows() : a.cols(),
              inner = op_a == Op::none ? a.cols() : a.rows(),
              cols = op_b == Op::none ? b.cols() : b.rows();
  ISOFORM_ASSERT(inner == (op_b == Op::none ? b.rows() : b.cols()), "shapes of a product");
  Matrix<T> c(rows, cols);
  if (c.size() == 0) return c;
  if (inner == 0) {
    c.setZero();
    return c;
  }
  const auto stride = [](Index s) { return static_cast<int>(std::max<Index>(s, 1)); };
  openblas_set_num_threads(1);  // more would give other bits
  blas::gemm(op_a == Op::none ? 'N' : 'T', op_b == Op::none ? 'N' : 'T', static_cast<int>(rows),
             static_cast<int>(cols), static_cast<int>(inner), a.data(), stride(a.outerStride()),
             b.data(), stride(b.outerStride()), T(0), c.data(), stride(c.outerStride()));
  return c;
}

}  // namespace

Matrix<double> product(Op op_a, ConstView<double> a, Op op_b, ConstView<double> b) {
  return product_of<double>(op_a, a, op_b, b);
}
Matrix<float> product(Op op_a, ConstView<float> a, Op op_b, ConstView<float> b) {
  return product_of<float>(op_a, a, op_b, b);
}

}  // namespace isoform
