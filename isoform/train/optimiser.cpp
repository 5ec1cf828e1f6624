#include "isoform/train/optimiser.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>

#include "isoform/base/error.h"

namespace isoform {

namespace {
constexpr std::array<std::string_view, 5> kMethods = {"sgd", "momentum", "nesterov", "adam",
                                                      "adamw"};

bool adaptive(Method method) { return method == Method::adam || method == Method::adamw; }
}  // namespace

std::string_view method_name(Method method) { return kMethods[static_cast<std::size_t>(method)]; }

Method method_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i] == name) return static_cast<Method>(i);
  }
  throw UsageError(
      fmt::format("optimiser: '{}' is unknown; known are {}", name, fmt::join(kMethods, ", ")));
}

void OptimiserSettings::validate() const {
  const auto require = [](bool holds, std::string_view field, double value, std::string_view rule) {
    if (!holds) throw UsageError(fmt::format("{}: needs {}, got {}", field, rule, value));
  };
  require(learning_rate > 0 && std::isfinite(learning_rate), "learning-rate", learning_rate,
          "a number above 0");
  require(momentum >= 0 && momentum < 1, "momentum", momentum, "0 or more and below 1");
  require(beta1 >= 0 && beta1 < 1, "beta1", beta1, "0 or more and below 1");
  require(beta2 >= 0 && beta2 < 1, "beta2", beta2, "0 or more and below 1");
  require(epsilon > 0, "epsilon", epsilon, "a number above 0");
  require(weight_decay >= 0 && std::isfinite(weight_decay), "weight-decay", weight_decay,
          "0 or more");
}

template <class T>
Optimiser<T>::Optimiser(const OptimiserSettings& settings) : settings_(settings) {
  settings_.validate();
}

template <class T>
void Optimiser<T>::step(std::span<const Parameter<T>> parameters, Engine<T>& engine,
                        double learning_rate) {
  ++steps_;
  const auto k = static_cast<double>(steps_);
  const OptimiserSettings& o = settings_;
  const bool decoupled = o.method == Method::adamw;
  const AdamStep adam{o.beta1,
                      o.beta2,
                      o.epsilon,
                      learning_rate / (1 - std::pow(o.beta1, k)),
                      1 / std::sqrt(1 - std::pow(o.beta2, k)),
                      decoupled ? learning_rate * o.weight_decay : 0,
                      decoupled ? 0 : o.weight_decay};
  const MomentumStep descent{learning_rate, o.method == Method::sgd ? 0 : o.momentum,
                             o.weight_decay, o.method == Method::nesterov};
  for (const Parameter<T>& p : parameters) {
    if (!p.trainable) continue;
    Moments& moments = state_[p.key];
    if (moments.first.size() == 0) moments.first.setZero(p.rows, p.cols);
    ISOFORM_ASSERT(moments.first.rows() == p.rows && moments.first.cols() == p.cols,
                   "state follows every edit");
    if (adaptive(o.method)) {
      if (moments.second.size() == 0) moments.second.setZero(p.rows, p.cols);
      engine.adam(adam, p.size(), p.value, p.gradient, moments.first.data(), moments.second.data());
    } else {
      engine.momentum(descent, p.size(), p.value, p.gradient, moments.first.data());
    }
  }
}

template <class T>
void Optimiser<T>::transport(const Network<T>& before, const Edit& edit) {
  const Space<T>& space = before.space(edit.space);
  for (auto& entry : state_) {
    const ParameterKey& key = entry.first;  // lambdas cannot capture bindings everywhere
    Moments& moments = entry.second;
    if (moments.first.size() == 0) continue;
    if (key.role == Role::length) {
      if (key.owner == edit.space) transport_length(space, edit, moments);
      continue;
    }
    const Map<T>& map = before.map(key.owner);
    const auto carry = [&](const Matrix<T>& m, Transport kind) -> Matrix<T> {
      const Matrix<double> old = m.template cast<double>();
      const double fill = kind == Transport::squared ? old.mean() : 0.0;
      if (map.to == edit.space) {
        return transport_rows(edit, space.groups, old, kind, fill).template cast<T>();
      }
      if (key.role == Role::weight) {
        return transport_columns(edit, space.groups, old, kind, fill).template cast<T>();
      }
      return transport_gates(edit, old, fill).template cast<T>();
    };
    const bool touched = map.to == edit.space || (map.from == edit.space && key.role != Role::bias);
    if (!touched) continue;
    moments.first = carry(moments.first, Transport::linear);
    if (moments.second.size() > 0) moments.second = carry(moments.second, Transport::squared);
  }
}

// dL/do is kept exactly by every edit, so the moment of the parameter that holds o scales as its slope:
// do/dβ = 2β, do/d log o = o.
template <class T>
void Optimiser<T>::transport_length(const Space<T>& before, const Edit& edit,
                                    Moments& moments) const {
  const Matrix<double> first = moments.first.template cast<double>().transpose();
  const Matrix<double> second = moments.second.template cast<double>().transpose();
  Matrix<double> next_first = transport_gates(edit, first);
  Matrix<double> next_second =
      second.size() > 0 ? transport_gates(edit, second, second.mean()) : Matrix<double>();
  for (std::size_t g = 0; g < edit.groups.size() && edit.length.size() > 0; ++g) {
    const auto at = static_cast<Index>(g);
    const Index source = edit.groups[g].source;
    if (source == GroupEdit::kNew || edit.length[at] == 0) continue;
    const double o = static_cast<double>(before.o(source));
    if (o == 0) {  // no slope to scale: as a new entry
      next_first(0, at) = 0;
      if (next_second.size() > 0) next_second(0, at) = second.mean();
      continue;
    }
    const double ratio_o = (o + edit.length[at]) / o;
    const double ratio = before.length_mode == LengthMode::trainable ? std::sqrt(ratio_o) : ratio_o;
    next_first(0, at) *= ratio;
    if (next_second.size() > 0) next_second(0, at) *= ratio * ratio;
  }
  moments.first = next_first.transpose().template cast<T>();
  if (second.size() > 0) moments.second = next_second.transpose().template cast<T>();
}

template <class T>
double clip_gradients(std::span<const Parameter<T>> parameters, double limit) {
  double squares = 0;
  for (const Parameter<T>& p : parameters) {
    if (!p.trainable) continue;
    squares +=
        Eigen::Map<const Vector<T>>(p.gradient, p.size()).template cast<double>().squaredNorm();
  }
  const double norm = std::sqrt(squares);
  if (norm > limit) {
    for (const Parameter<T>& p : parameters) {
      Eigen::Map<Vector<T>>(p.gradient, p.size()) *= static_cast<T>(limit / norm);
    }
  }
  return norm;
}

template class Optimiser<float>;
template class Optimiser<double>;
template double clip_gradients(std::span<const Parameter<float>>, double);
template double clip_gradients(std::span<const Parameter<double>>, double);

}  // namespace isoform
