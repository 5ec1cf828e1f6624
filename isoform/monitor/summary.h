// What a run did, as a table for people and as JSON for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "isoform/monitor/run_record.h"
#include "isoform/train/event.h"

namespace isoform {

/// An observer that keeps what a run did. Memory grows with the events kept: epochs, edits and
/// spectra in full, some 16 bytes for each `step`. Must outlive the observer.
class RunSummary {
 public:
  RunSummary() = default;
  RunSummary(const RunSummary&) = delete;  // a copy given to a trainer would learn, not this one
  RunSummary& operator=(const RunSummary&) = delete;

  void operator()(const Event& event) { record_.add(event); }
  Observer observer();

  const RunRecord& record() const { return record_; }

  /// A table with one row for each epoch (widths, units born and removed, parameters, losses,
  /// accuracies, seconds), then a few lines on the whole. Lines end with a newline.
  std::string format_summary() const;

  /// The same as one object:
  ///   data, reason, message, seconds, steps, epochs: [{epoch, step, seconds, widths, scaffold,
  ///   born, removed, parameters, train_loss, train_accuracy, validation_loss,
  ///   validation_accuracy, tasks: [{name, active, losses and accuracies}]}], changes (of tasks): [{epoch (the last
  ///   before it), step, action, task, to, change}], widths: {first, last}, parameters: {first, last}, born, removed,
  ///   best: {epoch, validation_accuracy or train_accuracy} or null, warnings: [text]
  /// Numbers that were not measured are null; `reason` is "unfinished" without an end event.
  nlohmann::json to_json() const;

 private:
  RunRecord record_;
};

}  // namespace isoform
