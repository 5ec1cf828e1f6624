#include "isoform/network/pass.h"

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/base/random.h"

namespace isoform {

namespace {

template <class T>
void reshape(Matrix<T>& m, Index rows, Index cols) {
  if (m.rows() != rows || m.cols() < cols) m.setZero(rows, cols);
}

bool named(const std::vector<int>& list, int id) {
  return list.empty() || std::find(list.begin(), list.end(), id) != list.end();
}

}  // namespace

template <class T>
void Pass<T>::prepare(const Network<T>& network, Index samples, const Route& route) {
  const std::size_t spaces = network.space_ids(), stages = network.stage_ids(),
                    maps = network.map_ids();
  samples_ = samples;
  route_ = route;
  has_gradients_ = false;
  dimension_.assign(stages, 0);
  output_row_.assign(stages, -1);
  present_.assign(spaces, 1);
  for (auto* list : {&augmented_, &z_, &kappa_, &gradient_}) list->resize(stages);
  length_gradient_.resize(spaces);
  o_.resize(spaces);
  inputs_ = network.inputs();
  single_input_ = inputs_.size() == 1 ? inputs_.front() : -1;
  for (const int id : inputs_) present_[id] = named(route.inputs, id) ? 1 : 0;
  Index rows = 0;
  for (const int id : network.outputs()) {
    output_row_[id] = rows;
    rows += network.space(id).dimension;
    present_[id] = named(route.outputs, id) ? 1 : 0;
  }
  reshape(output_, rows, samples);
  reshape(output_gradient_, rows, samples);
  for (const Stage& stage : network.stages()) {
    const Space<T>& s = network.space(stage.space);
    const Index n = s.dimension, gates = s.gates(), features = network.features(s.id);
    dimension_[stage.id] = n;
    if (output_row_[stage.id] < 0) {
      if (present_[s.id] != 0) {
        reshape(augmented_[stage.id], n + 1 + features, samples);
        augmented_[stage.id].row(n).setOnes();
      }
      if (!network.is_given(s.id)) {
        reshape(z_[stage.id], n, samples);
        reshape(gradient_[stage.id], n + 1 + features, samples);
      }
    }
    if (stage.id != s.id) continue;
    // Contiguous for the samples in use: engines read kappa as one block.
    reshape(kappa_[s.id], gates, samples);
    if (length_gradient_[s.id].size() != gates) length_gradient_[s.id].setZero(gates);
    o_[s.id].resize(gates);
  }
  for (auto* list : {&map_gradient_, &part_, &product_, &dot_}) list->resize(maps);
  Index scaled_rows = 0;
  for (const Map<T>& m : network.maps()) {
    Matrix<T>& gradient = map_gradient_[m.id];
    if (gradient.rows() != m.a.rows() || gradient.cols() != m.a.cols()) {
      gradient.setZero(m.a.rows(), m.a.cols());
    }
    if (m.factors.empty()) continue;
    reshape(part_[m.id], m.a.rows(), samples);
    reshape(product_[m.id], 1, samples);
    reshape(dot_[m.id], 1, samples);
    scaled_rows = std::max(scaled_rows, m.a.rows());
  }
  reshape(scaled_, scaled_rows, samples);
  if (ones_.cols() < samples) ones_.setOnes(1, samples);
}

template <class T>
void Pass<T>::set_input(ConstView<T> x) {
  Index row = 0;
  for (const int id : inputs_) {
    if (present_[id] != 0) input(id) = x.middleRows(row, dimension_[id]);
    row += dimension_[id];
  }
  ISOFORM_ASSERT(row == x.rows() && x.cols() == samples_, "all inputs one below the other");
}

template <class T>
Eigen::Map<const Matrix<float>> Pass<T>::keep(double p, int space, Index rows) {
  keep_.resize(static_cast<std::size_t>(rows * samples_));
  Random(dropout_.seed, Purpose::dropout, dropout_.step, static_cast<std::uint64_t>(space))
      .keep(p, keep_);
  return {keep_.data(), rows, samples_};
}

template <class T>
void Pass<T>::drop(const Dropout& dropout) {
  dropout_ = dropout;
  if (dropout.input == 0) return;
  for (const int id : inputs_) {
    if (present_[id] == 0) continue;
    input(id).array() *= keep(dropout.input, id, dimension_[id]).template cast<T>().array();
  }
}

template <class T>
std::vector<Parameter<T>> Pass<T>::parameters(Network<T>& network) {
  std::vector<Parameter<T>> list;
  const auto push = [&](Parameter<T> p, const std::vector<RowRange>& frozen) {
    Index rows = 0;
    for (const RowRange& range : frozen) rows += range.end - range.begin;
    if (rows == p.rows) p.trainable = false;
    if (p.trainable) p.frozen = frozen;
    list.push_back(std::move(p));
  };
  for (const Map<T>& map : network.maps()) {
    Map<T>& m = network.map(map.id);
    ISOFORM_ASSERT(map_gradient_[m.id].cols() == m.a.cols(), "prepare() follows every edit");
    const std::vector<RowRange> frozen = network.frozen_rows(m.to);
    const auto add = [&](Role role, Index first, Index cols, bool trainable) {
      if (cols == 0) return;
      const Index at = first * m.a.rows();
      Parameter<T> p{
          {role, m.id}, m.a.rows(), cols, m.a.data() + at, map_gradient_[m.id].data() + at,
          trainable};
      p.row_groups = network.space(m.to).groups;
      if (role == Role::weight) p.column_groups = network.space(m.from).groups;
      push(std::move(p), frozen);
    };
    add(Role::weight, 0, m.inputs, true);
    add(Role::bias, m.inputs, 1, network.carries_bias(m.id));
    add(Role::psi, m.inputs + 1, m.psi().cols(), trains_psi(m.psi_mode));
    add(Role::chi, m.a.cols() - m.chi().cols(), m.chi().cols(), true);
  }
  for (const int id : network.hidden()) {
    Space<T>& s = network.space(id);
    if (s.length_mode == LengthMode::none) continue;
    std::vector<RowRange> frozen;
    for (Index g = 0; g < s.gates(); ++g) {
      if (s.is_frozen(g)) frozen.push_back({g, g + 1});
    }
    push({{Role::length, id},
          s.gates(),
          1,
          s.length.data(),
          length_gradient_[id].data(),
          trains_length(s.length_mode)},
         frozen);
  }
  return list;
}

template class Pass<float>;
template class Pass<double>;

}  // namespace isoform
