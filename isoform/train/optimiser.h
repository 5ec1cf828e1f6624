// Optimisers whose state follows a network through its edits. docs/mathematics.md 7, docs/optimisers.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/pass.h"
#include "isoform/train/factors.h"

namespace isoform {

enum class Method {
  sgd,       // plain gradient descent
  momentum,  // heavy ball
  nesterov,  // Nesterov's momentum, in the form of Sutskever et al. 2013
  adam,      // Kingma and Ba 2014; weight decay is added to the gradient
  adamw,     // Loshchilov and Hutter 2019; decoupled weight decay
  novograd,  // one second moment for each tensor, after Ginsburg et al. 2019; decoupled weight decay
  muon,  // weights along the polar factor of their momentum, after Jordan et al. 2024; the rest by novograd
};
std::string_view method_name(Method method);
Method method_from_name(std::string_view name);
/// True where training commutes with rotations: a run that is rotated midway ends where one rotated at its end does.
/// All but adam and adamw.
bool is_covariant(Method method);
/// The learning rate that a method takes when it is told none. Chosen on a validation split (docs/optimisers.md).
double default_rate(Method method);

/// How Adam's second moment v is carried along T. Neither is exact: v' needs the covariance of all entries.
enum class SecondMoment {
  factored,  // (T∘T) v, corrected by covariances of rows and columns that are gathered on the way (train/factors.h)
  squared,   // (T∘T) v: the published rule, exact for uncorrelated entries
};
std::string_view second_moment_name(SecondMoment transport);
SecondMoment second_moment_from_name(std::string_view name);

struct OptimiserSettings {
  Method method = Method::adamw;
  std::optional<double> learning_rate = {};           // none: the method's own, default_rate
  double momentum = 0.9;                              // momentum, nesterov and muon
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // adam, adamw, novograd; muon's novograd
  double weight_decay = 1e-3;  // on every trained parameter; decay draws β, and so o, to 0
  SecondMoment second_moment = SecondMoment::factored;  // adam and adamw

  [[nodiscard]] double rate() const { return learning_rate.value_or(default_rate(method)); }
  /// Throws UsageError with field, value and rule.
  void validate() const;
};

/// What an optimiser remembers of one parameter.
template <class T>
struct OptimiserState {
  std::int64_t steps = 0;  // of this parameter
  Matrix<T> first;         // the parameter's shape
  // adam and adamw: the parameter's shape. novograd: 1 × 1, of a length one for each group. Otherwise empty.
  Matrix<T> second;
  Factor<T> rows, columns;    // for SecondMoment::factored
  std::int64_t gathered = 0;  // step of the last gathering
};

/// All that an optimiser remembers.
template <class T>
struct OptimiserMemory {
  std::int64_t steps = 0;
  std::map<ParameterKey, OptimiserState<T>> parameters;
};

/// State is keyed by parameter, so networks may change shape between steps as long as transport() sees
/// every edit. A parameter counts its own steps, from its first. Nothing is ever reset.
///
///   novograd   v ← β₂v + (1−β₂) mean g²,  m ← β₁m + (1−β₁) g/(√v̂ + ε),  w ← (1−ηλ)w − η m/(1−β₁^k),  v̂ = v/(1−β₂^k)
///   muon       m ← μm + g,  W ← (1−ηλ)W − 0.2 √max(rows, columns) η P(g + μm)     (train/polar.h)
///
/// The mean is over the trained rows of a tensor; a length has one v for each group.
template <class T>
class Optimiser {
 public:
  explicit Optimiser(const OptimiserSettings& settings);

  /// One step on every trainable parameter. Frozen rows keep their values and their state. `parameters` are all of the
  /// network's: state of others is dropped.
  void step(std::span<const Parameter<T>> parameters, Engine<T>& engine, double learning_rate);

  /// True where the next step may be taken by pieces: every number moves by itself, none is frozen, and nothing but the step
  /// itself wants the gradients.
  [[nodiscard]] bool takes_pieces(std::span<const Parameter<T>> parameters) const;
  /// The same step, the same bits: begin; each column of each map once, when its gradients are there, from any thread;
  /// end, for what belongs to no map.
  void begin(std::span<const Parameter<T>> parameters, double learning_rate);
  void step_columns(int map, Index first, Index count, Engine<T>& engine);
  void end(Engine<T>& engine);

  /// Carries the state along an edit of any space; call before the network applies it. First moments go by T,
  /// second moments as the settings say. New entries get first moment 0 and the mean second moment of their tensor (a
  /// zero, as published and in SecondMoment::squared, lets their first steps be 3–7 times too long); rows and columns of new
  /// neurons that are heard softly get as much less as their first gradients are smaller. o's go by the chain rule.
  void transport(const Network<T>& before, const Edit& edit);

  [[nodiscard]] std::int64_t steps() const { return steps_; }
  /// Null before the first step of a parameter.
  [[nodiscard]] const OptimiserState<T>* state(const ParameterKey& key) const;
  /// Between steps: what to go on from, and going on from it.
  [[nodiscard]] OptimiserMemory<T> memory() const { return {steps_, state_}; }
  void recall(OptimiserMemory<T> memory) {
    steps_ = memory.steps;
    state_ = std::move(memory.parameters);
  }

 private:
  using State = OptimiserState<T>;
  // A parameter in a step: of a map, from column `first` of [W b ψ χ] on. Without a state it is not trained.
  struct Piece {
    Index first = 0;
    Parameter<T> parameter;
    State* state = nullptr;
  };
  State& state_for(const Parameter<T>& p);
  void step_one(const Parameter<T>& p, Engine<T>& engine, double rate, State& state);
  void elementwise(const Parameter<T>& p, Engine<T>& engine, double rate, State& state, Index at,
                   Index size) const;
  void novograd(const Parameter<T>& p, Engine<T>& engine, double rate, State& state);
  void muon(const Parameter<T>& p, Engine<T>& engine, double rate, State& state);
  void gather(const Parameter<T>& p, Engine<T>& engine, State& state);
  void drop_others(std::span<const Parameter<T>> parameters);
  // `first`: of each coordinate after the edit, how much of the mean second moment a new one gets.
  void transport_tensor(const Network<T>& before, const Edit& edit, EditTransport<T>& transport,
                        const ParameterKey& key, const Vector<double>& first, State& state) const;
  void transport_length(const Space<T>& before, const Edit& edit, State& state) const;

  OptimiserSettings settings_;
  std::int64_t steps_ = 0;
  std::map<ParameterKey, State> state_;
  // While a step is taken by pieces: of each map, and of lengths.
  std::vector<std::vector<Piece>> pieces_;
  std::vector<Piece> lengths_;
  double rate_ = 0;
};

/// backward() and step(). Where the optimiser takes pieces, each is moved while the cache still has its gradient; then the
/// products are cut in other places, so that gradients agree within rounding.
template <class T>
void backward_and_step(Network<T>& network, Engine<T>& engine, Pass<T>& pass, Gradients gradients,
                       Optimiser<T>& optimiser, double learning_rate);

/// Scales gradients so that their joint Euclidean norm is at most `limit`; returns the norm before.
template <class T>
double clip_gradients(std::span<const Parameter<T>> parameters, double limit);

}  // namespace isoform
