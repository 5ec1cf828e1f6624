#include "isoform/topology/grow.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/linalg/decompose.h"
#include "isoform/network/initialise.h"
#include "isoform/topology/diagonalise.h"

namespace isoform {

Index Growth::neurons() const {
  return std::accumulate(into.begin(), into.end(), Index{0}) +
         std::accumulate(new_groups.begin(), new_groups.end(), Index{0});
}

Growth fill_groups(const std::vector<Index>& groups, Index count, Index group_size,
                   const std::vector<char>& frozen) {
  Growth growth{std::vector<Index>(groups.size(), 0), {}};
  const auto open = [&](std::size_t g) { return frozen.empty() || frozen[g] == 0; };
  if (group_size == 0) {
    for (std::size_t g = groups.size(); g-- > 0;) {
      if (!open(g)) continue;
      growth.into[g] = count;
      return growth;
    }
    growth.new_groups = {count};
    return growth;
  }
  for (std::size_t g = 0; g < groups.size() && count > 0; ++g) {
    if (!open(g)) continue;
    growth.into[g] = std::clamp<Index>(group_size - groups[g], 0, count);
    count -= growth.into[g];
  }
  if (count > 0) growth.new_groups = cut_groups(count, group_size);
  return growth;
}

template <class T>
Growth fill_groups(const Network<T>& network, int space, Index count, Index group_size) {
  const Space<T>& s = network.space(space);
  if (network.multiplies(space)) return {{count}, {}};
  return fill_groups(s.groups, count, group_size, s.frozen);
}

template <class T>
bool can_learn(const Network<T>& network, int space) {
  if (network.is_gate(space)) return network.space(space).frozen.empty();
  for (const int id : network.outgoing(space)) {
    Index frozen = 0;
    for (const RowRange& r : network.frozen_rows(network.map(id).to)) frozen += r.end - r.begin;
    if (frozen < network.map(id).a.rows()) return true;
  }
  return false;
}

namespace {

// Columns [Σ n_next × count] for `count` neurons appended to group g: the largest first gradient.
// Only as many directions as M has rank; the rest, and a group without a probe, are random.
template <class T>
void gradient_columns(const Network<T>& network, int space, Index g, const Statistics& statistics,
                      Eigen::Ref<Matrix<double>> columns) {
  const Index gate = network.space(space).dimension + 1 + g;
  const Matrix<double>& probe = statistics.probe(space);
  if (probe.size() == 0) return;
  Index rows = 0, cols = 0;
  for (const int id : network.outgoing(space)) rows += network.map(id).a.rows();
  for (const int id : network.incoming(space)) cols += network.map(id).a.cols();
  Matrix<double> delta(rows, probe.cols()), before(cols, probe.cols());
  Index at = 0;
  for (const int id : network.outgoing(space)) {
    const Matrix<double>& d = statistics.probe_delta(network.writes(id));
    delta.middleRows(at, d.rows()) = d;
    at += d.rows();
  }
  at = 0;
  for (const int id : network.incoming(space)) {
    const Index used = network.map(id).a.cols();
    before.middleRows(at, used) = statistics.probe(network.reads(id)).topRows(used);
    at += used;
  }
  const Matrix<double> m = delta * probe.row(gate).asDiagonal() * before.transpose();
  const LeftSvd svd = left_svd(m);
  const double length = kOutgoingScale * std::sqrt(static_cast<double>(rows));
  for (Index k = 0; k < std::min(columns.cols(), m.rows()); ++k) {
    if (svd.sigma[k] <= 1e-12 * svd.sigma[0]) break;
    columns.col(k) = length * svd.u.col(k);
  }
}

// Rows [fresh × Σ n_before] for new groups that begin unheard: those for which the first gradient of their outgoing
// columns, Σ δ hᵀ with h along V x, is largest. As many as M = Σ δ xᵀ has rank; none without a probe.
template <class T>
Matrix<double> gradient_rows(const Network<T>& network, int space, Index fresh,
                             const Statistics& statistics) {
  if (statistics.probe(space).size() == 0) return {};
  Matrix<double> before(0, statistics.probe(space).cols()), delta(0, before.cols());
  for (const int id : network.incoming(space)) {
    const Map<T>& m = network.map(id);
    before.conservativeResize(before.rows() + m.inputs, Eigen::NoChange);
    before.bottomRows(m.inputs) = statistics.probe(network.reads(id)).topRows(m.inputs);
  }
  for (const int id : network.outgoing(space)) {
    const Matrix<double>& d = statistics.probe_delta(network.writes(id));
    if (d.size() == 0) return {};
    delta.conservativeResize(delta.rows() + d.rows(), Eigen::NoChange);
    delta.bottomRows(d.rows()) = d;
  }
  const LeftSvd svd = left_svd(before * delta.transpose());
  Index rank = 0;
  while (rank < svd.sigma.size() && svd.sigma[rank] > 1e-9 * svd.sigma[0]) ++rank;
  return svd.u.leftCols(std::min(fresh, rank)).transpose();
}

// The ghost neuron of each group that grows shares its bias with the new ones, equally.
template <class T>
void share_ghosts(const Network<T>& network, const Growth& growth, Edit& edit) {
  const Space<T>& s = network.space(edit.space);
  if (s.length_mode == LengthMode::none) return;
  int bias_map = -1;  // the one whose bias no gate multiplies
  for (const int id : network.incoming(edit.space)) {
    if (network.map(id).factors.empty() && network.carries_bias(id)) bias_map = id;
  }
  if (bias_map < 0) return;
  const Map<T>& m = network.map(bias_map);
  Matrix<double> delta = Matrix<double>::Zero(edit.dimension(), m.a.cols());
  if (edit.length.size() == 0) {
    edit.length = Vector<double>::Zero(static_cast<Index>(edit.groups.size()));
  }
  Index row = 0;
  for (Index g = 0; g < s.gates(); ++g) {
    const Index fresh = growth.into[g];
    row += edit.groups[g].size;
    if (fresh == 0) continue;
    const double share = static_cast<double>(s.o(g)) / static_cast<double>(fresh + 1);
    delta.col(m.inputs).segment(row - fresh, fresh).setConstant(std::sqrt(share));
    edit.length[g] = -share * static_cast<double>(fresh);
  }
  edit.corrections.push_back({bias_map, std::move(delta)});
}

[[noreturn]] void refuse_growth(int space, Index width, Index count) {
  if (count < 1) throw UsageError(fmt::format("grow: needs at least 1 new neuron, got {}", count));
  throw UsageError(fmt::format(
      "grow: layer {} is {} wide and may have {} neurons at most; ask for at most {} more, "
      "not {}",
      space, width, kMaxWidth, kMaxWidth - width, count));
}

}  // namespace

template <class T>
Edit grow(const Network<T>& network, int space, const Growth& growth,
          const GrowSettings& settings) {
  require_hidden(network, space, "grow");
  const Space<T>& s = network.space(space);
  const Index born = growth.neurons();
  if (born < 1 || born > kMaxWidth - s.dimension) refuse_growth(space, s.dimension, born);
  ISOFORM_ASSERT(static_cast<Index>(growth.into.size()) == s.gates(), "growth names every group");

  if (!growth.new_groups.empty() && network.multiplies(space)) {
    throw UsageError(fmt::format(
        "grow: the gate of layer {} multiplies maps, so that it stays one group; append to group 0",
        space));
  }

  Edit edit = identity_edit(space, s.groups);
  edit.record.kind = growth.new_groups.empty() ? EditKind::append : EditKind::append_group;
  edit.record.born = born;
  edit.record.after = s.dimension + born;
  edit.record.step = settings.step;
  for (Index g = 0; g < s.gates(); ++g) {
    if (growth.into[g] == 0) continue;
    if (s.is_frozen(g)) {
      throw UsageError(fmt::format(
          "grow: group {} of layer {} is frozen; grow another group, or thaw it first", g, space));
    }
    GroupEdit& group = edit.groups[g];
    group.size += growth.into[g];
    group.born = growth.into[g];
    if (growth.into[g] == born) edit.record.group = g;
  }
  for (const Index size : growth.new_groups) edit.groups.push_back({GroupEdit::kNew, size, {}});
  if (!growth.new_groups.empty() && s.length_mode != LengthMode::none) {
    edit.length = Vector<double>::Zero(static_cast<Index>(edit.groups.size()));
    edit.length.tail(static_cast<Index>(growth.new_groups.size())).setConstant(kInitialLength);
  }

  const auto step = static_cast<std::uint64_t>(settings.step);
  const auto key = static_cast<std::uint64_t>(space);
  const Index gates_after = static_cast<Index>(edit.groups.size());
  const auto position = [&](Index g) {
    Index at = 0;
    for (Index i = 0; i < g; ++i) at += edit.groups[i].size;
    return at;
  };
  // Outgoing columns of the new neurons, one of each below the other; those of new groups may stay zero.
  const Index gates_with_columns =
      settings.group_start == GroupStart::columns ? gates_after : s.gates();
  const auto fresh_of = [&](Index g) {
    return g < s.gates() ? growth.into[g] : edit.groups[g].size;
  };
  Index rows = 0;
  for (const int id : network.outgoing(space)) rows += network.map(id).a.rows();
  Matrix<double> columns =
      kOutgoingScale *
      normal_matrix(rows, born, Random(settings.seed, Purpose::growth, step, 2 * key));
  Index used = 0;
  for (Index g = 0; g < s.gates(); ++g) {
    if (growth.into[g] > 0 && settings.outgoing == Outgoing::gradient) {
      ISOFORM_ASSERT(settings.statistics != nullptr, "a probe for gradient-maximising growth");
      gradient_columns(network, space, g, *settings.statistics,
                       columns.middleCols(used, growth.into[g]));
    }
    used += growth.into[g];
  }
  Index row = 0;
  for (const int id : network.outgoing(space)) {
    const Map<T>& m = network.map(id);
    for (const RowRange& r : network.frozen_rows(m.to)) {
      columns.middleRows(row + r.begin, r.end - r.begin).setZero();
    }
    used = 0;
    for (Index g = 0; g < gates_with_columns; ++g) {
      const Index fresh = fresh_of(g);
      if (fresh == 0) continue;
      edit.corrections.push_back({id, columns.block(row, used, m.a.rows(), fresh), 0,
                                  position(g) + edit.groups[g].size - fresh});
      used += fresh;
    }
    row += m.a.rows();
  }
  if (network.is_gate(space)) share_ghosts(network, growth, edit);
  if (growth.new_groups.empty() || settings.group_start == GroupStart::columns) return edit;
  // Incoming rows of new groups, on the scale of the rows there are.
  const Index first = position(s.gates()), fresh = edit.dimension() - first;
  Matrix<double> best;
  if (settings.outgoing == Outgoing::gradient) {
    ISOFORM_ASSERT(settings.statistics != nullptr, "a probe for gradient-maximising growth");
    best = gradient_rows(network, space, fresh, *settings.statistics);
  }
  Index inputs = 0, column = 0;
  for (const int id : network.incoming(space)) inputs += network.map(id).inputs;
  for (const int id : network.incoming(space)) {
    const Map<T>& m = network.map(id);
    const double norm = m.weight().template cast<double>().norm();
    const double scale = norm > 0 ? norm / std::sqrt(static_cast<double>(m.weight().size()))
                                  : 1 / std::sqrt(static_cast<double>(m.inputs));
    const Random random(settings.seed, Purpose::growth, step,
                        2 * (key + (static_cast<std::uint64_t>(id) << 32)) + 1);
    Matrix<double> delta = scale * normal_matrix(fresh, m.inputs, random);
    if (best.size() > 0) {
      delta.topRows(best.rows()) =
          scale * std::sqrt(static_cast<double>(inputs)) * best.middleCols(column, m.inputs);
    }
    column += m.inputs;
    edit.corrections.push_back({id, std::move(delta), first, 0});
  }
  return edit;
}

template <class T>
Edit grow(const Network<T>& network, int space, Index count, const GrowSettings& settings) {
  require_hidden(network, space, "grow");
  const Space<T>& s = network.space(space);
  // Checked before anything of that size is made.
  if (count < 1 || count > kMaxWidth - s.dimension) refuse_growth(space, s.dimension, count);
  return grow(network, space, fill_groups(network, space, count, settings.group_size), settings);
}

#define ISOFORM_FOR_SCALAR(T)                                                     \
  template Growth fill_groups(const Network<T>&, int, Index, Index);              \
  template bool can_learn(const Network<T>&, int);                                \
  template Edit grow(const Network<T>&, int, const Growth&, const GrowSettings&); \
  template Edit grow(const Network<T>&, int, Index, const GrowSettings&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
