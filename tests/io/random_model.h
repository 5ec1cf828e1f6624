// Models with random numbers in every place that a model file stores.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "isoform/base/random.h"
#include "isoform/model/model.h"
#include "isoform/network/structure.h"

namespace isoform::testing {

/// A chain of these widths, its groups cut by size.
inline ChainSettings chain_of(std::vector<Index> widths, Index group_size = 8,
                              LengthMode length = LengthMode::trainable) {
  ChainSettings settings;
  settings.widths = std::move(widths);
  settings.group_size = group_size;
  settings.length = length;
  return settings;
}

/// A chain of the settings' shape with random numbers; tasks, image and history are empty.
template <class T>
Model<T> random_model(const ChainSettings& settings, std::uint64_t seed) {
  const Random random(seed, Purpose::test);
  std::uint64_t at = 0;
  const auto normal = [&] { return static_cast<T>(random.normal(at++)); };
  Model<T> model;
  model.network = Network<T>::chain(settings);
  for (const Map<T>& map : model.network.maps()) {
    Matrix<T>& a = model.network.map(map.id).a;
    for (T& value : a.reshaped()) value = normal() / T(4);
  }
  for (const int id : model.network.hidden()) {
    Space<T>& space = model.network.space(id);
    if (space.length_mode == LengthMode::none) continue;
    for (T& value : space.length) value = normal();
    if (space.length_mode == LengthMode::constant) space.length = space.length.cwiseAbs();
  }
  const Index inputs = settings.widths.front();
  Vector<double> mean(inputs), deviation(inputs);
  for (Index i = 0; i < inputs; ++i) {
    mean[i] = 100 + 30 * random.normal(at++);
    deviation[i] = i % 5 == 3 ? 0.0 : 20 + 30 * random.uniform(at++);
  }
  model.set_transform(mean, deviation);
  return model;
}

/// The names of `count` classes as one task.
inline Task class_task(const std::string& name, int count) {
  Task task;
  task.name = name;
  for (int i = 0; i < count; ++i) task.outputs.push_back(name + " " + std::to_string(i));
  return task;
}

/// Shapes with mixed groups: 6 inputs, hidden 7 = 3 + 4 and 5 = 1 + 1 + 3, 4 outputs.
inline ChainSettings mixed_chain() {
  return {.widths = {6, 7, 5, 4}, .groups = {{3, 4}, {1, 1, 3}}, .seed = 1};
}

/// Maps in all forms: wide, tall and square, into groups and into the output.
template <class T>
Model<T> sparse_model(std::uint64_t seed) {
  const ChainSettings settings = {
      .widths = {6, 9, 5, 5, 4}, .groups = {{3, 2, 4}, {1, 1, 3}, {5}}, .seed = 1};
  Model<T> model = random_model<T>(settings, seed);
  const Structure forms[] = {Structure::triangle, Structure::diagonal, Structure::dense,
                             Structure::triangle};
  for (int map = 0; map < 4; ++map) impose_structure(model.network, map, forms[map]);
  return model;
}

/// A model that has everything a file can hold.
template <class T>
Model<T> full_model() {
  Model<T> model = random_model<T>(mixed_chain(), 5);
  model.network.space(2).radial = Radial::log;
  model.tasks = {class_task("digits", 3), class_task("extra \"é\"", 1)};
  model.tasks[1].loss = Loss::squared;
  model.tasks[1].active = false;
  model.image_rows = 2;
  model.image_cols = 3;
  EditRecord grown;
  grown.step = 120;
  grown.kind = EditKind::append;
  grown.space = 1;
  grown.group = 1;
  grown.before = 5;
  grown.after = 7;
  grown.born = 2;
  grown.why = "the spectrum has no tail";
  model.record(grown);
  EditRecord reduced;
  reduced.step = 9'000'000'000;
  reduced.kind = EditKind::reduce;
  reduced.space = 2;
  reduced.before = 6;
  reduced.after = 5;
  reduced.removed = 1;
  reduced.score = 0.1;
  reduced.bound = 1.0 / 3;
  reduced.change = 1e-300;
  model.record(reduced);
  return model;
}

}  // namespace isoform::testing
