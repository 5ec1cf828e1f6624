#include "isoform/topology/gates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/network/initialise.h"
#include "isoform/network/pass.h"
#include "isoform/topology/grow.h"

namespace isoform {

namespace {

constexpr double kBreath = 1e-7;  // beside c: squared it is below what double resolves

bool contains(const std::vector<int>& list, int id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

template <class T>
void require_open(const Network<T>& network, const char* what, int id) {
  if (network.frozen_rows(id).empty()) return;
  throw UsageError(fmt::format("{}: '{}' is frozen and would change with the gate; thaw it first",
                               what, network.space(id).name));
}

// True where several products of gates have a linear part of their own.
template <class T>
bool is_general(const Network<T>& network) {
  std::map<std::pair<int, int>, int> count;
  for (const Map<T>& m : network.maps()) {
    if (m.inputs > 0 && ++count[{m.from, m.to}] > 1) return true;
  }
  return false;
}

// The constant 1, which is added where there is none.
template <class T>
int constant_space(std::vector<Space<T>>& spaces, const Network<T>& network, int& next) {
  for (const Space<T>& s : spaces) {
    if (s.dimension == 0 && network.is_given(s.id)) return s.id;
  }
  Space<T> one;
  one.id = next++;
  one.name = "one";
  spaces.insert(spaces.begin(), one);
  return one.id;
}

// z = c e₁ for all inputs, and a breath of weights beside it.
template <class T>
void start_gate(std::vector<Map<T>>& maps, const Space<T>& gate, std::uint64_t seed) {
  const auto bias =
      std::find_if(maps.begin(), maps.end(), [](const Map<T>& m) { return m.factors.empty(); });
  const auto linear =
      std::find_if(maps.begin(), maps.end(), [](const Map<T>& m) { return m.inputs > 0; });
  if (bias == maps.end()) {
    throw UsageError(fmt::format(
        "insert gate: '{}' has no term without gates, so there is no constant to begin with",
        gate.name));
  }
  bias->bias()[0] = T(1);
  if (linear == maps.end() || gate.dimension < 2) return;
  const Random random(seed, Purpose::growth, 0, static_cast<std::uint64_t>(gate.id));
  const Matrix<double> rows = normal_matrix(gate.dimension - 1, linear->inputs, random);
  linear->weight().bottomRows(gate.dimension - 1) =
      (kBreath / rows.norm() * rows).template cast<T>();
}

}  // namespace

template <class T>
Network<T> insert_gate(const Network<T>& network, int position, Index width, std::uint64_t seed) {
  const std::vector<int> gates = network.hidden(), outputs = network.outputs();
  for (const int id : gates) {
    if (network.is_gate(id) && network.space(id).gates() == 1) continue;
    throw UsageError(fmt::format(
        "insert gate: needs a perceptron, but '{}' is a layer that others read; isoform convert "
        "makes a perceptron of a chain with one gate a layer",
        network.space(id).name));
  }
  const auto count = static_cast<int>(gates.size());
  if (position < 1 || position > count + 1) {
    throw UsageError(fmt::format("position: needs 1 to {}, as there are {} gates, got {}",
                                 count + 1, count, position));
  }
  if (width < 1 || width > kMaxWidth) {
    throw UsageError(fmt::format("width: needs 1 to {}, got {}", kMaxWidth, width));
  }
  std::vector<int> later;
  for (auto at = static_cast<std::size_t>(position - 1); at < gates.size(); ++at) {
    later.push_back(gates[at]);
  }
  const std::vector<int> behind = later;  // gates alone
  later.insert(later.end(), outputs.begin(), outputs.end());
  for (const int id : later) require_open(network, "insert gate", id);

  std::vector<Space<T>> spaces = network.spaces();
  std::vector<Map<T>> maps = network.maps(), own;
  auto next_space = static_cast<int>(network.space_ids());
  auto next_map = static_cast<int>(network.map_ids());
  const bool general = is_general(network);
  const int one = general ? -1 : constant_space(spaces, network, next_space);

  Space<T> gate;
  gate.id = next_space;
  gate.name = fmt::format("gate {}", gate.id);
  gate.dimension = width;
  gate.groups = {width};
  if (!gates.empty()) {
    gate.radial = network.space(gates.front()).radial;
    gate.length_mode = network.space(gates.front()).length_mode;
  }
  gate.length = Vector<T>::Zero(1);
  gate.set_o(0, kInitialLength);
  const double s =
      radial_gate(gate.radial, static_cast<double>(gate.o(0)) + 1);  // t = o + |c|², c = 1
  const auto zero_copy = [&](const Map<T>& m, int to, Index rows, bool linear) {
    Map<T> copy = m;
    copy.id = next_map++;
    copy.to = to;
    if (!linear) {
      copy.from = one;
      copy.inputs = 0;
    }
    copy.psi_mode = PsiMode::none;
    copy.norms = false;
    copy.a = Matrix<T>::Zero(rows, copy.inputs + 1);
    return copy;
  };
  for (const int id : network.incoming(later.front())) {
    own.push_back(zero_copy(network.map(id), gate.id, width, true));
  }
  start_gate(own, gate, seed);

  // Products that reach back to the new gate go on through it; those that began right behind it get company from
  // new ones that still do.
  std::vector<Map<T>> fresh;
  for (Map<T>& m : maps) {
    if (!contains(later, m.to)) continue;
    const auto between = std::find(behind.begin(), behind.end(), m.to) - behind.begin();
    const auto reached = std::count_if(m.factors.begin(), m.factors.end(),
                                       [&](int id) { return contains(behind, id); });
    if (reached < between) continue;
    const bool begins = reached == static_cast<std::ptrdiff_t>(m.factors.size());
    if (begins && (general || network.carries_bias(m.id))) {
      fresh.push_back(zero_copy(m, m.to, m.a.rows(), general));
    }
    m.factors.insert(m.factors.end() - reached, gate.id);
    m.a = (m.a.template cast<double>() / s).template cast<T>();
  }
  maps.insert(maps.end(), own.begin(), own.end());
  maps.insert(maps.end(), fresh.begin(), fresh.end());
  const auto before = std::find_if(spaces.begin(), spaces.end(), [&](const Space<T>& other) {
    return other.id == later.front();
  });
  spaces.insert(before, gate);
  return Network<T>(std::move(spaces), std::move(maps));
}

namespace {

// Terms with the same gates become one: maps of one source are added up, constants join a map that has a source.
template <class T>
std::vector<Map<T>> merged(std::vector<Map<T>> maps) {
  using Key = std::pair<int, std::vector<int>>;
  std::map<Key, Vector<double>> biases;
  std::map<std::tuple<int, int, std::vector<int>>, Matrix<double>> linear;
  const auto key = [](const Map<T>& m) {
    std::vector<int> factors = m.factors;
    std::sort(factors.begin(), factors.end());
    return Key{m.to, std::move(factors)};
  };
  const auto add = [](auto& sum, const auto& value) {
    if (sum.size() == 0) {
      sum = value;
    } else {
      sum += value;
    }
  };
  for (const Map<T>& m : maps) {
    const Key k = key(m);
    add(biases[k], m.bias().template cast<double>().eval());
    if (m.inputs == 0) continue;
    add(linear[{m.from, k.first, k.second}], m.weight().template cast<double>().eval());
  }
  std::map<Key, bool> sourced;
  for (const auto& [k, unused] : linear) sourced[{std::get<1>(k), std::get<2>(k)}] = true;
  std::vector<Map<T>> result;
  for (Map<T>& m : maps) {
    const Key k = key(m);
    if (m.inputs == 0 && sourced[k]) continue;
    if (m.inputs > 0) {
      auto& sum = linear[{m.from, k.first, k.second}];
      if (sum.size() == 0) continue;  // added to an earlier one
      m.weight() = sum.template cast<T>();
      sum.resize(0, 0);
    }
    auto& bias = biases[k];
    if (bias.size() > 0) {
      m.bias() = bias.template cast<T>();
      bias.resize(0);
    } else if (m.inputs == 0) {
      continue;
    } else {
      m.bias().setZero();
    }
    result.push_back(std::move(m));
  }
  return result;
}

template <class T>
Network<T> without(const Network<T>& network, int gate, double constant) {
  std::vector<Map<T>> maps;
  for (Map<T> m : network.maps()) {
    if (m.to == gate) continue;
    const auto at = std::find(m.factors.begin(), m.factors.end(), gate);
    if (at != m.factors.end()) {
      m.factors.erase(at);
      m.a = (constant * m.a.template cast<double>()).template cast<T>();
    }
    maps.push_back(std::move(m));
  }
  maps = merged(std::move(maps));
  std::vector<Space<T>> spaces;
  for (const Space<T>& s : network.spaces()) {
    const bool unread =
        s.dimension == 0 &&
        std::none_of(maps.begin(), maps.end(), [&](const Map<T>& m) { return m.from == s.id; });
    if (s.id != gate && !unread) spaces.push_back(s);
  }
  return Network<T>(std::move(spaces), std::move(maps));
}

}  // namespace

template <class T>
GateRemoval<T> remove_gate(const Network<T>& network, int gate, Engine<T>& engine, ConstView<T> x) {
  if (!network.has_space(gate) || !network.is_gate(gate) || network.space(gate).gates() != 1) {
    throw UsageError(fmt::format(
        "remove gate: space {} is no gate that only multiplies; isoform convert makes a perceptron "
        "of a chain with one gate a layer",
        gate));
  }
  if (network.hidden().size() == 1) {
    throw UsageError(
        "remove gate: it is the last one, and what stays would be an affine map; keep one gate");
  }
  if (x.cols() == 0) throw UsageError("remove gate: needs samples to choose a constant by, got 0");
  for (const Map<T>& m : network.maps()) {
    if (contains(m.factors, gate)) require_open(network, "remove gate", m.to);
  }
  Pass<T> pass;
  pass.prepare(network, x.cols());
  pass.set_input(x);
  forward(network, engine, pass);
  const Vector<double> s = pass.gates(gate).row(0).transpose().template cast<double>();
  const Matrix<T> y = pass.output();
  GateRemoval<T> best;
  best.constant = s.mean();
  best.deviation = std::sqrt((s.array() - best.constant).square().mean());
  const auto attempt = [&](double constant) {
    GateRemoval<T> trial{without(network, gate, constant), constant, best.deviation, {}};
    trial.change = measure_change<T>(y, outputs<T>(trial.network, engine, x));
    return trial;
  };
  best = attempt(best.constant);
  // The best constant lies between the smallest and the largest gate: golden section.
  constexpr double kGolden = 0.6180339887498949;
  constexpr int kSteps = 24;
  double low = s.minCoeff(), high = s.maxCoeff();
  if (high - low <= 1e-12 * high) return best;
  auto left = attempt(high - kGolden * (high - low)), right = attempt(low + kGolden * (high - low));
  for (int step = 0; step < kSteps; ++step) {
    if (left.change.rms < right.change.rms) {
      high = right.constant;
      right = std::move(left);
      left = attempt(high - kGolden * (high - low));
    } else {
      low = left.constant;
      left = std::move(right);
      right = attempt(low + kGolden * (high - low));
    }
  }
  for (GateRemoval<T>* trial : {&left, &right}) {
    if (trial->change.rms < best.change.rms) best = std::move(*trial);
  }
  return best;
}

#define ISOFORM_FOR_SCALAR(T)                                                    \
  template Network<T> insert_gate(const Network<T>&, int, Index, std::uint64_t); \
  template GateRemoval<T> remove_gate(const Network<T>&, int, Engine<T>&, ConstView<T>);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
