// isoform convert
#include <fmt/format.h>

#include <memory>

#include "isoform/base/error.h"
#include "isoform/cli/probe.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/network/cost.h"
#include "isoform/topology/gates.h"
#include "isoform/topology/perceptron.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
A chain with one gate a layer (train with --group-size 0) becomes a generalised isotropic perceptron, exactly; or the
gates of a perceptron change. Gates are numbered from 1. One thing at a time.
Examples:
  isoform convert chain.safetensors perceptron.safetensors                # two stages
  isoform convert chain.safetensors perceptron.safetensors --stages 1
  isoform convert chain.safetensors skipping.safetensors --skips          # later layers read the input too
  isoform convert in.safetensors out.safetensors --insert-gate 2 --width 64
  isoform convert in.safetensors out.safetensors --remove-gate 3 --data fashion-mnist
  isoform convert in.safetensors out.safetensors --truncate 0.01 --data fashion-mnist)";

struct Options {
  std::string in, out;
  std::optional<int> stages, insert, remove;
  std::optional<Index> width;
  std::optional<double> truncate;
  bool skips = false, json = false;
  Index samples = 4000;
  std::uint64_t seed = 0;
  DataOptions data;
};

void check(const Options& o) {
  const int wanted = (o.stages ? 1 : 0) + (o.insert ? 1 : 0) + (o.remove ? 1 : 0) +
                     (o.truncate ? 1 : 0) + (o.skips ? 1 : 0);
  if (wanted > 1) {
    throw UsageError(fmt::format(
        "convert: does one of --stages, --skips, --insert-gate, --remove-gate, --truncate at a "
        "time, got {} of them",
        wanted));
  }
  if (o.stages && *o.stages != 1 && *o.stages != 2) {
    throw UsageError(fmt::format("stages: needs 1 or 2, got {}", *o.stages));
  }
  if (o.insert.has_value() != o.width.has_value()) {
    throw UsageError(o.insert ? "insert-gate: needs the gate's width; add --width, for example 64"
                              : "width: goes with --insert-gate POSITION alone");
  }
  if ((o.remove || o.truncate) && !o.data.given()) {
    throw UsageError(fmt::format("{}: looks at data; add --data, for example --data fashion-mnist",
                                 o.remove ? "remove-gate" : "truncate"));
  }
  if (o.samples < 2) throw UsageError(fmt::format("samples: needs 2 or more, got {}", o.samples));
  require_writable(o.out);
}

// The network that was asked for, and what there is to say about it.
struct Result {
  Network<float> network;
  std::string done;
  nlohmann::json json = nlohmann::json::object();
  bool rebuilt = false;  // every space is new
};

Result truncate(const Model<float>& model, const Options& o, Engine<float>& engine) {
  const Matrix<float> x = training_samples(model, o.data, o.samples, o.seed);
  GateTruncation<float> cut = truncate_gates<float>(model.network, engine, x, *o.truncate);
  if (cut.before == cut.after) {
    throw Error(fmt::format(
        "truncate: nothing can go within {}: the cheapest cut already changes the outputs by "
        "{:.2g} of their length; nothing was written",
        *o.truncate, cut.cheapest));
  }
  std::string widths;
  for (std::size_t g = 0; g < cut.before.size(); ++g) {
    widths += fmt::format("{}{} → {}", g > 0 ? ", " : "", cut.before[g], cut.after[g]);
  }
  return {std::move(cut.network),
          "gates truncated: " + widths,
          {{"gates_before", cut.before}, {"gates", cut.after}}};
}

Result remove(const Model<float>& model, const Options& o, Engine<float>& engine) {
  const std::vector<int> gates = model.network.hidden();
  if (*o.remove < 1 || *o.remove > static_cast<int>(gates.size())) {
    throw UsageError(fmt::format("remove-gate: needs 1 to {}, got {}", gates.size(), *o.remove));
  }
  const Matrix<float> x = training_samples(model, o.data, o.samples, o.seed);
  GateRemoval<float> removal =
      remove_gate<float>(model.network, gates[static_cast<std::size_t>(*o.remove - 1)], engine, x);
  return {
      std::move(removal.network),
      fmt::format("gate {} removed: it was {:.4g} ± {:.2g} on {} training samples, the constant "
                  "{:.4g} stands in",
                  *o.remove, removal.constant, removal.deviation, format_count(x.cols()),
                  removal.constant),
      {{"constant", removal.constant}, {"deviation", removal.deviation}}};
}

