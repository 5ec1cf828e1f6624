// Gates of a block of samples. Groups of one size in a row are one loop, compiled for each small size: with groups of
// four a loop over a group would be all overhead.
#include <type_traits>

#include "isoform/linalg/clones.h"
#include "isoform/linalg/kernels.h"

namespace isoform::kernels {
namespace {

constexpr int kLanes = 16;  // fixed: the order of every sum is the same on every instruction set

// Σ a_i b_i as kLanes interleaved partial sums, then a tree.
template <class T>
inline T dot(Index n, const T* a, const T* b) {
  T lane[kLanes] = {};
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int k = 0; k < kLanes; ++k) lane[k] += a[i + k] * b[i + k];
  }
  for (int k = 0; i < n; ++i, ++k) lane[k] += a[i] * b[i];
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int k = 0; k < width; ++k) lane[k] += lane[k + width];
  }
  return lane[0];
}

template <Index N>  // of the constant's own type: else no dot below would ever be chosen
using Fixed = std::integral_constant<Index, N>;

// The same for a size known to the compiler: one after the other, so that loops over groups vectorise.
template <class T, Index N>
inline T dot(Fixed<N>, const T* a, const T* b) {
  T sum = a[0] * b[0];
  for (Index i = 1; i < N; ++i) sum += a[i] * b[i];
  return sum;
}

// Groups [group, group + count) of one size, in rows from `row` on.
struct Run {
  Index group, count, row, size;
};

// Calls function(run, size) for each run, the size as a constant where it is small.
template <class Function>
inline void each_run(std::span<const Index> sizes, const Function& function) {
  const auto groups = static_cast<Index>(sizes.size());
  Index row = 0;
  for (Index g = 0; g < groups;) {
    Run run{g, 1, row, sizes[static_cast<std::size_t>(g)]};
    while (g + run.count < groups && sizes[static_cast<std::size_t>(g + run.count)] == run.size) {
      ++run.count;
    }
    switch (run.size) {
      case 1:
        function(run, Fixed<1>());
        break;
      case 2:
        function(run, Fixed<2>());
        break;
      case 3:
        function(run, Fixed<3>());
        break;
      case 4:
        function(run, Fixed<4>());
        break;
      case 8:
        function(run, Fixed<8>());
        break;
      default:
        function(run, run.size);
    }
    g += run.count;
    row += run.count * run.size;
  }
}

template <class T>
inline void squared_lengths_of(std::span<const Index> sizes, Index count, Columns<const T> z,
                               const T* __restrict o, T* __restrict t) {
  const auto groups = static_cast<Index>(sizes.size());
  each_run(sizes, [&](const Run& run, auto size) {
    for (Index j = 0; j < count; ++j) {
      const T* __restrict from = z(j) + run.row;
      const T* __restrict base = o + run.group;
      T* __restrict to = t + j * groups + run.group;
      for (Index g = 0; g < run.count; ++g) {
        to[g] = base[g] + dot(size, from + g * size, from + g * size);
      }
    }
  });
}

template <class T>
inline void apply_gates_to(std::span<const Index> sizes, Index count, Columns<const T> z,
                           Columns<const T> s, Columns<T> h) {
  each_run(sizes, [&](const Run& run, auto size) {
    for (Index j = 0; j < count; ++j) {
      const T* from = z(j) + run.row;
      const T* gate = s(j) + run.group;
      T* to = h(j) + run.row;
      for (Index g = 0; g < run.count; ++g) {
        for (Index i = 0; i < size; ++i) to[g * size + i] = gate[g] * from[g * size + i];
      }
    }
  });
}

template <class T>
inline void gate_backward_of(std::span<const Index> sizes, Index count, Columns<const T> z,
                             Columns<const T> s, Columns<const T> kappa, Columns<const T> q,
                             Columns<T> v, T* __restrict o_gradient) {
  for (std::size_t g = 0; g < sizes.size(); ++g) o_gradient[g] = T(0);
  each_run(sizes, [&](const Run& run, auto size) {
    for (Index j = 0; j < count; ++j) {
      const T* __restrict from = z(j) + run.row;
      const T* __restrict gate = s(j) + run.group;
      const T* __restrict slope = kappa(j) + run.group;
      const T* __restrict beside = q(j) + run.group;
      T* __restrict to = v(j) + run.row;
      T* __restrict total = o_gradient + run.group;
      for (Index g = 0; g < run.count; ++g) {
        const Index at = g * size;
        const T turn = slope[g] * (dot(size, from + at, to + at) + beside[g]);
        for (Index i = 0; i < size; ++i) to[at + i] = gate[g] * to[at + i] + turn * from[at + i];
        total[g] += T(0.5) * turn;
      }
    }
  });
}

}  // namespace

// One line for each scalar: clones need plain functions, the loops above are their bodies.
#define ISOFORM_FOR_SCALAR(T)                                                                      \
  ISOFORM_CLONES void squared_lengths(std::span<const Index> sizes, Index count,                   \
                                      Columns<const T> z, const T* o, T* t) {                      \
    squared_lengths_of<T>(sizes, count, z, o, t);                                                  \
  }                                                                                                \
  ISOFORM_CLONES void apply_gates(std::span<const Index> sizes, Index count, Columns<const T> z,   \
                                  Columns<const T> s, Columns<T> h) {                              \
    apply_gates_to<T>(sizes, count, z, s, h);                                                      \
  }                                                                                                \
  ISOFORM_CLONES void gate_backward(std::span<const Index> sizes, Index count, Columns<const T> z, \
                                    Columns<const T> s, Columns<const T> kappa,                    \
                                    Columns<const T> q, Columns<T> v, T* o_gradient) {             \
    gate_backward_of<T>(sizes, count, z, s, kappa, q, v, o_gradient);                              \
  }
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform::kernels
