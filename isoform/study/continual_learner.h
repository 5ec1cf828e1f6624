// What the protocols of continual.h share. Private to them.
#pragma once

#include <string>
#include <vector>

#include "isoform/study/continual.h"

namespace isoform {

/// A fresh model of one task that reads the data. One mean and one deviation for all features: those of later tasks are
/// not known, and a feature that is constant in the first may not be in the next.
Model<float> continual_model(const Dataset& data, const std::string& task,
                             const ContinualSettings& settings);
/// Settings of training for the k-th task.
TrainSettings training_of_task(const ContinualSettings& settings, std::size_t k);
/// An order of the features for the k-th task.
std::vector<std::uint32_t> feature_order(Index features, std::uint64_t seed, std::size_t k);

/// A model that never changes what it has learned: before each task but the first everything is frozen, a head is appended and
/// new groups grow. docs/tasks.md.
class AppendOnlyLearner {
 public:
  AppendOnlyLearner(const ContinualSettings& settings, Engine<float>& engine,
                    const std::atomic<bool>* stop)
      : settings_(settings), engine_(engine), stop_(stop) {}

  /// False if it was asked to stop.
  bool learn(const Dataset& training, const Dataset& validation);
  [[nodiscard]] Model<float>& model() { return model_; }
  [[nodiscard]] std::size_t tasks() const { return model_.tasks.size(); }
  /// Logits and accuracy of one task's head.
  [[nodiscard]] Matrix<float> outputs(const Dataset& data, std::size_t task) const;
  [[nodiscard]] double accuracy(const Dataset& data, std::size_t task) const;
  /// Of the last head's validation samples, when it was learned.
  [[nodiscard]] double validation_accuracy() const { return validation_accuracy_; }

 private:
  void make_room(const Dataset& training);

  const ContinualSettings& settings_;
  Engine<float>& engine_;
  const std::atomic<bool>* stop_;
  Model<float> model_;
  double validation_accuracy_ = 0;
};

}  // namespace isoform
