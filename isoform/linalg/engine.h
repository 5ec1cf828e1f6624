// The seam to the hardware: a short list of coarse calls. Everything above says what it wants in terms
// of these and never names a vendor library; a new device is one new file.
//
// Engines are created by name: "cpu" (OpenBLAS products, vectorised gates, our thread pool), "bfloat16" (the same with products of
// rounded float factors, where the processor has them) and "reference" (plain loops in the order of the formulas: the oracle of the tests).
//
// Bits: every call cuts its work by shape alone, so results are the same for any number of threads.
// Threads: one engine serves one caller at a time.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "isoform/linalg/matrix.h"

namespace isoform {

enum class Op { none, transpose };

/// Turns n squared lengths t into gates s = G(t) and slopes kappa = 2 G'(t). Docs: mathematics 1.2, 1.4.
template <class T>
using RadialFunction = void (*)(Index n, const T* t, T* s, T* kappa);

/// The gates of one space: contiguous groups of the given sizes, in order, one gate each.
template <class T>
struct Gates {
  std::span<const Index> sizes;
  RadialFunction<T> radial;
};

/// Rows of a matrix that are zero before a column: rows [row, row + a.rows()), columns from `first` on.
template <class T>
struct RowBlock {
  Index row = 0, first = 0;
  Matrix<T> a;
};

/// One step of AdamW (Loshchilov and Hutter 2019), with the corrections for the zero start folded into
/// the factors: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w − step·m/(√v·root + ε) − decay·w.
struct AdamStep {
  double beta1, beta2, epsilon;
  double step;   // learning rate / (1 − β₁^k)
  double root;   // 1 / √(1 − β₂^k)
  double decay;  // learning rate · decoupled weight decay
  double l2;     // added to the gradient as l2·w (plain Adam's weight decay)
};

/// One step of SGD: g ← g + l2·w, m ← μm + g, w ← w − rate·(nesterov ? g + μm : m).
struct MomentumStep {
  double rate, momentum, l2;
  bool nesterov;
};

/// One step along a normalised gradient: m ← β₁m + fresh·g, w ← (1 − decay)w − step·m.
struct NormalisedStep {
  double beta1;
  double fresh;  // (1−β₁) / (√v + ε), the same for all numbers of the call
  double step;   // learning rate / (1 − β₁^k)
  double decay;  // learning rate · decoupled weight decay
};

template <class T>
class Engine {
 public:
  virtual ~Engine() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual int threads() const = 0;

  /// Fills X, a factor of products to come, by parts: write(rows, first) for each part of its rows, once in all for each row, by
  /// the thread that will read them; parts run at the same time.
  virtual void fill(View<T> x, const std::function<void(View<T> rows, Index first)>& write) = 0;

  /// C ← op(A) op(B) + beta C. C must not overlap A or B. beta = 0 never reads C.
  virtual void multiply(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c) = 0;

  /// The same, and done(first, count) for each part of the columns of C as soon as it is there, once in all for each
  /// column, by the thread that computed it and while it is in that thread's cache; parts run at the same time. `done` may
  /// call the elementwise steps below, for numbers of its part.
  virtual void multiply_then(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c,
                             const std::function<void(Index first, Index count)>& done) = 0;

  /// C ← beta C + [diag(d) P] A: the product with a matrix whose first a.rows() − p.cols() columns are zero
  /// outside (i, i). An affine map with a diagonal weight, P = [b ψ], reading A = (h; 1; s). d has
  /// min(rows, those columns) numbers. C must not overlap A, P or d. beta = 0 never reads C.
  /// O(rows · p.cols() · B).
  virtual void multiply_diagonal(std::span<const T> d, ConstView<T> p, ConstView<T> a, T beta,
                                 View<T> c) = 0;

  /// C ← beta C + A B for a matrix A that is given by blocks of rows, without what is zero: for each block the
  /// product of its a with rows [first, first + a.cols()) of B. Blocks share no rows; rows of C in no
  /// block are left as they are. Aliasing and beta as in multiply.
  virtual void multiply_blocks(std::span<const RowBlock<T>> blocks, ConstView<T> b, T beta,
                               View<T> c) = 0;

  /// For each sample and group g: t = o_g + |z_g|², s = G(t), kappa = 2G'(t), h_g = s z_g.
  /// z, h: [n × B], h may be z itself; s, kappa: [groups × B]; o: [groups]. O(nB).
  virtual void gate_forward(const Gates<T>& gates, ConstView<T> z, std::span<const T> o, View<T> h,
                            View<T> s, View<T> kappa) = 0;

  /// Given v = dL/dh and q = dL/ds (through psi): r = z_g·v_g + q_g, then v_g ← s v_g + kappa r z_g
  /// (= dL/dz, in place) and o_gradient_g = ½ Σ_samples kappa r (= dL/do). Docs: mathematics 1.3.
  virtual void gate_backward(const Gates<T>& gates, ConstView<T> z, ConstView<T> s,
                             ConstView<T> kappa, ConstView<T> q, View<T> v,
                             std::span<T> o_gradient) = 0;

  /// Elementwise optimiser steps on n contiguous numbers; w, g, m, v do not overlap.
  virtual void adam(const AdamStep& step, Index n, T* w, const T* g, T* m, T* v) = 0;
  virtual void momentum(const MomentumStep& step, Index n, T* w, const T* g, T* m) = 0;
  virtual void normalised(const NormalisedStep& step, Index n, T* w, const T* g, T* m) = 0;
  /// Σ g², in double.
  [[nodiscard]] virtual double sum_of_squares(Index n, const T* g) = 0;
};

/// More threads than any shape is cut into tiles for would only wait.
inline constexpr int kMaxThreads = 256;

/// Settings shared by all engines. threads = 0 means all available cores.
struct EngineSettings {
  std::string name = "cpu";
  int threads = 0;
};

/// Throws UsageError naming the known engines when the name is unknown or threads are out of range.
template <class T>
std::unique_ptr<Engine<T>> create_engine(const EngineSettings& settings = {});
/// Names that create_engine accepts, best first.
std::vector<std::string> engine_names();
/// The BLAS/LAPACK in use with its kernel choice, for --version and run records.
std::string linear_algebra_library();

}  // namespace isoform
