// isoform inspect
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/cli/probe.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/monitor/page.h"
#include "isoform/network/cost.h"
#include "isoform/network/structure.h"
#include "isoform/topology/diagonalise.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Reads the connections of each hidden layer in a basis that orders them: singular (by incoming weights), task (by
what the next layer does with them), and with --data covariance and effect. The function is the same in each.
Examples:
  isoform inspect model.safetensors
  isoform inspect model.safetensors --data fashion-mnist --basis effect --layer 1
  isoform inspect model.safetensors --data fashion-mnist --html model.html
  isoform inspect model.safetensors --json)";

// "map 2 diagonal, map 3 triangle": the maps that sparsification has left with zeros.
std::string sparse_forms(const Network<float>& network) {
  std::string text;
  for (const Map<float>& m : network.maps()) {
    const Structure form = structure_of(network, m.id);
    if (form == Structure::dense) continue;
    text += fmt::format("{}map {} {}", text.empty() ? "" : ", ", m.id + 1, structure_name(form));
  }
  return text;
}

// Pictures on the page.
constexpr Index kPictures = 16;

struct Options {
  std::string model, basis, html;
  bool json = false;
  std::optional<int> layer;
  Index top = 10, samples = 5000;
  std::uint64_t seed = 0;
  DataOptions data;
};

// Everything that was read, for each way to print it.
struct Reading {
  Model<float> model;
  Basis basis = Basis::singular;
  std::vector<LayerReading> layers;
  std::vector<BasisCheck> checks;
  std::string measured_on, read_on;
  std::optional<double> accuracy;
  double output_rms = 0;
  Matrix<double> weights, answers;
};

Basis basis_of(const Options& o) {
  const Basis basis = o.basis.empty() ? Basis::singular : basis_from_name(o.basis);
  if (needs_data(basis) && !o.data.given()) {
    throw UsageError(fmt::format(
        "basis: {} looks at data; add --data, for example --data fashion-mnist", o.basis));
  }
  return basis;
}

Reading read(const Options& o) {
  Reading all;
  all.basis = basis_of(o);
  if (o.samples < 0)
    throw UsageError(fmt::format("samples: needs 0 (all) or more, got {}", o.samples));
  if (o.top < 0) throw UsageError(fmt::format("top: needs 0 (all) or more, got {}", o.top));
  all.model = load_model<float>(o.model);
  const Network<float>& network = all.model.network;
  const std::vector<int> hidden = network.hidden();
  if (o.layer) require_hidden(network, *o.layer, "inspect");
  const Probe probe(all.model, o.data);
  const Matrix<float> before = probe.outputs(all.model);
  all.measured_on = probe.name();
  all.output_rms = measure_change(before, before).output_rms;
  if (probe.judges()) all.accuracy = probe.accuracy(before);
  const auto engine = create_engine<float>({"cpu", o.data.threads});
  Matrix<float> x(network.widths().front(), 0);
  if (o.data.given() && !hidden.empty()) {
    x = training_samples(all.model, o.data, o.samples, o.seed);
    all.read_on =
        fmt::format("{} training samples of {}", format_count(x.cols()), probe.data()->name());
  }
  if (hidden.empty()) return all;
  const Reader<float> reader(network, *engine, std::move(x));
  all.layers = reader.read(all.basis);
  Model<float> turned = all.model;
  for (const Basis basis : reader.bases()) {
    turned.network = reader.in_basis(basis);
    const Change change = measure_change(before, probe.outputs(turned));
    all.checks.push_back({std::string(basis_name(basis)), change.mean, change.largest});
  }
  if (!o.html.empty() && all.model.image_rows > 0) {
    all.weights = reader.weights(all.layers.front(), kPictures);
    if (reader.samples() > 0) all.answers = reader.answers(all.layers.front(), kPictures);
  }
  return all;
}

nlohmann::json terms_json(const Model<float>& model, const std::vector<Term>& terms) {
  nlohmann::json all = nlohmann::json::array();
  for (const Term& term : terms) {
    const bool hidden = model.network.space(term.space).hidden();
    nlohmann::json one = {{"weight", term.weight}, {"name", term_name(model, term)}};
    if (hidden) one["layer"] = term.space;
    one[hidden ? "connection" : "coordinate"] = hidden ? term.number + 1 : term.number;
    all.push_back(std::move(one));
  }
  return all;
}

