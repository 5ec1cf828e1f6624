// isoform shrink
#include <fmt/format.h>

#include <memory>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/cli/probe.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/model/blocks.h"
#include "isoform/model/feature_importance.h"
#include "isoform/model/tasks.h"
#include "isoform/monitor/format.h"
#include "isoform/network/cost.h"
#include "isoform/topology/reduction.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
What is removed on average is folded into what stays. With --data, training samples choose what goes and the
next layer is refitted; what changed is measured on the test part.
Examples:
  isoform shrink in.safetensors out.safetensors --tolerance 0.01 --data fashion-mnist
  isoform shrink in.safetensors out.safetensors --to 64,48 --data fashion-mnist
  isoform shrink in.safetensors out.safetensors --parameters 50000 --data fashion-mnist
  isoform shrink in.safetensors out.safetensors --inputs 300 --to 160,55 --data mnist
  isoform shrink in.safetensors out.safetensors --to 128,48     # no data; with a proved bound beyond layer 1
  isoform shrink in.safetensors out.safetensors --to 64,48 --metric jacobian --no-refit --data mnist)";

struct Options {
  std::string in, out, metric;
  std::optional<Index> remove, parameters, inputs;
  std::optional<double> tolerance;
  std::vector<Index> to;
  bool no_refit = false, below_need = false, json = false, quiet = false;
  Index samples = 20000;
  std::uint64_t seed = 0;
  DataOptions data;

  [[nodiscard]] Rule rule() const {
    if (!metric.empty()) return rule_from_name(metric);
    return data.given() ? Rule::jacobian : Rule::singular;
  }
  [[nodiscard]] bool refit() const { return data.given() && !no_refit; }
};

bool inputs_only(const Options& o) {
  return o.inputs && !o.tolerance && o.to.empty() && !o.remove && !o.parameters;
}

void check(const Options& o) {
  const int goals =
      (o.tolerance ? 1 : 0) + (o.to.empty() ? 0 : 1) + (o.remove ? 1 : 0) + (o.parameters ? 1 : 0);
  if (goals > 1 || (goals == 0 && !inputs_only(o))) {
    throw UsageError(fmt::format(
        "shrink: needs one of --tolerance, --to, --remove, --parameters, got {} of them{}", goals,
        goals == 0 ? "; or --inputs" : ""));
  }
  if (o.inputs && !o.data.given()) {
    throw UsageError("inputs: their importance is measured on data; add --data");
  }
  if (!o.data.given() && (needs_data(o.rule()) || o.tolerance)) {
    throw UsageError(fmt::format("{} looks at data; add --data, for example --data fashion-mnist",
                                 o.tolerance ? "tolerance:" : fmt::format("metric: {}", o.metric)));
  }
  if (o.inputs && o.tolerance) {
    throw UsageError(
        "inputs: what features change is not in a tolerance, which is of neurons; take features "
        "away first, and "
        "shrink the result by --tolerance");
  }
  if (o.remove && *o.remove < 0) {
    throw UsageError(fmt::format("remove: needs 0 or more neurons, got {}", *o.remove));
  }
  require_writable(o.out);
  if (o.samples < 0)
    throw UsageError(fmt::format("samples: needs 0 (all) or more, got {}", o.samples));
}

// Features that matter least leave, predicted by those that stay.
void remove_inputs(Model<float>& model, const Options& o) {
  if (model.network.inputs().size() != 1) {
    throw UsageError(fmt::format(
        "inputs: this model reads {} inputs; isoform task remove-inputs takes features from "
        "one of them by name",
        model.network.inputs().size()));
  }
  const Index before = model.network.widths().front();
  if (*o.inputs < 1 || *o.inputs > before) {
    throw UsageError(fmt::format("inputs: needs 1 to {} that stay, got {}", before, *o.inputs));
  }
  if (*o.inputs == before) return;
  name_parts(model, o.data.data);
  const Matrix<float> x = training_samples(model, o.data, o.samples, o.seed);
  const FeatureOrder order = least_important_features<float>(
      model, model.inputs.front().name, before - *o.inputs, ConstView<float>(x));
  name_features(model, model.inputs.front().name);
  std::vector<Index> positions = order.positions;
  std::sort(positions.begin(), positions.end());
  remove_features<float>(model, model.inputs.front().name, positions, ConstView<float>(x));
}

