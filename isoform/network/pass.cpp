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
  for (const Map<T>& m : network.maps()) {
    Matrix<T>& gradient = map_gradient_[m.id];
    if (gradient.rows() != m.a.rows() || gradient.cols() != m.a.cols()) {
      gradient.setZero(m.a.rows(), m.a.cols());
    }
    if (m.factors.empty()) continue;
    reshape(part_[m.id], m.a.rows(), samples);
    reshape(product_[m.id], 1, samples);
    reshape(dot_[m.id], 1, samples);
  }
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

// One forward or backward over a network.
template <class T>
class Passage {
 public:
  Passage(const Network<T>& network, Engine<T>& engine, Pass<T>& pass)
      : network_(network), engine_(engine), pass_(pass) {}

  void forward() {
    pass_.has_gradients_ = false;
    for (const Stage& stage : network_.stages()) {
      const Space<T>& s = network_.space(stage.space);
      if (!pass_.takes_part(s.id)) continue;
      T beta = 0;
      if (stage.before >= 0) {
        pass_.z(stage.id) = pass_.z(stage.before);
        beta = 1;
      }
      for (const Map<T>& m : network_.maps()) {
        if (network_.writes(m.id) != stage.id || silent(m)) continue;
        if (m.factors.empty()) {
          engine_.multiply(Op::none, live(m), Op::none, read(m), beta, pass_.z(stage.id));
        } else {
          add_product(m, beta);
        }
        beta = 1;
      }
      if (beta == T(0) && !network_.is_given(s.id)) pass_.z(stage.id).setZero();
      if (s.hidden()) {
        for (Index g = 0; g < s.gates(); ++g) pass_.o_[s.id][g] = s.o(g);
        engine_.gate_forward(gates_of(s), pass_.z(s.id), span_of(pass_.o_[s.id]),
                             pass_.hidden(s.id), pass_.gates(s.id), kappa(s));
        if (auto norms = pass_.norms(s.id); norms.rows() > 0) {
          norms = (pass_.gates(s.id).array().inverse() - T(1)).matrix();
        }
        if (drops(s)) drop_groups(s);
      } else if (linear(stage)) {
        pass_.hidden(stage.id) = pass_.z(stage.id);
      }
    }
  }

  void backward_to(int space) {
    pass_.has_gradients_ = false;
    for (auto at = network_.stages().rbegin(); at != network_.stages().rend(); ++at) {
      finish(*at);
      if (at->space == space && at->before < 0) return;
    }
  }

  void backward(Gradients gradients, const GradientReady& ready) {
    const bool add = gradients == Gradients::add;
    for (auto at = network_.stages().rbegin(); at != network_.stages().rend(); ++at) {
      finish(*at);
      keep_length_gradient(network_.space(at->space), add);
    }
    for (auto m = network_.maps().rbegin(); m != network_.maps().rend(); ++m) {
      map_gradient(*m, add, ready);
    }
    pass_.has_gradients_ = true;
  }

 private:
  static Gates<T> gates_of(const Space<T>& s) { return {s.groups, radial_function<T>(s.radial)}; }
  static std::span<T> span_of(Vector<T>& v) {
    return {v.data(), static_cast<std::size_t>(v.size())};
  }
  View<T> kappa(const Space<T>& s) { return pass_.block(pass_.kappa_[s.id], s.gates()); }
  [[nodiscard]] bool linear(const Stage& stage) const {
    return pass_.output_row_[stage.id] < 0 && !network_.is_given(stage.space);
  }
  [[nodiscard]] bool absent(const Map<T>& m) const { return !pass_.takes_part(m.from); }
  // An absent input brings nothing but the bias, where its map is the one that carries it.
  [[nodiscard]] bool silent(const Map<T>& m) const {
    return absent(m) && !network_.carries_bias(m.id);
  }
  // The columns of [W b ψ χ] that meet something, and what they meet.
  ConstView<T> live(const Map<T>& m) const {
    if (absent(m)) return m.a.middleCols(m.inputs, 1);
    return m.a;
  }
  View<T> read(const Map<T>& m) {
    if (absent(m)) return pass_.ones_.leftCols(pass_.samples_);
    return pass_.augmented(network_.reads(m.id)).topRows(m.a.cols());
  }

