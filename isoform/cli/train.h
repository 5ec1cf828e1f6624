// What `train` is asked, and the parts of the verb.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "isoform/cli/console.h"
#include "isoform/cli/train_dashboard.h"
#include "isoform/run/extend.h"
#include "isoform/run/seen.h"
#include "isoform/run/tables.h"

namespace isoform::cli {

struct TrainOptions {
  RunSettings settings;
  std::vector<Setting> list = list_settings(settings);
  std::vector<std::pair<const Setting*, std::string>> given;
  bool adapt = false, fixed = false, json = false, quiet = false, show = false, resume = false;
  std::string config, out = "model.safetensors", events, picture, checkpoint, tensorboard;
  std::string from;                        // --continue: the model that goes on
  std::string out_of_fold;                 // where a cross-validation writes its answers
  std::optional<double> checkpoint_every;  // seconds; none: 60
  DashboardOptions dashboard;
  std::vector<std::string> changes;
};

/// What a run learns from and is measured on.
struct TrainData {
  std::vector<TaskData> data;
  std::map<std::string, Dataset> tests;  // by the name of the data
  std::optional<TableData> table;
  std::vector<Dataset> known;               // rows of a table, before classes are weighted
  std::vector<SeenRows> seen;               // those of earlier tables, with --continue
  std::string test_name;                    // of a table
  std::optional<Model<float>> model;        // --continue
  std::optional<RunSettings> before_folds;  // for --folds: before the rows completed them
  std::optional<CrossValidation> folds;
};

/// Loads what the settings name, and completes them by what is found. Of a table: says how it is read.
/// With --continue: the model, with what the table brings appended to it.
TrainData load_train_data(TrainOptions& options);

/// Cross-validates, if that is asked. Exit where it is stopped.
void run_folds(const TrainOptions& options, TrainData& data);

/// The figures of every task on its test part: lines for people, or keys for programs.
nlohmann::json test_json(const TrainOptions& options, const TrainData& data,
                         const Model<float>& model, Engine<float>& engine);
void print_tests(const TrainOptions& options, const TrainData& data, const Model<float>& model,
                 Engine<float>& engine);

/// Rows of a table that are kept beside the model; nothing for other data, or without --memory. Returns the file, or "".
std::string keep_memory(const TrainOptions& options, const TrainData& data,
                        const Model<float>& model);

}  // namespace isoform::cli