// The widths that --to or --remove ask for.
std::vector<Index> wanted_widths(const Reducer<float>& reducer, const Network<float>& network,
                                 const Options& o) {
  std::vector<Index> widths = o.to;
  const std::vector<int> hidden = network.hidden();
  for (std::size_t i = 0; o.remove && i < hidden.size(); ++i) {
    const Index width = network.space(hidden[i]).dimension;
    if (*o.remove >= width) {
      throw UsageError(
          fmt::format("remove: layer {} has {} neurons and at least 1 must stay; remove at most {}",
                      hidden[i], width, width - 1));
    }
    const Index need = o.below_need ? 1 : std::min(reducer.need(hidden[i]), width);
    if (width - *o.remove < need) {
      throw UsageError(
          fmt::format("remove: layer {} has {} neurons and the task's {} outputs need {} of them; "
                      "remove at most "
                      "{}, or give --below-need to cut anyway",
                      hidden[i], width, network.widths().back(), need, width - need));
    }
    widths.push_back(width - *o.remove);
  }
  for (std::size_t i = 0; !o.below_need && i < std::min(widths.size(), hidden.size()); ++i) {
    const Index width = network.space(hidden[i]).dimension, need = reducer.need(hidden[i]);
    if (widths[i] >= 1 && widths[i] < std::min(need, width)) {
      throw UsageError(fmt::format(
          "shrink: layer {} would keep {} neurons, and the task's {} outputs need {}: logits are a "
          "linear image of what a layer holds, so fewer neurons than outputs cannot tell the "
          "classes "
          "apart freely; ask for at least {}, or give --below-need to cut anyway",
          hidden[i], widths[i], network.widths().back(), need, need));
    }
  }
  return widths;
}

std::vector<Index> hidden_widths(const Network<float>& network) {
  std::vector<Index> widths;
  for (const int id : network.hidden()) widths.push_back(network.space(id).dimension);
  return widths;
}

std::string number(std::optional<double> value) {
  return value ? fmt::format("{:.3g}", *value) : "–";
}

