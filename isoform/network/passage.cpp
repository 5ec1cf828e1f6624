// The products and gates that fill the buffers of a pass, forward and backward.
#include <algorithm>

#include "isoform/network/pass.h"

namespace isoform {

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
  template Matrix<T> outputs(const Network<T>&, Engine<T>&, ConstView<T>); \
  template void forward(const Network<T>&, Engine<T>&, Pass<T>&);          \
  template void backward_to(const Network<T>&, Engine<T>&, Pass<T>&, int); \
  template void backward(const Network<T>&, Engine<T>&, Pass<T>&, Gradients, const GradientReady&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
