// Checks for your own network, your own data and your own edit: that the edit fits, that its T are isometries, that
// it keeps the function, that a bound holds, that an activation obeys a prescription. Nothing here prints,
// throws on a bad result or changes what it is handed: each check returns numbers, a verdict and a sentence.
// docs/verifying.md; docs/mathematics.md 1.1, 2–4 and 9.
//
// What is checked on samples can be refuted by them and is not proved by them: take inputs like your own.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/change.h"
#include "isoform/network/equivariance.h"
#include "isoform/network/network.h"
#include "isoform/topology/bound.h"
#include "isoform/topology/importance.h"

namespace isoform {

/// What rounding may do, in units of the outputs. Seen on 6000 random networks of 1–6 hidden layers: 2e-14 in double;
/// in float 1 in 30,000 exact edits was off by more, 1.1e-5. Deeper networks want more.
template <class T>
inline constexpr double kVerifyTolerance = std::is_same_v<T, float> ? 1e-5 : 1e-12;
/// How far T, which is held in double, may be from an isometry, entry by entry.
inline constexpr double kIsometryTolerance = 1e-10;

/// Inputs of a check [n_0 × samples], standardised; T is that of the network.
template <class T>
using CheckInputs = std::type_identity_t<ConstView<T>>;

/// Empty if Network::apply takes the edit; else a sentence that says what does not fit: the space, a group's source,
/// the shape of a T, of a correction, of the lengths, or an o that would fall below 0.
template <class T>
std::string check_shapes(const Network<T>& network, const Edit& edit);

/// How far T is from an isometry. Of the rows of T that are not zero, which are those of new neurons, r rows of n
/// columns: |T Tᵀ − I| where r ≤ n (something may be dropped), |Tᵀ T − I| where r > n (everything stays).
struct IsometryCheck {
  std::vector<double> errors;  // largest entry, for each group after the edit; T = 0 counts as 1
  std::vector<Index> dropped;  // directions that the group loses, n − r or 0
  double tolerance = kIsometryTolerance;

  [[nodiscard]] double largest() const;
  [[nodiscard]] bool holds() const;
  [[nodiscard]] std::string text() const;
};
/// Groups that read the same group are looked at together. Needs no network; whole groups that go leave no T and are
/// not seen.
IsometryCheck check_isometry(const Edit& edit, double tolerance = kIsometryTolerance);

/// What an edit does to the outputs.
struct FunctionCheck {
  std::string misfit;  // of check_shapes; nothing was run then
  Index samples = 0;
  Change change;
  /// Largest ‖Δy‖ over the larger of ‖y‖ and √E‖y‖²: a y that is small by accident is no alarm.
  double error = 0;
  double tolerance = 0;

  [[nodiscard]] bool holds() const;
  [[nodiscard]] std::string text() const;
};
/// Applies the edit to a copy and runs both. UsageError for x without samples or of another width.
template <class T>
FunctionCheck check_function(const Network<T>& network, const Edit& edit, Engine<T>& engine,
                             const CheckInputs<T>& x, double tolerance = kVerifyTolerance<T>);

/// The largest |Δy| that was measured, and the bounds on it.
struct BoundCheck {
  struct Claim {
    std::string where;  // "for every input", "on these samples"
    Bound bound;
  };
  std::string misfit;
  Index samples = 0;
  double measured = 0;   // largest ‖Δy‖
  double allowance = 0;  // for rounding: tolerance · largest ‖y‖
  std::vector<Claim> claims;

  /// There is a bound, and none was exceeded.
  [[nodiscard]] bool holds() const;
  [[nodiscard]] std::string text() const;
};
/// The removal that reduce() makes of these arguments against removal_bound and removal_bound_on.
/// UsageError for scores or counts that are not those of the space, or x as above.
template <class T>
BoundCheck check_bound(const Network<T>& network, int space, const std::vector<GroupScores>& scores,
                       const std::vector<Index>& keep, Engine<T>& engine, const CheckInputs<T>& x,
                       double tolerance = kVerifyTolerance<T>);
/// Your own edit against your own bound.
template <class T>
BoundCheck check_bound(const Network<T>& network, const Edit& edit, const Bound& bound,
                       Engine<T>& engine, const CheckInputs<T>& x,
                       double tolerance = kVerifyTolerance<T>);

/// Whether f(Rz) = R f(z), by commutation_error.
struct ActivationCheck {
  std::string symmetry;  // its name
  Index elements = 0, points = 0;
  double error = 0;
  double tolerance = 0;

  [[nodiscard]] bool holds() const;
  [[nodiscard]] std::string text() const;
};
ActivationCheck check_activation(const VectorFunction& f, const Symmetry& symmetry,
                                 const CommutationSettings& settings = {},
                                 double tolerance = kVerifyTolerance<double>);
/// The activation of a hidden space as the engine computes it.
template <class T>
ActivationCheck check_activation(const Space<T>& space, Engine<T>& engine, const Symmetry& symmetry,
                                 const CommutationSettings& settings = {},
                                 double tolerance = kVerifyTolerance<T>);
/// The same against what the space promises, symmetry_of(space).
template <class T>
ActivationCheck check_activation(const Space<T>& space, Engine<T>& engine);

}  // namespace isoform
