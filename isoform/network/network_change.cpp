// How a network changes: edits of a space, inputs and outputs that come and go.
#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/network/network.h"

namespace isoform {

template <class T>
void Network<T>::apply(const Edit& edit) {
  Space<T>& s = space(edit.space);
  ISOFORM_ASSERT(edit.dimension() >= 1, "a space keeps a coordinate");
  ISOFORM_ASSERT(s.hidden() || (edit.groups.size() == 1 && edit.length.size() == 0),
                 "a space without gates is one part");
  const std::vector<Index> parts = s.parts();
  const auto gates_after = static_cast<Index>(edit.groups.size());
  std::vector<Matrix<double>> next(map_ids());
  for (const Map<T>& m : maps_) {
    if (m.to != edit.space && m.from != edit.space) continue;
    const Matrix<double> a = m.a.template cast<double>();
    if (m.to == edit.space) {
      next[m.id] = transport_rows(edit, parts, a);
    } else {
      const Index psi = a.cols() - m.inputs - 1;
      Matrix<double>& out = next[m.id];
      out.resize(a.rows(), edit.dimension() + 1 + (psi > 0 ? gates_after : 0));
      out.leftCols(edit.dimension()) = transport_columns(edit, parts, a.leftCols(m.inputs));
      out.col(edit.dimension()) = a.col(m.inputs);
      if (psi > 0) out.rightCols(gates_after) = transport_gates(edit, a.rightCols(psi));
    }
  }
  for (const MapCorrection& correction : edit.corrections) {
    Matrix<double>& a = next.at(correction.map);
    ISOFORM_ASSERT(a.rows() == correction.delta.rows() && a.cols() == correction.delta.cols(),
                   "shape of a correction");
    a += correction.delta;
  }
  ISOFORM_ASSERT(edit.length.size() == 0 || edit.length.size() == gates_after,
                 "lengths of an edit");
  for (Index g = 0; g < edit.length.size(); ++g) {
    const Index source = edit.groups[g].source;
    const double o = source == GroupEdit::kNew ? 0.0 : static_cast<double>(s.o(source));
    ISOFORM_ASSERT(o + edit.length[g] >= -1e-9 * o, "an o of at least 0");
  }

  // Nothing below throws: the network is changed whole or not at all.
  const Space<T> before = s;
  const auto source_of = [&](Index g) { return edit.groups[static_cast<std::size_t>(g)].source; };
  if (!before.frozen.empty()) {
    s.frozen.assign(edit.groups.size(), 0);
    for (Index g = 0; g < gates_after; ++g) {
      if (source_of(g) != GroupEdit::kNew) s.frozen[g] = before.frozen[source_of(g)];
    }
  }
  if (before.hidden()) {
    s.groups.clear();
    s.length = Vector<T>::Zero(gates_after);
  }
  for (Index g = 0; before.hidden() && g < gates_after; ++g) {
    s.groups.push_back(edit.groups[g].size);
    const double added = edit.length.size() == 0 ? 0.0 : edit.length[g];
    const bool is_new = source_of(g) == GroupEdit::kNew;
    if (!is_new) s.length[g] = before.length[source_of(g)];
    if (is_new || added != 0) {
      const double o = is_new ? 0.0 : static_cast<double>(before.o(source_of(g)));
      s.set_o(g, std::max(0.0, o + added));
    }
  }
  s.dimension = edit.dimension();
  for (Map<T>& m : maps_) {
    if (m.from == edit.space) m.inputs = s.dimension;
    if (m.to == edit.space || m.from == edit.space) m.a = next[m.id].template cast<T>();
  }
}

template <class T>
int Network<T>::add_like(int like, std::string name, Index dimension) {
  const std::size_t at = place(space_at_, like);
  const bool input = is_given(like);
  ISOFORM_ASSERT(dimension >= 1 && (input || (outgoing(like).empty() && !space(like).hidden())),
                 "inputs and outputs are added");
  Space<T> fresh;
  fresh.id = static_cast<int>(space_ids());
  fresh.name = std::move(name);
  fresh.dimension = dimension;
  // Behind the last of its kind: the order of sums and of stacked vectors stays.
  std::size_t behind = at;
  for (const int id : input ? inputs() : outputs()) behind = std::max(behind, place(space_at_, id));
  auto next_map = static_cast<int>(map_ids());
  for (const int id : input ? outgoing(like) : incoming(like)) {
    Map<T> m = map(id);
    m.id = next_map++;
    (input ? m.from : m.to) = fresh.id;
    if (input) m.inputs = dimension;
    m.a = Matrix<T>::Zero(input ? m.a.rows() : dimension, input ? dimension + 1 : m.a.cols());
    maps_.push_back(std::move(m));
  }
  const int id = fresh.id;
  spaces_.insert(spaces_.begin() + static_cast<std::ptrdiff_t>(behind) + 1, std::move(fresh));
  index();
  return id;
}

template <class T>
void Network<T>::remove_space(int id) {
  const bool input = is_given(id);
  ISOFORM_ASSERT((input ? inputs() : outputs()).size() > 1 && !space(id).hidden(),
                 "an input or output among others");
  for (const int gone : outgoing(id)) {
    if (!input || !carries_bias(gone)) continue;
    const Map<T>& m = map(gone);
    const auto heir = std::find_if(maps_.begin(), maps_.end(), [&](const Map<T>& other) {
      return other.id != gone && writes(other.id) == writes(gone) && other.factors == m.factors;
    });
    ISOFORM_ASSERT(heir != maps_.end(), "a map that the bias goes on in");
    heir->bias() += m.bias();
  }
  std::erase_if(maps_, [&](const Map<T>& m) { return m.from == id || m.to == id; });
  std::erase_if(spaces_, [&](const Space<T>& s) { return s.id == id; });
  index();
}

#define ISOFORM_FOR_SCALAR(T)                                 \
  template void Network<T>::apply(const Edit&);               \
  template int Network<T>::add_like(int, std::string, Index); \
  template void Network<T>::remove_space(int);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
