#include "isoform/linalg/kernels.h"

#include <cmath>

#include "isoform/linalg/clones.h"

namespace isoform {

const char* instruction_set() {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
    return "x86-64-v4";
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "x86-64-v3";
  return "x86-64";
#elif defined(__aarch64__)
  return "arm64";
#else
  return "generic";
#endif
}

namespace kernels {
namespace {

constexpr int kLanes = 16;  // fixed: the order of every sum is the same on every instruction set

template <class T>
inline void multiply_diagonal_of(const DiagonalShape& shape, Index count, const T* __restrict d,
                                 Columns<const T> p, Columns<const T> h, T beta, Columns<T> c) {
  const Index n = shape.diagonal;
  for (Index j = 0; j < count; ++j) {
    const T* __restrict x = h(j);
    const T* const r = x + shape.inputs;
    T* __restrict y = c(j);
    if (beta == T(0)) {
      for (Index i = 0; i < n; ++i) y[i] = d[i] * x[i];
      for (Index i = n; i < shape.rows; ++i) y[i] = T(0);
    } else {
      for (Index i = 0; i < n; ++i) y[i] = beta * y[i] + d[i] * x[i];
      for (Index i = n; i < shape.rows; ++i) y[i] *= beta;
    }
    for (Index k = 0; k < shape.few; ++k) {  // y stays in the nearest cache
      const T* __restrict column = p(k);
      const T factor = r[k];
      for (Index i = 0; i < shape.rows; ++i) y[i] += factor * column[i];
    }
  }
}

template <class T>
inline void adam_of(const AdamStep& step, Index n, T* __restrict w, const T* __restrict gradient,
                    T* __restrict m, T* __restrict v) {
  const T b1 = T(step.beta1), b2 = T(step.beta2), c1 = T(1 - step.beta1), c2 = T(1 - step.beta2);
  const T size = T(step.step), root = T(step.root), epsilon = T(step.epsilon);
  const T keep = T(1 - step.decay), l2 = T(step.l2);
  for (Index i = 0; i < n; ++i) {
    const T g = gradient[i] + l2 * w[i];
    m[i] = b1 * m[i] + c1 * g;
    v[i] = b2 * v[i] + c2 * g * g;
    w[i] = keep * w[i] - size * m[i] / (std::sqrt(v[i]) * root + epsilon);
  }
}

template <class T>
inline void momentum_of(const MomentumStep& step, Index n, T* __restrict w,
                        const T* __restrict gradient, T* __restrict m) {
  const T rate = T(step.rate), mu = T(step.momentum), l2 = T(step.l2);
  const T ahead = step.nesterov ? mu : T(1), fresh = step.nesterov ? T(1) : T(0);
  for (Index i = 0; i < n; ++i) {
    const T g = gradient[i] + l2 * w[i];
    m[i] = mu * m[i] + g;
    w[i] -= rate * (fresh * g + ahead * m[i]);
  }
}

template <class T>
inline void normalised_of(const NormalisedStep& step, Index n, T* __restrict w,
                          const T* __restrict g, T* __restrict m) {
  const T b1 = T(step.beta1), fresh = T(step.fresh), size = T(step.step), keep = T(1 - step.decay);
  for (Index i = 0; i < n; ++i) {
    m[i] = b1 * m[i] + fresh * g[i];
    w[i] = keep * w[i] - size * m[i];
  }
}

// Σ g² as kLanes interleaved partial sums in double, then a tree.
template <class T>
inline double sum_of_squares_of(Index n, const T* g) {
  double lane[kLanes] = {};
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int k = 0; k < kLanes; ++k) {
      const auto value = static_cast<double>(g[i + k]);
      lane[k] += value * value;
    }
  }
  for (int k = 0; i < n; ++i, ++k) lane[k] += static_cast<double>(g[i]) * static_cast<double>(g[i]);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int k = 0; k < width; ++k) lane[k] += lane[k + width];
  }
  return lane[0];
}

}  // namespace

// One line for each scalar: clones need plain functions, the loops above are their bodies.
#define ISOFORM_FOR_SCALAR(T)                                                                   \
  ISOFORM_CLONES void multiply_diagonal(const DiagonalShape& shape, Index count, const T* d,    \
                                        Columns<const T> p, Columns<const T> h, T beta,         \
                                        Columns<T> c) {                                         \
    multiply_diagonal_of<T>(shape, count, d, p, h, beta, c);                                    \
  }                                                                                             \
  ISOFORM_CLONES void adam(const AdamStep& step, Index n, T* w, const T* g, T* m, T* v) {       \
    adam_of<T>(step, n, w, g, m, v);                                                            \
  }                                                                                             \
  ISOFORM_CLONES void momentum(const MomentumStep& step, Index n, T* w, const T* g, T* m) {     \
    momentum_of<T>(step, n, w, g, m);                                                           \
  }                                                                                             \
  ISOFORM_CLONES void normalised(const NormalisedStep& step, Index n, T* w, const T* g, T* m) { \
    normalised_of<T>(step, n, w, g, m);                                                         \
  }                                                                                             \
  ISOFORM_CLONES double sum_of_squares(Index n, const T* g) { return sum_of_squares_of<T>(n, g); }

ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace kernels
}  // namespace isoform
