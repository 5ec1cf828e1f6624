#include "isoform/measure/timed_engine.h"

#include <chrono>

#include "isoform/base/error.h"

namespace isoform {

std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::inputs:
      return "inputs";
    case Phase::products:
      return "products";
    case Phase::gates:
      return "gates";
    case Phase::optimiser:
      return "optimiser";
    case Phase::updates:
      return "gradients and optimiser";
  }
  throw InternalError("phase without a name");
}

template <class T>
template <class Function>
auto TimedEngine<T>::time(Phase phase, double operations, const Function& function) {
  if (inside_) return function();
  using Clock = std::chrono::steady_clock;
  struct Watch {
    PhaseTotal& total;
    Clock::time_point start = Clock::now();
    ~Watch() { total.seconds += std::chrono::duration<double>(Clock::now() - start).count(); }
  } watch{totals_[phase]};
  watch.total.operations += operations;
  return function();
}

template <class T>
void TimedEngine<T>::fill(View<T> x, const std::function<void(View<T>, Index)>& write) {
  time(Phase::inputs, 0, [&] { engine_.fill(x, write); });
}

template <class T>
void TimedEngine<T>::multiply(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c) {
  const Index inner = op_a == Op::none ? a.cols() : a.rows();
  time(Phase::products, 2.0 * static_cast<double>(c.size()) * static_cast<double>(inner),
       [&] { engine_.multiply(op_a, a, op_b, b, beta, c); });
}

template <class T>
void TimedEngine<T>::multiply_then(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta,
                                   View<T> c, const std::function<void(Index, Index)>& done) {
  const Index inner = op_a == Op::none ? a.cols() : a.rows();
  time(Phase::updates, 2.0 * static_cast<double>(c.size()) * static_cast<double>(inner), [&] {
    inside_ = true;
    engine_.multiply_then(op_a, a, op_b, b, beta, c, done);
    inside_ = false;
  });
}

template <class T>
void TimedEngine<T>::multiply_diagonal(std::span<const T> d, ConstView<T> p, ConstView<T> a, T beta,
                                       View<T> c) {
  const auto numbers = static_cast<double>(p.size()) + static_cast<double>(d.size());
  time(Phase::products, 2 * numbers * static_cast<double>(c.cols()),
       [&] { engine_.multiply_diagonal(d, p, a, beta, c); });
}

template <class T>
void TimedEngine<T>::multiply_blocks(std::span<const RowBlock<T>> blocks, ConstView<T> b, T beta,
                                     View<T> c) {
  double numbers = 0;
  for (const RowBlock<T>& block : blocks) numbers += static_cast<double>(block.a.size());
  time(Phase::products, 2 * numbers * static_cast<double>(c.cols()),
       [&] { engine_.multiply_blocks(blocks, b, beta, c); });
}

template <class T>
void TimedEngine<T>::gate_forward(const Gates<T>& gates, ConstView<T> z, std::span<const T> o,
                                  View<T> h, View<T> s, View<T> kappa) {
  time(Phase::gates, 0, [&] { engine_.gate_forward(gates, z, o, h, s, kappa); });
}

template <class T>
void TimedEngine<T>::gate_backward(const Gates<T>& gates, ConstView<T> z, ConstView<T> s,
                                   ConstView<T> kappa, ConstView<T> q, View<T> v,
                                   std::span<T> o_gradient) {
  time(Phase::gates, 0, [&] { engine_.gate_backward(gates, z, s, kappa, q, v, o_gradient); });
}

template <class T>
void TimedEngine<T>::adam(const AdamStep& step, Index n, T* w, const T* g, T* m, T* v) {
  time(Phase::optimiser, 0, [&] { engine_.adam(step, n, w, g, m, v); });
}

template <class T>
void TimedEngine<T>::momentum(const MomentumStep& step, Index n, T* w, const T* g, T* m) {
  time(Phase::optimiser, 0, [&] { engine_.momentum(step, n, w, g, m); });
}

template <class T>
void TimedEngine<T>::normalised(const NormalisedStep& step, Index n, T* w, const T* g, T* m) {
  time(Phase::optimiser, 0, [&] { engine_.normalised(step, n, w, g, m); });
}

template <class T>
double TimedEngine<T>::sum_of_squares(Index n, const T* g) {
  return time(Phase::optimiser, 0, [&] { return engine_.sum_of_squares(n, g); });
}

template class TimedEngine<float>;
template class TimedEngine<double>;

}  // namespace isoform
