// One description of everything a run can be told. Command-line flags, TOML files, the record in the event
// log and (later) Python keywords are all derived from the same list of fields.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/data/split.h"
#include "isoform/table/infer.h"
#include "isoform/train/trainer.h"

namespace isoform {

/// The graphs that a run can begin with.
enum class Architecture {
  chain,       // layers in a row
  skips,       // a chain whose later layers read the input too
  perceptron,  // the generalised isotropic perceptron (topology/perceptron.h), one product of gates with a linear part
  general,     // the same with a linear part for every product
  residual,    // branches that read one stream and add to it (network/residual.h)
};
std::string_view architecture_name(Architecture architecture);
Architecture architecture_from_name(std::string_view name);

/// How much the classes of a table count.
enum class ClassWeights {
  none,      // as often as they are there
  balanced,  // all alike: a sample by one over the number of its class
};
std::string_view class_weights_name(ClassWeights weights);
ClassWeights class_weights_from_name(std::string_view name);

/// What `train` is told about a table.
struct TableSettings {
  TableOptions columns = {};
  ClassWeights class_weights = ClassWeights::none;
  std::string test = "0.2";  // a share of the rows that is used for no choice, or a file; "0": none
  int folds = 0;             // parts of a cross-validation before the model is made; 0: none
  Index in_memory = 0;       // MiB of values that are held in memory; 0: half of the machine's
  Index memory = 20000;      // rows kept beside the model, for what it will learn later; 0: none

  /// The share that `test` is; nothing where it names a file. UsageError for a share that is none.
  [[nodiscard]] std::optional<double> test_share() const;
};

/// What `train` is told. Everything has a default but the data, and the target of a table.
struct RunSettings {
  std::string data = {};      // a known set, a folder, or a table (run/tables.h)
  std::string data_dir = {};  // where to look for known sets; empty: the usual places
  double validation = kDefaultValidation;

  std::vector<Index> hidden = {16, 16};
  Architecture architecture = Architecture::chain;
  Index stream = 0;  // width of the stream of a residual network; 0: the first hidden width
  ChainSettings network = {.group_size = 4};  // its widths come from `hidden` and the data
  Loss loss = Loss::cross_entropy;

  /// Budgets that whoever knows the network makes one of parameters (run/budget.h); 0: none.
  Index multiply_adds = 0;  // for one sample
  double latency = 0;       // microseconds of one sample

  TrainSettings training = measured();
  /// Absent: 0.2, 0.1 and 0.05 for networks that explore (PolicyRule::tolerance), being as wide as a budget allows for a
  /// while, and 0 for others. docs/defaults.md.
  std::optional<double> dropout = {}, input_dropout = {}, label_smoothing = {};
  /// Whether maps read norms (docs/mathematics.md 14). Absent: in networks that explore and have a ψ, but not on tables.
  std::optional<bool> norms = {};
  EngineSettings engine = {};
  TableSettings table = {};

  /// Derives what follows from other settings and validates all of it: UsageError. Epochs and batch size that are 0 become those
  /// of known sets, 30 and 128, unless the data are a table.
  void finish();
  /// The same for a table with so many training samples: some 3,000 steps in 16 to 200 epochs, in batches of 16 to 128, 500,000
  /// parameters at most where the policy has its own budget, and no norms. docs/defaults.md.
  void finish(Index samples);
  /// Data of every task that the run will have, by name as in TaskChange::data; the first is the run's own.
  [[nodiscard]] std::vector<std::string> data_sets() const;

 private:
  static TrainSettings measured();
};

/// One setting: its flag is "--name", its TOML key is name with '_' under [section].
struct Setting {
  std::string name;
  std::string section;
  std::string type;  // "NUMBER", "NAME", "LIST", … for --help
  std::string help;  // one line; the default is added by whoever prints it
  std::function<void(const std::string&)> set;  // throws UsageError
  std::function<nlohmann::json()> get;
  std::function<std::vector<std::string>()>
      choices;  // all that it takes, where these are names; else empty
};

/// The fields of `settings`, bound to it; it must outlive them.
std::vector<Setting> list_settings(RunSettings& settings);

/// Sets one field by its name, '_' and '-' alike, to what its flag takes as text. UsageError for an unknown name (with the
/// nearest known one) and unsuitable values.
void set_setting(RunSettings& settings, const std::string& name, const std::string& text);

/// Reads a TOML file of [section] key = value, and tables [[change]] (run/changes.h), into settings. FileError, FormatError (with line and column),
/// UsageError for unknown sections or keys (with the nearest known one) and unsuitable values.
void read_settings(const std::filesystem::path& path, RunSettings& settings);

/// All settings as TOML that read_settings takes back.
std::string settings_toml(RunSettings& settings);
/// {section: {key: value}}.
nlohmann::json settings_json(RunSettings& settings);

/// An untrained model for the data: shape and initial weights from the settings, input transform from
/// the training data.
template <class T>
Model<T> create_model(const RunSettings& settings, const Dataset& training);

}  // namespace isoform
