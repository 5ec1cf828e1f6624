#include "isoform/topology/bound.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/topology/diagonalise.h"

namespace isoform {

namespace {

// Of a profile, with m = √t: γ = sup |ds/dm|, the supremum of |(h, s)| for o ≥ 0 (0: there is none), and sup |dν/dm|.
struct Profile {
  double slope, length, norm;
};

Profile profile_of(Radial radial) {
  switch (radial) {
    case Radial::tanh:
      return {0.34342, 1.08807, 1};
    case Radial::asinh:
      return {0.17434, 0, 0.26498};
    case Radial::algebraic:
      return {0.38491, 1, 1};  // 2/(3√3); |h|² + s² = (1 + |z|²)/(1 + t)
    case Radial::log:
      return {0.5, 0, 0.5};
    case Radial::softsign:
      return {1, 1, 1};
  }
  throw InternalError("a profile without constants");
}

double spectral_norm(const Matrix<double>& m) { return m.size() == 0 ? 0 : singular_values(m)[0]; }

// |dz| of the space that a map writes to, for a change of 1 of the augmented pre-activation of its source.
// Taking ψ/√o for the column of the ghost neuron is only right while √o stays.
template <class T>
double lipschitz(const Network<T>& network, const Map<T>& m, bool ghost_moves) {
  const Space<T>& from = network.space(m.from);
  const double norms =
      profile_of(from.radial).norm * spectral_norm(m.chi().template cast<double>());
  const double plain =
      spectral_norm(m.weight().template cast<double>()) + norms +
      profile_of(from.radial).slope * spectral_norm(m.psi().template cast<double>());
  if (m.psi().cols() == 0 || ghost_moves) return plain;
  Matrix<double> ghosts = m.psi().template cast<double>();
  for (Index g = 0; g < from.gates(); ++g) {
    const auto o = static_cast<double>(from.o(g));
    if (ghosts.col(g).isZero(0)) continue;
    if (o <= 0) return plain;
    ghosts.col(g) /= std::sqrt(o);
  }
  Matrix<double> joint(m.a.rows(), m.inputs + ghosts.cols());
  joint << m.weight().template cast<double>(), ghosts;
  return std::min(plain, spectral_norm(joint) + norms);
}

template <class T>
std::vector<double> gains(const Network<T>& network, int moving_ghost = -1) {
  require_no_factors(network, "bound");
  std::vector<double> gain(network.stage_ids(), 0);
  const auto& stages = network.stages();
  for (auto at = stages.rbegin(); at != stages.rend(); ++at) {
    const int id = at->space;
    const std::vector<int> out = network.outgoing(id);
    if (out.empty()) gain[at->id] = 1;
    if (network.incoming(id).empty()) continue;
    if (at->after >= 0) gain[at->id] = gain[at->after];
    for (const int m : out) {
      if (network.reads(m) != at->id) continue;
      gain[at->id] +=
          lipschitz(network, network.map(m), id == moving_ghost) * gain[network.writes(m)];
    }
  }
  return gain;
}

// How a removal moves one group: z − ẑ = part of (h; s) + rest, the ghost neuron √o by `ghost`, and what the
// modes could not fold is `lost`, a vector in the group's coordinates.
struct Shift {
  Matrix<double> map;   // (I − E M), on z without its bias
  Vector<double> rest;  // constant part
  Vector<double> lost;
  double ghost = 0;
};

template <class T>
double ghost_shift(const Space<T>& space, Index g, double spread) {
  const double o = space.length_mode == LengthMode::none ? 0 : static_cast<double>(space.o(g));
  return std::sqrt(o + spread) - std::sqrt(o);
}

template <class T>
Shift shift_of(const Space<T>& space, Index g, const GroupCut& cut, const Vector<double>& bias) {
  const Index n = space.groups[g];
  const bool all_gone = cut.rows.rows() == 0;  // its gate is constant: every mode folds
  Shift shift;
  shift.map = Matrix<double>::Identity(n, n) - cut.rows.transpose() * cut.project;
  shift.rest = shift.map * bias - cut.rows.transpose() * cut.offset - cut.constant;
  shift.lost = all_gone ? Vector<double>::Zero(n) : cut.constant;
  if (space.length_mode == LengthMode::none && !all_gone) {
    shift.rest += cut.constant;  // the gate does not see it: the net at ẑ − c
  } else {
    shift.ghost = ghost_shift(space, g, cut.spread);
  }
  return shift;
}

// What the modes of the maps that read the space lose of a constant in it: Σ |W_g lost_g| gain. Gates differ,
// so what is lost of two groups does not cancel.
template <class T>
double lost_by_modes(const Network<T>& network, int space, const Vector<double>& lost,
                     const std::vector<double>& gain) {
  double sum = 0;
  const Space<T>& s = network.space(space);
  const bool no_length = s.length_mode == LengthMode::none;
  for (const int id : network.outgoing(space)) {
    const Map<T>& m = network.map(id);
    const bool folds = no_length ? m.psi_mode == PsiMode::none : has_psi(m.psi_mode);
    for (Index g = 0; !folds && g < s.gates(); ++g) {
      const Index at = s.begin(g), n = s.groups[g];
      const Matrix<double> w = m.weight().middleCols(at, n).template cast<double>();
      sum += (w * lost.segment(at, n)).norm() * gain[network.writes(id)];
    }
  }
  return sum;
}

// Where a gate multiplies a map, a path is no product of Lipschitz constants: it also depends on how long the input is.
template <class T>
Bound unbounded_products(const Network<T>& network) {
  if (!network.has_factors()) return {};
  return {0, "gates multiply maps here, and how far a product moves depends on the input's length"};
}

// sup of |(h, s)| over everything a space reads, and the part of h alone; or why there is none.
template <class T>
Bound reach(const Network<T>& network, int space, double& hidden_only) {
  Bound all;
  hidden_only = 0;
  for (const int id : network.incoming(space)) {
    const Space<T>& from = network.space(network.map(id).from);
    if (!from.hidden()) {
      return {0, fmt::format("layer {} reads {}, whose length nothing limits", space,
                             network.is_given(from.id) ? "the input" : "'" + from.name + "'")};
    }
    if (network.map(id).norms) {
      return {0, fmt::format("layer {} reads norms, which nothing limits", space)};
    }
    const double length = profile_of(from.radial).length;
    if (length == 0) {
      return {0, fmt::format("layer {} reads gates of the profile {}, which is unbounded", space,
                             radial_name(from.radial))};
    }
    all.value += length * length * static_cast<double>(from.gates());
    hidden_only += static_cast<double>(from.gates());
  }
  all.value = std::sqrt(all.value);
  hidden_only = std::sqrt(hidden_only);
  return all;
}

// [W₁ W₂ …] and [ψ₁ ψ₂ …] of a space, apart.
template <class T>
void split_incoming(const Network<T>& network, int space, Matrix<double>& w, Matrix<double>& psi) {
  w.resize(network.space(space).dimension, 0);
  psi.resize(network.space(space).dimension, 0);
  for (const int id : network.incoming(space)) {
    const Map<T>& m = network.map(id);
    w.conservativeResize(Eigen::NoChange, w.cols() + m.inputs);
    w.rightCols(m.inputs) = m.weight().template cast<double>();
    psi.conservativeResize(Eigen::NoChange, psi.cols() + m.psi().cols());
    psi.rightCols(m.psi().cols()) = m.psi().template cast<double>();
  }
}

double joint_norm(const Matrix<double>& w, const Matrix<double>& psi) {
  Matrix<double> joint(w.rows(), w.cols() + psi.cols());
  joint << w, psi;
  return spectral_norm(joint);
}

// One direction removed alone: z − ẑ = dual (u − a), and where the gate does not see the stand-in also what is
// kept of it. That is orthogonal to the other dual vectors, so it lies along the direction's row of the basis.
struct Alone {
  double turned = 1;    // |dual|
  double inverse = 1;   // 1 / |row of the basis|²
  double stand_in = 0;  // a, or 0 where the gate sees it

