// What the subcommands of `isoform task` share: options, and telling what a change did.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "isoform/cli/console.h"
#include "isoform/model/model.h"

namespace isoform::cli {

struct TaskOptions {
  std::string in, out;
  DataOptions data;  // on which the change is measured
  bool json = false;
  /// IN, OUT and --json; with `measured` what names the data.
  void add_to(CLI::App& app, bool measured = true);
};

/// A model that is loaded, changed, compared with what it was, saved and told about.
class TaskEdit {
 public:
  explicit TaskEdit(TaskOptions options);
  Model<float>& model() { return after_; }
  [[nodiscard]] const Model<float>& before() const { return before_; }
  /// The task that data are for.
  [[nodiscard]] std::size_t data_task() const { return data_task_; }

  /// A task or input by its name; without a name the only one. Throws UsageError with the flag for what is unclear.
  [[nodiscard]] std::string task_or_only(const std::string& name) const;
  [[nodiscard]] std::string input_or_only(const std::string& name,
                                          const char* flag = "--input") const;

  /// Positions that stayed of an input (a space of the network) that lost features.
  void features_left(int input, std::vector<Index> kept) { kept_[input] = std::move(kept); }
  /// A line of the text.
  void say(std::string label, std::string words) { lines_.emplace_back(label, words); }
  nlohmann::json& json() { return json_; }
  /// Measures each task that there was and is, saves, prints. `accuracy`: of the task of the data too.
  void finish(bool accuracy = false);

 private:
  [[nodiscard]] Matrix<float> carried_inputs() const;
  [[nodiscard]] std::vector<std::pair<std::string, Change>> changes();
  [[nodiscard]] double accuracy(const Matrix<float>& outputs) const;

  TaskOptions options_;
  Model<float> before_, after_;
  std::optional<Dataset> data_;
  std::size_t data_task_ = 0;
  Matrix<float> x_;  // all inputs one below the other, standardised
  std::string measured_on_;
  std::map<int, std::vector<Index>> kept_;
  std::vector<std::pair<std::string, std::string>> lines_;
  nlohmann::json json_ = nlohmann::json::object();
  double accuracy_before_ = 0, accuracy_after_ = 0;
};

/// Adds the subcommands for outputs and features.
void add_block_verbs(CLI::App& task);

}  // namespace isoform::cli
