#include "isoform/network/network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/network/initialise.h"

namespace isoform {

void ChainSettings::validate() const {
  if (widths.size() < 2) {
    throw UsageError(
        fmt::format("widths: needs at least an input and an output, got {} widths", widths.size()));
  }
  for (std::size_t l = 0; l < widths.size(); ++l) {
    if (widths[l] < 1) {
      throw UsageError(fmt::format("widths: width {} is {}, needs at least 1", l, widths[l]));
    }
  }
  if (group_size < 0) {
    throw UsageError(fmt::format("group size: needs 0 (whole layer) or more, got {}", group_size));
  }
  if (groups.empty()) return;
  if (groups.size() != widths.size() - 2) {
    throw UsageError(fmt::format("groups: needs a list for each of the {} hidden layers, got {}",
                                 widths.size() - 2, groups.size()));
  }
  for (std::size_t l = 0; l < groups.size(); ++l) {
    const Index sum = std::accumulate(groups[l].begin(), groups[l].end(), Index{0});
    for (const Index size : groups[l]) {
      if (size < 1) {
        throw UsageError(
            fmt::format("groups: layer {} has a group of {}, needs at least 1", l + 1, size));
      }
    }
    if (sum != widths[l + 1]) {
      throw UsageError(fmt::format(
          "groups: layer {} is {} wide but its groups [{}] add up to {}; change the width or the "
          "groups",
          l + 1, widths[l + 1], fmt::join(groups[l], ", "), sum));
    }
  }
}

template <class T>
Network<T>::Network(std::vector<Space<T>> spaces, std::vector<Map<T>> maps)
    : spaces_(std::move(spaces)), maps_(std::move(maps)) {
  for (std::size_t i = 0; i < spaces_.size(); ++i) {
    ISOFORM_ASSERT(spaces_[i].id == static_cast<int>(i), "ids of spaces are positions");
  }
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    const Map<T>& m = maps_[i];
    ISOFORM_ASSERT(m.id == static_cast<int>(i) && m.from < m.to, "maps run forward");
    const Space<T>& from = space(m.from);
    const Index psi = from.hidden() && has_psi(m.psi_mode) ? from.gates() : 0;
    ISOFORM_ASSERT(m.inputs == from.dimension && m.a.cols() == from.dimension + 1 + psi &&
                       m.a.rows() == space(m.to).dimension,
                   "shape of a map");
  }
}

template <class T>
Network<T> Network<T>::chain(const ChainSettings& settings) {
  settings.validate();
  const auto last = static_cast<int>(settings.widths.size()) - 1;
  std::vector<Space<T>> spaces(last + 1);
  std::vector<Map<T>> maps(last);
  for (int l = 0; l <= last; ++l) {
    Space<T>& s = spaces[l];
    s.id = l;
    s.name = l == 0 ? "input" : l == last ? "output" : fmt::format("hidden {}", l);
    s.dimension = settings.widths[l];
    if (l == 0 || l == last) continue;
    s.groups = settings.groups.empty() ? cut_groups(s.dimension, settings.group_size)
                                       : settings.groups[l - 1];
    s.radial = settings.radial;
    s.length_mode = settings.length;
    s.length = Vector<T>::Zero(s.gates());
    for (Index g = 0; g < s.gates(); ++g) s.set_o(g, kInitialLength);
  }
  for (int l = 0; l < last; ++l) {
    Map<T>& m = maps[l];
    m.id = l;
    m.from = l;
    m.to = l + 1;
    m.inputs = spaces[l].dimension;
    m.psi_mode = l == 0 ? PsiMode::none : settings.psi;
    const Index psi = has_psi(m.psi_mode) ? spaces[l].gates() : 0;
    m.a = Matrix<T>::Zero(spaces[l + 1].dimension, m.inputs + 1 + psi);
    m.weight() =
        initial_weights(settings.initialiser, spaces[l + 1].dimension, m.inputs, settings.seed, l)
            .template cast<T>();
  }
  return Network(std::move(spaces), std::move(maps));
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
std::vector<Index> Network<T>::widths() const {
  std::vector<Index> widths;
  for (const Space<T>& s : spaces_) widths.push_back(s.dimension);
  return widths;
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
    count += map(m).a.rows() * (neurons + (has_psi(map(m).psi_mode) ? groups : 0));
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

template <class T>
void Network<T>::apply(const Edit& edit) {
  Space<T>& s = space(edit.space);
  ISOFORM_ASSERT(s.hidden() && edit.dimension() >= 1, "an edit changes a hidden space");
  const auto gates_after = static_cast<Index>(edit.groups.size());
  std::vector<Matrix<double>> next(maps_.size());
  for (const Map<T>& m : maps_) {
    if (m.to != edit.space && m.from != edit.space) continue;
    const Matrix<double> a = m.a.template cast<double>();
    if (m.to == edit.space) {
      next[m.id] = transport_rows(edit, s.groups, a);
    } else {
      const Index psi = a.cols() - m.inputs - 1;
      Matrix<double>& out = next[m.id];
      out.resize(a.rows(), edit.dimension() + 1 + (psi > 0 ? gates_after : 0));
      out.leftCols(edit.dimension()) = transport_columns(edit, s.groups, a.leftCols(m.inputs));
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
  s.groups.clear();
  s.length = Vector<T>::Zero(gates_after);
  for (Index g = 0; g < gates_after; ++g) {
    const GroupEdit& group = edit.groups[g];
    s.groups.push_back(group.size);
    const double added = edit.length.size() == 0 ? 0.0 : edit.length[g];
    const bool is_new = group.source == GroupEdit::kNew;
    if (!is_new) s.length[g] = before.length[group.source];
    if (is_new || added != 0) {
      const double o = is_new ? 0.0 : static_cast<double>(before.o(group.source));
      s.set_o(g, std::max(0.0, o + added));
    }
  }
  s.dimension = edit.dimension();
  for (Map<T>& m : maps_) {
    if (m.from == edit.space) m.inputs = s.dimension;
    if (m.to == edit.space || m.from == edit.space) m.a = next[m.id].template cast<T>();
  }
}

template class Network<float>;
template class Network<double>;

template <class T>
Matrix<double> incoming_matrix(const Network<T>& network, int space) {
  Matrix<double> stack(network.space(space).dimension, 0);
  for (const int id : network.incoming(space)) {
    const Map<T>& m = network.map(id);
    const Index old = stack.cols(), psi = m.psi().cols();
    stack.conservativeResize(Eigen::NoChange, old + m.inputs + psi);
    stack.middleCols(old, m.inputs) = m.weight().template cast<double>();
    stack.rightCols(psi) = m.psi().template cast<double>();
  }
  return stack;
}

template <class T>
Vector<double> incoming_bias(const Network<T>& network, int space) {
  Vector<double> bias = Vector<double>::Zero(network.space(space).dimension);
  for (const int id : network.incoming(space)) {
    bias += network.map(id).bias().template cast<double>();
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
