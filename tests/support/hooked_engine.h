// An engine that passes every call on to another, and tells of it first.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "isoform/linalg/engine.h"

namespace isoform::testing {

template <class T>
class HookedEngine final : public Engine<T> {
 public:
  HookedEngine(Engine<T>& engine, std::function<void()> hook)
      : engine_(engine), hook_(std::move(hook)) {}

  std::string name() const override { return engine_.name(); }
  int threads() const override { return engine_.threads(); }
  void fill(View<T> x, const std::function<void(View<T>, Index)>& write) override {
    hook_();
    engine_.fill(x, write);
  }
  void multiply(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c) override {
    hook_();
    engine_.multiply(op_a, a, op_b, b, beta, c);
  }
  void multiply_then(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c,
                     const std::function<void(Index, Index)>& done) override {
    hook_();
    engine_.multiply_then(op_a, a, op_b, b, beta, c, done);
  }
  void multiply_diagonal(std::span<const T> d, ConstView<T> p, ConstView<T> a, T beta,
                         View<T> c) override {
    hook_();
    engine_.multiply_diagonal(d, p, a, beta, c);
  }
  void multiply_blocks(std::span<const RowBlock<T>> blocks, ConstView<T> b, T beta,
                       View<T> c) override {
    hook_();
    engine_.multiply_blocks(blocks, b, beta, c);
  }
  void gate_forward(const Gates<T>& gates, ConstView<T> z, std::span<const T> o, View<T> h,
                    View<T> s, View<T> kappa) override {
    hook_();
    engine_.gate_forward(gates, z, o, h, s, kappa);
  }
  void gate_backward(const Gates<T>& gates, ConstView<T> z, ConstView<T> s, ConstView<T> kappa,
                     ConstView<T> q, View<T> v, std::span<T> o_gradient) override {
    hook_();
    engine_.gate_backward(gates, z, s, kappa, q, v, o_gradient);
  }
  void adam(const AdamStep& step, Index n, T* w, const T* g, T* m, T* v) override {
    hook_();
    engine_.adam(step, n, w, g, m, v);
  }
  void momentum(const MomentumStep& step, Index n, T* w, const T* g, T* m) override {
    hook_();
    engine_.momentum(step, n, w, g, m);
  }
  void normalised(const NormalisedStep& step, Index n, T* w, const T* g, T* m) override {
    hook_();
    engine_.normalised(step, n, w, g, m);
  }
  double sum_of_squares(Index n, const T* g) override {
    hook_();
    return engine_.sum_of_squares(n, g);
  }

 private:
  Engine<T>& engine_;
  std::function<void()> hook_;
};

}  // namespace isoform::testing