  [[nodiscard]] bool drops(const Space<T>& s) const {
    return pass_.dropout_.hidden > 0 && !network_.is_gate(s.id);
  }
  // h, s, ν and κ of a group times what is kept: the backward pass then is right as it is, being linear in s and κ.
  void drop_groups(const Space<T>& s) {
    const auto kept = pass_.keep(pass_.dropout_.hidden, s.id, s.gates());
    pass_.gates(s.id).array() *= kept.template cast<T>().array();
    kappa(s).array() *= kept.template cast<T>().array();
    if (auto norms = pass_.norms(s.id); norms.rows() > 0) {
      norms.array() *= kept.template cast<T>().array();
    }
    auto h = pass_.hidden(s.id);
    for (Index j = 0; j < pass_.samples_; ++j) {
      Index row = 0;
      for (Index g = 0; g < s.gates(); row += s.groups[g++]) {
        h.col(j).segment(row, s.groups[g]) *= static_cast<T>(kept(g, j));
      }
    }
  }

  void add_product(const Map<T>& m, T beta) {
    auto part = pass_.block(pass_.part_[m.id], m.a.rows());
    engine_.multiply(Op::none, live(m), Op::none, read(m), T(0), part);
    auto product = pass_.block(pass_.product_[m.id], 1);
    product.setOnes();
    for (const int gate : m.factors) product.array() *= pass_.gates(gate).array();
    auto z = pass_.z(network_.writes(m.id));
    for (Index j = 0; j < pass_.samples_; ++j) {
      if (beta == T(0)) {
        z.col(j) = product(0, j) * part.col(j);
      } else {
        z.col(j) += product(0, j) * part.col(j);
      }
    }
  }

  // dL/dz of a stage from dL/dz of what reads it or its gates, and what its own factors will want.
  void finish(const Stage& stage) {
    const Space<T>& s = network_.space(stage.space);
    if (!pass_.takes_part(s.id)) return;
    if (s.hidden()) {
      finish_hidden(s, stage);
    } else if (linear(stage)) {
      gather(stage);
    }
    for (const Map<T>& m : network_.maps()) {
      if (network_.writes(m.id) != stage.id || m.factors.empty() || silent(m)) continue;
      // π Σ_rows ζ · part: over s_f it is what this map adds to dL/ds_f.
      const auto delta = pass_.delta(stage.id);
      auto part = pass_.block(pass_.part_[m.id], m.a.rows());
      auto dot = pass_.block(pass_.dot_[m.id], 1);
      const auto product = pass_.block(pass_.product_[m.id], 1);
      for (Index j = 0; j < pass_.samples_; ++j) {
        dot(0, j) = product(0, j) * delta.col(j).dot(part.col(j));
      }
    }
  }

  // (dL/dh; –; dL/ds; dL/dν) of a stage from the maps that read it, and from the stage that goes on from it.
  void gather(const Stage& stage) {
    Matrix<T>& gradient = pass_.gradient_[stage.id];
    T beta = 0;
    if (stage.after >= 0) {
      pass_.block(gradient, gradient.rows()) =
          pass_.block(pass_.gradient_[stage.after], gradient.rows());
      beta = 1;
    }
    for (const Map<T>& m : network_.maps()) {
      if (network_.reads(m.id) != stage.id || !pass_.takes_part(m.to)) continue;
      if (beta == T(0)) gradient.bottomRows(gradient.rows() - m.a.cols()).setZero();
      if (m.factors.empty()) {
        engine_.multiply(Op::transpose, m.a, Op::none, pass_.delta(network_.writes(m.id)), beta,
                         pass_.block(gradient, m.a.cols()));
      } else {
        engine_.multiply(Op::transpose, m.a, Op::none, scaled(m), beta,
                         pass_.block(gradient, m.a.cols()));
      }
      beta = 1;
    }
    if (beta == T(0)) gradient.setZero();
  }

  void finish_hidden(const Space<T>& s, const Stage& stage) {
    gather(stage);
    auto q = pass_.gradient_[s.id].middleRows(s.dimension + 1, s.gates()).leftCols(pass_.samples_);
    // dν = −ds/s². The gate as it was before it was dropped; of a dropped one κ is 0, and nothing passes.
    if (const auto p = pass_.below_gates(pass_.gradient_[s.id], s.id); p.rows() > 0) {
      const T factor =
          drops(s) ? static_cast<T>(static_cast<float>(1 / (1 - pass_.dropout_.hidden))) : T(1);
      const View<T> gates = pass_.gates(s.id);
      const auto gate = gates.array() / factor;
      q.array() -= (gate > T(0)).select(p.array() / gate.square(), T(0));
    }
    for (const Map<T>& m : network_.maps()) {
      if (!pass_.takes_part(m.to) || silent(m)) continue;
      for (const int gate : m.factors) {
        if (gate != s.id) continue;
        q.array() += pass_.block(pass_.dot_[m.id], 1).array() / pass_.gates(s.id).array();
      }
    }
    pass_.scratch_.resize(s.gates());
    engine_.gate_backward(gates_of(s), pass_.z(s.id), pass_.gates(s.id), kappa(s), q,
                          pass_.delta(s.id), span_of(pass_.scratch_));
  }

