// The checks that run a network on samples.
#include "isoform/topology/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/topology/diagonalise.h"

namespace isoform {

namespace {

// Keeps the larger; no number is larger than any, and stays.
void keep_larger(double& worst, double candidate) {
  if (!std::isnan(worst) && !(candidate <= worst)) worst = candidate;
}

template <class T>
void require_samples(const Network<T>& network, const ConstView<T>& x) {
  const Index features = network.widths().front();
  if (x.rows() == features && x.cols() > 0) return;
  throw UsageError(fmt::format(
      "check: needs inputs [{} × samples], one column for each of at least 1 sample; got [{} × {}]",
      features, x.rows(), x.cols()));
}

// |Δy| of each sample, with |y|.
struct Moved {
  Vector<double> by, length;
};

template <class T>
Moved moved(const Matrix<T>& before, const Matrix<T>& after) {
  const Matrix<double> y = before.template cast<double>();
  return {(after.template cast<double>() - y).colwise().norm().transpose(),
          y.colwise().norm().transpose()};
}

template <class T>
void measure_bound(const Network<T>& network, const Edit& edit, Engine<T>& engine,
                   const ConstView<T>& x, double tolerance, BoundCheck& check) {
  auto after = network;
  after.apply(edit);
  const Moved m = moved<T>(outputs<T>(network, engine, x), outputs<T>(after, engine, x));
  check.samples = x.cols();
  for (Index j = 0; j < x.cols(); ++j) {
    keep_larger(check.measured, m.by[j]);
    keep_larger(check.allowance, tolerance * m.length[j]);
  }
}

template <class T>
void require_scores(const Space<T>& space, const std::vector<GroupScores>& scores,
                    const std::vector<Index>& keep) {
  const auto gates = static_cast<std::size_t>(space.gates());
  if (scores.size() != gates || keep.size() != gates) {
    throw UsageError(fmt::format(
        "check: space {} has {} groups and needs scores and a count for each; got {} and {}",
        space.id, gates, scores.size(), keep.size()));
  }
  for (std::size_t g = 0; g < gates; ++g) {
    const Index n = space.groups[g];
    const GroupScores& of = scores[g];
    const bool fits = of.basis.rows() == n && of.basis.cols() == n && of.score.size() == n &&
                      of.constant.size() == n && of.spread.size() == n &&
                      (of.dual.size() == 0 || (of.dual.rows() == n && of.dual.cols() == n));
    if (fits && keep[g] >= 0 && keep[g] <= n) continue;
    throw UsageError(
        fmt::format("check: group {} of space {} has {} neurons and needs a basis, "
                    "scores and stand-ins of {} and 0 to {} to keep; got a basis [{} × {}], "
                    "{} scores, {} stand-ins, {} spreads and {} to keep",
                    g, space.id, n, n, n, of.basis.rows(), of.basis.cols(), of.score.size(),
                    of.constant.size(), of.spread.size(), keep[g]));
  }
}

}  // namespace

bool FunctionCheck::holds() const { return misfit.empty() && samples > 0 && error <= tolerance; }

std::string FunctionCheck::text() const {
  if (!misfit.empty()) return "the edit does not fit the network: " + misfit;
  return fmt::format(
      "the function {}: on {} samples the outputs move by at most {:.1e} of their length "
      "(tolerance {:.1e})",
      holds() ? "is kept" : "is not kept", samples, error, tolerance);
}

template <class T>
FunctionCheck check_function(const Network<T>& network, const Edit& edit, Engine<T>& engine,
                             const CheckInputs<T>& x, double tolerance) {
  require_samples<T>(network, x);
  FunctionCheck check;
  check.tolerance = tolerance;
  check.misfit = check_shapes(network, edit);
  if (!check.misfit.empty()) return check;
  auto edited = network;
  edited.apply(edit);
  const Matrix<T> before = outputs<T>(network, engine, x), after = outputs<T>(edited, engine, x);
  check.samples = x.cols();
  check.change = measure_change<T>(before, after);
  const Moved m = moved<T>(before, after);
  const double rms = m.length.norm() / std::sqrt(static_cast<double>(x.cols()));
  for (Index j = 0; j < x.cols(); ++j) {
    if (m.by[j] != 0) keep_larger(check.error, m.by[j] / std::max(m.length[j], rms));
  }
  return check;
}

bool BoundCheck::holds() const {
  if (!misfit.empty() || samples == 0) return false;
  const auto there_is = [](const Claim& claim) { return claim.bound.holds(); };
  return std::any_of(claims.begin(), claims.end(), there_is) &&
         std::all_of(claims.begin(), claims.end(), [&](const Claim& claim) {
           return !claim.bound.holds() || measured <= claim.bound.value + allowance;
         });
}

std::string BoundCheck::text() const {
  if (!misfit.empty()) return "the edit does not fit the network: " + misfit;
  std::string list;
  for (const Claim& claim : claims) {
    if (!list.empty()) list += "; ";
    list += claim.bound.holds()
                ? fmt::format("{} {:.3g}, {}", claim.where, claim.bound.value,
                              measured <= claim.bound.value + allowance ? "kept" : "exceeded")
                : fmt::format("{} none, as {}", claim.where, claim.bound.why_not);
  }
  return fmt::format(
      "on {} samples the outputs move by at most {:.3g} (allowed for rounding "
      "{:.1e}); bound {}",
      samples, measured, allowance, list.empty() ? "none" : list);
}

template <class T>
BoundCheck check_bound(const Network<T>& network, int space, const std::vector<GroupScores>& scores,
                       const std::vector<Index>& keep, Engine<T>& engine, const CheckInputs<T>& x,
                       double tolerance) {
  require_hidden(network, space, "check");
  require_scores(network.space(space), scores, keep);
  require_samples<T>(network, x);
  BoundCheck check;
  measure_bound<T>(network, reduce(network, space, scores, keep), engine, x, tolerance, check);
  Pass<T> pass;
  pass.prepare(network, x.cols());
  pass.set_input(x);
  forward(network, engine, pass);
  check.claims = {
      {"for every input", removal_bound(network, space, scores, keep)},
      {"on these samples", removal_bound_on<T>(network, space, scores, keep, pass.z(space))}};
  return check;
}

template <class T>
BoundCheck check_bound(const Network<T>& network, const Edit& edit, const Bound& bound,
                       Engine<T>& engine, const CheckInputs<T>& x, double tolerance) {
  require_samples<T>(network, x);
  BoundCheck check;
  check.claims = {{"as claimed", bound}};
  check.misfit = check_shapes(network, edit);
  if (check.misfit.empty()) measure_bound<T>(network, edit, engine, x, tolerance, check);
  return check;
}

bool ActivationCheck::holds() const { return error <= tolerance; }

std::string ActivationCheck::text() const {
  return fmt::format(
      "the activation {} {}: f(Rz) and R f(z) differ by at most {:.1e} of their length over {} R "
      "and {} z (tolerance {:.1e})",
      holds() ? "commutes with" : "does not commute with", symmetry, error, elements, points,
      tolerance);
}

ActivationCheck check_activation(const VectorFunction& f, const Symmetry& symmetry,
                                 const CommutationSettings& settings, double tolerance) {
  ActivationCheck check;
  check.error = commutation_error(f, symmetry, settings);
  check.symmetry = symmetry.name();
  check.elements = symmetry.order() <= static_cast<double>(settings.elements)
                       ? static_cast<Index>(symmetry.order())
                       : settings.elements;
  check.points = settings.points;
  check.tolerance = tolerance;
  return check;
}

template <class T>
ActivationCheck check_activation(const Space<T>& space, Engine<T>& engine, const Symmetry& symmetry,
                                 const CommutationSettings& settings, double tolerance) {
  return check_activation(activation_of(space, engine), symmetry, settings, tolerance);
}

template <class T>
ActivationCheck check_activation(const Space<T>& space, Engine<T>& engine) {
  return check_activation(space, engine, symmetry_of(space));
}

#define ISOFORM_FOR_SCALAR(T)                                                                   \
  template FunctionCheck check_function(const Network<T>&, const Edit&, Engine<T>&,             \
                                        const CheckInputs<T>&, double);                         \
  template BoundCheck check_bound(const Network<T>&, int, const std::vector<GroupScores>&,      \
                                  const std::vector<Index>&, Engine<T>&, const CheckInputs<T>&, \
                                  double);                                                      \
  template BoundCheck check_bound(const Network<T>&, const Edit&, const Bound&, Engine<T>&,     \
                                  const CheckInputs<T>&, double);                               \
  template ActivationCheck check_activation(const Space<T>&, Engine<T>&, const Symmetry&,       \
                                            const CommutationSettings&, double);                \
  template ActivationCheck check_activation(const Space<T>&, Engine<T>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
