#include "isoform/topology/perceptron.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/network/initialise.h"
#include "isoform/network/structure.h"
#include "isoform/topology/assembly.h"

namespace isoform {

void PerceptronSettings::validate() const {
  const auto need = [](const char* what, Index value) {
    if (value < 1) {
      throw UsageError(fmt::format("{}: needs at least 1, got {}", what, value));
    }
  };
  need("inputs", inputs);
  need("outputs", outputs);
  for (std::size_t l = 0; l < gates.size(); ++l) {
    need(fmt::format("width of gate {}", l + 1).c_str(), gates[l]);
  }
  if (base < 0 || (base > 0 && !two_stage)) {
    throw UsageError(
        fmt::format("base: needs 1 or more with two stages (0: as wide as the widest gate) and 0 "
                    "with one, got {}",
                    base));
  }
}

template <class T>
Network<T> perceptron(const PerceptronSettings& settings) {
  settings.validate();
  Assembly<T> parts;
  const auto weights = [&](Index rows, Index cols) {
    return initial_weights(Initialiser::orthogonal, rows, cols, settings.seed, parts.next_map());
  };
  const auto with_bias = [](const Matrix<double>& w) {
    Matrix<double> a = Matrix<double>::Zero(w.rows(), w.cols() + 1);
    a.leftCols(w.cols()) = w;
    return a;
  };
  const int input = parts.space("input", settings.inputs);
  const bool constants = !settings.general && !settings.gates.empty();
  const int one = constants ? parts.space("one", 0) : -1;  // unread it would be an output
  int source = input;
  Index width = settings.inputs;
  if (settings.two_stage) {
    Index widest = 0;
    for (const Index gate : settings.gates) widest = std::max(widest, gate);
    width = settings.base > 0 ? settings.base
            : widest > 0      ? std::min(widest, settings.inputs)
                              : settings.inputs;
    source = parts.space("base", width);
    Matrix<double> p = weights(width, settings.inputs);
    p *= std::sqrt(static_cast<double>(width)) / p.norm();  // every u of mean square 1
    parts.map(input, source, with_bias(p));
  }
  std::vector<int> gates;
  for (std::size_t l = 0; l <= settings.gates.size(); ++l) {
    const bool last = l == settings.gates.size();
    const Index n = last ? settings.outputs : settings.gates[l];
    const int to = last ? parts.space("output", n)
                        : parts.gate(fmt::format("gate {}", l + 1), n, settings.radial,
                                     settings.length, kInitialLength);
    std::vector<int> factors = gates;  // k … l − 1
    for (std::size_t k = 0; k <= l; ++k) {
      if (k > 0) factors.erase(factors.begin());
      if (k > 0 && !settings.general) {
        parts.map(one, to, Matrix<double>::Zero(n, 1), factors);
        continue;
      }
      Matrix<double> a = weights(n, width);
      a /= a.norm() * std::sqrt(settings.general ? static_cast<double>(l + 1) : 1.0);
      parts.map(source, to, with_bias(a), factors);
    }
    if (!last) gates.push_back(to);
  }
  return std::move(parts).network();
}

template <class T>
Network<T> with_input_skips(const Network<T>& chain) {
  std::vector<Map<T>> maps = chain.maps();
  auto next = static_cast<int>(chain.map_ids());
  for (const int input : chain.inputs()) {
    for (const Space<T>& s : chain.spaces()) {
      const bool there = std::any_of(maps.begin(), maps.end(), [&](const Map<T>& m) {
        return m.from == input && m.to == s.id;
      });
      if (there || chain.is_given(s.id)) continue;
      Map<T> m;
      m.id = next++;
      m.from = input;
      m.to = s.id;
      m.inputs = chain.space(input).dimension;
      m.a = Matrix<T>::Zero(s.dimension, m.inputs + 1);
      maps.push_back(std::move(m));
    }
  }
  return Network<T>(chain.spaces(), std::move(maps));
}

template <class T>
void make_triangular(Network<T>& network) {
  for (const int id : network.hidden()) {
    if (!network.is_gate(id)) continue;
    const Space<T>& s = network.space(id);
    int first = -1;
    for (const int m : network.incoming(id)) {
      if (first < 0 && network.map(m).inputs > 0) first = m;
    }
    if (first < 0 || s.gates() != 1) continue;
    Edit edit = identity_edit(id, s.groups);
    edit.groups[0].t = full_qr(network.map(first).weight().template cast<double>()).q.transpose();
    network.apply(edit);
    impose_structure(network, first, Structure::triangle);
  }
}

#define ISOFORM_FOR_SCALAR(T)                                \
  template Network<T> perceptron(const PerceptronSettings&); \
  template Network<T> with_input_skips(const Network<T>&);   \
  template void make_triangular(Network<T>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