  // From dL/do, which finish() left, to the parameter that holds o.
  void keep_length_gradient(const Space<T>& s, bool add) {
    for (Index g = 0; g < s.gates(); ++g) {
      T slope = pass_.scratch_[g];
      if (s.length_mode == LengthMode::trainable) slope *= T(2) * s.length[g];
      if (s.length_mode == LengthMode::log) slope *= s.o(g);
      if (s.is_frozen(g)) slope = T(0);
      T& total = pass_.length_gradient_[s.id][g];
      total = add ? total + slope : slope;
    }
  }

  // π ζ of a map with factors: the gradient of what it gave before they multiplied.
  View<T> scaled(const Map<T>& m) {
    const auto delta = pass_.delta(network_.writes(m.id));
    const auto product = pass_.block(pass_.product_[m.id], 1);
    reshape(pass_.scaled_, m.a.rows(), pass_.samples_);
    auto scaled = pass_.block(pass_.scaled_, m.a.rows());
    for (Index j = 0; j < pass_.samples_; ++j) scaled.col(j) = product(0, j) * delta.col(j);
    return scaled;
  }

  void map_gradient(const Map<T>& m, bool add, const GradientReady& ready) {
    Matrix<T>& gradient = pass_.map_gradient_[m.id];
    const std::vector<RowRange> frozen = network_.frozen_rows(m.to);
    const auto finish_columns = [&](Index first, Index count) {
      if (m.psi_mode == PsiMode::decay && !add) {
        const Index end = m.inputs + 1 + m.gates(), from = std::max(first, m.inputs + 1),
                    size = std::min(first + count, end) - from;
        if (size > 0) {
          gradient.middleCols(from, size) += T(2 * kPsiPenalty) * m.a.middleCols(from, size);
        }
      }
      for (const RowRange& r : frozen) {
        gradient.block(r.begin, first, r.end - r.begin, count).setZero();
      }
      if (ready) ready(m.id, first, count);
    };
    if (!pass_.takes_part(m.to) || silent(m) || absent(m)) {
      if (!add) gradient.setZero();
      if (pass_.takes_part(m.to) && !silent(m)) {  // the bias alone
        engine_.multiply(Op::none, moving(m), Op::transpose, read(m), add ? 1 : 0,
                         gradient.middleCols(m.inputs, 1));
      }
      finish_columns(0, gradient.cols());
      return;
    }
    if (ready) {
      engine_.multiply_then(Op::none, moving(m), Op::transpose, read(m), add ? 1 : 0, gradient,
                            finish_columns);
    } else {
      engine_.multiply(Op::none, moving(m), Op::transpose, read(m), add ? 1 : 0, gradient);
      finish_columns(0, gradient.cols());
    }
  }
  // dL/d of what a map gives.
  View<T> moving(const Map<T>& m) {
    return m.factors.empty() ? pass_.delta(network_.writes(m.id)) : scaled(m);
  }

  const Network<T>& network_;
  Engine<T>& engine_;
  Pass<T>& pass_;
};

template <class T>
Matrix<T> outputs(const Network<T>& network, Engine<T>& engine, ConstView<T> x) {
  Pass<T> pass;
  pass.prepare(network, x.cols());
  pass.set_input(x);
  forward(network, engine, pass);
  return pass.output();
}

template <class T>
void forward(const Network<T>& network, Engine<T>& engine, Pass<T>& pass) {
  Passage<T>(network, engine, pass).forward();
}

template <class T>
void backward_to(const Network<T>& network, Engine<T>& engine, Pass<T>& pass, int space) {
  Passage<T>(network, engine, pass).backward_to(space);
}

template <class T>
void backward(const Network<T>& network, Engine<T>& engine, Pass<T>& pass, Gradients gradients,
              const GradientReady& ready) {
  Passage<T>(network, engine, pass).backward(gradients, ready);
}

#define ISOFORM_FOR_SCALAR(T)                                              \
  template class Pass<T>;                                                  \
  template Matrix<T> outputs(const Network<T>&, Engine<T>&, ConstView<T>); \
  template void forward(const Network<T>&, Engine<T>&, Pass<T>&);          \
  template void backward_to(const Network<T>&, Engine<T>&, Pass<T>&, int); \
  template void backward(const Network<T>&, Engine<T>&, Pass<T>&, Gradients, const GradientReady&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
