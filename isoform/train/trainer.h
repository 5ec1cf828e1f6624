// The training loop: batches in a keyed order, steps, adaptations, tasks that come and go, events.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/linalg/engine.h"
#include "isoform/model/model.h"
#include "isoform/topology/policy.h"
#include "isoform/train/control.h"
#include "isoform/train/event.h"
#include "isoform/train/optimiser.h"
#include "isoform/train/schedule.h"
#include "isoform/train/task_change.h"

namespace isoform {

/// When a network adapts. The rule itself is PolicySettings.
struct AdaptSettings {
  bool enabled = false;
  double per_epoch = 8;         // adaptations in an epoch; may be a fraction
  int statistics_batches = 16;  // training batches before an adaptation whose statistics it uses
  double settle = kRulesOwn;  // last share of training: neurons leave once, then the shape is fixed
  PolicySettings policy;

  /// The share in use: as the rule has it, tolerance 0.5, others 0.25.
  [[nodiscard]] double settled_share() const;
};

struct TrainSettings {
  int epochs = 10;
  Index batch_size = 64;
  std::uint64_t seed = 0;
  OptimiserSettings optimiser;
  ScheduleSettings schedule;
  double clip_norm = 0;      // joint gradient norm; 0: no clipping
  double dropout = 0;        // of whole groups of hidden neurons (network/pass.h)
  double input_dropout = 0;  // of features
  /// Epochs without a lower validation loss after which a run ends early, with the model that had the lowest; 0: never.
  /// They count once widths have settled, in the last phase.
  int patience = 0;
  double label_smoothing = 0;            // share of the target that goes to all classes alike
  Scaling scaling = Scaling::automatic;  // of inputs that tasks bring with them
  AdaptSettings adapt;
  std::vector<TaskChange> changes = {};  // in order; between two of them lies a phase

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
  double validation_accuracy =
      0;                // of the last whole epoch, or of the best; NaN without a validation set
  std::string message;  // for people, when not finished or ended early
};

/// The samples of a task. `name` is the task's, or what a TaskChange calls its data.
struct TaskData {
  std::string name;
  Dataset training, validation;  // validation may be empty
};

template <class T>
struct TrainerState;  // trainer_state.h

/// Trains a model in place, epoch by epoch, and lets its tasks come and go between epochs.
///
///   Trainer<float> trainer(model, {{"digits", training, validation}}, settings, *engine);
///   while (trainer.run_epoch()) {
///     if (trainer.epoch() == 5) trainer.change({.action = TaskAction::append, .task = "letters"}, &letters);
///   }
///   const TrainResult result = trainer.finish();
///
/// A step takes a batch of every task that is on; its loss is their mean, by weight. An epoch is one pass over the
/// largest of their sets; smaller ones begin again. A stretch of epochs without changes is a phase: the learning-rate
/// schedule runs over each anew (ScheduleSettings::restart); widths follow through all of them and settle in the last.
/// With a single task everything is as if there were no tasks.
template <class T>
class Trainer {
 public:
  /// Throws UsageError for settings that contradict themselves, data that do not fit, changes that can't be (before anything
  /// starts). The model, engine and `stop` must outlive the trainer.
  Trainer(Model<T>& model, std::vector<TaskData> data, const TrainSettings& settings,
          Engine<T>& engine, std::vector<Observer> observers = {},
          const std::atomic<bool>* stop = nullptr);
  /// Goes on from a state that another trainer of the same data and settings was in; the model becomes the state's. What
  /// follows has the bits that the other run would have had. Throws UsageError for other data, for settings
  /// that do not fit the state, and for a run that has diverged; settings that fit and are others are not noticed.
  Trainer(Model<T>& model, std::vector<TaskData> data, const TrainSettings& settings,
          Engine<T>& engine, const TrainerState<T>& state, std::vector<Observer> observers = {},
          const std::atomic<bool>* stop = nullptr);
  ~Trainer();
  Trainer(Trainer&&) noexcept;

  /// One epoch, or the rest of one that a state was within, after the changes that are due. False when there was none left, or training ended early.
  bool run_epoch();
  /// Changes tasks now, between epochs; `change.epoch` is not read. `data`, if not null, joins those given at the start. A
  /// new phase begins. Throws UsageError as check_changes does.
  void change(const TaskChange& change, const TaskData* data = nullptr);
  /// Changes the shape now, between epochs, by an edit of the network as it stands; the optimiser's state follows. For widths
  /// that somebody else decides: a schedule, an experiment, a person.
  void apply(const Edit& edit);
  /// Epochs run so far.
  [[nodiscard]] int epoch() const;
  /// All that is needed to go on, bit for bit. Between two calls of run_epoch; InternalError within one. Cost: a copy of the
  /// model and of the optimiser's state; the first time also a look at all data.
  [[nodiscard]] TrainerState<T> state() const;
  /// From now on `take` gets the state after every epoch, within an epoch after the step with which so many seconds have passed
  /// since the last time, and where a run stops or diverges. No bit of the training depends on it. What `take` throws
  /// passes through.
  void on_checkpoint(double seconds, std::function<void(TrainerState<T>)> take);
  /// From now on does what is asked of it there, between two steps. `control` must outlive the trainer.
  void obey(RunControl& control);
  /// Tells observers that the run has ended. Once.
  TrainResult finish();

 private:
  class Run;
  std::unique_ptr<Run> run_;
};

/// All epochs of a Trainer.
template <class T>
TrainResult train(Model<T>& model, std::vector<TaskData> data, const TrainSettings& settings,
                  Engine<T>& engine, const std::vector<Observer>& observers = {},
                  const std::atomic<bool>* stop = nullptr);

/// The same for a model of one task. Same settings, data and build: same bits, whatever the engine's threads. `validation`
/// may be empty. Observers are called in order on this thread. `stop`, if given, is read before every step.
/// Throws UsageError for settings that contradict themselves or data that does not fit; never prints.
template <class T>
TrainResult train(Model<T>& model, const Dataset& training, const Dataset& validation,
                  const TrainSettings& settings, Engine<T>& engine,
                  const std::vector<Observer>& observers = {},
                  const std::atomic<bool>* stop = nullptr);

}  // namespace isoform
