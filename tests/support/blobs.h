// A small labelled set: one Gaussian cloud for each class, on the scale of raw data.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/model/model.h"
#include "tests/support/dice.h"

namespace isoform::testing {

/// Clouds of standard deviation 1 whose centres are about 0.8 √(2 features) apart; scaled and shifted.
inline Dataset blobs(std::uint64_t seed, Index samples = 2000, Index features = 40,
                     Index classes = 5) {
  const Matrix<double> centres = Dice(7, 60).normals(features, classes, 0.8);
  Dice dice(seed, 61);
  std::vector<float> values;
  Dataset::Contents contents;
  contents.name = "blobs";
  contents.features = features;
  for (Index j = 0; j < samples; ++j) {
    const Index label = dice.between(0, classes - 1);
    contents.labels.push_back(static_cast<std::uint32_t>(label));
    for (Index i = 0; i < features; ++i) {
      values.push_back(static_cast<float>(100 + 20 * (centres(i, label) + dice.normal())));
    }
  }
  contents.values = std::move(values);
  for (Index c = 0; c < classes; ++c) contents.classes.push_back("class " + std::to_string(c));
  return Dataset(std::move(contents));
}

template <class T>
Model<T> blob_model(const Dataset& data, std::vector<Index> hidden, Index group_size = 4,
                    std::uint64_t seed = 1) {
  ChainSettings settings;
  settings.widths.push_back(data.features());
  settings.widths.insert(settings.widths.end(), hidden.begin(), hidden.end());
  settings.widths.push_back(static_cast<Index>(data.classes().size()));
  settings.group_size = group_size;
  settings.seed = seed;
  Model<T> model;
  model.network = Network<T>::chain(settings);
  const FeatureStatistics of = feature_statistics(data);
  model.set_transform(of.mean, of.standard_deviation);
  Task task;
  task.name = "blobs";
  task.outputs = data.classes();
  model.tasks = {task};
  return model;
}

}  // namespace isoform::testing
