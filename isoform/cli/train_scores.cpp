// isoform train: how good the model is.
#include <fmt/format.h>

#include "isoform/cli/train.h"
#include "isoform/monitor/format.h"
#include "isoform/train/metrics.h"

namespace isoform::cli {

using Json = nlohmann::json;

namespace {

struct TestScore {
  std::string task, data;
  Evaluation evaluation;
};

// Every task that is left, on the test part of the data that it had last.
std::vector<TestScore> test_scores(const Model<float>& model,
                                   const std::vector<TaskChange>& changes,
                                   const std::map<std::string, Dataset>& tests,
                                   Engine<float>& engine) {
  std::map<std::string, std::string> data_of;  // task → name of its data
  for (const auto& entry : tests) data_of[entry.first] = entry.first;
  for (const TaskChange& change : changes) {
    if (!change.data.empty()) data_of[change.task] = change.data;
    if (change.action == TaskAction::rename) data_of[change.to] = data_of[change.task];
  }
  std::vector<TestScore> scores;
  for (std::size_t i = 0; i < model.tasks.size(); ++i) {
    const std::string& task = model.tasks[i].name;
    const auto found = tests.find(data_of[task]);
    if (found == tests.end()) continue;
    scores.push_back({task, found->second.name(), evaluate(model, found->second, engine, i)});
  }
  return scores;
}

TableScores table_test(const TrainData& data, const Model<float>& model, Engine<float>& engine) {
  if (!data.table || data.tests.empty()) return {};
  const Dataset& test = data.tests.begin()->second;
  return score_answers(*model.schema, table_answers(model, test, engine), test);
}

std::vector<double> of_folds(const CrossValidation& folds, std::size_t score) {
  std::vector<double> values;
  for (const TableScores& scores : folds.folds) values.push_back(scores[score].value);
  return values;
}

Json folds_json(const CrossValidation& folds) {
  Json json = {{"folds", folds.folds.size()}, {"widths", folds.widths}};
  for (std::size_t s = 0; s < folds.folds.front().size(); ++s) {
    const std::vector<double> values = of_folds(folds, s);
    const MeanWithError mean = mean_and_standard_error(values);
    json["scores"][folds.folds.front()[s].name] = {
        {"mean", mean.mean}, {"standard_error", mean.error}, {"values", values}};
  }
  return json;
}

void print_folds(const CrossValidation& folds) {
  Table table({fmt::format("cross-validation, {} folds", folds.folds.size()), "mean",
               "standard error", "worst fold", "best fold"});
  for (std::size_t s = 0; s < folds.folds.front().size(); ++s) {
    TableScore score = folds.folds.front()[s];
    const std::vector<double> values = of_folds(folds, s);
    const MeanWithError mean = mean_and_standard_error(values);
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    const auto text = [&](double value) {
      score.value = value;
      return format_score(score);
    };
    // Of errors the largest is the worst.
    const bool higher = s == 0 || score.name == "macro F1" || score.name == "ROC AUC";
    table.row({score.name, text(mean.mean), text(mean.error), text(higher ? *least : *most),
               text(higher ? *most : *least)});
  }
  print(table.text());
}

}  // namespace

Json test_json(const TrainOptions& o, const TrainData& data, const Model<float>& model,
               Engine<float>& engine) {
  Json json = Json::object();
  for (const TestScore& score :
       test_scores(model, o.settings.training.changes, data.tests, engine)) {
    const Evaluation& e = score.evaluation;
    Json test = {{"samples", e.samples}, {"loss", e.loss}, {"accuracy", e.accuracy}};
    if (!json.contains("test")) json["test"] = test;
    test["task"] = score.task;
    test["data"] = score.data;
    json["tests"].push_back(std::move(test));
  }
  for (const TableScore& score : table_test(data, model, engine)) {
    json["test"]["scores"][score.name] = score.value;
  }
  if (data.folds) json["cross_validation"] = folds_json(*data.folds);
  return json;
}

void print_tests(const TrainOptions& o, const TrainData& data, const Model<float>& model,
                 Engine<float>& engine) {
  if (data.folds) print_folds(*data.folds);
  if (data.table) {
    for (const TableScore& score : table_test(data, model, engine)) {
      print_line(fmt::format(
          "{} {}{}", pad_right("test " + score.name, 22), format_score(score),
          score.name != "accuracy" && score.name != "R²" && score.name != "exact match"
              ? ""
              : fmt::format("  ({} rows{}, {}, used for no choice)",
                            format_count(data.tests.begin()->second.samples()),
                            data.tests.begin()->second.has_weights() ? " by their weights" : "",
                            data.test_name)));
    }
    return;
  }
  const std::vector<TestScore> scores =
      test_scores(model, o.settings.training.changes, data.tests, engine);
  for (const TestScore& score : scores) {
    const std::string who = scores.size() > 1 ? score.task + ", " : "";
    print_line(fmt::format("test accuracy  {:.2f} %  ({}{} samples of {}, used for no choice)",
                           100 * score.evaluation.accuracy, who,
                           format_count(score.evaluation.samples), score.data));
  }
}

}  // namespace isoform::cli
