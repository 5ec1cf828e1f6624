// isoform shrink
#include "isoform/topology/shrink.h"

#include <fmt/format.h>

#include <memory>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/cli/probe.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/network/pass.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/train/objective.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
The least important neurons go, last layer first, and what they did on average is folded into (o, ψ).
Examples:
  isoform shrink in.safetensors out.safetensors --remove 5
  isoform shrink in.safetensors out.safetensors --to 64,48
  isoform shrink in.safetensors out.safetensors --to 64,48 --rule effect --data fashion-mnist)";

struct Options {
  std::string in, out, rule = "singular";
  std::optional<Index> remove;
  std::vector<Index> to;
  DataOptions data;
  bool json = false;
};

// Neurons to remove from each hidden layer.
std::vector<Index> removals(const Network<float>& network, const Options& o) {
  const std::vector<int> hidden = network.hidden();
  if (hidden.empty()) throw UsageError("shrink: this model has no hidden layer");
  if (o.remove.has_value() == !o.to.empty()) {
    throw UsageError("shrink: needs --remove COUNT or --to WIDTHS, one of the two");
  }
  std::vector<Index> counts;
  if (o.remove) {
    if (*o.remove < 0) {
      throw UsageError(fmt::format("remove: needs 0 or more neurons, got {}", *o.remove));
    }
    counts.assign(hidden.size(), *o.remove);
  } else {
    if (o.to.size() != hidden.size()) {
      throw UsageError(fmt::format("to: needs a width for each of the {} hidden layers, got {}",
                                   hidden.size(), o.to.size()));
    }
    for (std::size_t i = 0; i < hidden.size(); ++i) {
      const Index width = network.space(hidden[i]).dimension;
      if (o.to[i] > width || o.to[i] < 1) {
        throw UsageError(
            fmt::format("to: layer {} is {} wide, needs 1 to {}, got {}; edit --grow "
                        "makes a layer wider",
                        hidden[i], width, width, o.to[i]));
      }
      counts.push_back(width - o.to[i]);
    }
  }
  return counts;
}

// Statistics of a pass over the data, for the rule that needs them.
Statistics observe(const Model<float>& model, const Dataset& data, int threads) {
  constexpr Index kBatch = 256, kMost = 8192;
  const auto engine = create_engine<float>({"cpu", threads});
  Statistics statistics(model.network);
  Pass<float> pass;
  for (Index first = 0; first < std::min(kMost, data.samples()); first += kBatch) {
    std::vector<std::uint32_t> samples(
        static_cast<std::size_t>(std::min(kBatch, data.samples() - first)));
    std::iota(samples.begin(), samples.end(), static_cast<std::uint32_t>(first));
    pass.prepare(model.network, static_cast<Index>(samples.size()));
    data.gather(samples, pass.input());
    model.standardise(pass.input());
    forward(model.network, *engine, pass);
    statistics.gather(model.network, pass);
  }
  return statistics;
}

void run(const Options& o) {
  auto model = load_model<float>(o.in);
  const std::vector<int> hidden = model.network.hidden();
  const std::vector<Index> counts = removals(model.network, o);
  if (o.rule != "singular" && o.rule != "paper" && o.rule != "effect") {
    throw UsageError(
        fmt::format("rule: '{}' is unknown; known are singular, paper, effect", o.rule));
  }
  if (o.rule == "effect" && !o.data.given()) {
    throw UsageError("rule: effect looks at data; add --data, for example --data fashion-mnist");
  }
  const Probe probe(model, o.data);
  const Matrix<float> before = probe.outputs(model);
  const std::vector<Index> widths = model.network.widths();
  const Index parameters = model.network.parameter_count();
  const bool exact_modes = std::all_of(hidden.begin(), hidden.end(),
                                       [&](int id) { return carries_fold(model.network, id); });
  Statistics statistics;
  if (o.rule == "effect") {
    DataOptions training = o.data;
    training.split = "train";
    statistics = observe(model, training.load(), o.data.threads);
  }

  Table table({"layer", "neurons", "", "largest score removed", "mean change so far"});
  nlohmann::json layers = nlohmann::json::array();
  for (std::size_t i = hidden.size(); i-- > 0;) {
    const int id = hidden[i];
    const auto scores = o.rule == "effect"  ? score_by_effect(model.network, id, statistics)
                        : o.rule == "paper" ? score_by_paper(model.network, id)
                                            : score_by_singular_value(model.network, id);
    const Index width = widths[id];
    Edit edit = reduce(model.network, id, scores, keep_without_lowest(scores, counts[i]),
                       o.rule == "effect" ? &statistics : nullptr);
    edit.record.why = fmt::format("shrunk by hand, rule {}", o.rule);
    if (counts[i] > 0) {
      if (o.rule == "effect") statistics.transport(model.network, edit);
      model.network.apply(edit);
    }
    const Change change = measure_change(before, probe.outputs(model));
    edit.record.change = change.mean;
    if (counts[i] > 0) model.record(edit.record);
    table.row({fmt::format("hidden {}", id), format_count(width),
               fmt::format("→ {}", width - counts[i]), fmt::format("{:.3g}", edit.record.score),
               fmt::format("{:.2g}", change.mean)});
    layers.push_back({{"layer", id},
                      {"before", width},
                      {"after", width - counts[i]},
                      {"largest_score_removed", edit.record.score},
                      {"change_so_far", change.json()}});
  }
  const Matrix<float> after = probe.outputs(model);
  save_model(model, o.out);
  if (o.json) {
    nlohmann::json json = {{"model", o.out},
                           {"rule", o.rule},
                           {"layers", layers},
                           {"parameters_before", parameters},
                           {"parameters", model.network.parameter_count()},
                           {"measured_on", probe.name()},
                           {"relative_change", measure_change(before, after).json()}};
    if (probe.data()) {
      json["accuracy_before"] = probe.accuracy(before);
      json["accuracy"] = probe.accuracy(after);
    }
    return print_json(json);
  }
  print(table.text());
  print_line(fmt::format("\nparameters  {} → {}", format_count(parameters),
                         format_count(model.network.parameter_count())));
  print_line(
      fmt::format("change      {}, on {}", measure_change(before, after).text(), probe.name()));
  if (probe.data()) {
    print_line(fmt::format("accuracy    {:.2f} % → {:.2f} %", 100 * probe.accuracy(before),
                           100 * probe.accuracy(after)));
  }
  if (!exact_modes) {
    print_line(
        "note        this model's modes cannot fold a removed bias exactly (length or psi is "
        "none or expectation)");
  }
  print_line(fmt::format("model       {}", o.out));
}

}  // namespace

void add_shrink(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("shrink", "remove the neurons that matter least");
  verb->footer(kExamples);
  verb->add_option("in", options->in, "model file")->required()->type_name("IN");
  verb->add_option("out", options->out, "smaller model file")->required()->type_name("OUT");
  verb->add_option("--remove", options->remove, "neurons to remove from every hidden layer")
      ->type_name("COUNT");
  verb->add_option("--to", options->to, "widths of the hidden layers afterwards")
      ->delimiter(',')
      ->type_name("N,N,…");
  verb->add_option("--rule", options->rule,
                   "singular: singular values of [W ψ]; effect: share of effect on the next layer "
                   "(needs --data); paper: singular values of W")
      ->type_name("NAME")
      ->capture_default_str();
  options->data.add_to(*verb, false);
  verb->add_flag("--json", options->json, "print as JSON");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
