// All that a trainer is between two steps: a value that another trainer can go on from. docs/checkpoints.md.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "isoform/network/statistics.h"
#include "isoform/train/objective.h"
#include "isoform/train/optimiser.h"
#include "isoform/train/trainer.h"

namespace isoform {

/// What tells whether data are the same. It finds accidents, not forgeries.
struct DataFingerprint {
  std::string name;  // the task's, or what a change calls them
  Index features = 0, classes = 0;
  Index training_samples = 0, validation_samples = 0;
  std::uint32_t training_checksum = 0, validation_checksum = 0;  // data/checksum.h
  bool operator==(const DataFingerprint&) const = default;
};
/// O(values); about 1 ns a byte.
DataFingerprint fingerprint(const TaskData& data);

/// Something that has to be the same in a run that goes on, and is not.
struct Difference {
  std::string name, then, now;  // in the state, and given
  /// "training.epochs: 4 in the checkpoint, 5 now".
  [[nodiscard]] std::string text() const;
};
/// Data of a state beside those that are given, by name. More may be given.
std::vector<Difference> differences(const std::vector<DataFingerprint>& then,
                                    const std::vector<DataFingerprint>& now);

/// Where a task is in its data. The order of the samples follows from the seed and `rounds`.
struct CourseState {
  std::string task, data;    // names
  std::uint64_t rounds = 0;  // passes begun
  std::uint64_t next = 0;    // of the order
  BatchScore total;          // of the epoch so far
};

/// Where adapting is: statistics that are half gathered, and what has been decided. Steps are of the phase.
struct AdaptationState {
  Statistics statistics;
  std::int64_t steps = 0, interval = 0, settle_from = 0;
  Index budget = 0;
  std::optional<double> tolerance;        // set while the run was under way
  std::optional<Index> parameter_budget;  // too
  bool settled = false;
  bool pending = false;  // what was due after the last step was interrupted
  std::vector<Index> scaffold;
  std::map<int, std::string> limits;  // by space
  std::vector<int> rests;             // by space
  double seconds = 0;
};

template <class T>
struct TrainerState {
  Model<T> model;
  OptimiserMemory<T> optimiser;
  AdaptationState adaptation;
  std::vector<DataFingerprint> data;
  std::vector<CourseState> courses;

  std::int64_t step = 0;
  int epoch = 0;                           // begun
  std::optional<std::int64_t> epoch_step;  // steps taken in the epoch under way; none: it has ended
  std::int64_t steps_per_epoch = 0, phase_steps = 0, phase_start = 0;
  std::size_t next_change = 0;  // of the planned ones
  std::vector<nlohmann::json>
      untold;  // changes that observers will be told of when an epoch begins

  // What a divergence goes back to. Within an epoch always; between two where it is not the model.
  std::optional<Model<T>> last_good;
  Index good_born = 0, good_removed = 0;
  int good_epoch = 0;  // at whose end it was
  /// Training loss of the last epoch, and the lowest of the phase, that of its first batch included; by them a model is good or ruined.
  double train_loss = 0, lowest_loss = std::numeric_limits<double>::infinity();

  /// The model with the lowest validation loss so far, where somebody is patient.
  struct Best {
    Model<T> model;
    double loss = 0, accuracy = 0;
    int epoch = 0;
  };
  std::optional<Best> best;

  Index born = 0, removed = 0;
  double validation_accuracy = 0, learning_rate = 0, seconds = 0;
  double evaluation_seconds = 0, checkpoint_seconds = 0;
  /// A run that stopped can go on, one that diverged can't: its model is the last good one, and the optimiser and the
  /// statistics are left out.
  StopReason reason = StopReason::finished;
  std::string message;
};

}  // namespace isoform