nlohmann::json maybe(std::optional<double> value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

void run(const Options& o) {
  check(o);
  auto model = load_model<float>(o.in);
  if (model.network.hidden().empty()) throw UsageError("shrink: this model has no hidden layer");
  const Probe probe(model, o.data);
  const Matrix<float> before = probe.outputs(model);
  const Index parameters = cost_of(model.network).parameters, read = model.network.widths().front();
  if (o.inputs) remove_inputs(model, o);
  const std::vector<Index> widths = model.network.widths();
  const std::vector<int> hidden = model.network.hidden();
  const bool exact_modes = std::all_of(hidden.begin(), hidden.end(),
                                       [&](int id) { return carries_fold(model.network, id); });
  const auto engine = create_engine<float>({"cpu", o.data.threads});
  Matrix<float> x(widths.front(), 0);
  if (o.data.given()) x = training_samples(model, o.data, o.samples, o.seed);
  const Index samples = x.cols();
  const Network<float> original = model.network;
  Reducer<float> reducer(original, *engine, std::move(x), {o.rule(), o.refit(), o.below_need});
  std::vector<Change> changes;
  Model<float> partial = model;
  reducer.on_layer = [&](const Network<float>& network, LayerReduction&) {
    partial.network = network;
    changes.push_back(measure_change(before, probe.outputs(partial)));
  };
  reducer.on_trial = [&](Index count, double change) {
    if (o.quiet) return;
    fmt::print(stderr, "trying {} parameters: changes {:.3g}\n", format_count(count), change);
  };
  const Reduction<float> reduction = o.tolerance    ? reducer.to_tolerance(*o.tolerance)
                                     : o.parameters ? reducer.to_parameters(*o.parameters)
                                     : inputs_only(o)
                                         ? reducer.to_widths(hidden_widths(original))
                                         : reducer.to_widths(wanted_widths(reducer, original, o));
  if (o.tolerance && reduction.layers.empty()) {
    throw Error(
        reduction.cheapest > 0
            ? fmt::format("tolerance: nothing can go within {}: removing the least important "
                          "neuron already changes the outputs by {:.2g} of their length; "
                          "nothing was written",
                          *o.tolerance, reduction.cheapest)
            : "tolerance: no layer has more neurons than the outputs need; nothing was "
              "written (--below-need lets layers go below)");
  }
  model.network = reduction.network;
  for (const Edit& edit : reduction.edits) model.record(edit.record);
  const Matrix<float> after = probe.outputs(model);
  const Change change = measure_change(before, after);
  if (!reduction.edits.empty()) model.history.back().change = change.mean;
  save_model(model, o.out);

  const Index stored = cost_of(model.network).parameters;
  const std::string note = spent_zeros(original, model.network);
  const bool refitted = o.refit() && !reduction.edits.empty();
  // After a refit, what was proved and predicted of the cut alone says nothing of the result.
  double bound = 0;
  std::optional<double> on_samples = 0;
  std::string no_bound = refitted   ? "the next layers were refitted"
                         : o.inputs ? "features were removed, and it is of neurons alone"
                                    : "";
  nlohmann::json layers = nlohmann::json::array();
  Table table({"layer", "neurons", "", "groups", "", "largest score removed", "bound", "on samples",
               "predicted", "measured so far"});
  for (std::size_t i = 0; i < reduction.layers.size(); ++i) {
    const LayerReduction& layer = reduction.layers[i];
    bound += layer.bound.value;
    if (layer.after < layer.before) {
      on_samples = on_samples && layer.on_samples
                       ? std::optional<double>(*on_samples + *layer.on_samples)
                       : std::nullopt;
    }
    if (no_bound.empty() && !layer.bound.holds()) no_bound = layer.bound.why_not;
    const auto proved = layer.bound.holds() && layer.after < layer.before
                            ? std::optional<double>(layer.bound.value)
                            : std::nullopt;
    table.row({fmt::format("hidden {}", layer.space), format_count(layer.before),
               fmt::format("→ {}", layer.after), format_count(layer.groups_before),
               fmt::format("→ {}", layer.groups_after), fmt::format("{:.3g}", layer.score),
               number(proved), number(layer.on_samples), number(layer.predicted),
               fmt::format("{:.3g}", changes[i].rms)});
    layers.push_back({{"layer", layer.space},
                      {"before", layer.before},
                      {"after", layer.after},
                      {"groups_before", layer.groups_before},
                      {"groups", layer.groups_after},
                      {"largest_score_removed", layer.score},
                      {"bound", maybe(proved)},
                      {"no_bound", layer.bound.why_not},
                      {"bound_on_samples", maybe(layer.on_samples)},
                      {"predicted_rms", maybe(layer.predicted)},
                      {"measured_rms_so_far", changes[i].rms},
                      {"change_so_far", changes[i].json()}});
  }
  if (o.json) {
    nlohmann::json json = {{"model", o.out},
                           {"metric", rule_name(o.rule())},
                           {"refit", refitted},
                           {"samples", samples},
                           {"inputs_before", read},
                           {"layers", layers},
                           {"widths", model.network.widths()},
                           {"parameters_before", parameters},
                           {"parameters", stored},
                           {"bound", no_bound.empty() ? nlohmann::json(bound) : nlohmann::json()},
                           {"no_bound", no_bound},
                           {"measured_on", probe.name()},
                           {"output_rms", change.output_rms},
                           {"measured_rms", change.rms},
                           {"measured_largest", change.largest_absolute},
                           {"relative_change", change.json()}};
    if (samples > 0 && !o.inputs) json["relative_change_on_samples"] = reduction.change.mean;
    if (samples > 0 && !refitted) json["bound_on_samples"] = maybe(on_samples);
    if (!note.empty()) json["note"] = note;
    if (probe.judges()) {
      json["accuracy_before"] = probe.accuracy(before);
      json["accuracy"] = probe.accuracy(after);
    }
    return print_json(json);
  }
  print(table.text());
  print_line(fmt::format(
      "\nThe right columns say how far the output moves, in its own units; its length is {:.3g} "
      "(rms).\nbound: proved, for every input.{} measured: rms, on {}.\n",
      change.output_rms,
      samples > 0
          ? fmt::format(
                " on samples: proved, for the {} training samples at hand.\n"
                "predicted: rms, to first order. All three are of the cut alone, without a refit.",
                format_count(samples))
          : "",
      probe.name()));
  print_line(fmt::format(
      "metric      {}{}", rule_name(o.rule()),
      refitted ? fmt::format(", next layers refitted on {} samples",
                             format_count(o.tolerance ? samples - (samples + 3) / 4 : samples))
               : ""));
  if (o.inputs) print_line(fmt::format("inputs      {} → {}", read, widths.front()));
  print_line(fmt::format("parameters  {} → {}", format_count(parameters), format_count(stored)));
  print_line(fmt::format("bound       {}", no_bound.empty() ? fmt::format("{:.3g} in all", bound)
                                                            : "none: " + no_bound));
  if (samples > 0 && !refitted && !o.inputs && on_samples) {
    print_line(fmt::format("            {:.3g} in all for the {} training samples", *on_samples,
                           format_count(samples)));
  }
  print_line(fmt::format("change      {}, on {}", change.text(), probe.name()));
  if (samples > 0 && !o.inputs) {
    print_line(fmt::format("            {:.2g} on average on {} training samples",
                           reduction.change.mean,
                           o.tolerance ? "the held-out quarter of the" : "the"));
  }
  if (probe.judges()) {
    print_line(fmt::format("accuracy    {:.2f} % → {:.2f} %", 100 * probe.accuracy(before),
                           100 * probe.accuracy(after)));
  }
  for (const LayerReduction& layer : reduction.layers) {
    if (!layer.note.empty()) print_line("note        " + layer.note);
  }
  if (!note.empty()) print_line("note        " + note);
  if (reduction.edits.empty() && !o.inputs) print_line("note        nothing was asked to go");
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
  verb->add_option("--tolerance", options->tolerance,
                   "as small as a mean change of the outputs by this share of their length allows "
                   "(needs --data)")
      ->type_name("SHARE");
  verb->add_option("--to", options->to, "widths of the hidden layers afterwards")
      ->delimiter(',')
      ->type_name("N,N,…");
  verb->add_option("--remove", options->remove, "neurons to remove from every hidden layer")
      ->type_name("COUNT");
  verb->add_option(
          "--inputs", options->inputs,
          "features that stay; those that matter least are predicted by these (needs --data)")
      ->type_name("COUNT");
  verb->add_option("--parameters", options->parameters, "at most so many parameters afterwards")
      ->type_name("COUNT");
  verb->add_option(
          "--metric", options->metric,
          "what importance is: jacobian, next, covariance, effect (need --data); singular: "
          "singular values of [W ψ χ]; paper: of W [with data jacobian, else singular]")
      ->type_name("NAME");
  verb->add_flag("--no-refit", options->no_refit,
                 "fold only; by default the next layers are refitted where there is data");
  verb->add_option("--samples", options->samples, "training samples to use; 0: all")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_flag("--below-need", options->below_need,
                 "let a layer keep fewer neurons than the model has outputs");
  verb->add_option("--seed", options->seed, "which samples are drawn")->type_name("COUNT");
  options->data.add_to(*verb, false);
  verb->add_flag("--json", options->json, "print as JSON");
  verb->add_flag("--quiet", options->quiet, "no progress");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
