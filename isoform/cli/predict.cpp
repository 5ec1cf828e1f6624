// isoform predict
#include "isoform/cli/predict.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/cli/console.h"
#include "isoform/cli/output_names.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/run/memory.h"
#include "isoform/train/evaluate.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Examples:
  isoform predict model.safetensors --data fashion-mnist --count 5
  isoform predict model.safetensors --data fashion-mnist --out predictions.csv
  isoform predict churn.safetensors --data april.csv --keep customer --out churn.csv
  isoform predict two.safetensors --data mnist --task digits   # of a model with several tasks; without: by the data's name,
                                                               # or all tasks where they read the same input)";

// What one task answers.
struct Answers {
  std::string task;
  std::vector<std::string> names;
  Matrix<float> logits;
  std::vector<Index> best;
  std::vector<double> probability;
};

Answers answers_of(const Model<float>& model, std::size_t task, const Dataset& data,
                   Engine<float>& engine) {
  Answers a{task < model.tasks.size() ? model.tasks[task].name : "",
            output_names(model, task),
            logits(model, data, engine, task),
            {},
            {}};
  for (Index j = 0; j < a.logits.cols(); ++j) {
    Index best = 0;
    const double highest = a.logits.col(j).maxCoeff(&best);
    double sum = 0;
    for (const float y : a.logits.col(j)) sum += std::exp(static_cast<double>(y) - highest);
    a.best.push_back(best);
    a.probability.push_back(1 / sum);
  }
  return a;
}

// With several tasks, columns say whose they are.
std::string csv_of(const std::vector<Answers>& all, Index samples) {
  std::string csv = "sample", heads;
  for (const Answers& a : all) {
    const std::string whose = all.size() == 1 ? "" : " " + a.task;
    csv += "," + csv_field("prediction" + whose) + "," + csv_field("probability" + whose);
    for (const std::string& name : a.names) {
      heads += fmt::format(",{}", csv_field(fmt::format("logit{} {}", whose, name)));
    }
  }
  csv += heads + "\n";
  for (Index j = 0; j < samples; ++j) {
    csv += fmt::format("{}", j);
    for (const Answers& a : all) {
      csv += fmt::format(",{},{:.6f}", csv_field(a.names[a.best[j]]), a.probability[j]);
    }
    for (const Answers& a : all) {
      for (const float y : a.logits.col(j)) csv += fmt::format(",{}", y);
    }
    csv += "\n";
  }
  return csv;
}

std::string json_of(const std::vector<Answers>& all, Index samples) {
  nlohmann::json rows = nlohmann::json::array();
  for (Index j = 0; j < samples; ++j) {
    nlohmann::json row = nlohmann::json::object();
    for (const Answers& a : all) {
      nlohmann::json answer = {
          {"prediction", a.names[a.best[j]]},
          {"probability", a.probability[j]},
          {"logits", std::vector<float>(a.logits.col(j).begin(), a.logits.col(j).end())}};
      if (all.size() == 1) {
        row = std::move(answer);
      } else {
        row["tasks"][a.task] = std::move(answer);
      }
    }
    row["sample"] = j;
    rows.push_back(std::move(row));
  }
  return rows.dump(2) + "\n";
}

void deliver(const PredictOptions& o, const std::string& text, Index rows) {
  if (o.out.empty()) return print(text);
  write_file_atomically(o.out, text);
  print_line(fmt::format("{} predictions in {}", rows, o.out));
}

void run(const PredictOptions& o) {
  require_different({{"model", o.model},
                     {"data", names_table(o.data.data) ? o.data.data : ""},
                     {"the memory of the model", memory_path(o.model).string()},
                     {"out", o.out}});
  const auto model = load_model<float>(o.model);
  if (o.count < 0) throw UsageError(fmt::format("count: needs 0 (all) or more, got {}", o.count));
  const auto engine = create_engine<float>({"cpu", o.data.threads});
  if (names_table(o.data.data)) {
    Index rows = 0;
    const std::string text = predict_table(model, o, *engine, &rows);
    return deliver(o, text, rows);
  }
  if (!o.keep.empty()) throw UsageError("keep: is of columns of a table; the data are none");
  Dataset data = o.data.load(model);
  if (o.count > 0 && o.count < data.samples()) {
    std::vector<std::uint32_t> first(static_cast<std::size_t>(o.count));
    std::iota(first.begin(), first.end(), 0U);
    data = data.subset(first);
  }
  std::vector<Answers> all;
  for (const std::size_t task : tasks_for(model, data, o.data.task)) {
    all.push_back(answers_of(model, task, as_read(model, data, task), *engine));
  }
  deliver(o, o.json ? json_of(all, data.samples()) : csv_of(all, data.samples()), data.samples());
}

}  // namespace

void add_predict(CLI::App& app) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* verb = app.add_subcommand("predict", "what a model answers, sample by sample");
  verb->footer(kExamples);
  verb->add_option("model", options->model, "model file")->required()->type_name("MODEL");
  options->data.add_to(*verb, true);
  verb->add_option("--count", options->count, "only the first samples; 0: all")->type_name("COUNT");
  verb->add_option("--out", options->out, "file to write instead of standard output")
      ->type_name("FILE");
  verb->add_option("--keep", options->keep, "of a table: columns that are copied to the answers")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("A,B,…");
  verb->add_flag("--json", options->json, "JSON instead of CSV");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
