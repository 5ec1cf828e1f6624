// Continual learning: protocols in which tasks come one after the other, and what is left of the earlier ones at the
// end. docs/continual.md has each of them exactly, with figures.
//
// Every protocol is a function of its sets and settings alone: same settings, same figures, whatever the engine's
// threads. A tenth of each task's training set is kept for choices (figures "validation …"); the test set chooses
// nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/linalg/engine.h"
#include "isoform/study/figures.h"
#include "isoform/train/trainer.h"

namespace isoform {

struct ContinualSettings {
  int tasks = 5;
  /// Widths at the start. Where a network is append-only, as many neurons again begin with every task.
  std::vector<Index> hidden = {64, 64};
  Index group_size = 8;
  TrainSettings training = {};  // of each task; seeds come from `seed`
  double validation = 0.1;      // share of each task's training set
  std::uint64_t seed = 0;

  // Class-incremental.
  Index buffer = 2000;       // samples kept of all classes
  double later_rate = 1;     // share of the learning rate from the second task on
  int balanced_epochs = 0;   // on the buffer alone, after each task
  double balanced_rate = 1;  // of the learning rate, in these

  // Online.
  Index samples = 10000;  // of each task

  /// Throws UsageError with field, value and rule.
  void validate() const;
};

/// The defaults of each protocol.
ContinualSettings split_task_settings();
ContinualSettings split_class_settings();
ContinualSettings permuted_domain_settings();
ContinualSettings permuted_online_settings();

/// Classes in `tasks` equal shares, one after the other; each task has a head, and which task a sample belongs to is
/// told at test. Append-only: what has learned a task is frozen, the next one gets new groups, which may read all there
/// are, and the policy adds more. Figures: "accuracy" (mean over tasks, after the last), "forgetting" (mean of what was lost since
/// a task was learned), "largest change" of an old logit, "validation accuracy", "parameters", "state bytes" (what is
/// kept beside the network), "accuracy of task k". All four: an empty list if `stop` was set; UsageError for settings that
/// do not fit the data.
Figures split_task_incremental(const Dataset& train, const Dataset& test,
                               const ContinualSettings& settings, Engine<float>& engine,
                               const std::atomic<bool>* stop = nullptr);

/// The same classes in one growing head, task not told at test. A replay buffer keeps `buffer` samples of what was
/// seen; a task trains on its samples and the buffer's, classes balanced by repetition. Figures as above, and
/// "change at append" (largest of an old logit when outputs are appended), "buffer samples".
Figures split_class_incremental(const Dataset& train, const Dataset& test,
                                const ContinualSettings& settings, Engine<float>& engine,
                                const std::atomic<bool>* stop = nullptr);

/// All classes in every task, each with its features in an order of its own; the task is not told at test. Append-only as
/// the first, a small head each; which head answers is guessed from the sample's features (data/domains.h). No sample is kept.
/// Figures as in the first, and "guessed right", "accuracy if told".
Figures permuted_domain_incremental(const Dataset& train, const Dataset& test,
                                    const ContinualSettings& settings, Engine<float>& engine,
                                    const std::atomic<bool>* stop = nullptr);

/// Orders of features as above, `samples` samples each, every sample seen once; nobody tells the learner where a task begins. Accuracy of
/// each batch before its step, averaged over each task: "slope" (least squares over all tasks but the first tenth, per
/// task), "first tenth", "last tenth", "parameters at first" (after the first task), "parameters". `test` is not read.
Figures permuted_online(const Dataset& train, const Dataset& test,
                        const ContinualSettings& settings, Engine<float>& engine,
                        const std::atomic<bool>* stop = nullptr);

}  // namespace isoform
