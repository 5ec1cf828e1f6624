#include "isoform/train/optimiser.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "isoform/base/error.h"
#include "isoform/train/polar.h"

namespace isoform {

namespace {

struct MethodFacts {
  std::string_view name;
  double rate;
};
constexpr std::array<MethodFacts, 7> kMethods = {{{"sgd", 0.3},
                                                  {"momentum", 0.1},
                                                  {"nesterov", 0.1},
                                                  {"adam", 2e-3},
                                                  {"adamw", 2e-3},
                                                  {"novograd", 8e-3},
                                                  {"muon", 4e-3}}};
constexpr std::array<std::string_view, 2> kSecondMoments = {"factored", "squared"};
constexpr double kMuonScale = 0.2;  // the size of Adam's steps, so that both take the same rates

bool is_adam(Method method) { return method == Method::adam || method == Method::adamw; }

// The rows of a matrix that a step must leave as they are.
template <class T>
class Kept {
 public:
  Kept(std::span<const RowRange> ranges, T* data, Index rows, Index cols)
      : ranges_(ranges), all_(data, rows, cols) {
    for (const RowRange& r : ranges_)
      saved_.emplace_back(all_.middleRows(r.begin, r.end - r.begin));
  }
  void restore() {
    for (std::size_t i = 0; i < saved_.size(); ++i) {
      all_.middleRows(ranges_[i].begin, saved_[i].rows()) = saved_[i];
    }
  }

 private:
  std::span<const RowRange> ranges_;
  Eigen::Map<Matrix<T>> all_;
  std::vector<Matrix<T>> saved_;
};

// Steps at which the gradients of a parameter are looked at as a whole.
template <class T>
bool gathers_at(const Parameter<T>& p, std::int64_t step) {
  Index largest = 0;
  for (const auto& groups : {p.row_groups, p.column_groups}) {
    for (const Index size : groups) largest = std::max(largest, size);
  }
  return largest >= 2 && is_gathering(step, largest);
}

}  // namespace

std::string_view method_name(Method method) {
  return kMethods[static_cast<std::size_t>(method)].name;
}

Method method_from_name(std::string_view name) {
  std::vector<std::string_view> known;
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i].name == name) return static_cast<Method>(i);
    known.push_back(kMethods[i].name);
  }
  throw UsageError(
      fmt::format("optimiser: '{}' is unknown; known are {}", name, fmt::join(known, ", ")));
}

bool is_covariant(Method method) { return !is_adam(method); }

double default_rate(Method method) { return kMethods[static_cast<std::size_t>(method)].rate; }

std::string_view second_moment_name(SecondMoment transport) {
  return kSecondMoments[static_cast<std::size_t>(transport)];
}

SecondMoment second_moment_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kSecondMoments.size(); ++i) {
    if (kSecondMoments[i] == name) return static_cast<SecondMoment>(i);
  }
  throw UsageError(fmt::format("second-moment: '{}' is unknown; known are {}", name,
                               fmt::join(kSecondMoments, ", ")));
}

