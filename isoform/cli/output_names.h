// What the outputs of a model are called.
#pragma once

#include <string>
#include <vector>

#include "isoform/model/model.h"

namespace isoform::cli {

/// One name for each output of a task.
inline std::vector<std::string> output_names(const Model<float>& model, std::size_t task) {
  if (task < model.tasks.size()) return model.tasks[task].outputs;
  std::vector<std::string> names;
  for (Index i = 0; i < model.network.widths().back(); ++i) names.push_back(std::to_string(i));
  return names;
}

/// One name for each output: those of the tasks, one after the other; a model without tasks counts from 0.
inline std::vector<std::string> output_names(const Model<float>& model) {
  std::vector<std::string> names;
  for (const Task& task : model.tasks) {
    names.insert(names.end(), task.outputs.begin(), task.outputs.end());
  }
  const auto outputs = static_cast<std::size_t>(model.network.widths().back());
  while (names.size() < outputs) names.push_back(std::to_string(names.size()));
  return names;
}

}  // namespace isoform::cli
