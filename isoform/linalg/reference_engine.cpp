// The oracle: plain loops in the order of the formulas. No tiles, no vendor library, no threads.
#include <cmath>

#include "isoform/linalg/engine.h"
#include "isoform/linalg/engines.h"

namespace isoform {

namespace {

template <class T>
class ReferenceEngine final : public Engine<T> {
 public:
  std::string name() const override { return "reference"; }
  int threads() const override { return 1; }

  void fill(View<T> x, const std::function<void(View<T>, Index)>& write) override {
    if (x.size() > 0) write(x, 0);
  }

  void multiply(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c) override {
    const Index inner = op_a == Op::none ? a.cols() : a.rows();
    for (Index j = 0; j < c.cols(); ++j) {
      for (Index i = 0; i < c.rows(); ++i) {
        T sum = 0;
        for (Index k = 0; k < inner; ++k) {
          sum += (op_a == Op::none ? a(i, k) : a(k, i)) * (op_b == Op::none ? b(k, j) : b(j, k));
        }
        c(i, j) = beta == T(0) ? sum : sum + beta * c(i, j);
      }
    }
  }

  void multiply_then(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c,
                     const std::function<void(Index, Index)>& done) override {
    multiply(op_a, a, op_b, b, beta, c);
    if (c.cols() > 0) done(0, c.cols());
  }

  void multiply_diagonal(std::span<const T> d, ConstView<T> p, ConstView<T> a, T beta,
                         View<T> c) override {
    const Index inputs = a.rows() - p.cols();
    for (Index j = 0; j < c.cols(); ++j) {
      for (Index i = 0; i < c.rows(); ++i) {
        T sum = i < static_cast<Index>(d.size()) ? d[i] * a(i, j) : T(0);
        for (Index k = 0; k < p.cols(); ++k) sum += p(i, k) * a(inputs + k, j);
        c(i, j) = beta == T(0) ? sum : sum + beta * c(i, j);
      }
    }
  }

  void multiply_blocks(std::span<const RowBlock<T>> blocks, ConstView<T> b, T beta,
                       View<T> c) override {
    for (const RowBlock<T>& block : blocks) {
      multiply(Op::none, block.a, Op::none, b.middleRows(block.first, block.a.cols()), beta,
               c.middleRows(block.row, block.a.rows()));
    }
  }

  void gate_forward(const Gates<T>& gates, ConstView<T> z, std::span<const T> o, View<T> h,
                    View<T> s, View<T> kappa) override {
    for (Index j = 0; j < z.cols(); ++j) {
      Index begin = 0;
      for (Index g = 0; g < static_cast<Index>(gates.sizes.size()); ++g) {
        const Index end = begin + gates.sizes[g];
        T t = o[g];
        for (Index i = begin; i < end; ++i) t += z(i, j) * z(i, j);
        gates.radial(1, &t, &s(g, j), &kappa(g, j));
        for (Index i = begin; i < end; ++i) h(i, j) = s(g, j) * z(i, j);
        begin = end;
      }
    }
  }

  void gate_backward(const Gates<T>& gates, ConstView<T> z, ConstView<T> s, ConstView<T> kappa,
                     ConstView<T> q, View<T> v, std::span<T> o_gradient) override {
    for (T& value : o_gradient) value = 0;
    for (Index j = 0; j < z.cols(); ++j) {
      Index begin = 0;
      for (Index g = 0; g < static_cast<Index>(gates.sizes.size()); ++g) {
        const Index end = begin + gates.sizes[g];
        T r = q(g, j);
        for (Index i = begin; i < end; ++i) r += z(i, j) * v(i, j);
        for (Index i = begin; i < end; ++i) {
          v(i, j) = s(g, j) * v(i, j) + kappa(g, j) * r * z(i, j);
        }
        o_gradient[g] += kappa(g, j) * r / 2;
        begin = end;
      }
    }
  }

  void adam(const AdamStep& step, Index n, T* w, const T* g, T* m, T* v) override {
    for (Index i = 0; i < n; ++i) {
      const T gradient = g[i] + T(step.l2) * w[i];
      m[i] = T(step.beta1) * m[i] + T(1 - step.beta1) * gradient;
      v[i] = T(step.beta2) * v[i] + T(1 - step.beta2) * gradient * gradient;
      const T ratio = m[i] / (std::sqrt(v[i]) * T(step.root) + T(step.epsilon));
      w[i] = w[i] - T(step.decay) * w[i] - T(step.step) * ratio;
    }
  }

  void momentum(const MomentumStep& step, Index n, T* w, const T* g, T* m) override {
    for (Index i = 0; i < n; ++i) {
      const T gradient = g[i] + T(step.l2) * w[i];
      m[i] = T(step.momentum) * m[i] + gradient;
      w[i] -= T(step.rate) * (step.nesterov ? gradient + T(step.momentum) * m[i] : m[i]);
    }
  }

  void normalised(const NormalisedStep& step, Index n, T* w, const T* g, T* m) override {
    for (Index i = 0; i < n; ++i) {
      m[i] = T(step.beta1) * m[i] + T(step.fresh) * g[i];
      w[i] = w[i] - T(step.decay) * w[i] - T(step.step) * m[i];
    }
  }

  double sum_of_squares(Index n, const T* g) override {
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += static_cast<double>(g[i]) * static_cast<double>(g[i]);
    return sum;
  }
};

}  // namespace

template <class T>
std::unique_ptr<Engine<T>> make_reference_engine() {
  return std::make_unique<ReferenceEngine<T>>();
}
template std::unique_ptr<Engine<float>> make_reference_engine();
template std::unique_ptr<Engine<double>> make_reference_engine();

}  // namespace isoform
