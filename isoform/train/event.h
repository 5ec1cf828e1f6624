// What a training run tells the world. Progress line, event log, picture and every later monitor read
// events and nothing else; docs/events.md lists the fields of each type.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace isoform {

/// One thing that happened. As a line of JSON it is {v, seq, step, epoch, time_s, type, …data}.
///
///   start     widths [L+1], groups (sizes for each hidden space), parameters, tasks, data, samples,
///             epochs, steps_per_epoch, steps, version, engine, settings (object)
///   task      action, task, to, tasks, change (of the others' outputs), widths, parameters, steps_per_epoch, steps
///   step      loss, learning_rate                                     (about every 0.2 s)
///   edit      space (1…L-1), kind ("grow", "shrink", …), group (or null), before, after (widths),
///             born, removed, score, bound (or null), change (or null), why
///   spectrum  spaces: [{space, values: [singular values, descending], threshold}]
///   epoch     train_loss, train_accuracy, validation_loss, validation_accuracy (null without a
///             validation set), tasks (each by itself), widths, groups, parameters, learning_rate, scaffold
///             (for each hidden space), epochs, phases (seconds since the run began: step_s, adapt_s, evaluate_s,
///             checkpoint_s)
///   checkpoint  bytes, write_s: the run was kept in a file                 (sent by the program)
///   control   action, what: somebody asked for it while the run was under way (control.h)
///   warning   message
///   end       reason ("finished", "stopped", "diverged"), widths, parameters, born, removed, message
struct Event {
  std::string type;
  std::int64_t step = 0;  // optimiser steps taken
  int epoch = 0;          // 1-based epoch under way; 0 before the first
  double time_s = 0;      // seconds since training began
  nlohmann::json data = nlohmann::json::object();
};

/// Called on the training thread, in order. Must not keep references into the event.
using Observer = std::function<void(const Event&)>;

}  // namespace isoform
