// What an experiment does: trials, each of which measures something with one seed, and how all of it is shown.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/experiment/measurements.h"
#include "isoform/experiment/settings.h"
#include "isoform/linalg/engine.h"
#include "isoform/monitor/report.h"

namespace isoform {

struct DataPair {
  Dataset train, test;
  std::string label;      // what reports call it
  std::string note = {};  // for people, where it is not the set that was asked for
};

/// Hidden layers that an experiment may ask for.
inline constexpr Index kMostLayers = 1000;
/// Samples that statistics of a trial may ask for.
inline constexpr Index kMostSamples = 1000000;

/// The sets of an experiment, read once, before its trials.
class DataShelf {
 public:
  /// Reads all sets of the experiment. FileError with everything that is missing and where to get it; FormatError for files that
  /// are damaged.
  DataShelf(const ExperimentSettings& settings, const std::string& data_dir);
  [[nodiscard]] const DataPair& at(const std::string& name) const { return sets_.at(name); }
  [[nodiscard]] const std::map<std::string, DataPair>& all() const { return sets_; }

 private:
  std::map<std::string, DataPair> sets_;
};

/// Throws FileError with all known sets of an experiment that are not found, and where to get them; reads none.
void require_sets(const ExperimentSettings& settings, const std::string& data_dir);

/// What ends a trial that was asked to stop; nothing of it is kept.
struct Stopped {};

/// Where a trial runs, and where it leaves what it measures.
class TrialRun {
 public:
  TrialRun(Engine<float>& engine, Labels labels, const std::atomic<bool>* stop)
      : engine_(engine), labels_(std::move(labels)), stop_(stop) {}
  [[nodiscard]] Engine<float>& engine() { return engine_; }
  [[nodiscard]] const std::atomic<bool>* stop() const { return stop_; }
  /// Throws Stopped if it was asked to.
  void check() const {
    if (stop_ != nullptr && stop_->load()) throw Stopped();
  }
  void measure(const std::string& figure, double value, const Labels& more = {}) {
    measure(figure, std::vector<double>{value}, more);
  }
  void measure(const std::string& figure, std::vector<double> values, const Labels& more = {});
  [[nodiscard]] const std::vector<Measurement>& rows() const { return rows_; }
  /// True once a training has ended at its last good model: figure "diverged".
  [[nodiscard]] bool diverged() const {
    return !rows_.empty() && rows_.back().figure == "diverged";
  }

 private:
  Engine<float>& engine_;
  Labels labels_;
  const std::atomic<bool>* stop_;
  std::vector<Measurement> rows_;
};

struct Trial {
  Labels labels;       // which results are known by: each trial its own
  double cost = 1;     // in any unit, for the time left
  bool alone = false;  // measures time: nothing runs beside it, and it has all threads
  std::function<void(TrialRun&)> run;
};

struct ExperimentProcedure {
  std::string name;
  std::vector<std::string> keys;  // values that it reads beside those of training
  /// Throws UsageError for what can't be, before data are read.
  std::function<void(const ExperimentSettings&)> check;
  std::function<std::vector<Trial>(const ExperimentSettings&, const DataShelf&)> trials;
  /// Pictures, tables and sentences of what was measured so far.
  std::function<std::vector<report::Block>(const ExperimentSettings&, const Measurements&)> report;
  bool reads_data = true;
};

ExperimentProcedure cost_procedure();
ExperimentProcedure invariance_procedure();
ExperimentProcedure spectra_procedure();
ExperimentProcedure scheduled_tasks_procedure();
ExperimentProcedure abundance_procedure();
ExperimentProcedure sparsification_procedure();
ExperimentProcedure elementwise_procedure();

/// UsageError with those there are.
const ExperimentProcedure& procedure_by_name(const std::string& name);

}  // namespace isoform
