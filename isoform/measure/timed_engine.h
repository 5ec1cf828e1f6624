// An engine that passes every call on to another and adds up what each kind of call took.
#pragma once

#include <map>
#include <string>

#include "isoform/linalg/engine.h"

namespace isoform {

/// What calls are for: the parts of a training step.
enum class Phase {
  inputs,
  products,
  gates,
  optimiser,
  updates,  // products whose results the optimiser takes piece by piece: both together
};
std::string_view phase_name(Phase phase);

/// Seconds and floating-point operations of a phase. Operations of products alone are counted: 2 for each multiply–add.
struct PhaseTotal {
  double seconds = 0, operations = 0;
};

template <class T>
class TimedEngine final : public Engine<T> {
 public:
  explicit TimedEngine(Engine<T>& engine) : engine_(engine) {}

  [[nodiscard]] const std::map<Phase, PhaseTotal>& totals() const { return totals_; }
  void clear() { totals_.clear(); }

  std::string name() const override { return engine_.name(); }
  int threads() const override { return engine_.threads(); }
  void fill(View<T> x, const std::function<void(View<T>, Index)>& write) override;
  void multiply(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c) override;
  void multiply_then(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c,
                     const std::function<void(Index, Index)>& done) override;
  void multiply_diagonal(std::span<const T> d, ConstView<T> p, ConstView<T> a, T beta,
                         View<T> c) override;
  void multiply_blocks(std::span<const RowBlock<T>> blocks, ConstView<T> b, T beta,
                       View<T> c) override;
  void gate_forward(const Gates<T>& gates, ConstView<T> z, std::span<const T> o, View<T> h,
                    View<T> s, View<T> kappa) override;
  void gate_backward(const Gates<T>& gates, ConstView<T> z, ConstView<T> s, ConstView<T> kappa,
                     ConstView<T> q, View<T> v, std::span<T> o_gradient) override;
  void adam(const AdamStep& step, Index n, T* w, const T* g, T* m, T* v) override;
  void momentum(const MomentumStep& step, Index n, T* w, const T* g, T* m) override;
  void normalised(const NormalisedStep& step, Index n, T* w, const T* g, T* m) override;
  double sum_of_squares(Index n, const T* g) override;

 private:
  template <class Function>
  auto time(Phase phase, double operations, const Function& function);

  Engine<T>& engine_;
  std::map<Phase, PhaseTotal> totals_;
  bool inside_ = false;  // of a call that is timed as a whole
};

}  // namespace isoform
