// Models to be served in tests.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "isoform/io/model_file.h"
#include "isoform/model/tasks.h"
#include "isoform/serve/model_server.h"
#include "serve/client.h"
#include "tests/support/dice.h"

namespace isoform::test {

/// A classifier with random weights, 6 features and 3 classes "a", "b", "c" unless told otherwise; raw values are scaled.
inline Model<float> classifier(std::uint64_t seed = 1, std::vector<Index> widths = {6, 16, 16, 3}) {
  ChainSettings settings;
  settings.widths = widths;
  settings.group_size = 4;
  settings.seed = seed;
  Model<float> model;
  model.network = Network<float>::chain(settings);
  isoform::testing::Dice dice(seed, 140);
  for (const Map<float>& map : model.network.maps()) {
    for (float& value : model.network.map(map.id).a.reshaped())
      value += static_cast<float>(dice.normal() / 4);
  }
  const Vector<double> mean = Vector<double>::Constant(widths.front(), 1),
                       deviation = Vector<double>::Constant(widths.front(), 2);
  model.set_transform(mean, deviation);
  Task task{.name = "letters", .outputs = {}, .inputs = {"letters"}};
  for (Index k = 0; k < widths.back(); ++k)
    task.outputs.push_back(k < 26 ? std::string(1, static_cast<char>('a' + k))
                                  : "class " + std::to_string(k));
  model.tasks = {task};
  model.inputs = {{.name = "letters"}};
  return model;
}

/// Logits of raw samples, computed apart from the server.
inline Matrix<float> truth_of(const Model<float>& model, Matrix<float> x) {
  const auto engine = create_engine<float>({"cpu", 1});
  model.standardise(x);
  return outputs<float>(model.network, *engine, x);
}

inline Matrix<float> random_inputs(std::uint64_t seed, Index features, Index samples) {
  isoform::testing::Dice dice(seed, 141);
  return dice.normals(features, samples, 3.0).cast<float>();
}

inline std::string inputs_json(const Matrix<float>& x) {
  nlohmann::json list = nlohmann::json::array();
  for (Index j = 0; j < x.cols(); ++j)
    list.push_back(std::vector<float>(x.col(j).begin(), x.col(j).end()));
  return nlohmann::json{{"inputs", list}}.dump();
}

}  // namespace isoform::test