void OptimiserSettings::validate() const {
  const auto require = [](bool holds, std::string_view field, double value, std::string_view rule) {
    if (!holds) throw UsageError(fmt::format("{}: needs {}, got {}", field, rule, value));
  };
  require(rate() > 0 && std::isfinite(rate()), "learning-rate", rate(), "a number above 0");
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
const OptimiserState<T>* Optimiser<T>::state(const ParameterKey& key) const {
  const auto found = state_.find(key);
  return found == state_.end() ? nullptr : &found->second;
}

template <class T>
typename Optimiser<T>::State& Optimiser<T>::state_for(const Parameter<T>& p) {
  State& state = state_[p.key];
  if (state.first.size() == 0) state.first.setZero(p.rows, p.cols);
  ISOFORM_ASSERT(state.first.rows() == p.rows && state.first.cols() == p.cols,
                 "state follows every edit");
  if (is_adam(settings_.method) && state.second.size() == 0) state.second.setZero(p.rows, p.cols);
  ++state.steps;
  return state;
}

template <class T>
void Optimiser<T>::step(std::span<const Parameter<T>> parameters, Engine<T>& engine,
                        double learning_rate) {
  ++steps_;
  for (const Parameter<T>& p : parameters) {
    if (!p.trainable) continue;
    State& state = state_for(p);
    Kept<T> value(p.frozen, p.value, p.rows, p.cols);
    Kept<T> first(p.frozen, state.first.data(), p.rows, p.cols);
    const bool entrywise = state.second.rows() == p.rows && state.second.cols() == p.cols;
    Kept<T> second(entrywise ? p.frozen : std::span<const RowRange>(), state.second.data(),
                   state.second.rows(), state.second.cols());
    step_one(p, engine, learning_rate, state);
    value.restore();
    first.restore();
    second.restore();
  }
  if (state_.size() > parameters.size()) drop_others(parameters);
}

template <class T>
void Optimiser<T>::step_one(const Parameter<T>& p, Engine<T>& engine, double rate, State& state) {
  switch (settings_.method) {
    case Method::adam:
    case Method::adamw:
      if (settings_.second_moment == SecondMoment::factored) gather(p, engine, state);
      [[fallthrough]];
    case Method::sgd:
    case Method::momentum:
    case Method::nesterov:
      return elementwise(p, engine, rate, state, 0, p.size());
    case Method::novograd:
      return novograd(p, engine, rate, state);
    case Method::muon:
      return p.key.role == Role::weight ? muon(p, engine, rate, state)
                                        : novograd(p, engine, rate, state);
  }
}

template <class T>
void Optimiser<T>::elementwise(const Parameter<T>& p, Engine<T>& engine, double rate, State& state,
                               Index at, Index size) const {
  const OptimiserSettings& o = settings_;
  T* const first = state.first.data() + at;
  if (!is_adam(o.method)) {
    return engine.momentum({rate, o.method == Method::sgd ? 0 : o.momentum, o.weight_decay,
                            o.method == Method::nesterov},
                           size, p.value + at, p.gradient + at, first);
  }
  const auto k = static_cast<double>(state.steps);
  const bool decoupled = o.method == Method::adamw;
  engine.adam({o.beta1, o.beta2, o.epsilon, rate / (1 - std::pow(o.beta1, k)),
               1 / std::sqrt(1 - std::pow(o.beta2, k)), decoupled ? rate * o.weight_decay : 0,
               decoupled ? 0 : o.weight_decay},
              size, p.value + at, p.gradient + at, first, state.second.data() + at);
}

template <class T>
bool Optimiser<T>::takes_pieces(std::span<const Parameter<T>> parameters) const {
  const Method method = settings_.method;
  if (method == Method::novograd || method == Method::muon) return false;
  const bool gathers = is_adam(method) && settings_.second_moment == SecondMoment::factored;
  return std::none_of(parameters.begin(), parameters.end(), [&](const Parameter<T>& p) {
    if (!p.trainable) return false;
    const State* known = state(p.key);
    return !p.frozen.empty() || (gathers && gathers_at(p, known == nullptr ? 1 : known->steps + 1));
  });
}

template <class T>
void Optimiser<T>::begin(std::span<const Parameter<T>> parameters, double learning_rate) {
  ++steps_;
  rate_ = learning_rate;
  for (auto& list : pieces_) list.clear();
  lengths_.clear();
  for (const Parameter<T>& p : parameters) {
    State* const state = p.trainable ? &state_for(p) : nullptr;
    if (p.key.role == Role::length) {
      lengths_.push_back({0, p, state});
      continue;
    }
    const auto owner = static_cast<std::size_t>(p.key.owner);
    if (pieces_.size() <= owner) pieces_.resize(owner + 1);
    std::vector<Piece>& list = pieces_[owner];  // W, then b, then ψ
    const Index first = list.empty() ? 0 : list.back().first + list.back().parameter.cols;
    list.push_back({first, p, state});
  }
  if (state_.size() > parameters.size()) drop_others(parameters);
}

template <class T>
void Optimiser<T>::end(Engine<T>& engine) {
  for (const Piece& piece : lengths_) {
    if (piece.state == nullptr) continue;
    elementwise(piece.parameter, engine, rate_, *piece.state, 0, piece.parameter.size());
  }
}

template <class T>
void Optimiser<T>::step_columns(int map, Index first, Index count, Engine<T>& engine) {
  for (const Piece& piece : pieces_[static_cast<std::size_t>(map)]) {
    const Parameter<T>& p = piece.parameter;
    const Index from = std::max(first, piece.first) - piece.first;
    const Index size = std::min(first + count, piece.first + p.cols) - piece.first - from;
    if (size <= 0 || piece.state == nullptr) continue;
    elementwise(p, engine, rate_, *piece.state, from * p.rows, size * p.rows);
  }
}

template <class T>
void backward_and_step(Network<T>& network, Engine<T>& engine, Pass<T>& pass, Gradients gradients,
                       Optimiser<T>& optimiser, double learning_rate) {
  const std::vector<Parameter<T>> parameters = pass.parameters(network);
  if (!optimiser.takes_pieces(parameters)) {
    backward(network, engine, pass, gradients);
    optimiser.step(parameters, engine, learning_rate);
    return;
  }
  optimiser.begin(parameters, learning_rate);
  backward<T>(network, engine, pass, gradients, [&](int map, Index first, Index count) {
    optimiser.step_columns(map, first, count, engine);
  });
  optimiser.end(engine);
}

// What v sees, so with the weight decay of plain Adam.
template <class T>
void Optimiser<T>::gather(const Parameter<T>& p, Engine<T>& engine, State& state) {
  if (!gathers_at(p, state.steps)) return;
  const double fade = std::pow(settings_.beta2, static_cast<double>(state.steps - state.gathered));
  state.gathered = state.steps;
  Eigen::Map<const Matrix<T>> gradient(p.gradient, p.rows, p.cols);
  Matrix<T> with_decay;
  const bool decays = settings_.method == Method::adam && settings_.weight_decay > 0;
  if (decays) {
    with_decay = gradient + static_cast<T>(settings_.weight_decay) *
                                Eigen::Map<const Matrix<T>>(p.value, p.rows, p.cols);
  }
  const ConstView<T> g = decays ? ConstView<T>(with_decay) : ConstView<T>(gradient);
  if (!p.row_groups.empty()) state.rows.gather(engine, Op::none, g, p.row_groups, fade);
  if (!p.column_groups.empty()) {
    state.columns.gather(engine, Op::transpose, g, p.column_groups, fade);
  }
}

template <class T>
void Optimiser<T>::novograd(const Parameter<T>& p, Engine<T>& engine, double rate, State& state) {
  const OptimiserSettings& o = settings_;
  const auto k = static_cast<double>(state.steps);
  const double correction = 1 - std::pow(o.beta2, k);
  const auto advance = [&](T* w, const T* g, T* m, T& v, Index n, Index trained) {
    const double mean = engine.sum_of_squares(n, g) / static_cast<double>(trained);
    v = static_cast<T>(o.beta2 * static_cast<double>(v) + (1 - o.beta2) * mean);
    const double root = std::sqrt(static_cast<double>(v) / correction);
    engine.normalised({o.beta1, (1 - o.beta1) / (root + o.epsilon),
                       rate / (1 - std::pow(o.beta1, k)), rate * o.weight_decay},
                      n, w, g, m);
  };
  if (p.key.role == Role::length) {
    if (state.second.size() == 0) state.second.setZero(p.rows, 1);
    for (Index i = 0; i < p.rows; ++i) {
      advance(p.value + i, p.gradient + i, state.first.data() + i, state.second(i, 0), 1, 1);
    }
    return;
  }
  if (state.second.size() == 0) state.second.setZero(1, 1);
  Index rows = p.rows;
  for (const RowRange& r : p.frozen) rows -= r.end - r.begin;
  advance(p.value, p.gradient, state.first.data(), state.second(0, 0), p.size(), rows * p.cols);
}

template <class T>
void Optimiser<T>::muon(const Parameter<T>& p, Engine<T>& engine, double rate, State& state) {
  Eigen::Map<Matrix<T>> w(p.value, p.rows, p.cols);
  Eigen::Map<const Matrix<T>> g(p.gradient, p.rows, p.cols);
  const auto mu = static_cast<T>(settings_.momentum);
  state.first = mu * state.first + g;
  Matrix<T> ahead = g + mu * state.first;
  for (const RowRange& r : p.frozen) ahead.middleRows(r.begin, r.end - r.begin).setZero();
  const Matrix<T> direction = polar_factor(engine, ahead);
  const double scale = kMuonScale * std::sqrt(static_cast<double>(std::max(p.rows, p.cols)));
  w = static_cast<T>(1 - rate * settings_.weight_decay) * w -
      static_cast<T>(scale * rate) * direction;
}

template <class T>
void Optimiser<T>::drop_others(std::span<const Parameter<T>> parameters) {
  std::set<ParameterKey> there;
  for (const Parameter<T>& p : parameters) there.insert(p.key);
  std::erase_if(state_, [&](const auto& entry) { return !there.contains(entry.first); });
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
template void backward_and_step(Network<float>&, Engine<float>&, Pass<float>&, Gradients,
                                Optimiser<float>&, double);
template void backward_and_step(Network<double>&, Engine<double>&, Pass<double>&, Gradients,
                                Optimiser<double>&, double);
template double clip_gradients(std::span<const Parameter<float>>, double);
template double clip_gradients(std::span<const Parameter<double>>, double);

}  // namespace isoform
