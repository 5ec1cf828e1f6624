// A matrix times one vector. Bound by memory: every number of A is read once and used once, so what counts is to read
// in order, no more than there is, and to keep sums in registers.
#include <algorithm>
#include <cstring>

#include "isoform/linalg/clones.h"
#include "isoform/linalg/kernels.h"

namespace isoform::kernels {
namespace {

// 64 bytes that the compiler keeps in as many registers as the instruction set needs.
template <class T>
struct Wide;
template <>
struct Wide<float> {
  typedef float Type __attribute__((vector_size(64)));
};
template <>
struct Wide<double> {
  typedef double Type __attribute__((vector_size(64)));
};

constexpr int kPanels = 4;  // registers' worth of sums at once

template <class T>
constexpr Index kLanes = 64 / static_cast<Index>(sizeof(T));

// The rows of one strip, at most kPanels · kLanes.
template <class T>
struct Strip {
  typename Wide<T>::Type sum[kPanels] = {};

  // Adds columns [begin, end) of `Panels` whole panels.
  template <int Panels>
  inline void add(const T* a, Index stride, const T* x, Index begin, Index end) {
    // Sums of one panel follow each other: with few panels, columns take turns, so that additions overlap.
    constexpr int kWays = Panels == 1 ? 4 : Panels == 2 ? 2 : 1;
    typename Wide<T>::Type local[kWays][Panels] = {};
    Index j = begin;
    for (; j + kWays <= end; j += kWays) {
      for (int way = 0; way < kWays; ++way) {
        for (int p = 0; p < Panels; ++p) {
          typename Wide<T>::Type wide;
          std::memcpy(&wide, a + (j + way) * stride + p * kLanes<T>, sizeof wide);
          local[way][p] += wide * x[j + way];
        }
      }
    }
    for (; j < end; ++j) {
      for (int p = 0; p < Panels; ++p) {
        typename Wide<T>::Type wide;
        std::memcpy(&wide, a + j * stride + p * kLanes<T>, sizeof wide);
        local[0][p] += wide * x[j];
      }
    }
    for (int p = 0; p < Panels; ++p) {
      for (int way = 0; way < kWays; ++way) sum[p] += local[way][p];
    }
  }
  inline void add(int panels, const T* a, Index stride, const T* x, Index begin, Index end) {
    switch (panels) {
      case 1:
        return add<1>(a, stride, x, begin, end);
      case 2:
        return add<2>(a, stride, x, begin, end);
      case 3:
        return add<3>(a, stride, x, begin, end);
      default:
        return add<4>(a, stride, x, begin, end);
    }
  }
};

template <class T>
inline void multiply_vector_of(const VectorShape& shape, const T* a, const T* x, T beta, T* y) {
  const Index height = kPanels * kLanes<T>;
  const Index stored = shape.cols > 0 ? (shape.cols - 1) * shape.stride + shape.rows : 0;
  for (Index row = 0; row < shape.rows; row += height) {
    const Index rows = std::min(height, shape.rows - row);
    const auto panels = static_cast<int>((rows + kLanes<T> - 1) / kLanes<T>);
    // Whole panels reach beyond the rows, into the next columns: what is added there is dropped. Not beyond the end.
    const Index reach = row + panels * kLanes<T>;
    Index safe = shape.cols;
    while (safe > 0 && (safe - 1) * shape.stride + reach > stored) --safe;
    Strip<T> strip;
    strip.add(panels, a + row, shape.stride, x, 0, safe);
    T sums[kPanels * kLanes<T>];
    std::memcpy(sums, strip.sum, sizeof sums);
    for (Index j = safe; j < shape.cols; ++j) {
      const T* column = a + row + j * shape.stride;
      for (Index i = 0; i < rows; ++i) sums[i] += column[i] * x[j];
    }
    for (Index i = 0; i < rows; ++i) {
      y[row + i] = beta == T(0) ? sums[i] : beta * y[row + i] + sums[i];
    }
  }
}

}  // namespace

ISOFORM_CLONES void multiply_vector(const VectorShape& shape, const float* a, const float* x,
                                    float beta, float* y) {
  multiply_vector_of<float>(shape, a, x, beta, y);
}
ISOFORM_CLONES void multiply_vector(const VectorShape& shape, const double* a, const double* x,
                                    double beta, double* y) {
  multiply_vector_of<double>(shape, a, x, beta, y);
}

}  // namespace isoform::kernels
