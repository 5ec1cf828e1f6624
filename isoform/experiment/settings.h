// An experiment as a settings file says it: TOML that reads like the method section of a paper. docs/experiments.md.
//
//   number = 1                      datasets = ["cifar-10"]      [network], [training], …: keys of `train --config`
//   title = "Invariance"            repeats = 20                 [[arm]]  name = "…" and settings that differ
//   procedure = "invariance"        own values of the procedure  [quick]  what is smaller at quick scale
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "isoform/run/settings.h"

namespace isoform {

enum class Scale { quick, paper };
std::string_view scale_name(Scale scale);
/// Throws UsageError naming the two.
Scale scale_from_name(std::string_view name);

struct ExperimentArm {
  std::string name;
  std::string about;                                          // a sentence; may be empty
  std::vector<std::pair<std::string, std::string>> settings;  // names and values of train's flags
  nlohmann::json own;                                         // values of the procedure
};

struct ExperimentSettings {
  std::string name;    // of the file without its ending: letters, digits, - and _
  std::string source;  // what messages call it
  Scale scale = Scale::quick;
  int number = 0;
  std::string title, question, procedure;
  std::vector<std::string> method;    // paragraphs
  std::vector<std::string> datasets;  // known sets or folders; none where only time is measured
  int repeats = 1;                    // seeds 0 … repeats − 1
  Index training_samples = 0, test_samples = 0;             // of each set, drawn by seed 0; 0: all
  std::vector<std::pair<std::string, std::string>> common;  // settings of all arms
  std::vector<ExperimentArm> arms;
  nlohmann::json own = nlohmann::json::object();  // the procedure's own values
  nlohmann::json all;                             // all that applies at this scale

  /// What an arm trains with on a set. UsageError for settings that contradict each other.
  [[nodiscard]] RunSettings training(const ExperimentArm& arm, const std::string& data,
                                     std::uint64_t seed) const;
  [[nodiscard]] bool has(const std::string& key) const { return own.contains(key); }

  // Values of the procedure: the arm's, or the experiment's. UsageError where one is missing, of another kind or outside.
  [[nodiscard]] Index whole(const std::string& key, Index low, Index high,
                            const ExperimentArm* arm = nullptr) const;
  /// One or more, each of them once unless `distinct` is false.
  [[nodiscard]] std::vector<Index> wholes(const std::string& key, Index low, Index high,
                                          const ExperimentArm* arm = nullptr,
                                          bool distinct = true) const;
  [[nodiscard]] double real(const std::string& key, double low, double high) const;
  [[nodiscard]] std::string choice(const std::string& key, const std::vector<std::string>& known,
                                   const ExperimentArm* arm = nullptr) const;
  /// The names of the arms, for choice().
  [[nodiscard]] std::vector<std::string> arm_names() const;
  /// Throws UsageError, beginning with the source.
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  [[nodiscard]] const nlohmann::json& value(const std::string& key, const ExperimentArm* arm) const;
};

/// The experiments that come with Isoform, in order.
std::vector<std::string> experiment_names();
/// The settings file of one of them. UsageError with the known names.
std::string_view experiment_text(const std::string& name);

/// Reads a settings file; `name` is for folders, `source` what messages call it (empty: the name). FormatError with line and column
/// for what is no TOML; UsageError for keys that nobody knows (with the nearest known one) and unsuitable values.
ExperimentSettings read_experiment(std::string_view text, const std::string& name, Scale scale,
                                   const std::string& source = {});
/// A known name, or a path that ends in .toml. FileError where it can't be read; UsageError where no folder can have the file's name.
ExperimentSettings find_experiment(const std::string& name_or_path, Scale scale);

}  // namespace isoform
