#include "isoform/network/network.h"

#include <algorithm>

#include "isoform/base/error.h"

namespace isoform {

template <class T>
Network<T>::Network(std::vector<Space<T>> spaces, std::vector<Map<T>> maps)
    : Network(std::move(spaces), std::move(maps), 0, 0) {}

template <class T>
Network<T>::Network(std::vector<Space<T>> spaces, std::vector<Map<T>> maps, std::size_t space_ids,
                    std::size_t map_ids)
    : spaces_(std::move(spaces)),
      maps_(std::move(maps)),
      space_at_(space_ids, -1),
      map_at_(map_ids, -1) {
  index();
  const auto before = [this](int first, int second) {
    return place(space_at_, first) < place(space_at_, second);
  };
  for (const Space<T>& s : spaces_) {
    ISOFORM_ASSERT(s.frozen.empty() || s.frozen.size() == s.parts().size(), "a mark for each part");
  }
  for (const Map<T>& m : maps_) {
    ISOFORM_ASSERT(before(m.from, m.to) || (m.from != m.to && is_stream(m.to) &&
                                            !outgoing(m.to).empty() && !is_stream(m.from)),
                   "maps run forward, or back to a stream");
    const Space<T>& from = space(m.from);
    ISOFORM_ASSERT(m.inputs == from.dimension &&
                       m.a.cols() == from.dimension + 1 + m.features_of(from.gates()) &&
                       m.a.rows() == space(m.to).dimension,
                   "shape of a map");
    ISOFORM_ASSERT(!m.norms || (from.hidden() && has_psi(m.psi_mode)), "a psi beside norms");
    for (const int gate : m.factors) {
      ISOFORM_ASSERT(space(gate).gates() == 1 && before(gate, m.to), "factors are earlier gates");
    }
  }
}

template <class T>
void Network<T>::index() {
  const auto fill = [](std::vector<int>& at, const auto& list) {
    std::size_t ids = at.size();  // an id is never given twice
    for (const auto& item : list) ids = std::max(ids, static_cast<std::size_t>(item.id) + 1);
    at.assign(ids, -1);
    for (std::size_t i = 0; i < list.size(); ++i) {
      int& entry = at[static_cast<std::size_t>(list[i].id)];
      ISOFORM_ASSERT(entry == -1, "an id of its own for each");
      entry = static_cast<int>(i);
    }
  };
  fill(space_at_, spaces_);
  fill(map_at_, maps_);
  order_stages();
}

// What is written to a stream from behind it is a stage as soon as somebody reads it.
template <class T>
void Network<T>::order_stages() {
  const auto at = [this](int id) { return place(space_at_, id); };
  stages_.clear();
  reads_.assign(map_at_.size(), -1);
  writes_.assign(map_at_.size(), -1);
  std::vector<int> newest(space_at_.size(), -1);  // positions of stages, which get their ids last
  std::vector<std::vector<int>> waiting(space_at_.size());  // maps that no stage has yet
  const auto open = [&](int space) {
    const auto stage = static_cast<int>(stages_.size());
    const int last = newest[static_cast<std::size_t>(space)];
    if (last >= 0) stages_[static_cast<std::size_t>(last)].after = stage;
    stages_.push_back({-1, space, last, -1});
    newest[static_cast<std::size_t>(space)] = stage;
    for (const int map : waiting[static_cast<std::size_t>(space)]) writes_[map] = stage;
    waiting[static_cast<std::size_t>(space)].clear();
  };
  for (const Space<T>& s : spaces_) {
    for (const Map<T>& m : maps_) {
      if (m.to != s.id || at(m.from) >= at(s.id)) continue;
      if (!waiting[m.from].empty()) open(m.from);
      reads_[m.id] = newest[m.from];
      waiting[s.id].push_back(m.id);
    }
    open(s.id);
    for (const Map<T>& m : maps_) {  // to the streams before it
      if (m.from != s.id || at(m.to) > at(s.id)) continue;
      reads_[m.id] = newest[s.id];
      waiting[m.to].push_back(m.id);
    }
  }
  for (const Space<T>& s : spaces_) {  // what nobody reads any more
    if (!waiting[s.id].empty()) open(s.id);
  }
  auto next = static_cast<int>(space_at_.size());
  for (Stage& stage : stages_) stage.id = stage.after < 0 ? stage.space : next++;
  gone_ = space_at_.size() - spaces_.size();
  const auto id_of = [this](int& stage) {
    if (stage >= 0) stage = stages_[static_cast<std::size_t>(stage)].id;
  };
  for (Stage& stage : stages_) {
    id_of(stage.before);
    id_of(stage.after);
  }
  for (auto* list : {&reads_, &writes_}) std::for_each(list->begin(), list->end(), id_of);
}

template <class T>
bool Network<T>::known(const std::vector<int>& at, int id) {
  return id >= 0 && static_cast<std::size_t>(id) < at.size() &&
         at[static_cast<std::size_t>(id)] >= 0;
}

template <class T>
std::size_t Network<T>::place(const std::vector<int>& at, int id) {
  ISOFORM_ASSERT(known(at, id), "an id of this network");
  return static_cast<std::size_t>(at[static_cast<std::size_t>(id)]);
}

template <class T>
std::vector<int> Network<T>::incoming(int space) const {
  std::vector<int> ids;
  for (const Map<T>& m : maps_) {
    if (m.to == space) ids.push_back(m.id);
  }
  return ids;
}

template <class T>
std::vector<int> Network<T>::outgoing(int space) const {
  std::vector<int> ids;
  for (const Map<T>& m : maps_) {
    if (m.from == space) ids.push_back(m.id);
  }
  return ids;
}

template <class T>
std::vector<int> Network<T>::hidden() const {
  std::vector<int> ids;
  for (const Space<T>& s : spaces_) {
    if (s.hidden()) ids.push_back(s.id);
  }
  return ids;
}

template <class T>
std::vector<int> Network<T>::inputs() const {
  std::vector<int> ids;
  for (const Space<T>& s : spaces_) {
    if (s.dimension > 0 && is_given(s.id)) ids.push_back(s.id);
  }
  return ids;
}

template <class T>
std::vector<int> Network<T>::outputs() const {
  std::vector<int> ids;
  for (const Space<T>& s : spaces_) {
    if (!s.hidden() && outgoing(s.id).empty()) ids.push_back(s.id);
  }
  return ids;
}

template <class T>
std::vector<Index> Network<T>::widths() const {
  std::vector<Index> widths = {0};
  Index outputs = 0;
  for (const Space<T>& s : spaces_) {
    if (is_given(s.id)) {
      widths.front() += s.dimension;
    } else if (!s.hidden() && outgoing(s.id).empty()) {
      outputs += s.dimension;
    } else {
      widths.push_back(s.dimension);
    }
  }
  widths.push_back(outputs);
  return widths;
}

template <class T>
bool Network<T>::is_given(int id) const {
  return !space(id).hidden() && incoming(id).empty();
}

template <class T>
bool Network<T>::has_factors() const {
  return std::any_of(maps_.begin(), maps_.end(),
                     [](const Map<T>& m) { return !m.factors.empty(); });
}

template <class T>
bool Network<T>::is_gate(int id) const {
  return space(id).hidden() && outgoing(id).empty();
}

template <class T>
bool Network<T>::multiplies(int id) const {
  return std::any_of(maps_.begin(), maps_.end(), [&](const Map<T>& m) {
    return std::find(m.factors.begin(), m.factors.end(), id) != m.factors.end();
  });
}

template <class T>
bool Network<T>::is_stream(int id) const {
  return !space(id).hidden() && std::any_of(maps_.begin(), maps_.end(), [&](const Map<T>& m) {
    return m.to == id && place(space_at_, m.from) > place(space_at_, id);
  });
}

template <class T>
bool Network<T>::carries_bias(int id) const {
  const Map<T>& own = map(id);
  const auto first = std::find_if(maps_.begin(), maps_.end(), [&](const Map<T>& m) {
    return writes(m.id) == writes(id) && m.factors == own.factors;
  });
  return first->id == id;
}

template <class T>
bool Network<T>::is_held(int id, Index group) const {
  const Space<T>& s = space(id);
  if (s.is_frozen(group)) return true;
  for (const Map<T>& m : maps_) {
    const bool multiplies = std::find(m.factors.begin(), m.factors.end(), id) != m.factors.end();
    if (m.from != id && !multiplies) continue;
    for (const RowRange& r : frozen_rows(m.to)) {
      const auto rows = m.a.middleRows(r.begin, r.end - r.begin);
      if (multiplies && !rows.isZero(0)) return true;
      if (m.from != id) continue;
      bool reads_gate = false;
      for (Index at = m.inputs + 1 + group; at < m.a.cols(); at += m.gates()) {
        reads_gate = reads_gate || !rows.col(at).isZero(0);
      }
      if (reads_gate || !rows.middleCols(s.begin(group), s.groups[group]).isZero(0)) return true;
    }
  }
  return false;
}

template <class T>
Index Network<T>::features(int id) const {
  const bool norms = std::any_of(maps_.begin(), maps_.end(),
                                 [id](const Map<T>& m) { return m.from == id && m.norms; });
  return space(id).gates() * (norms ? 2 : 1);
}

template <class T>
std::vector<RowRange> Network<T>::frozen_rows(int id) const {
  const Space<T>& s = space(id);
  std::vector<RowRange> ranges;
  if (s.frozen.empty()) return ranges;
  const std::vector<Index> parts = s.parts();
  Index at = 0;
  for (std::size_t part = 0; part < parts.size(); at += parts[part++]) {
    if (!s.is_frozen(static_cast<Index>(part))) continue;
    if (!ranges.empty() && ranges.back().end == at) {
      ranges.back().end += parts[part];
    } else {
      ranges.push_back({at, at + parts[part]});
    }
  }
  return ranges;
}

template <class T>
Index Network<T>::parameter_count() const {
  Index count = 0;
  for (const Map<T>& m : maps_) count += m.a.size();
  for (const Space<T>& s : spaces_) {
    if (s.length_mode != LengthMode::none) count += s.length.size();
  }
  return count;
}

template <class T>
Index Network<T>::parameter_count_after(int id, Index neurons, Index groups) const {
  Index count = parameter_count();
  const Space<T>& s = space(id);
  for (const int m : incoming(id)) count += neurons * map(m).a.cols();
  for (const int m : outgoing(id)) {
    count += map(m).a.rows() * (neurons + map(m).features_of(groups));
  }
  return count + (s.length_mode != LengthMode::none ? groups : 0);
}

template <class T>
bool Network<T>::all_finite() const {
  for (const Map<T>& m : maps_) {
    if (!m.a.allFinite()) return false;
  }
  for (const Space<T>& s : spaces_) {
    if (!s.length.allFinite()) return false;
  }
  return true;
}

template <class T>
double Network<T>::penalty() const {
  double sum = 0;
  for (const Map<T>& m : maps_) {
    if (m.psi_mode == PsiMode::decay) sum += m.psi().template cast<double>().squaredNorm();
  }
  return kPsiPenalty * sum;
}

template class Network<float>;
template class Network<double>;

template <class T>
Matrix<double> incoming_matrix(const Network<T>& network, int space) {
  Matrix<double> stack(network.space(space).dimension, 0);
  for (const int id : network.incoming(space)) {
    const Map<T>& m = network.map(id);
    const Index old = stack.cols(), features = m.features().cols(),
                bias = m.factors.empty() ? 0 : 1;
    stack.conservativeResize(Eigen::NoChange, old + m.inputs + bias + features);
    stack.middleCols(old, m.inputs) = m.weight().template cast<double>();
    if (bias > 0) stack.col(old + m.inputs) = m.bias().template cast<double>();
    stack.rightCols(features) = m.features().template cast<double>();
  }
  return stack;
}

template <class T>
Vector<double> incoming_bias(const Network<T>& network, int space) {
  Vector<double> bias = Vector<double>::Zero(network.space(space).dimension);
  for (const int id : network.incoming(space)) {
    const Map<T>& m = network.map(id);
    if (m.factors.empty()) bias += m.bias().template cast<double>();
  }
  return bias;
}

template <class T>
Matrix<double> outgoing_matrix(const Network<T>& network, int space) {
  Matrix<double> stack(0, network.space(space).dimension);
  for (const int id : network.outgoing(space)) {
    const Map<T>& m = network.map(id);
    stack.conservativeResize(stack.rows() + m.a.rows(), Eigen::NoChange);
    stack.bottomRows(m.a.rows()) = m.weight().template cast<double>();
  }
  return stack;
}

#define ISOFORM_FOR_SCALAR(T)                                              \
  template Matrix<double> incoming_matrix(const Network<T>& network, int); \
  template Vector<double> incoming_bias(const Network<T>& network, int);   \
  template Matrix<double> outgoing_matrix(const Network<T>& network, int);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