nlohmann::json connections_json(const Reading& all, const LayerReading& layer, bool directions) {
  nlohmann::json connections = nlohmann::json::array();
  const auto maybe = [](const std::optional<double>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  for (std::size_t i = 0; i < layer.connections.size(); ++i) {
    const Connection& c = layer.connections[i];
    nlohmann::json one = {
        {"number", i + 1},
        {"group", c.group},
        {"strength", c.strength},
        {"incoming", c.incoming},
        {"outgoing", c.outgoing},
        {"share", maybe(c.share)},
        {"bias", c.bias},
        {"stand_in", c.stand_in},
        {"bound", c.bound.holds() ? nlohmann::json(c.bound.value) : nlohmann::json()},
        {"no_bound", c.bound.why_not},
        {"bound_on_samples", maybe(c.on_samples)},
        {"hears", terms_json(all.model, c.hears)},
        {"feeds", terms_json(all.model, c.feeds)}};
    if (directions) {
      one["direction"] = std::vector<double>(c.direction.begin(), c.direction.end());
    }
    connections.push_back(std::move(one));
  }
  return connections;
}

nlohmann::json scaffold_json(const Scaffold& scaffold) {
  return {{"threshold", scaffold.threshold}, {"count", scaffold.count}};
}

nlohmann::json to_json(const Reading& all, const Options& o) {
  const Model<float>& model = all.model;
  nlohmann::json layers = nlohmann::json::array();
  for (const LayerReading& layer : all.layers) {
    if (o.layer && layer.space != *o.layer) continue;
    const Space<float>& s = model.network.space(layer.space);
    std::vector<double> lengths;
    for (Index g = 0; g < s.gates(); ++g) lengths.push_back(static_cast<double>(s.o(g)));
    layers.push_back({{"layer", layer.space},
                      {"width", s.dimension},
                      {"groups", s.groups},
                      {"radial", radial_name(s.radial)},
                      {"singular_values", std::vector<double>(layer.singular_values.begin(),
                                                              layer.singular_values.end())},
                      {"effective_rank", layer.effective_rank},
                      {"strength_rank", layer.strength_rank},
                      {"gate_only", layer.gate_only},
                      {"scaffold",
                       {{"effect", layer.effect ? scaffold_json(*layer.effect) : nlohmann::json()},
                        {"paper", scaffold_json(layer.paper)}}},
                      {"intrinsic_lengths", lengths},
                      {"psi_norm", layer.psi_norm},
                      {"chi_norm", layer.chi_norm},
                      {"connections", connections_json(all, layer, o.layer.has_value())}});
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
  nlohmann::json bases;
  for (const BasisCheck& check : all.checks) {
    bases[check.basis] = {{"mean", check.mean}, {"largest", check.largest}};
  }
  nlohmann::json json = {
      {"model", o.model},
      {"widths", model.network.widths()},
      {"parameters", model.network.parameter_count()},
      {"basis", basis_name(all.basis)},
      {"read_on", all.read_on},
      {"measured_on", all.measured_on},
      {"output_rms", all.output_rms},
      {"bases", bases},
      {"layers", layers},
      {"tasks", tasks},
      {"history", {{"edits", model.history.size()}, {"born", born}, {"removed", removed}}}};
  if (const std::string forms = sparse_forms(model.network); !forms.empty()) {
    json["stored_parameters"] = cost_of(model.network).parameters;
    json["sparse_maps"] = forms;
  }
  if (all.accuracy) json["accuracy"] = *all.accuracy;
  return json;
}

void print_summary(const Reading& all, const Options& o) {
  const Model<float>& model = all.model;
  std::string shape;
  for (const Index width : model.network.widths()) {
    shape += fmt::format("{}{}", shape.empty() ? "" : " → ", width);
  }
  Index born = 0, removed = 0;
  for (const EditRecord& record : model.history) {
    born += record.born;
    removed += record.removed;
  }
  print_line(fmt::format("{}\n", o.model));
  print_line(fmt::format("widths      {}", shape));
  const std::string forms = sparse_forms(model.network);
  print_line(fmt::format(
      "parameters  {}{}", format_count(model.network.parameter_count()),
      forms.empty() ? ""
                    : fmt::format(", {} of them stored: {}",
                                  format_count(cost_of(model.network).parameters), forms)));
  for (const Task& task : model.tasks) {
    print_line(fmt::format("task        {}: {} classes, {}", task.name, task.outputs.size(),
                           loss_name(task.loss)));
  }
  print_line(fmt::format("history     {} edits, {} neurons born, {} removed", model.history.size(),
                         born, removed));
  if (all.accuracy) {
    print_line(fmt::format("accuracy    {:.2f} % of {}", 100 * *all.accuracy, all.measured_on));
  }
  if (!all.layers.empty()) {
    print_line(fmt::format("basis       {}: strength is {}", basis_name(all.basis),
                           strength_meaning(all.basis)));
  }
  print_line();
}

void print_layers(const Reading& all) {
  Table table({"layer", "width", "groups", "gate", "strongest", "median", "weakest",
               "effective rank", "gate only", "scaffold", "mean o", "‖ψ‖ out", "‖χ‖ out"});
  for (const LayerReading& layer : all.layers) {
    const Space<float>& s = all.model.network.space(layer.space);
    const auto& c = layer.connections;
    const Scaffold scaffold = layer.effect.value_or(layer.paper);
    table.row(
        {fmt::format("hidden {}", layer.space), format_count(s.dimension), format_groups(s.groups),
         std::string(radial_name(s.radial)), fmt::format("{:.3g}", c.front().strength),
         fmt::format("{:.3g}", c[c.size() / 2].strength), fmt::format("{:.3g}", c.back().strength),
         fmt::format("{:.1f}", layer.strength_rank), format_count(layer.gate_only),
         format_count(scaffold.count), fmt::format("{:.2g}", layer.mean_o),
         fmt::format("{:.2g}", layer.psi_norm), fmt::format("{:.2g}", layer.chi_norm)});
  }
  print(table.text());
  const LayerReading& first = all.layers.front();
  print_line(fmt::format(
      "\neffective rank: how many strengths count. gate only: directions that no next map reads.\n"
      "scaffold: idle neurons, {}. --layer N lists the connections of a layer.",
      first.effect
          ? fmt::format("share of effect at most {:g} on {}", first.effect->threshold, all.read_on)
          : fmt::format("singular value of W at most {:g} (the published rule; with --data "
                        "by share of effect)",
                        first.paper.threshold)));
}

void print_connections(const Reading& all, const LayerReading& layer, Index top) {
  const std::string none = "–";
  const auto maybe = [&](const std::optional<double>& value) {
    return value ? fmt::format("{:.3g}", *value) : none;
  };
  Table table({"no.", "group", "strength", "in", "out", "share", "bias", "stand-in", "bound",
               "on samples", "hears most, feeds most"});
  const auto count = static_cast<Index>(layer.connections.size());
  const Index shown = top == 0 ? count : std::min(top, count);
  for (Index i = 0; i < shown; ++i) {
    const Connection& c = layer.connections[i];
    table.row({fmt::format("{}", i + 1), fmt::format("{}", c.group),
               fmt::format("{:.3g}", c.strength), fmt::format("{:.3g}", c.incoming),
               fmt::format("{:.3g}", c.outgoing), maybe(c.share), fmt::format("{:.2g}", c.bias),
               fmt::format("{:.2g}", c.stand_in),
               c.bound.holds() ? fmt::format("{:.3g}", c.bound.value) : none, maybe(c.on_samples),
               fmt::format("{} | {}", terms_text(all.model, c.hears, 2),
                           terms_text(all.model, c.feeds, 2))});
  }
  print_line(fmt::format("hidden {}: {} of {} connections", layer.space, shown, count));
  print(table.text());
  print_line(fmt::format(
      "\nin, out: length of the incoming row and of the outgoing column. share: of effect on the "
      "next "
      "layer.\nbound, on samples: how far the output moves at most if the connection alone is "
      "removed,\nfor every input and for the samples at hand; its length is {:.3g} (rms).",
      all.output_rms));
  const Bound& bound = layer.connections.front().bound;
  if (!bound.holds()) print_line(fmt::format("no bound: {}", bound.why_not));
}

void run(const Options& o) {
  require_different({{"model", o.model}, {"html", o.html}});
  require_writable(o.html);
  const Reading all = read(o);
  if (!o.html.empty()) {
    // A name need not be UTF-8, a page must be.
    const nlohmann::json raw = std::filesystem::path(o.model).filename().string();
    const std::string name =
        nlohmann::json::parse(raw.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    const ModelPage page{all.model,       name,        all.basis,    all.layers,     all.checks,
                         all.measured_on, all.read_on, all.accuracy, all.output_rms, all.weights,
                         all.answers,     o.top};
    write_file_atomically(o.html, draw_page(page));
  }
  if (o.json) return print_json(to_json(all, o));
  print_summary(all, o);
  if (all.layers.empty()) {
    print_line("no hidden layers: a linear model");
  } else if (o.layer) {
    for (const LayerReading& layer : all.layers) {
      if (layer.space == *o.layer) print_connections(all, layer, o.top);
    }
  } else {
    print_layers(all);
    print_line(fmt::format("\nthe same function in every basis, ‖Δy‖/‖y‖ on {}:", all.measured_on));
    for (const BasisCheck& check : all.checks) {
      print_line(fmt::format("  {:<11} largest {:.2g}, mean {:.2g}", check.basis, check.largest,
                             check.mean));
    }
  }
  if (!o.html.empty()) print_line(fmt::format("\npage        {}", o.html));
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("inspect", "what a model is: its layers' connections in order");
  verb->footer(kExamples);
  verb->add_option("model", options->model, "model file")->required()->type_name("MODEL");
  verb->add_option("--basis", options->basis,
                   "singular, task; with --data covariance, effect [singular]")
      ->type_name("NAME");
  verb->add_option("--layer", options->layer, "list the connections of this hidden layer, from 1")
      ->type_name("N");
  verb->add_option("--top", options->top, "connections to list; 0: all")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--html", options->html, "write a page with pictures")->type_name("FILE");
  verb->add_option("--samples", options->samples, "training samples to read on; 0: all")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "which samples are drawn")->type_name("COUNT");
  options->data.add_to(*verb, false);
  verb->add_flag("--json", options->json,
                 "print as JSON, with every connection; with --layer also their directions");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
