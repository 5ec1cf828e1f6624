#include "isoform/activation/radial.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "isoform/activation/radial_series.h"
#include "isoform/base/error.h"
#include "isoform/linalg/clones.h"

namespace isoform {

namespace {

constexpr auto kTanh = tanh_series();
constexpr auto kAsinh = asinh_series();

// G = Σ c_k t^k and kappa = 2G' = Σ 2(k+1) c_{k+1} t^k by Horner, `terms` of each.
template <class T>
inline void series(const std::array<double, kRadialTerms>& c, int terms, T t, T& s, T& kappa) {
  s = T(c[terms - 1]);
  kappa = T(2 * terms * c[terms]);
  for (int k = terms - 2; k >= 0; --k) {
    s = s * t + T(c[k]);
    kappa = kappa * t + T(2 * (k + 1) * c[k + 1]);
  }
}

// exp(x) for x ≤ 0 to 1.5 ulp, without branches, so that loops over it vectorise. The reduction and the
// minimax coefficients are those of Cephes' expf (S. Moshier).
inline float exp_nonpositive(float x) {
  x = x < -87.0F ? -87.0F : x;
  const float shifted = x * 1.44269504088896341F + 12582912.0F;  // nearest integer in the low bits
  const float k = shifted - 12582912.0F;
  const float r = (x - k * 0.693359375F) + k * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const auto power = (std::bit_cast<std::int32_t>(shifted) - 0x4B400000 + 127) << 23;
  return p * std::bit_cast<float>(power);
}
inline double exp_nonpositive(double x) { return std::exp(x); }

template <class T>
inline void tanh_loop(Index n, const T* t, T* s, T* kappa) {
  constexpr int terms = std::is_same_v<T, float> ? kTanhTerms : 11;
  for (Index i = 0; i < n; ++i) {
    const T m = std::sqrt(t[i]);
    const T e = exp_nonpositive(T(-2) * m);
    const T inverse = T(1) / (T(1) + e);
    const T far_s = (T(1) - e) * inverse / m;
    const T far_kappa = (T(4) * e * inverse * inverse - far_s) / t[i];
    T near_s, near_kappa;
    series(kTanh, terms, t[i], near_s, near_kappa);
    const bool near = t[i] < T(kRadialSeriesBelow);
    s[i] = near ? near_s : far_s;
    kappa[i] = near ? near_kappa : far_kappa;
  }
}

ISOFORM_CLONES void tanh_gates(Index n, const float* t, float* s, float* kappa) {
  tanh_loop(n, t, s, kappa);
}
void tanh_gates(Index n, const double* t, double* s, double* kappa) { tanh_loop(n, t, s, kappa); }

template <class T>
void asinh_gates(Index n, const T* t, T* s, T* kappa) {
  for (Index i = 0; i < n; ++i) {
    if (t[i] < T(kRadialSeriesBelow)) {
      series(kAsinh, kAsinhTerms, t[i], s[i], kappa[i]);
    } else {
      const T m = std::sqrt(t[i]);
      s[i] = std::asinh(m) / m;
      kappa[i] = (T(1) / std::sqrt(T(1) + t[i]) - s[i]) / t[i];
    }
  }
}

template <class T>
void algebraic_gates(Index n, const T* t, T* s, T* kappa) {
  for (Index i = 0; i < n; ++i) {
    const T inverse = T(1) / (T(1) + t[i]);
    s[i] = std::sqrt(inverse);
    kappa[i] = -s[i] * inverse;
  }
}

template <class T>
void log_gates(Index n, const T* t, T* s, T* kappa) {
  for (Index i = 0; i < n; ++i) {
    const T floored = t[i] < T(kRadialFloor) ? T(kRadialFloor) : t[i];
    const T m = std::sqrt(floored);
    s[i] = std::log1p(m) / m;
    kappa[i] = t[i] < T(kRadialFloor) ? T(0) : (T(1) / (T(1) + m) - s[i]) / floored;
  }
}

template <class T>
void softsign_gates(Index n, const T* t, T* s, T* kappa) {
  for (Index i = 0; i < n; ++i) {
    const T floored = t[i] < T(kRadialFloor) ? T(kRadialFloor) : t[i];
    const T m = std::sqrt(floored);
    s[i] = T(1) / (T(1) + m);
    kappa[i] = t[i] < T(kRadialFloor) ? T(0) : -s[i] * s[i] / m;
  }
}

constexpr std::array<std::string_view, 5> kNames = {"tanh", "asinh", "algebraic", "log",
                                                    "softsign"};

}  // namespace

std::string_view radial_name(Radial radial) { return kNames[static_cast<std::size_t>(radial)]; }

Radial radial_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Radial>(i);
  }
  throw UsageError(
      fmt::format("radial profile: '{}' is unknown; known are {}", name, fmt::join(kNames, ", ")));
}

std::vector<std::string> radial_names() { return {kNames.begin(), kNames.end()}; }

template <class T>
RadialFunction<T> radial_function(Radial radial) {
  switch (radial) {
    case Radial::tanh:
      return static_cast<RadialFunction<T>>(tanh_gates);
    case Radial::asinh:
      return asinh_gates<T>;
    case Radial::algebraic:
      return algebraic_gates<T>;
    case Radial::log:
      return log_gates<T>;
    case Radial::softsign:
      return softsign_gates<T>;
  }
  throw InternalError("radial_function: a profile without a function");
}

template RadialFunction<float> radial_function(Radial);
template RadialFunction<double> radial_function(Radial);

double radial_gate(Radial radial, double t) {
  double s = 0, kappa = 0;
  radial_function<double>(radial)(1, &t, &s, &kappa);
  return s;
}

}  // namespace isoform
