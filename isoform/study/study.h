// A study: a table that one command makes again. Rows (arms) are settings of `train` or of an ordinary network; each is
// run with several seeds, its learning rate chosen on the validation set, and the test set is looked at last.
// docs/studies.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "isoform/run/settings.h"
#include "isoform/study/baseline.h"
#include "isoform/study/figures.h"

namespace isoform {

/// What a procedure gets: settings of the arm with seed and rate, data, and models that runs of one process share.
struct StudyContext {
  const RunSettings& settings;
  const Dataset &train, &validation, &test;
  Engine<float>& engine;
  std::map<std::string, Model<float>>& models;  // by any name; as if made anew by each run
  const std::atomic<bool>* stop = nullptr;
};
struct StudyRun;
/// Fills in the run but for arm, seed and rate; false when it was stopped.
using Procedure = std::function<bool(const StudyContext&, StudyRun&)>;

struct Arm {
  std::string name;
  /// Names and values as the flags of `train` take them; "adapt" takes true or false.
  std::vector<std::pair<std::string, std::string>> settings = {};
  std::optional<Activation> baseline = {};  // an ordinary network with these hidden widths
  /// Tried with seed 0; the one of the best validation accuracy runs with every seed. None: that of the settings.
  std::vector<double> learning_rates = {};
  /// Instead of training once: its name and settings are what results are known by.
  std::string procedure_name = {};
  Procedure procedure = {};
};

/// How a figure is shown: 0.9712 as 97.12 %, 12345 as 12,345, -0.00123 as it is.
enum class Unit { percent, count, number };
struct StudyColumn {
  std::string title, figure;  // figure: its name among StudyRun::figures
  Unit unit = Unit::percent;
};

struct Study {
  std::string name, title, about;
  std::vector<Arm> arms;
  /// None: those of a training; else the figures of its procedures.
  std::vector<StudyColumn> columns = {};
};

/// Those there are, and one of them by name; UsageError with the known ones.
const std::vector<Study>& studies();
const Study& study_by_name(const std::string& name);
/// Its arms whose names contain one of the texts, whatever the case; all for no text. UsageError, with the arms there are, for a text in none.
Study with_arms(Study study, const std::vector<std::string>& texts);

/// One training of one arm.
struct StudyRun {
  std::string arm;
  std::uint64_t seed = 0;
  double learning_rate = 0;
  double validation_accuracy = 0, test_accuracy = 0;  // 0–1
  std::vector<Index> widths = {};
  Index parameters = 0;
  double seconds = 0;  // of training
  bool diverged = false;
  Figures figures = {};
};

struct StudyOptions {
  int seeds = 3;                   // 0 … seeds − 1
  std::filesystem::path out = {};  // folder; results go to NAME.jsonl in it, a line for each run
  std::string data_dir = {};
  int threads = 0;
  /// Called before (`done` false) and after each run; `known` says that it was there already.
  std::function<void(const Arm&, std::uint64_t seed, double rate, bool done, bool known)> progress =
      {};
  /// Once true, the run under way is given up; what is done is kept.
  const std::atomic<bool>* stop = nullptr;
};

/// Runs what the result file does not have yet: same settings, seed and version. A line is written when its run is
/// done, so a study that was killed goes on with the next run. FileError, before anything runs, where results can't be
/// written; FormatError, with the line, for a result that is none (one that a kill has cut is passed over). Throws what settings and data throw.
std::vector<StudyRun> run_study(const Study& study, const StudyOptions& options);

/// Mean and standard error over the seeds of each arm, in Markdown.
std::string study_table(const Study& study, const std::vector<StudyRun>& runs);
nlohmann::json study_json(const Study& study, const std::vector<StudyRun>& runs);

}  // namespace isoform
