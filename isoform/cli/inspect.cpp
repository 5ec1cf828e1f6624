// isoform inspect
#include <fmt/format.h>

#include <map>
#include <memory>
#include <numeric>

#include "isoform/cli/console.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/topology/diagonalise.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Examples:
  isoform inspect model.safetensors
  isoform inspect model.safetensors --json)";

struct Options {
  std::string model;
  bool json = false;
};

// {8, 8, 8, 5} → "3×8, 5".
std::string group_text(const std::vector<Index>& sizes) {
  std::map<Index, int, std::greater<>> count;
  for (const Index size : sizes) ++count[size];
  std::string text;
  for (const auto& [size, times] : count) {
    if (!text.empty()) text += ", ";
    text += times == 1 ? fmt::format("{}", size) : fmt::format("{}×{}", times, size);
  }
  return text;
}

// exp of the entropy of the squared singular values: how many directions a layer really uses.
double effective_rank(const Vector<double>& values) {
  const double total = values.squaredNorm();
  if (total == 0) return 0;
  double entropy = 0;
  for (const double value : values) {
    const double share = value * value / total;
    if (share > 0) entropy -= share * std::log(share);
  }
  return std::exp(entropy);
}

nlohmann::json describe(const Model<float>& model) {
  nlohmann::json layers = nlohmann::json::array();
  for (const int id : model.network.hidden()) {
    const Space<float>& s = model.network.space(id);
    const Vector<double> values = spectrum(model.network, id);
    std::vector<double> lengths;
    for (Index g = 0; g < s.gates(); ++g) lengths.push_back(static_cast<double>(s.o(g)));
    double psi = 0;
    for (const int m : model.network.outgoing(id)) {
      psi += model.network.map(m).psi().cast<double>().squaredNorm();
    }
    layers.push_back({{"layer", id},
                      {"width", s.dimension},
                      {"groups", s.groups},
                      {"radial", radial_name(s.radial)},
                      {"singular_values", std::vector<double>(values.begin(), values.end())},
                      {"effective_rank", effective_rank(values)},
                      {"intrinsic_lengths", lengths},
                      {"psi_norm", std::sqrt(psi)}});
  }
  Index born = 0, removed = 0;
  for (const EditRecord& record : model.history) {
    born += record.born;
    removed += record.removed;
  }
  nlohmann::json tasks = nlohmann::json::array();
  for (const Task& task : model.tasks) {
    tasks.push_back(
        {{"name", task.name}, {"outputs", task.outputs}, {"loss", loss_name(task.loss)}});
  }
  return {{"widths", model.network.widths()},
          {"parameters", model.network.parameter_count()},
          {"layers", layers},
          {"tasks", tasks},
          {"history", {{"edits", model.history.size()}, {"born", born}, {"removed", removed}}}};
}

void run(const Options& o) {
  const auto model = load_model<float>(o.model);
  nlohmann::json all = describe(model);
  all["model"] = o.model;
  if (o.json) return print_json(all);
  const std::vector<std::int64_t> widths = all["widths"];
  std::string shape;
  for (const auto width : widths) shape += fmt::format("{}{}", shape.empty() ? "" : " → ", width);
  print_line(fmt::format("{}\n", o.model));
  print_line(fmt::format("widths      {}", shape));
  print_line(fmt::format("parameters  {}", format_count(all["parameters"])));
  for (const auto& task : all["tasks"]) {
    print_line(fmt::format("task        {}: {} classes, {}", task["name"].get<std::string>(),
                           task["outputs"].size(), task["loss"].get<std::string>()));
  }
  print_line(fmt::format("history     {} edits, {} neurons born, {} removed\n",
                         all["history"]["edits"].get<int>(), all["history"]["born"].get<Index>(),
                         all["history"]["removed"].get<Index>()));
  if (all["layers"].empty()) return print_line("no hidden layers: a linear model");
  Table table({"layer", "width", "groups", "gate", "σ largest", "median", "smallest",
               "effective rank", "mean o", "‖ψ‖ out"});
  for (const auto& layer : all["layers"]) {
    const std::vector<double> values = layer["singular_values"];
    const std::vector<double> lengths = layer["intrinsic_lengths"];
    const double mean =
        std::accumulate(lengths.begin(), lengths.end(), 0.0) / static_cast<double>(lengths.size());
    table.row(
        {fmt::format("hidden {}", layer["layer"].get<int>()), format_count(layer["width"]),
         group_text(layer["groups"]), layer["radial"], fmt::format("{:.3g}", values.front()),
         fmt::format("{:.3g}", values[values.size() / 2]), fmt::format("{:.3g}", values.back()),
         fmt::format("{:.1f}", layer["effective_rank"].get<double>()), fmt::format("{:.2g}", mean),
         fmt::format("{:.2g}", layer["psi_norm"].get<double>())});
  }
  print(table.text());
  print_line(
      "\nσ: singular values of the incoming [W ψ] inside each group; a neuron at σ = 0 can be "
      "removed exactly.");
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("inspect", "widths, groups, spectra and history of a model");
  verb->footer(kExamples);
  verb->add_option("model", options->model, "model file")->required()->type_name("MODEL");
  verb->add_flag("--json", options->json, "print as JSON, with every singular value");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
