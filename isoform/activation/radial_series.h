// Series of the radial profiles that are analytic at 0, G(t) = Σ c_k t^k, and where they end: what evaluates a profile, here or in
// code that is written for elsewhere, uses the same.
#pragma once

#include <array>

namespace isoform {

inline constexpr int kRadialTerms = 16;
/// t; above, the closed forms. That of the slope cancels below.
inline constexpr double kRadialSeriesBelow = 0.04;

/// tanh m = Σ c_k m^(2k+1) solves T' = 1 − T²: (2k+1) c_k = −Σ_{i+j=k−1} c_i c_j.
constexpr std::array<double, kRadialTerms> tanh_series() {
  std::array<double, kRadialTerms> c{1.0};
  for (int k = 1; k < kRadialTerms; ++k) {
    double sum = 0;
    for (int i = 0; i < k; ++i) sum += c[i] * c[k - 1 - i];
    c[k] = -sum / (2 * k + 1);
  }
  return c;
}

/// asinh m = Σ c_k m^(2k+1), c_k = (−1)^k (2k−1)!! / ((2k)!! (2k+1)).
constexpr std::array<double, kRadialTerms> asinh_series() {
  std::array<double, kRadialTerms> c{1.0};
  double ratio = 1;
  for (int k = 1; k < kRadialTerms; ++k) {
    ratio *= -(2.0 * k - 1) / (2.0 * k);
    c[k] = ratio / (2 * k + 1);
  }
  return c;
}

/// Terms that G takes in float.
inline constexpr int kTanhTerms = 6, kAsinhTerms = 14;

}  // namespace isoform