  // |z − ẑ| for u − a.
  [[nodiscard]] double distance(double u) const {
    return std::sqrt(std::max(
        0.0, turned * turned * u * u + 2 * u * stand_in * inverse + stand_in * stand_in * inverse));
  }
};

// The bound of removing each direction alone; moved(g, i, alone) says how far z goes.
template <class T, class Function>
std::vector<std::vector<Bound>> one_by_one(const Network<T>& network, int space,
                                           const std::vector<GroupScores>& scores,
                                           const Function& moved) {
  const Space<T>& s = network.space(space);
  std::vector<std::vector<Bound>> bounds;
  if (const Bound none = unbounded_products(network); !none.holds()) {
    for (const Index size : s.groups) bounds.emplace_back(static_cast<std::size_t>(size), none);
    return bounds;
  }
  const std::vector<double> gain = gains(network), plain = gains(network, space);
  for (Index g = 0; g < s.gates(); ++g) {
    const Index at = s.begin(g), n = s.groups[g];
    const GroupScores& of = scores[g];
    // A group that goes as a whole has a constant gate, which every mode folds.
    const bool unseen = s.length_mode == LengthMode::none && n > 1;
    bounds.emplace_back();
    for (Index i = 0; i < n; ++i) {
      const double inverse = 1 / of.basis.row(i).squaredNorm();
      const Alone alone{of.dual.size() == 0 ? 1 : of.dual.col(i).norm(), inverse,
                        unseen ? of.constant[i] : 0};
      Bound bound = moved(g, i, alone);
      if (bound.holds()) {
        const double ghost = unseen ? 0 : ghost_shift(s, g, of.spread[i]);
        Vector<double> lost = Vector<double>::Zero(s.dimension);
        if (n > 1) lost.segment(at, n) = of.basis.row(i).transpose() * (of.constant[i] * inverse);
        bound.value = (ghost > 0 ? plain : gain)[space] * std::hypot(bound.value, ghost) +
                      lost_by_modes(network, space, lost, gain);
      }
      bounds.back().push_back(std::move(bound));
    }
  }
  return bounds;
}

}  // namespace

template <class T>
double gain(const Network<T>& network, int stage) {
  return gains(network).at(stage);
}

template <class T>
Bound removal_bound(const Network<T>& network, int space, const std::vector<GroupScores>& scores,
                    const std::vector<Index>& keep) {
  require_hidden(network, space, "bound");
  double hidden_only = 0;
  Bound bound = unbounded_products(network);
  if (bound.holds()) bound = reach(network, space, hidden_only);
  if (!bound.holds()) return bound;
  const Space<T>& s = network.space(space);
  Matrix<double> w, psi;
  split_incoming(network, space, w, psi);
  const Vector<double> bias = incoming_bias(network, space);
  Vector<double> rest(s.dimension), lost(s.dimension);
  double ghosts = 0;
  for (Index g = 0; g < s.gates(); ++g) {
    const Index at = s.begin(g), n = s.groups[g];
    const Shift shift = shift_of(s, g, cut_group(scores[g], keep[g]), bias.segment(at, n));
    w.middleRows(at, n) = (shift.map * w.middleRows(at, n)).eval();
    psi.middleRows(at, n) = (shift.map * psi.middleRows(at, n)).eval();
    rest.segment(at, n) = shift.rest;
    lost.segment(at, n) = shift.lost;
    ghosts += shift.ghost * shift.ghost;
  }
  const double moved = std::min(bound.value * joint_norm(w, psi),
                                hidden_only * (spectral_norm(w) + spectral_norm(psi)));
  const std::vector<double> gain = gains(network, ghosts > 0 ? space : -1);
  bound.value = gain[space] * std::hypot(moved + rest.norm(), std::sqrt(ghosts)) +
                lost_by_modes(network, space, lost, gain);
  return bound;
}

template <class T>
Bound removal_bound_on(const Network<T>& network, int space, const std::vector<GroupScores>& scores,
                       const std::vector<Index>& keep, ConstView<T> z) {
  require_hidden(network, space, "bound");
  const Space<T>& s = network.space(space);
  ISOFORM_ASSERT(z.rows() == s.dimension, "pre-activations of the space");
  if (Bound none = unbounded_products(network); !none.holds()) return none;
  Vector<double> squares = Vector<double>::Zero(z.cols()), lost(s.dimension);
  bool ghost_moves = false;
  for (Index g = 0; g < s.gates(); ++g) {
    const Index at = s.begin(g), n = s.groups[g];
    const Shift shift =
        shift_of(s, g, cut_group(scores[g], keep[g]), Vector<double>::Zero(n).eval());
    const Matrix<double> moved =
        (shift.map * z.middleRows(at, n).template cast<double>()).colwise() + shift.rest;
    squares += moved.colwise().squaredNorm().transpose();
    squares.array() += shift.ghost * shift.ghost;
    lost.segment(at, n) = shift.lost;
    ghost_moves = ghost_moves || shift.ghost > 0;
  }
  const std::vector<double> gain = gains(network, ghost_moves ? space : -1);
  const double largest = squares.size() == 0 ? 0 : std::sqrt(squares.maxCoeff());
  return {gain[space] * largest + lost_by_modes(network, space, lost, gain), {}};
}

template <class T>
std::vector<std::vector<Bound>> neuron_bounds(const Network<T>& network, int space,
                                              const std::vector<GroupScores>& scores) {
  require_hidden(network, space, "bound");
  double hidden_only = 0;
  const Bound reached = reach(network, space, hidden_only);
  const Space<T>& s = network.space(space);
  Matrix<double> w, psi;
  split_incoming(network, space, w, psi);
  const Vector<double> bias = incoming_bias(network, space);
  return one_by_one(network, space, scores, [&](Index g, Index i, const Alone& alone) {
    if (!reached.holds()) return Bound(reached);
    const Index at = s.begin(g), n = s.groups[g];
    const auto row = scores[g].basis.row(i);
    const double hears = (row * w.middleRows(at, n)).norm(),
                 gates = (row * psi.middleRows(at, n)).norm();
    const double moved =
        std::min(reached.value * std::hypot(hears, gates), hidden_only * (hears + gates));
    const double constant = row * bias.segment(at, n) - scores[g].constant[i];
    return Bound{alone.turned * moved + alone.distance(constant), {}};
  });
}

template <class T>
std::vector<std::vector<Bound>> neuron_bounds_on(const Network<T>& network, int space,
                                                 const std::vector<GroupScores>& scores,
                                                 ConstView<T> z) {
  require_hidden(network, space, "bound");
  const Space<T>& s = network.space(space);
  ISOFORM_ASSERT(z.rows() == s.dimension, "pre-activations of the space");
  // Of every direction: the samples' largest and smallest u − a, since a distance is convex in it.
  Vector<double> highest(s.dimension), lowest(s.dimension);
  for (Index g = 0; g < s.gates(); ++g) {
    const Index at = s.begin(g), n = s.groups[g];
    const Matrix<double> u =
        (scores[g].basis * z.middleRows(at, n).template cast<double>()).colwise() -
        scores[g].constant;
    if (u.cols() == 0) {
      highest.segment(at, n).setZero();
      lowest.segment(at, n).setZero();
      continue;
    }
    highest.segment(at, n) = u.rowwise().maxCoeff();
    lowest.segment(at, n) = u.rowwise().minCoeff();
  }
  return one_by_one(network, space, scores, [&](Index g, Index i, const Alone& alone) {
    const Index at = s.begin(g) + i;
    return Bound{std::max(alone.distance(highest[at]), alone.distance(lowest[at])), {}};
  });
}

#define ISOFORM_FOR_SCALAR(T)                                                              \
  template double gain(const Network<T>&, int);                                            \
  template Bound removal_bound(const Network<T>&, int, const std::vector<GroupScores>&,    \
                               const std::vector<Index>&);                                 \
  template Bound removal_bound_on(const Network<T>&, int, const std::vector<GroupScores>&, \
                                  const std::vector<Index>&, ConstView<T>);                \
  template std::vector<std::vector<Bound>> neuron_bounds(const Network<T>&, int,           \
                                                         const std::vector<GroupScores>&); \
  template std::vector<std::vector<Bound>> neuron_bounds_on(                               \
      const Network<T>&, int, const std::vector<GroupScores>&, ConstView<T>);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
