// What a run did, gathered from its events: the one place where events become numbers, read by the
// summary and by the picture.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "isoform/train/event.h"

namespace isoform {

/// Everything kept of a run. A value that was null or absent is NaN, a list that was absent is
/// empty.
///
/// A run that was resumed into the same log says `start` again; what an earlier attempt did beyond
/// that step was undone by the resume and is dropped here.
struct RunRecord {
  struct Step {
    std::int64_t step = 0;
    double loss = 0;
  };
  struct TaskState {
    std::string name;
    bool active = true;  // trained
  };
  struct TaskScore : TaskState {
    double train_loss = 0, train_accuracy = 0;
    double validation_loss = 0, validation_accuracy = 0;
  };
  struct TaskChange {
    std::int64_t step = 0;
    int epoch = 0;  // the last one before it
    std::string action, task, to;
    double change = std::numeric_limits<double>::quiet_NaN();  // largest, of other tasks' outputs
    std::vector<TaskState> tasks;                              // after it
    std::int64_t parameters = 0;                               // after it
    /// "append fashion-mnist".
    std::string what() const;
    /// "append fashion-mnist: other outputs unchanged to the last bit", for people.
    std::string text() const;
  };
  /// A task from its coming to its going, under whatever names.
  struct TaskLife {
    std::vector<std::pair<std::int64_t, std::string>> names;  // from which step, what
    struct Stretch {
      std::int64_t begin = 0, end = 0;  // steps
      bool active = true;
    };
    std::vector<Stretch> stretches;
    bool removed = false;
    const std::string& name() const { return names.back().second; }
    /// Its name in an epoch that ended with this step.
    const std::string& name_at(std::int64_t step) const;
  };
  struct Epoch {
    int epoch = 0;
    std::int64_t step = 0;
    double time_s = 0;   // since training began
    double seconds = 0;  // of this epoch
    double train_loss = 0, train_accuracy = 0;
    double validation_loss = 0, validation_accuracy = 0;
    std::vector<std::int64_t> widths;    // all L+1
    std::vector<std::int64_t> scaffold;  // for each hidden space
    std::int64_t parameters = 0;
    std::int64_t born = 0, removed = 0;  // by edits since the epoch before
    std::vector<TaskScore> tasks;
  };
  struct Edit {
    std::int64_t step = 0;
    std::int64_t space = 0;   // 1…L-1
    std::int64_t after = -1;  // the space's width; -1 where the event does not say
    std::int64_t born = 0, removed = 0;
    std::string kind;
  };
  struct Spectrum {
    std::int64_t step = 0;
    int epoch = 0;
    std::int64_t space = 0;
    std::vector<double> values;  // descending
    double threshold = std::numeric_limits<double>::quiet_NaN();
  };

  std::string data, version, engine;
  std::int64_t samples = 0;
  std::int64_t epochs_planned = 0, steps_planned = 0, steps_per_epoch = 0;
  std::int64_t first_step = 0;             // where the first start was
  std::vector<std::int64_t> first_widths;  // all L+1, at that start
  std::int64_t first_parameters = 0;

  std::vector<Step> steps;
  std::vector<Epoch> epochs;
  std::vector<Edit> edits;
  std::vector<TaskState> first_tasks;  // at the first start
  std::vector<TaskChange> task_changes;
  std::vector<Spectrum> spectra;
  std::vector<std::string> warnings;

  std::int64_t last_step = 0;
  int last_epoch = 0;
  double seconds = 0;
  std::vector<std::int64_t> widths;  // all L+1, now
  std::int64_t parameters = 0;       // as last reported
  bool ended = false;                // false: under way, or cut short
  std::string reason, message;       // of the end

  /// Takes one event into account, in order. Never throws for unknown types or missing fields.
  void add(const Event& event);

  /// True where there is more to say of tasks than that there is one.
  bool tells_of_tasks() const { return !task_changes.empty() || first_tasks.size() > 1; }
  /// Every task there ever was, in order of coming.
  std::vector<TaskLife> task_lives() const;

  /// Totals over all edits.
  std::int64_t born() const;
  std::int64_t removed() const;

  /// Index of the epoch with the highest validation accuracy (training accuracy where nothing was
  /// validated), the earliest of equals; -1 when there is none.
  int best_epoch() const;

 private:
  void add_start(const Event& event);
  void add_edit(const Event& event);
  void add_task_change(const Event& event);
  void add_epoch(const Event& event);
  void add_spectrum(const Event& event);
  void add_end(const Event& event);

  std::size_t edits_in_epochs_ = 0;  // edits before this index are counted in an epoch
  double epoch_began_s_ = 0;
};

}  // namespace isoform
