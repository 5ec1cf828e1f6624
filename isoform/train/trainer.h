// The training loop: batches in a keyed order, steps, adaptations, events.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/linalg/engine.h"
#include "isoform/model/model.h"
#include "isoform/topology/policy.h"
#include "isoform/train/event.h"
#include "isoform/train/optimiser.h"
#include "isoform/train/schedule.h"

namespace isoform {

/// When a network adapts. The rule itself is PolicySettings.
struct AdaptSettings {
  bool enabled = false;
  double per_epoch = 8;         // adaptations in an epoch; may be a fraction
  int statistics_batches = 16;  // training batches before an adaptation whose statistics it uses
  double settle = 0.25;  // last share of training: idle neurons leave once, then the shape is fixed
  PolicySettings policy;
};

struct TrainSettings {
  int epochs = 10;
  Index batch_size = 64;
  std::uint64_t seed = 0;
  OptimiserSettings optimiser;
  ScheduleSettings schedule;
  double clip_norm = 0;  // joint gradient norm; 0: no clipping
  AdaptSettings adapt;

  /// Throws UsageError with field, value and rule.
  void validate() const;
};

enum class StopReason {
  finished,  // all epochs done
  stopped,   // asked to stop; the last whole step stands
  diverged,  // a loss that is not a number: the model is the last good one (start of that epoch)
};
std::string_view stop_reason_name(StopReason reason);

struct TrainResult {
  StopReason reason = StopReason::finished;
  std::int64_t steps = 0;
  Index born = 0, removed = 0;
  double seconds = 0, adaptation_seconds = 0;
  double validation_accuracy = 0;  // of the last whole epoch; NaN without a validation set
  std::string message;             // for people, when not finished
};

/// Trains in place. Same settings, data and build: same bits, whatever the engine's threads. `validation`
/// may be empty. Observers are called in order on this thread. `stop`, if given, is read before every step.
/// Throws UsageError for settings that contradict themselves or data that does not fit; never prints.
template <class T>
TrainResult train(Model<T>& model, const Dataset& training, const Dataset& validation,
                  const TrainSettings& settings, Engine<T>& engine,
                  const std::vector<Observer>& observers = {},
                  const std::atomic<bool>* stop = nullptr);

}  // namespace isoform
