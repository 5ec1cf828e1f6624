// Inner loops of the cpu engine, compiled for several instruction sets (clones.h). Private to linalg.
#pragma once

#include <span>

#include "isoform/linalg/engine.h"

namespace isoform::kernels {

/// A block of columns: column j starts at data + j·stride.
template <class T>
struct Columns {
  T* data;
  Index stride;
  T* operator()(Index j) const { return data + j * stride; }
};

/// c ← beta c + [diag(d) P] (h; r) for `count` columns: c_j has `rows` numbers, d the first `diagonal` of
/// them; the `few` columns of P meet r_j, which begins `inputs` numbers after h_j.
struct DiagonalShape {
  Index rows, diagonal, inputs, few;
};
void multiply_diagonal(const DiagonalShape& shape, Index count, const float* d,
                       Columns<const float> p, Columns<const float> h, float beta,
                       Columns<float> c);
void multiply_diagonal(const DiagonalShape& shape, Index count, const double* d,
                       Columns<const double> p, Columns<const double> h, double beta,
                       Columns<double> c);

/// y ← beta y + A x, A [rows × cols] with columns `stride` apart. Reads A once, in order, by panels of 64 rows (32 of
/// double).
struct VectorShape {
  Index rows, cols, stride;
};
void multiply_vector(const VectorShape& shape, const float* a, const float* x, float beta,
                     float* y);
void multiply_vector(const VectorShape& shape, const double* a, const double* x, double beta,
                     double* y);

/// t[g + j·H] = o_g + |z_g|² of sample j; samples [0, count).
void squared_lengths(std::span<const Index> sizes, Index count, Columns<const float> z,
                     const float* o, float* t);
void squared_lengths(std::span<const Index> sizes, Index count, Columns<const double> z,
                     const double* o, double* t);

/// h_g = s_g z_g.
void apply_gates(std::span<const Index> sizes, Index count, Columns<const float> z,
                 Columns<const float> s, Columns<float> h);
void apply_gates(std::span<const Index> sizes, Index count, Columns<const double> z,
                 Columns<const double> s, Columns<double> h);

/// The backward of a block of samples; o_gradient[g] receives this block's ½ Σ kappa r.
void gate_backward(std::span<const Index> sizes, Index count, Columns<const float> z,
                   Columns<const float> s, Columns<const float> kappa, Columns<const float> q,
                   Columns<float> v, float* o_gradient);
void gate_backward(std::span<const Index> sizes, Index count, Columns<const double> z,
                   Columns<const double> s, Columns<const double> kappa, Columns<const double> q,
                   Columns<double> v, double* o_gradient);

void adam(const AdamStep& step, Index n, float* w, const float* g, float* m, float* v);
void adam(const AdamStep& step, Index n, double* w, const double* g, double* m, double* v);
void momentum(const MomentumStep& step, Index n, float* w, const float* g, float* m);
void momentum(const MomentumStep& step, Index n, double* w, const double* g, double* m);
void normalised(const NormalisedStep& step, Index n, float* w, const float* g, float* m);
void normalised(const NormalisedStep& step, Index n, double* w, const double* g, double* m);
double sum_of_squares(Index n, const float* g);
double sum_of_squares(Index n, const double* g);

}  // namespace isoform::kernels