Result convert_model(const Model<float>& model, const Options& o) {
  const auto engine = create_engine<float>({"cpu", o.data.threads});
  if (o.truncate) return truncate(model, o, *engine);
  if (o.remove) return remove(model, o, *engine);
  if (o.insert) {
    return {insert_gate(model.network, *o.insert, *o.width, o.seed),
            fmt::format("gate {} of {} neurons inserted", *o.insert, *o.width)};
  }
  if (o.skips) {
    if (model.network.has_factors()) {
      throw UsageError("skips: gates multiply maps here, and all of them read the input already");
    }
    Network<float> skipping = with_input_skips(model.network);
    if (skipping.maps().size() == model.network.maps().size()) {
      throw UsageError("skips: every layer reads the input already");
    }
    return {std::move(skipping), "later layers read the input too, through zeros yet"};
  }
  const int stages = o.stages.value_or(2);
  return {convert(model.network, stages == 1 ? Stages::one : Stages::two),
          fmt::format("a perceptron in {}", stages == 1 ? "one stage" : "two stages"),
          {{"stages", stages}},
          true};
}

void run(const Options& o) {
  check(o);
  auto model = load_model<float>(o.in);
  const Probe probe(model, o.data);
  const Matrix<float> before = probe.outputs(model);
  const Cost cost_before = cost_of(model.network);
  Result result = convert_model(model, o);
  const std::size_t edits = model.history.size();
  model.network = std::move(result.network);
  if (result.rebuilt) model.history.clear();  // it speaks of spaces that are gone
  const Matrix<float> after = probe.outputs(model);
  const Change change = measure_change(before, after);
  const auto forgotten = static_cast<Index>(edits - model.history.size());
  save_model(model, o.out);
  const Cost cost = cost_of(model.network);
  if (o.json) {
    result.json.update({{"model", o.out},
                        {"done", result.done},
                        {"widths", model.network.widths()},
                        {"gates", model.network.hidden().size()},
                        {"parameters_before", cost_before.parameters},
                        {"parameters", cost.parameters},
                        {"multiply_adds_before", cost_before.multiply_adds},
                        {"multiply_adds", cost.multiply_adds},
                        {"edits_forgotten", forgotten},
                        {"measured_on", probe.name()},
                        {"relative_change", change.json()}});
    if (probe.data()) {
      result.json["accuracy_before"] = probe.accuracy(before);
      result.json["accuracy"] = probe.accuracy(after);
    }
    return print_json(result.json);
  }
  print_line(fmt::format("done        {}", result.done));
  print_line(fmt::format("parameters  {} → {}", format_count(cost_before.parameters),
                         format_count(cost.parameters)));
  print_line(fmt::format("multiply–adds  {} → {}", format_count(cost_before.multiply_adds),
                         format_count(cost.multiply_adds)));
  print_line(fmt::format("change      {}, on {}", change.text(), probe.name()));
  if (probe.data()) {
    print_line(fmt::format("accuracy    {:.2f} % → {:.2f} %", 100 * probe.accuracy(before),
                           100 * probe.accuracy(after)));
  }
  if (forgotten > 0) {
    print_line(fmt::format("history     {} edits of layers that are gone are forgotten",
                           format_count(forgotten)));
  }
  print_line(fmt::format("model       {}", o.out));
}

}  // namespace

void add_convert(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("convert", "a chain as a perceptron; gates come and go");
  verb->footer(kExamples);
  verb->add_option("in", options->in, "model file")->required()->type_name("IN");
  verb->add_option("out", options->out, "converted model file")->required()->type_name("OUT");
  verb->add_option("--stages", options->stages,
                   "1: all products read the input; 2: through a base as wide as the first layer "
                   "[2]")
      ->type_name("COUNT");
  verb->add_flag("--skips", options->skips,
                 "keep the chain; add maps from the input to all layers");
  verb->add_option("--insert-gate", options->insert, "insert a gate there; the outputs stay")
      ->type_name("POSITION");
  verb->add_option("--width", options->width, "neurons of the inserted gate")->type_name("COUNT");
  verb->add_option("--remove-gate", options->remove,
                   "put the best constant in place of a gate (needs --data)")
      ->type_name("NUMBER");
  verb->add_option("--truncate", options->truncate,
                   "as narrow gates as an rms change of the outputs by this share allows (needs "
                   "--data)")
      ->type_name("SHARE");
  verb->add_option("--samples", options->samples, "training samples to use")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "which samples are drawn, and the start of a gate")
      ->type_name("COUNT");
  options->data.add_to(*verb, false);
  verb->add_flag("--json", options->json, "print as JSON");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
