// What edits do to the state of optimisers.
#include <algorithm>
#include <cmath>

#include "isoform/train/optimiser.h"

namespace isoform {

namespace {

// Coordinates of the space that are new, after the edit.
std::vector<char> new_coordinates(const Edit& edit, const std::vector<Index>& before) {
  std::vector<char> all;
  for (const GroupEdit& group : edit.groups) {
    const auto size = static_cast<std::size_t>(group.size);
    std::vector<char> part(size, group.source == GroupEdit::kNew ? 1 : 0);
    if (group.source != GroupEdit::kNew && group.copies()) {
      const auto n = static_cast<std::size_t>(before[static_cast<std::size_t>(group.source)]);
      std::fill(part.begin() + static_cast<std::ptrdiff_t>(std::min(n, size)), part.end(), char{1});
    }
    for (Index i = 0; i < group.t.rows(); ++i) {
      part[static_cast<std::size_t>(i)] = group.t.row(i).isZero(0) ? 1 : 0;
    }
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// How large the first gradients of a new neuron are beside those of the others, squared. Those of its incoming row come
// through its outgoing columns: |w|² over the mean of the others. Its outgoing columns have none until the row has grown; as much is
// taken for them. 1 for what is not new, and where nobody hears it yet.
template <class T>
Vector<double> gradient_scale(const Network<T>& before, const Edit& edit,
                              const std::vector<Index>& parts) {
  const std::vector<char> is_new = new_coordinates(edit, parts);
  Vector<double> scale = Vector<double>::Ones(edit.dimension());
  if (std::find(is_new.begin(), is_new.end(), 1) == is_new.end()) return scale;
  Vector<double> heard = Vector<double>::Zero(edit.dimension());
  double usual = 0;
  for (const int id : before.outgoing(edit.space)) {
    const Map<T>& map = before.map(id);
    usual += map.weight().template cast<double>().squaredNorm() /
             static_cast<double>(std::max<Index>(map.inputs, 1));
    for (const MapCorrection& correction : edit.corrections) {
      if (correction.map != id) continue;
      for (Index j = 0; j < correction.delta.cols(); ++j) {
        const Index at = correction.column + j;
        if (at < edit.dimension()) heard[at] += correction.delta.col(j).squaredNorm();
      }
    }
  }
  for (Index i = 0; i < scale.size(); ++i) {
    if (is_new[static_cast<std::size_t>(i)] != 0 && heard[i] > 0 && usual > 0) {
      scale[i] = std::min(heard[i] / usual, 1.0);
    }
  }
  return scale;
}

// Rows, or columns, times what belongs to each; most stay as they are.
template <class T>
void scale(Matrix<T>& m, bool rows, const Vector<double>& by) {
  for (Index i = 0; i < by.size(); ++i) {
    if (by[i] == 1) continue;
    if (rows) {
      m.row(i) *= static_cast<T>(by[i]);
    } else {
      m.col(i) *= static_cast<T>(by[i]);
    }
  }
}

}  // namespace

template <class T>
void Optimiser<T>::transport(const Network<T>& before, const Edit& edit) {
  std::erase_if(state_, [&](const auto& entry) {
    const ParameterKey& key = entry.first;
    return key.role == Role::length ? !before.has_space(key.owner) : !before.has_map(key.owner);
  });
  const bool published = settings_.second_moment == SecondMoment::squared;
  const Vector<double> first = published
                                   ? Vector<double>::Ones(edit.dimension())
                                   : gradient_scale(before, edit, before.space(edit.space).parts());
  EditTransport<T> transport(edit, before.space(edit.space).parts());
  for (auto& [key, state] : state_) {
    if (key.role != Role::length) {
      transport_tensor(before, edit, transport, key, first, state);
    } else if (key.owner == edit.space) {
      transport_length(before.space(edit.space), edit, state);
    }
  }
}

template <class T>
void Optimiser<T>::transport_tensor(const Network<T>& before, const Edit& edit,
                                    EditTransport<T>& transport, const ParameterKey& key,
                                    const Vector<double>& first, State& state) const {
  const Map<T>& map = before.map(key.owner);
  const bool rows = map.to == edit.space;
  if (!rows && (map.from != edit.space || key.role == Role::bias)) return;
  const auto carry = [&](const Matrix<T>& m, Transport kind, double fill) -> Matrix<T> {
    if (rows) return transport.rows(m, kind, fill);
    if (key.role == Role::weight) return transport.columns(m, kind, fill);
    return transport_gates(edit, m, fill);
  };
  const bool entrywise =
      state.second.rows() == state.first.rows() && state.second.cols() == state.first.cols();
  const Method method = settings_.method;
  state.first = carry(state.first, Transport::linear, 0);
  // The one number of novograd is a mean: no edit moves it.
  if (!entrywise || (method != Method::adam && method != Method::adamw)) return;
  // The published rule gives new entries nothing; the mean keeps their first steps as long as those of others.
  const bool published = settings_.second_moment == SecondMoment::squared;
  const double mean = published ? 0 : state.second.template cast<double>().mean();
  state.second = carry(state.second, Transport::squared, mean);
  if (!rows && key.role != Role::weight) return;
  scale(state.second, rows, first);
  scale(state.second, rows, (rows ? state.rows : state.columns).follow(transport, first));
}

// dL/do is kept exactly by every edit, so the moment of the parameter that holds o scales as its slope:
// do/dβ = 2β, do/d log o = o. A normalised first moment has no scale of its own.
template <class T>
void Optimiser<T>::transport_length(const Space<T>& before, const Edit& edit, State& state) const {
  const bool normalised = settings_.method == Method::novograd || settings_.method == Method::muon;
  const Matrix<double> first = state.first.template cast<double>().transpose();
  const Matrix<double> second = state.second.template cast<double>().transpose();
  const double mean = second.size() > 0 ? second.mean() : 0;
  Matrix<double> next_first = transport_gates(edit, first);
  Matrix<double> next_second =
      second.size() > 0 ? transport_gates(edit, second, mean) : Matrix<double>();
  for (std::size_t g = 0; g < edit.groups.size() && edit.length.size() > 0; ++g) {
    const auto at = static_cast<Index>(g);
    const Index source = edit.groups[g].source;
    if (source == GroupEdit::kNew || edit.length[at] == 0) continue;
    const double o = static_cast<double>(before.o(source));
    if (o == 0) {  // no slope to scale: as a new entry
      next_first(0, at) = 0;
      if (next_second.size() > 0) next_second(0, at) = mean;
      continue;
    }
    const double ratio_o = (o + edit.length[at]) / o;
    const double ratio = before.length_mode == LengthMode::trainable ? std::sqrt(ratio_o) : ratio_o;
    if (!normalised) next_first(0, at) *= ratio;
    if (next_second.size() > 0) next_second(0, at) *= ratio * ratio;
  }
  state.first = next_first.transpose().template cast<T>();
  if (second.size() > 0) state.second = next_second.transpose().template cast<T>();
}

template void Optimiser<float>::transport(const Network<float>&, const Edit&);
template void Optimiser<double>::transport(const Network<double>&, const Edit&);

}  // namespace isoform
