// Radial profiles: the one function of length that makes an isotropic activation.
//
// An activation commutes with every rotation exactly when it is "scalar gate times identity"
// (docs/mathematics.md 1.1):  f(z) = s z,  s = G(t),  t = o + |z|²,  G(t) = σ(√t)/√t.
// Everything is evaluated in t, by a series near 0: no square root at 0, no unit vectors (1.4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "isoform/linalg/engine.h"

namespace isoform {

/// Which σ. With m = √t:
enum class Radial {
  tanh,       // tanh m; bounded, 1-Lipschitz (the paper's)
  asinh,      // asinh m; unbounded, 1-Lipschitz
  algebraic,  // m / √(1 + m²); bounded, 1-Lipschitz; G = (1 + t)^(-1/2)
  log,        // log(1 + m); not odd in m, so t is floored at kRadialFloor
  softsign,   // m / (1 + m); not odd in m, so t is floored at kRadialFloor
};

/// Below this t the profiles that are not analytic at 0 are constant (their slope in t diverges there).
inline constexpr double kRadialFloor = 1e-6;

std::string_view radial_name(Radial radial);
/// Throws UsageError listing the names.
Radial radial_from_name(std::string_view name);
std::vector<std::string> radial_names();

/// s = G(t) and kappa = 2 G'(t) for an array of t ≥ 0. Relative error of s: 3 ulp. Of kappa: a few ulp for
/// algebraic and softsign; for tanh and asinh 2e-14 in double and 2e-5 in float, reached just above the switch
/// from the series to the closed form, which cancels; for log ulp/√t, as it has no series. NaN in gives NaN
/// out; t = +inf gives 0 for the bounded profiles.
template <class T>
RadialFunction<T> radial_function(Radial radial);

/// One value of G(t), for folds and tests.
double radial_gate(Radial radial, double t);

}  // namespace isoform
