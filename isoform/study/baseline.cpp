#include "isoform/study/baseline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <numbers>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/network/initialise.h"

namespace isoform {

namespace {
constexpr std::array<std::string_view, 3> kActivations = {"tanh", "relu", "layernorm_gelu"};
constexpr double kNormFloor = 1e-5;
}  // namespace

std::string_view activation_name(Activation activation) {
  return kActivations[static_cast<std::size_t>(activation)];
}

Activation activation_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kActivations.size(); ++i) {
    if (kActivations[i] == name) return static_cast<Activation>(i);
  }
  throw UsageError(fmt::format("activation: '{}' is unknown; known are {}", name,
                               fmt::join(kActivations, ", ")));
}

template <class T>
Baseline<T>::Baseline(const BaselineSettings& settings)
    : widths_(settings.widths), activation_(settings.activation) {
  if (widths_.size() < 2 || *std::min_element(widths_.begin(), widths_.end()) < 1) {
    throw UsageError("baseline: needs two widths or more, each at least 1");
  }
  const double gain = activation_ == Activation::tanh ? 1 : std::sqrt(2.0);
  for (std::size_t l = 0; l + 1 < widths_.size(); ++l) {
    const Index n = widths_[l + 1], inputs = widths_[l];
    const Random random(settings.seed, Purpose::initialisation, 0, l);
    Matrix<T> a = Matrix<T>::Zero(n, inputs + 1);
    const double scale = (l == 0 ? 1 : gain) / std::sqrt(static_cast<double>(inputs));
    a.leftCols(inputs) = (scale * normal_matrix(n, inputs, random)).template cast<T>();
    a_.push_back(a);
    a_gradient_.emplace_back(Matrix<T>::Zero(n, inputs + 1));
    const bool normalised = activation_ == Activation::layernorm_gelu && l + 2 < widths_.size();
    if (!normalised) continue;
    gain_.emplace_back(Matrix<T>::Zero(n, 2));
    gain_.back().col(0).setOnes();
    gain_gradient_.emplace_back(Matrix<T>::Zero(n, 2));
  }
  const std::size_t maps = a_.size();
  h_.resize(maps);
  z_.resize(maps);
  delta_.resize(maps);
  unit_.resize(maps);
  inverse_.resize(maps);
  kept_.resize(maps);
}

template <class T>
void Baseline<T>::prepare(Index samples) {
  samples_ = samples;
  for (std::size_t l = 0; l < a_.size(); ++l) {
    if (h_[l].cols() < samples) {
      h_[l].setZero(widths_[l] + 1, samples);
      for (Matrix<T>* m : {&z_[l], &delta_[l], &unit_[l]}) m->setZero(widths_[l + 1], samples);
      inverse_[l].setZero(samples);
    }
    h_[l].row(widths_[l]).setOnes();
  }
}

template <class T>
void Baseline<T>::drop(double p, const Dropout& dropout, std::uint64_t layer, View<T> h,
                       Matrix<float>& kept) {
  kept.resize(h.rows(), p > 0 ? h.cols() : 0);
  if (p == 0) return;
  Random(dropout.seed, Purpose::dropout, dropout.step, layer)
      .keep(p, {kept.data(), static_cast<std::size_t>(kept.size())});
  h.array() *= kept.template cast<T>().array();
}

template <class T>
void Baseline<T>::forward(Engine<T>& engine, const Dropout& dropout) {
  Matrix<float> features;
  drop(dropout.input, dropout, 0, input(), features);
  for (std::size_t l = 0; l < a_.size(); ++l) {
    engine.multiply(Op::none, a_[l], Op::none, h_[l].leftCols(samples_), T(0),
                    z_[l].leftCols(samples_));
    if (l + 1 == a_.size()) return;
    if (!gain_.empty()) normalise(l);
    activate(l);
    drop(dropout.hidden, dropout, l + 1, h_[l + 1].topRows(widths_[l + 1]).leftCols(samples_),
         kept_[l]);
  }
}

