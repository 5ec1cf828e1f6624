// isoform eval
#include <fmt/format.h>

#include <memory>

#include "isoform/cli/console.h"
#include "isoform/cli/output_names.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/train/evaluate.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Examples:
  isoform eval model.safetensors --data fashion-mnist
  isoform eval model.safetensors --data fashion-mnist --split train --json)";

struct Options {
  std::string model;
  DataOptions data;
  bool json = false;
};

void run(const Options& o) {
  const auto model = load_model<float>(o.model);
  const Dataset set = o.data.load();
  const auto engine = create_engine<float>({"cpu", o.data.threads});
  const std::size_t task = task_for(model, set, o.data.task);
  const Dataset data = as_read(model, set, task);
  const Evaluation score = evaluate(model, data, *engine, task);
  const Matrix<Index>& table = score.confusion;
  const std::vector<std::string> names = output_names(model, task);
  if (o.json) {
    nlohmann::json rows = nlohmann::json::array();
    for (Index i = 0; i < table.rows(); ++i) {
      rows.push_back(std::vector<Index>(table.row(i).begin(), table.row(i).end()));
    }
    return print_json({{"model", o.model},
                       {"data", data.name()},
                       {"split", o.data.split},
                       {"samples", score.samples},
                       {"loss", score.loss},
                       {"accuracy", score.accuracy},
                       {"confusion", rows}});
  }
  print_line(fmt::format("accuracy  {:.2f} %", 100 * score.accuracy));
  print_line(fmt::format("loss      {:.4f}", score.loss));
  print_line(fmt::format("samples   {}  ({} part of {})\n", format_count(score.samples),
                         o.data.split, data.name()));
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

}  // namespace

void add_eval(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("eval", "accuracy and loss of a model on data");
  verb->footer(kExamples);
  verb->add_option("model", options->model, "model file")->required()->type_name("MODEL");
  options->data.add_to(*verb, true);
  verb->add_flag("--json", options->json, "print as JSON");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
