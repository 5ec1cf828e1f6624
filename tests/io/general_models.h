// Models of more than one chain: several inputs and heads, and graphs. Random numbers in every place that a model file
// stores.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "io/random_model.h"
#include "isoform/linalg/engine.h"
#include "isoform/model/tasks.h"
#include "isoform/network/pass.h"
#include "tests/support/dice.h"
#include "tests/support/streams.h"

namespace isoform::testing {

/// All outputs for raw columns of all inputs, by the reference engine.
template <class T>
Matrix<T> logits_of(const Model<T>& model, const Matrix<double>& raw) {
  Matrix<T> x = raw.cast<T>();
  model.standardise(x);
  const auto engine = create_engine<T>({.name = "reference", .threads = 1});
  return outputs<T>(model.network, *engine, x);
}

template <class T>
Index inputs_of(const Model<T>& model) {
  return model.network.widths().front();
}

/// Numbers for what has none yet, and a transform.
template <class T>
void fill(Model<T>& model, Dice& dice) {
  for (const Map<T>& map : model.network.maps()) {
    Map<T>& m = model.network.map(map.id);
    m.a = dice.normals<T>(m.a.rows(), m.a.cols(), 0.5);
    if (!model.network.carries_bias(m.id)) m.bias().setZero();
  }
  for (const int id : model.network.hidden()) {
    Space<T>& space = model.network.space(id);
    space.length = Vector<T>::Zero(space.gates());
    if (space.length_mode == LengthMode::none) continue;
    for (Index g = 0; g < space.gates(); ++g) space.length[g] = static_cast<T>(dice.uniform());
  }
  const Index n = inputs_of(model);
  Vector<double> mean(n), deviation(n);
  for (Index i = 0; i < n; ++i) {
    mean[i] = dice.uniform(50, 150);
    deviation[i] = dice.uniform(20, 60);
  }
  model.set_transform(mean, deviation);
}

struct Layout {
  std::vector<Index> inputs, hidden, heads;
};

/// Several inputs and a head for each of several tasks, grown from a chain as tasks come and go; tasks and inputs
/// are called "task k" and "input k".
template <class T>
Model<T> layered_model(const Layout& layout, std::uint64_t seed) {
  std::vector<Index> widths = {layout.inputs.front()};
  widths.insert(widths.end(), layout.hidden.begin(), layout.hidden.end());
  widths.push_back(layout.heads.front());
  Model<T> model = random_model<T>(chain_of(widths, 3), seed);
  model.inputs = {{"input 0"}};
  model.tasks = {class_task("task 0", static_cast<int>(layout.heads.front()))};
  for (std::size_t k = 1; k < layout.inputs.size(); ++k) {
    const Vector<double> ones = Vector<double>::Ones(layout.inputs[k]);
    append_input(model, {{"input " + std::to_string(k)}, ones, ones}, Start::zero, seed);
  }
  for (std::size_t k = 1; k < layout.heads.size(); ++k) {
    Task task = class_task("task " + std::to_string(k), static_cast<int>(layout.heads[k]));
    task.inputs = {model.inputs[k % model.inputs.size()].name};
    append_task(model, task, seed);
  }
  Dice dice(seed, 11);
  fill(model, dice);
  return model;
}

template <class T>
class GraphMaker {
 public:
  int add_space(const std::string& name, Index dimension, std::vector<Index> groups = {}) {
    Space<T> space;
    space.id = next_space_;
    next_space_ += 2;  // ids are no positions
    space.name = name;
    space.dimension = dimension;
    space.groups = std::move(groups);
    spaces_.push_back(std::move(space));
    return spaces_.back().id;
  }
  Space<T>& last() { return spaces_.back(); }
  void add_map(int from, int to, std::vector<int> factors = {}, PsiMode psi = PsiMode::none) {
    Map<T> map;
    map.id = next_map_;
    next_map_ += 3;
    map.from = from;
    map.to = to;
    map.factors = std::move(factors);
    map.psi_mode = psi;
    const Space<T>& source = space(from);
    map.inputs = source.dimension;
    const Index gates = has_psi(psi) ? source.gates() : 0;
    map.a = Matrix<T>::Zero(space(to).dimension, map.inputs + 1 + gates);
    maps_.push_back(std::move(map));
  }
  Network<T> take() { return Network<T>(std::move(spaces_), std::move(maps_)); }

