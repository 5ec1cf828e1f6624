#include "isoform/topology/shrink.h"

#include <fmt/format.h>

#include <Eigen/QR>
#include <algorithm>
#include <limits>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/topology/diagonalise.h"

namespace isoform {

namespace {

constexpr Index kFewOf =
    8;  // of the neurons of a group: below this share a part of the decomposition pays

// The identity basis: neurons as they stand, kept ones first.
GroupScores as_they_stand(const Vector<double>& bias, const std::vector<bool>& kept) {
  const Index n = bias.size();
  GroupScores scores;
  scores.basis = Matrix<double>::Zero(n, n);
  scores.score = scores.spread = Vector<double>::Zero(n);
  scores.constant.resize(n);
  scores.counted = n;
  Index row = 0;
  for (const bool wanted : {true, false}) {
    for (Index i = 0; i < n; ++i) {
      if (kept[i] != wanted) continue;
      scores.basis(row, i) = 1;
      scores.constant[row++] = bias[i];
    }
  }
  return scores;
}

// Beyond T = rows an oblique cut changes incoming maps: [W b ψ χ] += (M − T)[W b ψ χ], and b += offset once.
template <class T>
void add_projection(const Network<T>& network, int space, const std::vector<GroupCut>& cuts,
                    Index left, Edit& edit) {
  const Space<T>& s = network.space(space);
  bool first = true;
  for (const int id : network.incoming(space)) {
    const Map<T>& m = network.map(id);
    Matrix<double> delta = Matrix<double>::Zero(left, m.a.cols());
    Index row = 0;
    for (Index g = 0; g < s.gates(); ++g) {
      const Index k = cuts[g].rows.rows();
      delta.middleRows(row, k) = (cuts[g].project - cuts[g].rows) *
                                 m.a.middleRows(s.begin(g), s.groups[g]).template cast<double>();
      if (first) delta.col(m.inputs).segment(row, k) += cuts[g].offset;
      row += k;
    }
    edit.corrections.push_back({id, std::move(delta)});
    first = false;
  }
}

}  // namespace

GroupCut cut_group(const GroupScores& scores, Index keep) {
  const Index n = scores.basis.rows(), gone = n - keep;
  GroupCut cut;
  cut.offset = Vector<double>::Zero(keep);
  cut.constant = Vector<double>::Zero(n);
  if (gone == 0) {
    cut.rows = cut.project = Matrix<double>::Identity(n, n);
    return cut;
  }
  cut.spread = scores.spread.tail(gone).sum();
  if (scores.dual.size() == 0) {
    cut.rows = cut.project = scores.basis.topRows(keep);
    cut.constant = scores.basis.bottomRows(gone).transpose() * scores.constant.tail(gone);
    return cut;
  }
  const Vector<double> stand_in = scores.dual.rightCols(gone) * scores.constant.tail(gone);
  if (keep == 0) {
    cut.rows = cut.project = Matrix<double>(0, n);
    cut.constant = stand_in;
    return cut;
  }
  const Eigen::HouseholderQR<Matrix<double>> qr(scores.dual.leftCols(keep));
  const Matrix<double> e = qr.householderQ() * Matrix<double>::Identity(n, keep);
  cut.rows = e.transpose();
  const Matrix<double> r = qr.matrixQR().topRows(keep).template triangularView<Eigen::Upper>();
  cut.project = r * scores.basis.topRows(keep);
  cut.offset = cut.rows * stand_in;
  cut.constant = stand_in - e * cut.offset;
  return cut;
}

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

namespace {

// Throws where not even one neuron would stay, or what is held would lose some.
template <class T>
void require_reducible(const Network<T>& network, int space, const std::vector<Index>& keep) {
  const Space<T>& s = network.space(space);
  const Index left = std::accumulate(keep.begin(), keep.end(), Index{0});
  if (left < 1) {
    throw UsageError(
        fmt::format("shrink: layer {} has {} neurons and at least 1 must stay; remove at most {}",
                    space, s.dimension, s.dimension - 1));
  }
  for (Index g = 0; g < s.gates(); ++g) {
    if (keep[g] < s.groups[g] && network.is_held(space, g)) {
      throw UsageError(fmt::format(
          "shrink: group {} of layer {} is frozen or read by what is frozen; thaw it first", g,
          space));
    }
  }
}

// The edit that leaves keep[g] neurons of each group in the form of its cut.
template <class T>
Edit cut(const Network<T>& network, int space, const std::vector<GroupCut>& cuts,
         const std::vector<Index>& keep, bool oblique, const Statistics* statistics) {
  const Space<T>& s = network.space(space);
  const Index left = std::accumulate(keep.begin(), keep.end(), Index{0});
  Edit edit;
  edit.space = space;
  edit.record.space = space;
  edit.record.before = s.dimension;
  edit.record.after = left;
  edit.record.removed = s.dimension - left;
  std::vector<double> lengths;
  for (Index g = 0; g < s.gates(); ++g) {
    if (keep[g] == 0) continue;
    GroupEdit group{g, keep[g]};
    if (keep[g] < s.groups[g]) {
      group.t = cuts[g].rows;
      group.gone = cuts[g].gone;
    }
    edit.groups.push_back(std::move(group));
    lengths.push_back(cuts[g].constant.squaredNorm() + cuts[g].spread);
  }
  edit.record.kind = static_cast<Index>(edit.groups.size()) < s.gates() ? EditKind::remove_group
                                                                        : EditKind::reduce;
  if (s.length_mode != LengthMode::none) {
    edit.length = Eigen::Map<Vector<double>>(lengths.data(), static_cast<Index>(lengths.size()));
  }
  if (oblique) add_projection(network, space, cuts, left, edit);

  const auto gates_after = static_cast<Index>(edit.groups.size());
  for (const int id : network.outgoing(space)) {
    const Map<T>& m = network.map(id);
    const bool psi = has_psi(m.psi_mode);
    Matrix<double> delta = Matrix<double>::Zero(m.a.rows(), 1 + (psi ? gates_after : 0));
    auto bias = delta.col(0);
    Index column = 1;  // of the group's ψ after the edit
    for (Index g = 0; g < s.gates(); ++g) {
      // What the constant sends on when the group's gate is 1.
      const Vector<double> folded =
          m.weight().middleCols(s.begin(g), s.groups[g]).template cast<double>() * cuts[g].constant;
      double gate = 0;  // of a group that goes, or the mean gate that expectation wants
      if (keep[g] == 0 || m.psi_mode == PsiMode::expectation) {
        const double o = s.length_mode == LengthMode::none ? 0 : static_cast<double>(s.o(g));
        gate = statistics != nullptr && keep[g] > 0
                   ? statistics->mean_gate(space, g)
                   : radial_gate(s.radial, o + cuts[g].constant.squaredNorm() + cuts[g].spread);
      }
      if (keep[g] == 0) {  // the gate is constant, so every mode can fold
        bias += gate * folded;
        if (psi) bias += gate * m.psi().col(g).template cast<double>();
        if (m.norms) bias += (1 / gate - 1) * m.chi().col(g).template cast<double>();
      } else if (psi) {
        delta.col(column) += folded;
      } else if (m.psi_mode == PsiMode::expectation) {
        bias += gate * folded;
      }
      if (psi && keep[g] > 0) ++column;
    }
    edit.corrections.push_back({id, std::move(delta), 0, left});
  }
  return edit;
}

}  // namespace

template <class T>
Edit reduce(const Network<T>& network, int space, const std::vector<GroupScores>& scores,
            const std::vector<Index>& keep, const Statistics* statistics) {
  require_hidden(network, space, "shrink");
  const Space<T>& s = network.space(space);
  ISOFORM_ASSERT(static_cast<Index>(scores.size()) == s.gates() && keep.size() == scores.size(),
                 "scores and counts for every group");
  require_reducible(network, space, keep);
  std::vector<GroupCut> cuts;
  double largest = 0;
  bool oblique = false;
  for (Index g = 0; g < s.gates(); ++g) {
    if (keep[g] < std::min(s.groups[g], scores[g].counted)) {
      largest = std::max(largest, scores[g].score[keep[g]]);
    }
    cuts.push_back(cut_group(scores[g], keep[g]));
    oblique = oblique || (keep[g] > 0 && keep[g] < s.groups[g] && scores[g].dual.size() > 0);
  }
  Edit edit = cut(network, space, cuts, keep, oblique, statistics);
  edit.record.score = largest;
  return edit;
}

template <class T>
Edit remove_lowest(const Network<T>& network, int space, Index count) {
  require_hidden(network, space, "shrink");
  const Space<T>& s = network.space(space);
  if (s.gates() > 1 || count < 1 || count > s.dimension / kFewOf) {
    const std::vector<GroupScores> scores = score_by_singular_value(network, space);
    return reduce(network, space, scores, keep_without_lowest(scores, count));
  }
  const std::vector<Index> keep = {s.dimension - count};
  require_reducible(network, space, keep);
  LeftSvd lowest = lowest_left_svd(incoming_matrix(network, space), count);
  GroupCut one;
  one.constant = lowest.u * (lowest.u.transpose() * incoming_bias(network, space));
  one.gone = std::move(lowest.u);
  Edit edit = cut(network, space, {std::move(one)}, keep, false, nullptr);
  edit.record.score = lowest.sigma[0];
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
    throw UsageError(fmt::format(
        "remove groups: layer {} has {} and at least 1 must stay{}", space,
        s.gates() == 1 ? "1 group" : fmt::format("{} groups", s.gates()),
        network.multiplies(space) ? "; isoform convert --remove-gate puts a constant in its place"
                                  : ""));
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
  template Edit remove_lowest(const Network<T>&, int, Index);                   \
  template Edit keep(const Network<T>&, int, std::span<const Index>);           \
  template Edit remove_groups(const Network<T>&, int, std::span<const Index>);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
