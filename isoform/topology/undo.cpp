#include "isoform/topology/undo.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "isoform/base/error.h"
#include "isoform/topology/verify.h"

namespace isoform {

namespace {

constexpr const char* kSavedCopy = "only a saved copy of the network brings that back";

// Of neurons of a group that begins at `first` and has `size`.
std::string neurons(const std::vector<Index>& list, Index first, Index size) {
  if (static_cast<Index>(list.size()) == size && size > 1) {
    return fmt::format("neurons {} to {}", first, first + size - 1);
  }
  return fmt::format("neuron{} {}", list.size() == 1 ? "" : "s", fmt::join(list, ", "));
}

// Refuses a T that does not keep all of its group, with what it drops.
template <class T>
void require_kept(const Space<T>& space, const GroupEdit& group) {
  if (group.copies()) return;
  const Index first = space.begin(group.source), n = space.parts()[group.source];
  const Matrix<double> t = group.matrix(n);
  const Matrix<double> off = t.transpose() * t - Matrix<double>::Identity(n, n);
  if (off.cwiseAbs().maxCoeff() <= kIsometryTolerance) return;
  Edit alone;
  alone.groups = {{group.source, group.size, t}};
  const IsometryCheck isometry = check_isometry(alone);
  if (!isometry.holds()) {
    throw UsageError(
        fmt::format("undo: T of group {} of space {} is no isometry, off by {:.1e}, "
                    "so that Tᵀ does not lead back; {}",
                    group.source, space.id, isometry.largest(), kSavedCopy));
  }
  // |Tᵀ T e_i| < 1 where some of neuron i is gone.
  std::vector<Index> touched;
  for (Index i = 0; i < n; ++i) {
    if (off(i, i) < -kIsometryTolerance) touched.push_back(first + i);
  }
  const Index lost = isometry.dropped.front();
  const std::string who = neurons(touched, first, n);
  throw UsageError(fmt::format(
      "undo: the edit dropped {} of space {} (group {}); {}",
      static_cast<Index>(touched.size()) == lost
          ? who
          : fmt::format("{} direction{} that {} shared", lost, lost == 1 ? "" : "s", who),
      space.id, group.source, kSavedCopy));
}

// Where each group of the space is after the edit.
template <class T>
std::vector<Index> positions(const Space<T>& space, const Edit& edit) {
  const std::vector<Index> parts = space.parts();
  std::vector<Index> position(parts.size(), GroupEdit::kNew);
  for (std::size_t i = 0; i < edit.groups.size(); ++i) {
    const Index source = edit.groups[i].source;
    if (source == GroupEdit::kNew) continue;
    if (position[source] != GroupEdit::kNew) {
      throw UsageError(fmt::format(
          "undo: the edit made groups {} and {} of group {} of space {}, and two gates do not "
          "become one again; {}",
          position[source], i, source, space.id, kSavedCopy));
    }
    position[source] = static_cast<Index>(i);
  }
  for (std::size_t g = 0; g < parts.size(); ++g) {
    if (position[g] != GroupEdit::kNew) continue;
    const Index first = space.begin(static_cast<Index>(g)), n = parts[g];
    throw UsageError(fmt::format(
        "undo: the edit dropped neuron{} of space {} (group {}, whole); {}",
        n == 1 ? fmt::format(" {}", first) : fmt::format("s {} to {}", first, first + n - 1),
        space.id, g, kSavedCopy));
  }
  return position;
}

template <class T>
EditRecord record_of(const Space<T>& space, const Edit& edit) {
  EditRecord record;
  record.step = edit.record.step;
  record.kind = edit.groups.size() > space.parts().size() ? EditKind::remove_group
                : edit.dimension() > space.dimension      ? EditKind::reduce
                                                          : edit.record.kind;
  record.space = edit.space;
  record.group = edit.record.group;
  record.before = edit.dimension();
  record.after = space.dimension;
  record.removed = edit.dimension() - space.dimension;
  record.why = fmt::format("undo of {}", edit_kind_name(edit.record.kind));
  return record;
}

// o is added to, so the way back is a difference; taken of the numbers that the network holds after the edit, it
// leads to o exactly and never below 0.
template <class T>
double length_back(const Space<T>& space, Index g, double added) {
  if (added == 0) return 0;
  Space<T> after = space;
  after.set_o(g, static_cast<double>(space.o(g)) + added);
  return static_cast<double>(space.o(g)) - static_cast<double>(after.o(g));
}

}  // namespace

template <class T>
Edit undo(const Network<T>& before, const Edit& edit) {
  if (const std::string misfit = check_shapes(before, edit); !misfit.empty()) {
    throw UsageError(fmt::format(
        "undo: needs the network that the edit was applied to, as it was before; {}", misfit));
  }
  const Space<T>& space = before.space(edit.space);
  const std::vector<Index> position = positions(space, edit);
  for (const GroupEdit& group : edit.groups) {
    if (group.source != GroupEdit::kNew) require_kept(space, group);
  }

  Edit back;
  back.space = edit.space;
  std::vector<Index> sizes;  // of the groups after the edit, before this one
  for (const GroupEdit& group : edit.groups) sizes.push_back(group.size);
  if (edit.length.size() > 0) back.length = Vector<double>::Zero(space.gates());
  const std::vector<Index> parts = space.parts();
  for (Index g = 0; g < static_cast<Index>(parts.size()); ++g) {
    const GroupEdit& group = edit.groups[position[g]];
    Matrix<double> t;  // new neurons behind the others go
    if (!group.copies() || group.size > parts[g]) t = group.matrix(parts[g]).transpose();
    back.groups.push_back({position[g], parts[g], std::move(t)});
    if (edit.length.size() > 0) {
      back.length[g] = length_back(space, g, edit.length[position[g]]);
    }
  }
  EditTransport<> transport(back, sizes);
  for (const MapCorrection& done : edit.corrections) {
    const Map<T>& m = before.map(done.map);
    const bool into = m.to == edit.space;
    const Index n = edit.dimension(), gates = static_cast<Index>(edit.groups.size());
    const Matrix<double> whole =
        into ? done.whole(n, m.a.cols()) : done.whole(m.a.rows(), n + 1 + m.features_of(gates));
    Matrix<double> delta;
    if (into) {
      delta = -transport.rows(whole);
    } else {
      delta.resize(m.a.rows(), m.a.cols());
      delta.leftCols(m.inputs) = -transport.columns<double>(whole.leftCols(n));
      delta.col(m.inputs) = -whole.col(n);
      for (Index from = n + 1, to = m.inputs + 1; to < delta.cols();
           from += gates, to += m.gates()) {
        delta.middleCols(to, m.gates()) =
            -transport_gates<double>(back, whole.middleCols(from, gates));
      }
    }
    // What only concerned new neurons goes with them.
    if (!delta.isZero(0)) back.corrections.push_back({done.map, std::move(delta)});
  }
  back.record = record_of(space, edit);
  return back;
}

template Edit undo(const Network<float>&, const Edit&);
template Edit undo(const Network<double>&, const Edit&);

}  // namespace isoform