 private:
  const Space<T>& space(int id) const { return spaces_[static_cast<std::size_t>(id / 2)]; }
  std::vector<Space<T>> spaces_;
  std::vector<Map<T>> maps_;
  int next_space_ = 0, next_map_ = 1;
};

/// A generalised perceptron in two stages (mathematics 6): x → base, gates that multiply, an output that sums over all
/// products, each with a linear part of its own and a constant one.
template <class T>
Model<T> perceptron_model(std::uint64_t seed, Index gates) {
  Dice dice(seed, 12);
  GraphMaker<T> graph;
  const int x = graph.add_space("pixels", dice.between(1, 9));
  const int one = graph.add_space("one", 0);
  const int base = graph.add_space("base", dice.between(1, 6));
  graph.add_map(x, base);
  std::vector<int> multiply;
  const auto read_all = [&](int to) {
    for (std::size_t k = 0; k <= multiply.size(); ++k) {
      const std::vector<int> product(multiply.begin() + static_cast<std::ptrdiff_t>(k),
                                     multiply.end());
      graph.add_map(base, to, product);
      graph.add_map(one, to, product);
    }
  };
  for (Index g = 0; g < gates; ++g) {
    const Index size = dice.between(1, 5);
    const int gate = graph.add_space("gate " + std::to_string(g + 1), size, {size});
    graph.last().radial = static_cast<Radial>(dice.between(0, 4));
    graph.last().length_mode = static_cast<LengthMode>(dice.between(0, 3));
    read_all(gate);
    multiply.push_back(gate);
  }
  const int answer = graph.add_space("answer", dice.between(1, 4));
  read_all(answer);
  Model<T> model;
  model.network = graph.take();
  fill(model, dice);
  return model;
}

/// Two inputs, skips around grouped spaces, a linear space, a pure gate, two heads, every ψ mode.
template <class T>
Model<T> skipping_model(std::uint64_t seed) {
  Dice dice(seed, 13);
  GraphMaker<T> graph;
  const auto psi = [&] { return static_cast<PsiMode>(dice.between(0, 4)); };
  const int x = graph.add_space("left", dice.between(1, 6));
  const int y = graph.add_space("right", dice.between(1, 6));
  const int first = graph.add_space("first", 5, {2, 3});
  graph.add_map(x, first);
  graph.add_map(y, first);
  const int gate = graph.add_space("gate", 2, {2});
  graph.last().radial = Radial::algebraic;
  graph.add_map(y, gate);
  graph.add_map(first, gate, {}, psi());
  const int linear = graph.add_space("linear", 3);
  graph.add_map(first, linear, {}, psi());
  graph.add_map(x, linear, {gate});
  const int second = graph.add_space("second", 6, {6});
  graph.last().length_mode = LengthMode::constant;
  graph.add_map(linear, second);
  graph.add_map(first, second, {gate, gate}, psi());
  graph.add_map(y, second);
  const int head = graph.add_space("a", 3);
  graph.add_map(second, head, {}, psi());
  graph.add_map(linear, head, {second});
  const int other = graph.add_space("b", 1);
  graph.add_map(second, other, {}, psi());
  graph.add_map(first, other, {gate, second}, psi());
  Model<T> model;
  model.network = graph.take();
  model.inputs = {{"left"}, {"right"}};
  model.tasks = {class_task("a", 3), class_task("b", 1)};
  model.tasks[1].inputs = {"right"};
  fill(model, dice);
  return model;
}

/// Random graphs with streams (tests/support/streams.h): every second a residual network.
template <class T>
Model<T> streaming_model(std::uint64_t seed) {
  Model<T> model;
  model.network = cast_network<T>(seed % 2 == 0 ? random_residual(seed) : random_streams(seed));
  Dice dice(seed, 14);
  fill(model, dice);
  return model;
}

}  // namespace isoform::testing
