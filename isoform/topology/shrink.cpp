#include "isoform/topology/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/topology/diagonalise.h"

namespace isoform {

namespace {

// The identity basis: neurons as they stand, kept ones first.
GroupScores as_they_stand(const Vector<double>& bias, const std::vector<bool>& kept) {
  const Index n = bias.size();
  GroupScores scores{Matrix<double>::Zero(n, n), Vector<double>::Zero(n), Vector<double>(n), {}, n};
  Index row = 0;
  for (const bool wanted : {true, false}) {
    for (Index i = 0; i < n; ++i) {
      if (kept[i] != wanted) continue;
      scores.basis(row, i) = 1;
      scores.constant[row++] = bias[i];
    }
  }
  scores.square = scores.constant.cwiseAbs2();
  return scores;
}

}  // namespace

template <class T>
bool carries_fold(const Network<T>& network, int space) {
  if (network.space(space).length_mode == LengthMode::none) return false;
  const std::vector<int> maps = network.outgoing(space);
  return std::all_of(maps.begin(), maps.end(),
                     [&](int id) { return has_psi(network.map(id).psi_mode); });
}

std::vector<Index> keep_without_lowest(const std::vector<GroupScores>& scores, Index count) {
  std::vector<Index> keep;
  for (const GroupScores& group : scores) keep.push_back(group.score.size());
  for (; count > 0; --count) {
    double lowest = std::numeric_limits<double>::infinity();
    std::size_t from = scores.size();
    for (std::size_t g = 0; g < scores.size(); ++g) {
      if (keep[g] == 0) continue;
      const double score = keep[g] > scores[g].counted ? -1 : scores[g].score[keep[g] - 1];
      if (score < lowest) {
        lowest = score;
        from = g;
      }
    }
    if (from == scores.size()) break;
    --keep[from];
  }
  return keep;
}

template <class T>
Edit reduce(const Network<T>& network, int space, const std::vector<GroupScores>& scores,
            const std::vector<Index>& keep, const Statistics* statistics) {
  require_hidden(network, space, "shrink");
  const Space<T>& s = network.space(space);
  ISOFORM_ASSERT(static_cast<Index>(scores.size()) == s.gates() && keep.size() == scores.size(),
                 "scores and counts for every group");
  const Index left = std::accumulate(keep.begin(), keep.end(), Index{0});
  if (left < 1) {
    throw UsageError(
        fmt::format("shrink: layer {} has {} neurons and at least 1 must stay; remove at most {}",
                    space, s.dimension, s.dimension - 1));
  }

  Edit edit;
  edit.space = space;
  edit.record.space = space;
  edit.record.before = s.dimension;
  edit.record.after = left;
  edit.record.removed = s.dimension - left;
  std::vector<double> lengths;
  for (Index g = 0; g < s.gates(); ++g) {
    const Index n = s.groups[g];
    if (keep[g] < std::min(n, scores[g].counted)) {
      edit.record.score = std::max(edit.record.score, scores[g].score[keep[g]]);
    }
    if (keep[g] == 0) continue;
    GroupEdit group{g, keep[g], {}};
    if (keep[g] < n) group.t = scores[g].basis.topRows(keep[g]);
    edit.groups.push_back(std::move(group));
    lengths.push_back(scores[g].square.tail(n - keep[g]).sum());
  }
  edit.record.kind = static_cast<Index>(edit.groups.size()) < s.gates() ? EditKind::remove_group
                                                                        : EditKind::reduce;
  if (s.length_mode != LengthMode::none) {
    edit.length = Eigen::Map<Vector<double>>(lengths.data(), static_cast<Index>(lengths.size()));
  }

  const auto gates_after = static_cast<Index>(edit.groups.size());
  for (const int id : network.outgoing(space)) {
    const Map<T>& m = network.map(id);
    const bool psi = has_psi(m.psi_mode);
    Matrix<double> delta = Matrix<double>::Zero(m.a.rows(), left + 1 + (psi ? gates_after : 0));
    auto bias = delta.col(left);
    Index column = left + 1;  // of the group's ψ after the edit
    for (Index g = 0; g < s.gates(); ++g) {
      const Index n = s.groups[g], gone = n - keep[g];
      const GroupScores& of = scores[g];
      // What the stand-ins send on when the group's gate is 1: Σ a W q.
      const Vector<double> folded =
          m.weight().middleCols(s.begin(g), n).template cast<double>() *
          (of.basis.bottomRows(gone).transpose() * of.constant.tail(gone));
      double gate = 0;  // of a group that goes, or the mean gate that expectation wants
      if (keep[g] == 0 || m.psi_mode == PsiMode::expectation) {
        const double o = s.length_mode == LengthMode::none ? 0 : static_cast<double>(s.o(g));
        const double squares = of.square.tail(keep[g] == 0 ? n : gone).sum();
        gate = statistics != nullptr && keep[g] > 0 ? statistics->mean_gate(space, g)
                                                    : radial_gate(s.radial, o + squares);
      }
      if (keep[g] == 0) {  // the gate is constant, so every mode can fold
        bias += gate * folded;
        if (psi) bias += gate * m.psi().col(g).template cast<double>();
      } else if (psi) {
        delta.col(column) += folded;
      } else if (m.psi_mode == PsiMode::expectation) {
        bias += gate * folded;
      }
      if (psi && keep[g] > 0) ++column;
    }
    edit.corrections.push_back({id, std::move(delta)});
  }
  return edit;
}

template <class T>
Edit keep(const Network<T>& network, int space, std::span<const Index> kept) {
  require_hidden(network, space, "keep");
  const Space<T>& s = network.space(space);
  std::vector<bool> wanted(s.dimension, false);
  for (const Index i : kept) {
    if (i < 0 || i >= s.dimension) {
      throw UsageError(fmt::format("keep: neuron {} is out of range; layer {} has neurons 0 to {}",
                                   i, space, s.dimension - 1));
    }
    if (wanted[i]) throw UsageError(fmt::format("keep: neuron {} is named twice", i));
    wanted[i] = true;
  }
  const Vector<double> bias = incoming_bias(network, space);
  std::vector<GroupScores> scores;
  std::vector<Index> counts;
  for (Index g = 0; g < s.gates(); ++g) {
    const Index at = s.begin(g), n = s.groups[g];
    const std::vector<bool> part(wanted.begin() + at, wanted.begin() + at + n);
    scores.push_back(as_they_stand(bias.segment(at, n), part));
    counts.push_back(std::count(part.begin(), part.end(), true));
  }
  Edit edit = reduce(network, space, scores, counts);
  edit.record.why = "neurons selected by hand";
  return edit;
}

template <class T>
Edit remove_groups(const Network<T>& network, int space, std::span<const Index> groups) {
  require_hidden(network, space, "remove groups");
  const Space<T>& s = network.space(space);
  std::vector<Index> kept;
  for (const Index g : groups) {
    if (g < 0 || g >= s.gates()) {
      throw UsageError(
          fmt::format("remove groups: group {} is out of range; layer {} has groups 0 to {}", g,
                      space, s.gates() - 1));
    }
  }
  for (const Index g : groups) {
    if (std::count(groups.begin(), groups.end(), g) > 1) {
      throw UsageError(fmt::format("remove groups: group {} is named twice", g));
    }
  }
  if (static_cast<Index>(groups.size()) == s.gates()) {
    throw UsageError(fmt::format("remove groups: layer {} has {} groups and at least 1 must stay",
                                 space, s.gates()));
  }
  for (Index g = 0; g < s.gates(); ++g) {
    if (std::find(groups.begin(), groups.end(), g) != groups.end()) continue;
    for (Index i = 0; i < s.groups[g]; ++i) kept.push_back(s.begin(g) + i);
  }
  Edit edit = keep(network, space, kept);
  edit.record.why = "groups removed by hand";
  return edit;
}

#define ISOFORM_FOR_SCALAR(T)                                                   \
  template bool carries_fold(const Network<T>&, int);                           \
  template Edit reduce(const Network<T>&, int, const std::vector<GroupScores>&, \
                       const std::vector<Index>&, const Statistics*);           \
  template Edit keep(const Network<T>&, int, std::span<const Index>);           \
  template Edit remove_groups(const Network<T>&, int, std::span<const Index>);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
