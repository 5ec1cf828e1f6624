// isoform predict
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
#include "isoform/train/evaluate.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Examples:
  isoform predict model.safetensors --data fashion-mnist --count 5
  isoform predict model.safetensors --data fashion-mnist --out predictions.csv)";

struct Options {
  std::string model, out;
  DataOptions data;
  Index count = 0;
  bool json = false;
};

// A CSV field, quoted where the format asks for it.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void run(const Options& o) {
  const auto model = load_model<float>(o.model);
  std::error_code ignored;
  if (!o.out.empty() && std::filesystem::equivalent(o.out, o.model, ignored)) {
    throw UsageError(
        fmt::format("out: {} is the model; give another file for the predictions", o.out));
  }
  Dataset data = o.data.load();
  if (o.count < 0) throw UsageError(fmt::format("count: needs 0 (all) or more, got {}", o.count));
  if (o.count > 0 && o.count < data.samples()) {
    std::vector<std::uint32_t> first(static_cast<std::size_t>(o.count));
    std::iota(first.begin(), first.end(), 0U);
    data = data.subset(first);
  }
  const auto engine = create_engine<float>({"cpu", o.data.threads});
  const std::size_t task = task_for(model, data, o.data.task);
  const Matrix<float> y = logits(model, data, *engine, task);
  const std::vector<std::string> names = output_names(model, task);

  std::string csv = "sample,prediction,probability";
  for (const std::string& name : names) csv += "," + field("logit " + name);
  csv += "\n";
  nlohmann::json rows = nlohmann::json::array();
  for (Index j = 0; j < y.cols(); ++j) {
    Index best = 0;
    const double highest = y.col(j).maxCoeff(&best);
    double sum = 0;
    for (Index i = 0; i < y.rows(); ++i) sum += std::exp(static_cast<double>(y(i, j)) - highest);
    if (o.json) {
      rows.push_back({{"sample", j},
                      {"prediction", names[best]},
                      {"probability", 1 / sum},
                      {"logits", std::vector<float>(y.col(j).begin(), y.col(j).end())}});
    } else {
      csv += fmt::format("{},{},{:.6f}", j, field(names[best]), 1 / sum);
      for (Index i = 0; i < y.rows(); ++i) csv += fmt::format(",{}", y(i, j));
      csv += "\n";
    }
  }
  const std::string text = o.json ? rows.dump(2) + "\n" : csv;
  if (o.out.empty()) return print(text);
  write_file_atomically(o.out, text);
  print_line(fmt::format("{} predictions in {}", y.cols(), o.out));
}

}  // namespace

void add_predict(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("predict", "what a model answers, sample by sample");
  verb->footer(kExamples);
  verb->add_option("model", options->model, "model file")->required()->type_name("MODEL");
  options->data.add_to(*verb, true);
  verb->add_option("--count", options->count, "only the first samples; 0: all")->type_name("COUNT");
  verb->add_option("--out", options->out, "file to write instead of standard output")
      ->type_name("FILE");
  verb->add_flag("--json", options->json, "JSON instead of CSV");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
