// Optimisers whose state follows a network through its edits. docs/mathematics.md 7.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/network.h"

namespace isoform {

enum class Method {
  sgd,       // plain gradient descent
  momentum,  // heavy ball
  nesterov,  // Nesterov's momentum, in the form of Sutskever et al. 2013
  adam,      // Kingma and Ba 2014; weight decay is added to the gradient
  adamw,     // Loshchilov and Hutter 2019; decoupled weight decay
};
std::string_view method_name(Method method);
Method method_from_name(std::string_view name);

struct OptimiserSettings {
  Method method = Method::adamw;
  double learning_rate = 2e-3;
  double momentum = 0.9;                              // momentum and nesterov
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // adam and adamw
  double weight_decay = 1e-3;  // on every trained parameter; decay draws β, and so o, to 0

  /// Throws UsageError with field, value and rule.
  void validate() const;
};

/// State is keyed by parameter, so networks may change shape between steps as long as transport() sees
/// every edit. Gradient descent with momentum and weight decay commutes with rotations exactly; Adam's
/// second moment does not (its basis matters), so it is carried by the published rule T∘T.
template <class T>
class Optimiser {
 public:
  explicit Optimiser(const OptimiserSettings& settings);

  /// One step on every trainable parameter; `learning_rate` overrides the settings' (schedules).
  void step(std::span<const Parameter<T>> parameters, Engine<T>& engine, double learning_rate);

  /// Carries the state along an edit; call before the network applies it. First moments go by T, second
  /// moments by T∘T; new entries get first moment 0 and the mean second moment of their tensor (a zero
  /// would let their first steps be 3–7 times too long); o's go by the chain rule. Nothing is ever reset.
  void transport(const Network<T>& before, const Edit& edit);

  [[nodiscard]] std::int64_t steps() const { return steps_; }

 private:
  struct Moments {
    Matrix<T> first, second;  // second is empty for methods without it
  };
  void transport_length(const Space<T>& before, const Edit& edit, Moments& moments) const;

  OptimiserSettings settings_;
  std::int64_t steps_ = 0;
  std::map<ParameterKey, Moments> state_;
};

/// Scales gradients so that their joint Euclidean norm is at most `limit`; returns the norm before.
template <class T>
double clip_gradients(std::span<const Parameter<T>> parameters, double limit);

}  // namespace isoform
