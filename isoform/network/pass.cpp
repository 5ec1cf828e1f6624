#include "isoform/network/pass.h"

#include "isoform/base/error.h"

namespace isoform {

namespace {

template <class T>
void reshape(Matrix<T>& m, Index rows, Index cols) {
  if (m.rows() != rows || m.cols() < cols) m.setZero(rows, cols);
}

template <class T>
Gates<T> gates_of(const Space<T>& space) {
  return {space.groups, radial_function<T>(space.radial)};
}

template <class T>
std::span<T> span_of(Vector<T>& v) {
  return {v.data(), static_cast<std::size_t>(v.size())};
}

}  // namespace

template <class T>
void Pass<T>::prepare(const Network<T>& network, Index samples) {
  const std::size_t spaces = network.spaces().size();
  samples_ = samples;
  has_gradients_ = false;
  dimension_.resize(spaces);
  augmented_.resize(spaces);
  z_.resize(spaces);
  kappa_.resize(spaces);
  gradient_.resize(spaces);
  length_gradient_.resize(spaces);
  o_.resize(spaces);
  for (const Space<T>& s : network.spaces()) {
    const Index n = s.dimension, gates = s.gates();
    const bool input = s.id == 0;
    const bool output = network.outgoing(s.id).empty();
    dimension_[s.id] = n;
    if (!output) {
      reshape(augmented_[s.id], n + 1 + gates, samples);
      augmented_[s.id].row(n).setOnes();
    }
    if (!input) {
      reshape(z_[s.id], n, samples);
      reshape(gradient_[s.id], output ? n : n + 1 + gates, samples);
    }
    // Contiguous for the samples in use: engines read kappa as one block.
    reshape(kappa_[s.id], gates, samples);
    length_gradient_[s.id].setZero(gates);
    o_[s.id].resize(gates);
  }
  map_gradient_.resize(network.maps().size());
  for (const Map<T>& m : network.maps()) map_gradient_[m.id].setZero(m.a.rows(), m.a.cols());
}

template <class T>
std::vector<Parameter<T>> Pass<T>::parameters(Network<T>& network) {
  std::vector<Parameter<T>> list;
  for (const Map<T>& map : network.maps()) {
    Map<T>& m = network.map(map.id);
    ISOFORM_ASSERT(map_gradient_[m.id].cols() == m.a.cols(), "prepare() follows every edit");
    const auto add = [&](Role role, Index first, Index cols, bool trainable) {
      if (cols == 0) return;
      const Index at = first * m.a.rows();
      list.push_back({{role, m.id},
                      m.a.rows(),
                      cols,
                      m.a.data() + at,
                      map_gradient_[m.id].data() + at,
                      trainable});
    };
    add(Role::weight, 0, m.inputs, true);
    add(Role::bias, m.inputs, 1, true);
    add(Role::psi, m.inputs + 1, m.psi().cols(), trains_psi(m.psi_mode));
  }
  for (const int id : network.hidden()) {
    Space<T>& s = network.space(id);
    if (s.length_mode == LengthMode::none) continue;
    list.push_back({{Role::length, id},
                    s.gates(),
                    1,
                    s.length.data(),
                    length_gradient_[id].data(),
                    trains_length(s.length_mode)});
  }
  return list;
}

template <class T>
Matrix<T> outputs(const Network<T>& network, Engine<T>& engine, ConstView<T> x) {
  Pass<T> pass;
  pass.prepare(network, x.cols());
  pass.input() = x;
  forward(network, engine, pass);
  return pass.output();
}

template <class T>
void forward(const Network<T>& network, Engine<T>& engine, Pass<T>& pass) {
  pass.has_gradients_ = false;
  for (const Space<T>& s : network.spaces()) {
    T beta = 0;
    for (const Map<T>& m : network.maps()) {
      if (m.to != s.id) continue;
      engine.multiply(Op::none, m.a, Op::none, pass.augmented(m.from).topRows(m.a.cols()), beta,
                      pass.z(s.id));
      beta = 1;
    }
    if (!s.hidden()) continue;
    for (Index g = 0; g < s.gates(); ++g) pass.o_[s.id][g] = s.o(g);
    engine.gate_forward(gates_of(s), pass.z(s.id), span_of(pass.o_[s.id]), pass.hidden(s.id),
                        pass.gates(s.id), pass.block(pass.kappa_[s.id], s.gates()));
  }
}

// dL/dz and dL/do of one hidden space, from dL/dz of the spaces that read it.
template <class T>
void backward_space(const Network<T>& network, Engine<T>& engine, Pass<T>& pass, int id) {
  const Space<T>& s = network.space(id);
  Matrix<T>& gradient = pass.gradient_[id];  // (v; –; q)
  T beta = 0;
  for (const Map<T>& m : network.maps()) {
    if (m.from != id) continue;
    const bool reads_gates = m.a.cols() == gradient.rows();
    if (!reads_gates && beta == T(0)) gradient.bottomRows(s.gates()).setZero();
    engine.multiply(Op::transpose, m.a, Op::none, pass.delta(m.to), beta,
                    pass.block(gradient, m.a.cols()));
    beta = 1;
  }
  auto q = gradient.bottomRows(s.gates()).leftCols(pass.samples_);
  engine.gate_backward(gates_of(s), pass.z(id), pass.gates(id),
                       pass.block(pass.kappa_[id], s.gates()), q, pass.delta(id),
                       span_of(pass.length_gradient_[id]));
  for (Index g = 0; g < s.gates(); ++g) {  // from dL/do to the parameter that holds o
    T& slope = pass.length_gradient_[id][g];
    if (s.length_mode == LengthMode::trainable) slope *= T(2) * s.length[g];
    if (s.length_mode == LengthMode::log) slope *= s.o(g);
  }
}

template <class T>
void backward_to(const Network<T>& network, Engine<T>& engine, Pass<T>& pass, int space) {
  pass.has_gradients_ = false;
  for (int id = static_cast<int>(network.spaces().size()) - 1; id >= space; --id) {
    if (network.space(id).hidden()) backward_space(network, engine, pass, id);
  }
}

template <class T>
void backward(const Network<T>& network, Engine<T>& engine, Pass<T>& pass) {
  for (int id = static_cast<int>(network.spaces().size()) - 1; id > 0; --id) {
    if (network.space(id).hidden()) backward_space(network, engine, pass, id);
    for (const Map<T>& m : network.maps()) {
      if (m.to != id) continue;
      engine.multiply(Op::none, pass.delta(id), Op::transpose,
                      pass.augmented(m.from).topRows(m.a.cols()), T(0), pass.map_gradient_[m.id]);
    }
  }
  for (const Map<T>& m : network.maps()) {
    if (m.psi_mode != PsiMode::decay) continue;
    pass.map_gradient_[m.id].rightCols(m.psi().cols()) += T(2 * kPsiPenalty) * m.psi();
  }
  pass.has_gradients_ = true;
}

#define ISOFORM_FOR_SCALAR(T)                                              \
  template class Pass<T>;                                                  \
  template Matrix<T> outputs(const Network<T>&, Engine<T>&, ConstView<T>); \
  template void forward(const Network<T>&, Engine<T>&, Pass<T>&);          \
  template void backward_to(const Network<T>&, Engine<T>&, Pass<T>&, int); \
  template void backward(const Network<T>&, Engine<T>&, Pass<T>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
