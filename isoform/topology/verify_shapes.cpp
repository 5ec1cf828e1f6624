// The checks of an edit that need no data: whether it fits, and whether its T are isometries.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/topology/verify.h"

namespace isoform {

namespace {

std::string shape(const Matrix<double>& m) { return fmt::format("[{} × {}]", m.rows(), m.cols()); }

// Keeps the larger; no number is larger than any, and stays.
void keep_larger(double& worst, double candidate) {
  if (!std::isnan(worst) && !(candidate <= worst)) worst = candidate;
}

template <class T>
std::string misfit_of_groups(const Space<T>& space, const Edit& edit) {
  const std::vector<Index> parts = space.parts();
  if (edit.groups.empty()) return "the edit leaves no group; at least one must stay";
  if (!space.hidden() && (edit.groups.size() > 1 || edit.length.size() > 0)) {
    return fmt::format("space {} ({}) has no gates; it stays one group without a length", space.id,
                       space.name);
  }
  for (std::size_t i = 0; i < edit.groups.size(); ++i) {
    const GroupEdit& group = edit.groups[i];
    if (group.size < 1) {
      return fmt::format(
          "group {} has {} neurons after the edit; needed is at least 1, and a group that goes is "
          "left out",
          i, group.size);
    }
    if (group.source == GroupEdit::kNew) {
      if (group.copies()) continue;
      return fmt::format("group {} is new and reads no group, so it has no T; got one {}", i,
                         shape(group.t));
    }
    if (group.source < 0 || group.source >= static_cast<Index>(parts.size())) {
      return fmt::format("group {} comes from group {}; space {} has groups 0 to {}", i,
                         group.source, space.id, parts.size() - 1);
    }
    const Index before = parts[group.source];
    if (group.gone.size() > 0 && group.t.size() == 0) {
      if (group.gone.rows() == before && group.gone.cols() == before - group.size) continue;
      return fmt::format(
          "group {} has {} neurons after the edit and its source {} has {}, so {} directions of {} "
          "go; got {}",
          i, group.size, group.source, before, before - group.size, before, shape(group.gone));
    }
    if (group.t.size() == 0 ? group.size == before + group.born && group.born >= 0
                            : group.t.rows() == group.size && group.t.cols() == before) {
      continue;
    }
    return fmt::format(
        "group {} has {} neurons after the edit and its source {} has {}, so T is [{} × {}]; got "
        "{}",
        i, group.size, group.source, before, group.size, before,
        group.t.size() == 0 ? fmt::format("none, and {} are born", group.born) : shape(group.t));
  }
  return {};
}

template <class T>
std::string misfit_of_lengths(const Space<T>& space, const Edit& edit) {
  const auto gates = static_cast<Index>(edit.groups.size());
  if (edit.length.size() == 0) return {};
  if (edit.length.size() != gates) {
    return fmt::format("length has {} entries; the edit leaves {} groups, so {} or none are needed",
                       edit.length.size(), gates, gates);
  }
  for (Index g = 0; g < gates && space.length_mode != LengthMode::none; ++g) {
    const Index source = edit.groups[g].source;
    const double o = source == GroupEdit::kNew ? 0 : static_cast<double>(space.o(source));
    if (edit.length[g] == 0 || o + edit.length[g] >= 0) continue;
    return fmt::format(
        "length takes o of group {} from {:.6g} to {:.6g}; o is a squared length "
        "and needs to stay at 0 or more",
        g, o, o + edit.length[g]);
  }
  return {};
}

template <class T>
std::string misfit_of_corrections(const Network<T>& network, const Edit& edit) {
  for (const MapCorrection& correction : edit.corrections) {
    if (!network.has_map(correction.map)) {
      return fmt::format("a correction names map {}; maps are 0 to {}", correction.map,
                         network.map_ids() - 1);
    }
    const Map<T>& m = network.map(correction.map);
    if (m.to != edit.space && m.from != edit.space) {
      return fmt::format(
          "a correction names map {}, which leads from space {} to {} and does not touch space {}",
          m.id, m.from, m.to, edit.space);
    }
    Index rows = m.a.rows(), cols = m.a.cols();
    if (m.to == edit.space) rows = edit.dimension();
    if (m.from == edit.space) {
      cols = edit.dimension() + 1 + m.features_of(static_cast<Index>(edit.groups.size()));
    }
    if (correction.fits(rows, cols)) continue;
    return fmt::format("the correction of map {} is {}{}; after the edit [W b ψ{}] is [{} × {}]",
                       m.id, shape(correction.delta),
                       correction.row == 0 && correction.column == 0
                           ? ""
                           : fmt::format(" at ({}, {})", correction.row, correction.column),
                       m.norms ? " χ" : "", rows, cols);
  }
  return {};
}

}  // namespace

template <class T>
std::string check_shapes(const Network<T>& network, const Edit& edit) {
  if (!network.has_space(edit.space)) {
    return fmt::format("the edit is one of space {}; spaces are 0 to {}", edit.space,
                       network.space_ids() - 1);
  }
  const Space<T>& space = network.space(edit.space);
  if (network.is_given(space.id) || (!space.hidden() && network.outgoing(space.id).empty())) {
    return fmt::format(
        "the edit is one of space {} ({}), which has no gates; edits change hidden "
        "spaces, and linear ones between others",
        space.id, space.name);
  }
  std::string misfit = misfit_of_groups(space, edit);
  if (misfit.empty()) misfit = misfit_of_lengths(space, edit);
  if (misfit.empty()) misfit = misfit_of_corrections(network, edit);
  return misfit;
}

double IsometryCheck::largest() const {
  double worst = 0;
  for (const double error : errors) keep_larger(worst, error);
  return worst;
}

bool IsometryCheck::holds() const { return largest() <= tolerance; }

std::string IsometryCheck::text() const {
  std::size_t at = 0;
  Index lost = 0;
  for (std::size_t g = 0; g < errors.size(); ++g) {
    if (!std::isnan(errors[at]) && !(errors[g] <= errors[at])) at = g;
    lost += dropped[g];
  }
  if (!holds()) {
    return fmt::format("T of group {} is no isometry: off by {:.1e} (tolerance {:.1e})", at,
                       largest(), tolerance);
  }
  return fmt::format("T is an isometry in every group: off by {:.1e} (tolerance {:.1e}); {}",
                     largest(), tolerance,
                     lost == 0 ? "nothing is dropped inside a group"
                               : fmt::format("directions dropped: {}", lost));
}

IsometryCheck check_isometry(const Edit& edit, double tolerance) {
  IsometryCheck check;
  check.tolerance = tolerance;
  for (const GroupEdit& group : edit.groups) {
    check.errors.push_back(0);
    check.dropped.push_back(0);
    if (group.source == GroupEdit::kNew) continue;
    // All that is made of this source, one above the other, without the rows of new neurons.
    const auto before = [](const GroupEdit& one) {
      if (one.t.size() > 0) return one.t.cols();
      return one.gone.size() > 0 ? one.gone.rows() : one.size - one.born;
    };
    Matrix<double> t(0, before(group));
    for (const GroupEdit& other : edit.groups) {
      if (other.source != group.source) continue;
      const Matrix<double> part = other.matrix(before(other));
      for (Index i = 0; i < part.rows() && part.cols() == t.cols(); ++i) {
        if (part.row(i).squaredNorm() == 0) continue;
        t.conservativeResize(t.rows() + 1, Eigen::NoChange);
        t.bottomRows(1) = part.row(i);
      }
    }
    const Index rows = t.rows(), cols = t.cols();
    check.dropped.back() = std::max<Index>(0, cols - rows);
    if (rows == 0) {
      check.errors.back() = 1;
      continue;
    }
    const Matrix<double> gram =
        rows <= cols ? Matrix<double>(t * t.transpose()) : Matrix<double>(t.transpose() * t);
    const Matrix<double> off = gram - Matrix<double>::Identity(gram.rows(), gram.cols());
    for (const double entry : off.reshaped()) keep_larger(check.errors.back(), std::abs(entry));
  }
  return check;
}

template std::string check_shapes(const Network<float>&, const Edit&);
template std::string check_shapes(const Network<double>&, const Edit&);

}  // namespace isoform
