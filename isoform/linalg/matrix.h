// The matrix types of the whole library: Eigen's, column-major, one column = one sample.
//
// The target isoform::isoform exports EIGEN_MAX_ALIGN_BYTES=64, so that storage starts on a cache line
// and has one layout whatever instruction set a consumer compiles for.
#pragma once

#include <Eigen/Core>

namespace isoform {

using Index = Eigen::Index;

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
template <class T>
using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

/// A window on columns of someone else's storage; contiguous inside a column.
template <class T>
using View = Eigen::Ref<Matrix<T>, 0, Eigen::OuterStride<>>;
template <class T>
using ConstView = Eigen::Ref<const Matrix<T>, 0, Eigen::OuterStride<>>;

}  // namespace isoform
