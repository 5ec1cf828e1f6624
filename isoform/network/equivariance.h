// What commutes with a symmetry prescription: check a function against one, project a function onto
// what commutes. docs/symmetry.md; docs/mathematics.md 1.1 and 9.
#pragma once

#include <cstdint>
#include <functional>

#include "isoform/linalg/engine.h"
#include "isoform/network/symmetry.h"

namespace isoform {

/// A function on vectors: a column for each column, [n × points] → [n × points].
using VectorFunction = std::function<Matrix<double>(const Matrix<double>&)>;

/// The activation of a hidden space, z → h, as this engine computes it in its scalar. Keeps a copy of the
/// space; the engine must outlive it.
template <class T>
VectorFunction activation_of(const Space<T>& space, Engine<T>& engine);

struct CommutationSettings {
  std::uint64_t seed = 0;
  Index elements = 32;  // R tried; all of them where a group has no more
  Index points = 32;    // z tried
  double scale = 1;     // standard deviations of z's entries go from 0.1 to 10 times this

  /// Throws UsageError with field, value and rule.
  void validate() const;
};

/// The largest ‖f(Rz) − R f(z)‖ / max(‖f(Rz)‖, ‖f(z)‖) over the R and z tried: rounding if f commutes,
/// up to 2 if not, NaN if f gives one. A check by samples: it can refute, it cannot prove.
double commutation_error(const VectorFunction& f, const Symmetry& symmetry,
                         const CommutationSettings& settings = {});

struct ProjectionSettings {
  std::uint64_t seed = 0;
  /// Evaluations of f for each point; an O(n) takes 2n for each random element, and at least 16 elements.
  Index samples = 4096;

  /// Throws UsageError with field, value and rule.
  void validate() const;
};

/// P f(z) at some points, with its standard error, entry by entry; 0 where the mean is over all elements.
struct Projection {
  Matrix<double> value, error;  // [n × points]
};

/// P f(z) = ∫ Rᵀ f(Rz) dR over the group: of all functions that commute with it the nearest to f, and f itself
/// if f commutes.
/// * Groups of at most `samples` elements: the mean over all of them, exact.
/// * O(n) factors in closed form: (P f(z))_g = φ_g z_g, φ_g = E[u_g·f_g(r₁u₁, …)] / r_g with r_g = ‖z_g‖ and u_g
///   uniform on spheres, z_g = 0 giving 0. φ is a mean over randomly turned cross-polytopes ±e_j, the same
///   ones for all z. So where all factors are orthogonal, P f commutes to rounding whatever φ's error, and
///   P P f = P f; for one O(n) φ itself is exact for polynomials f of degree ≤ 2 (a cross-polytope is a spherical
///   3-design), and otherwise right within its standard error.
/// * Other discrete factors: samples.
Projection project_at(const VectorFunction& f, const Symmetry& symmetry, const Matrix<double>& z,
                      const ProjectionSettings& settings = {});

/// The same as a function, without the error.
VectorFunction project(VectorFunction f, const Symmetry& symmetry,
                       const ProjectionSettings& settings = {});

}  // namespace isoform
