// isoform eval
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/cli/console.h"
#include "isoform/cli/output_names.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/run/column_importance.h"
#include "isoform/run/table_scores.h"
#include "isoform/train/evaluate.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Examples:
  isoform eval model.safetensors --data fashion-mnist
  isoform eval model.safetensors --data fashion-mnist --split train --json
  isoform eval churn.safetensors --data march.csv --importance)";

struct Options {
  std::string model;
  DataOptions data;
  bool importance = false, json = false;
};

nlohmann::json to_json(const Options& o, const Dataset& data, const Evaluation& score,
                       const TableScores& scores, const std::vector<ColumnImportance>& columns) {
  nlohmann::json json = {
      {"model", o.model}, {"data", data.name()}, {"samples", score.samples}, {"loss", score.loss}};
  if (names_table(o.data.data)) {
    for (const TableScore& s : scores) json["scores"][s.name] = s.value;
  } else {
    json["split"] = o.data.split;
  }
  if (!std::isnan(score.accuracy)) json["accuracy"] = score.accuracy;
  for (Index i = 0; i < score.confusion.rows(); ++i) {
    json["confusion"].push_back(
        std::vector<Index>(score.confusion.row(i).begin(), score.confusion.row(i).end()));
  }
  for (const ColumnImportance& c : columns) {
    json["importance"].push_back({{"column", c.column}, {"loss", c.loss}, {"score", c.score}});
  }
  return json;
}

void print_importance(const std::vector<ColumnImportance>& columns, const std::string& score) {
  constexpr std::size_t kShown = 20;
  Table table({"column", "loss rises by", score + " falls by"});
  for (std::size_t i = 0; i < std::min(columns.size(), kShown); ++i) {
    table.row({columns[i].column, fmt::format("{:.4f}", columns[i].loss),
               fmt::format("{:.4f}", columns[i].score)});
  }
  print("\n" + table.text());
  if (columns.size() > kShown) {
    print_line(fmt::format("and {} more (--json has all)", columns.size() - kShown));
  }
}

void print_classes(const Dataset& data, const Matrix<Index>& table,
                   const std::vector<std::string>& names) {
  Table classes({"class", "samples", "recall", "precision", "most often taken for"});
  for (Index i = 0; i < static_cast<Index>(data.classes().size()); ++i) {
    const Index all = table.row(i).sum(), taken = table.col(i).sum(), hits = table(i, i);
    Matrix<Index> wrong = table.row(i);
    wrong(0, i) = 0;
    Index other = 0;
    const Index count = wrong.row(0).maxCoeff(&other);
    const auto share = [](Index part, Index whole) {
      return whole == 0 ? std::string("–")
                        : format_percent(static_cast<double>(part) / static_cast<double>(whole));
    };
    classes.row({data.classes()[i], format_count(all), share(hits, all), share(hits, taken),
                 count == 0 ? "–" : fmt::format("{} ({})", names[other], count)});
  }
  print(classes.text());
}

void run(const Options& o) {
  const auto model = load_model<float>(o.model);
  const Dataset set = o.data.load(model);
  const auto engine = create_engine<float>({"cpu", o.data.threads});
  const std::size_t task = task_for(model, set, o.data.task);
  const Dataset data = as_read(model, set, task);
  const Evaluation score = evaluate(model, data, *engine, task);
  const bool table = names_table(o.data.data);
  if (o.importance && !table) {
    throw UsageError("importance: is of the columns of a table; give one with --data FILE.csv");
  }
  TableScores scores;
  if (table) scores = score_answers(*model.schema, table_answers(model, data, *engine, task), data);
  std::vector<ColumnImportance> columns;
  if (o.importance) columns = column_importance(model, data, *engine);
  if (o.json) return print_json(to_json(o, data, score, scores, columns));
  for (const TableScore& s : scores) {
    print_line(fmt::format("{} {}", pad_right(s.name, 18), format_score(s)));
  }
  if (!table) print_line(fmt::format("accuracy           {:.2f} %", 100 * score.accuracy));
  print_line(fmt::format("loss               {:.4f}", score.loss));
  print_line(fmt::format("samples            {}  ({}{})", format_count(score.samples),
                         table ? "" : o.data.split + " part of ", data.name()));
  if (score.confusion.size() > 0) {
    print_line();
    print_classes(data, score.confusion, output_names(model, task));
  }
  if (o.importance) print_importance(columns, scores.front().name);
}

}  // namespace

void add_eval(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("eval", "accuracy and loss of a model on data");
  verb->footer(kExamples);
  verb->add_option("model", options->model, "model file")->required()->type_name("MODEL");
  options->data.add_to(*verb, true);
  verb->add_flag("--importance", options->importance,
                 "of a table: how much worse the model gets when a column is shuffled");
  verb->add_flag("--json", options->json, "print as JSON");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
