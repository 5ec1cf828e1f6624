// How a network changes: edits of a space, inputs and outputs that come and go.
#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/network/network.h"

namespace isoform {

namespace {

// [W b ψ χ] of a map that touches the space, without corrections; `a` is m.a, or m.a in double.
template <class S, class T>
Matrix<S> edited(const Edit& edit, const Map<T>& m, EditTransport<>& transport,
                 const Matrix<S>& a) {
  if (m.to == edit.space) return transport.rows(a);
  const auto gates = static_cast<Index>(edit.groups.size());
  const Index before = m.gates(), n = edit.dimension();
  Matrix<S> out(a.rows(), n + 1 + m.features_of(gates));
  out.leftCols(n) = transport.columns<S>(a.leftCols(m.inputs));
  out.col(n) = a.col(m.inputs);
  for (Index from = m.inputs + 1, to = n + 1; from < a.cols(); from += before, to += gates) {
    out.middleCols(to, gates) = transport_gates<S>(edit, a.middleCols(from, before));
  }
  return out;
}

bool corrects(const Edit& edit, int map) {
  return std::any_of(edit.corrections.begin(), edit.corrections.end(),
                     [&](const MapCorrection& correction) { return correction.map == map; });
}

// Each number is rounded once where no two corrections meet, and always in double.
template <class S>
void add_corrections(const Edit& edit, int map, Matrix<S>& a) {
  for (const MapCorrection& correction : edit.corrections) {
    if (correction.map != map) continue;
    const Matrix<double>& delta = correction.delta;
    ISOFORM_ASSERT(correction.fits(a.rows(), a.cols()), "shape of a correction");
    auto part = a.block(correction.row, correction.column, delta.rows(), delta.cols());
    part = (part.template cast<double>() + delta).template cast<S>();
  }
}

}  // namespace

template <class T>
void Network<T>::apply(const Edit& edit) {
  Space<T>& s = space(edit.space);
  ISOFORM_ASSERT(edit.dimension() >= 1, "a space keeps a coordinate");
  ISOFORM_ASSERT(s.hidden() || (edit.groups.size() == 1 && edit.length.size() == 0),
                 "a space without gates is one part");
  EditTransport<> transport(edit, s.parts());
  const auto gates_after = static_cast<Index>(edit.groups.size());
  const bool copies = std::all_of(edit.groups.begin(), edit.groups.end(),
                                  [](const GroupEdit& group) { return group.copies(); });
  std::vector<Matrix<T>> next(map_ids());
  for (const Map<T>& m : maps_) {
    if (m.to != edit.space && m.from != edit.space) continue;
    if (copies || !corrects(edit, m.id)) {
      next[m.id] = edited(edit, m, transport, m.a);
      add_corrections(edit, m.id, next[m.id]);
    } else {
      Matrix<double> a = edited<double>(edit, m, transport, m.a.template cast<double>());
      add_corrections(edit, m.id, a);
      next[m.id] = a.template cast<T>();
    }
  }
  for (const MapCorrection& correction : edit.corrections) {
    ISOFORM_ASSERT(next.at(static_cast<std::size_t>(correction.map)).size() > 0,
                   "a correction of a map that touches the space");
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
    if (m.to == edit.space || m.from == edit.space) m.a = std::move(next[m.id]);
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
