// Random models with several inputs and tasks, and a second way to compute what a task answers.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "isoform/model/blocks.h"
#include "isoform/model/tasks.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform::testing {

/// A random chain with one input "first" and one task "first", a random transform.
template <class T>
Model<T> random_model(std::uint64_t seed, const NetworkChoice& choice = {3, 24}) {
  Model<T> model;
  model.network = cast_network<T>(random_network(seed, choice));
  Dice dice(seed, 70);
  const Index n = model.network.widths().front();
  model.set_transform(dice.normals(n, 1, 50), dice.normals(n, 1, 20).cwiseAbs());
  name_parts(model, "first");
  return model;
}

inline NewInput new_input(const std::string& name, Index features, Dice& dice) {
  NewInput input{{name}, dice.normals(features, 1, 30), dice.normals(features, 1, 10).cwiseAbs()};
  return input;
}

inline Task new_task(const std::string& name, Index outputs, std::vector<std::string> inputs) {
  Task task;
  task.name = name;
  for (Index i = 0; i < outputs; ++i) task.outputs.push_back(name + " " + std::to_string(i));
  task.inputs = std::move(inputs);
  return task;
}

/// A random model to which inputs and tasks were added: "second" with an input of its own, "shared" that reads both.
template <class T>
Model<T> model_of_three(std::uint64_t seed, const NetworkChoice& choice = {3, 24}) {
  Model<T> model = random_model<T>(seed, choice);
  Dice dice(seed, 71);
  append_input(model, new_input("second", dice.between(1, 12), dice), Start::random, seed);
  append_task(model, new_task("second", dice.between(1, 6), {"second"}), seed);
  append_task(model, new_task("shared", dice.between(1, 6), {"first", "second"}), seed + 1);
  for (const int id : model.network.outputs()) {
    for (const int map : model.network.incoming(id)) {
      Map<T>& m = model.network.map(map);
      m.bias() = dice.normals<T>(m.a.rows(), 1, 0.5);
      m.psi() = dice.normals<T>(m.a.rows(), m.psi().cols(), 0.3);
      m.chi() = dice.normals<T>(m.a.rows(), m.chi().cols(), 0.3);
    }
  }
  return model;
}

/// Logits of a task for all inputs one below the other, standardised; those that it does not read are passed over.
template <class T>
Matrix<T> answer(const Model<T>& model, std::string_view task, const Matrix<T>& x) {
  const Route route = model.route(model.task_index(task));
  const auto engine = create_engine<T>({"cpu", 1});
  Pass<T> pass;
  pass.prepare(model.network, x.cols(), route);
  pass.set_input(x);
  forward(model.network, *engine, pass);
  return pass.z(route.outputs.front());
}

/// The same by way of the plain chain that a task amounts to, whose inputs are all inputs: the oracle of
/// tests/support/oracle.h.
template <class T>
Matrix<double> oracle_answer(const Model<T>& model, std::string_view task, const Matrix<T>& x) {
  const Network<T>& network = model.network;
  const Route route = model.route(model.task_index(task));
  std::vector<Space<T>> spaces(1);
  std::vector<Map<T>> maps;
  spaces[0].dimension = x.rows();
  std::vector<int> through = network.hidden();
  through.push_back(route.outputs.front());
  for (const int id : through) {
    Map<T> map;
    map.id = static_cast<int>(maps.size());
    map.from = map.id;
    map.to = map.id + 1;
    spaces.push_back(network.space(id));
    spaces.back().id = map.to;
    if (maps.empty()) {
      map.inputs = x.rows();
      map.a = Matrix<T>::Zero(network.space(id).dimension, x.rows() + 1);
      for (const int in : network.incoming(id)) {
        const Map<T>& m = network.map(in);
        const RowRange rows = model.rows_of_input(m.from);
        const bool read =
            std::find(route.inputs.begin(), route.inputs.end(), m.from) != route.inputs.end();
        if (read) map.a.middleCols(rows.begin, rows.end - rows.begin) = m.weight();
        map.a.col(x.rows()) += m.bias();
      }
    } else {
      const Map<T>& m = network.map(network.incoming(id).front());
      map.inputs = m.inputs;
      map.psi_mode = m.psi_mode;
      map.norms = m.norms;
      map.a = m.a;
    }
    maps.push_back(std::move(map));
  }
  return oracle_output(Network<T>(std::move(spaces), std::move(maps)),
                       Matrix<double>(x.template cast<double>()));
}

template <class T>
Matrix<T> random_samples(const Model<T>& model, std::uint64_t seed, Index samples = 32) {
  return random_inputs(seed, model.network.widths().front(), samples).template cast<T>();
}

/// What a call throws as UsageError, or "".
template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

}  // namespace isoform::testing
