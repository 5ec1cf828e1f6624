// Running experiments: trials side by side, results that outlive a kill, files and pages of what came out.
// docs/experiments.md; the settings are experiments/*.toml.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>

#include "isoform/experiment/measurements.h"
#include "isoform/experiment/settings.h"

namespace isoform {

struct ExperimentProgress {
  std::size_t done = 0, planned = 0;  // trials
  std::size_t known = 0;              // of those done: made by an earlier run
  double seconds_left = 0;            // NaN as long as nothing is known
  std::string trial;                  // one that has just begun, or ended
};

struct ExperimentOptions {
  std::filesystem::path out = "experiment-results";  // NAME/ in it is made
  std::string data_dir = {};
  int seeds = 0;             // repeats; 0: as the settings say
  int threads = 0;           // trials at a time; 0: all cores. Results do not depend on it
  bool resume = false;       // go on with what the folder has
  std::string command = {};  // for the record
  /// From any thread, one at a time.
  std::function<void(const ExperimentProgress&)> progress = {};
  const std::atomic<bool>* stop = nullptr;
};

struct ExperimentOutcome {
  bool finished = false;                          // false: it was stopped; what is done is kept
  Measurements measurements;                      // of all trials that are done
  std::size_t planned = 0, trials = 0, made = 0;  // trials: all, done, done in this run
  double seconds = 0;                             // of this run
  std::filesystem::path folder;
  std::vector<std::string> notes = {};  // for people: what was not as asked for
};

/// Throws what would keep an experiment from running, before anything is read or made: UsageError for settings that can't be, FileError
/// with all known sets that are not found, and where to get them.
void check_experiment(const ExperimentSettings& settings, const ExperimentOptions& options);

/// Runs the trials that the folder does not have yet, then writes into OUT/NAME:
///
///   run.json       what was run: version, command, seeds, machine, data with checksums, settings
///   trials.jsonl   a line for each trial, written when it is done
///   numbers.csv    every number with its labels; numbers.json the same
///   report.html    pictures, tables and words; needs nothing else
///
/// The numbers are a function of settings, data, build and processor type: threads and interruptions do not count. Nothing is made
/// before settings and data are known to be good. UsageError where the folder has results and `resume` is not set, or
/// where they are of other settings, data or version (the message shows the difference); what data throw.
ExperimentOutcome run_experiment(ExperimentSettings settings, const ExperimentOptions& options);

/// Writes OUT/index.html: a page over all experiments that have results in OUT, those that come with Isoform first.
void write_index(const std::filesystem::path& out);

}  // namespace isoform
