// What the trainer's events say: docs/events.md. Private to the trainer.
#pragma once

#include <nlohmann/json.hpp>

#include "isoform/train/courses.h"

namespace isoform {

nlohmann::json edit_json(const EditRecord& record);

/// Sizes of the groups of each hidden space.
template <class T>
nlohmann::json groups_json(const Network<T>& network);

/// Names of the tasks, which are on, and what they read.
template <class T>
nlohmann::json tasks_json(const Model<T>& model);

/// Singular values of each hidden space.
template <class T>
nlohmann::json spectra_json(const Network<T>& network, const AdaptSettings& settings);

/// Losses and accuracies of an epoch: means over the tasks that are on, by weight, and each task by itself.
struct EpochScores {
  double train_loss = 0, train_accuracy = 0, validation_loss = 0, validation_accuracy = 0;
  nlohmann::json tasks = nlohmann::json::array();
};
template <class T>
EpochScores score_epoch(const Model<T>& model, const Courses& courses, Engine<T>& engine);

}  // namespace isoform