// z becomes γ∘unit + β.
template <class T>
void Baseline<T>::normalise(std::size_t l) {
  for (Index j = 0; j < samples_; ++j) {
    auto z = z_[l].col(j);
    auto unit = unit_[l].col(j);
    unit = z.array() - z.mean();
    const T variance = unit.squaredNorm() / static_cast<T>(z.size());
    inverse_[l][j] = T(1) / std::sqrt(variance + T(kNormFloor));
    unit *= inverse_[l][j];
    z = gain_[l].col(0).cwiseProduct(unit) + gain_[l].col(1);
  }
}

template <class T>
void Baseline<T>::activate(std::size_t l) {
  const auto z = z_[l].leftCols(samples_).array();
  auto h = h_[l + 1].topRows(widths_[l + 1]).leftCols(samples_).array();
  switch (activation_) {
    case Activation::tanh:
      h = z.tanh();
      return;
    case Activation::relu:
      h = z.max(T(0));
      return;
    case Activation::layernorm_gelu:
      h = z.unaryExpr(
          [](T x) { return T(0.5) * x * (T(1) + std::erf(x / std::numbers::sqrt2_v<T>)); });
      return;
  }
}

template <class T>
void Baseline<T>::backward(Engine<T>& engine) {
  for (std::size_t l = a_.size(); l-- > 0;) {
    engine.multiply(Op::none, delta_[l].leftCols(samples_), Op::transpose, h_[l].leftCols(samples_),
                    T(0), a_gradient_[l]);
    if (l == 0) return;
    engine.multiply(Op::transpose, a_[l].leftCols(widths_[l]), Op::none,
                    delta_[l].leftCols(samples_), T(0), delta_[l - 1].leftCols(samples_));
    if (kept_[l - 1].size() > 0) {
      delta_[l - 1].leftCols(samples_).array() *= kept_[l - 1].template cast<T>().array();
    }
    activate_backward(l - 1);
  }
}

// dL/dh in delta becomes dL/dz.
template <class T>
void Baseline<T>::activate_backward(std::size_t l) {
  auto delta = delta_[l].leftCols(samples_).array();
  const auto z = z_[l].leftCols(samples_).array();
  switch (activation_) {
    case Activation::tanh:
      delta *= 1 - z.tanh().square();
      return;
    case Activation::relu:
      delta *= (z > T(0)).template cast<T>();
      return;
    case Activation::layernorm_gelu:
      delta *= z.unaryExpr([](T x) {
        const T normal = T(0.5) * (T(1) + std::erf(x / std::numbers::sqrt2_v<T>));
        return normal +
               x * std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
      });
      break;
  }
  const auto unit = unit_[l].leftCols(samples_);
  gain_gradient_[l].col(0) = delta_[l].leftCols(samples_).cwiseProduct(unit).rowwise().sum();
  gain_gradient_[l].col(1) = delta_[l].leftCols(samples_).rowwise().sum();
  const T n = static_cast<T>(unit.rows());
  for (Index j = 0; j < samples_; ++j) {
    auto d = delta_[l].col(j);
    d = d.cwiseProduct(gain_[l].col(0)).eval();
    const T along = d.dot(unit.col(j)) / n, mean = d.sum() / n;
    d = inverse_[l][j] * (d.array() - mean - along * unit.col(j).array()).matrix().eval();
  }
}

template <class T>
std::vector<Parameter<T>> Baseline<T>::parameters() {
  std::vector<Parameter<T>> list;
  for (std::size_t l = 0; l < a_.size(); ++l) {
    const Index n = a_[l].rows(), inputs = a_[l].cols() - 1;
    const auto owner = static_cast<int>(l);
    list.push_back({{Role::weight, owner}, n, inputs, a_[l].data(), a_gradient_[l].data()});
    list.push_back(
        {{Role::bias, owner}, n, 1, a_[l].col(inputs).data(), a_gradient_[l].col(inputs).data()});
  }
  for (std::size_t l = 0; l < gain_.size(); ++l) {
    const Index n = gain_[l].rows();
    const auto owner = static_cast<int>(a_.size() + l);
    list.push_back({{Role::bias, owner}, n, 2, gain_[l].data(), gain_gradient_[l].data()});
  }
  return list;
}

template <class T>
Index Baseline<T>::parameter_count() const {
  Index count = 0;
  for (const Matrix<T>& a : a_) count += a.size();
  for (const Matrix<T>& g : gain_) count += g.size();
  return count;
}

template class Baseline<float>;
template class Baseline<double>;

}  // namespace isoform
