// isoform diff
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/cli/probe.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/topology/align.h"
#include "isoform/train/evaluate.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Hidden layers may be rotated inside their groups, and groups exchanged, without changing the function: A
is turned as near to B as it goes, and what is left is the distance.
Examples:
  isoform diff before.safetensors after.safetensors
  isoform diff a.safetensors b.safetensors --data fashion-mnist --json)";

// Relative, of weights and of outputs alike: what rotations in float32 leave is below.
constexpr double kRounding = 1e-5;

struct Options {
  std::string a, b;
  DataOptions data;
  bool json = false, layers = false;
};

std::string shape_text(const Network<float>& network) {
  return fmt::format("{}", fmt::join(network.widths(), " → "));
}

bool same_record(const EditRecord& x, const EditRecord& y) {
  return x.step == y.step && x.kind == y.kind && x.space == y.space && x.before == y.before &&
         x.after == y.after && x.born == y.born && x.removed == y.removed && x.why == y.why;
}

// Where the input transforms are apart: of the mean in deviations, of the scale relatively.
double transform_difference(const Model<float>& a, const Model<float>& b) {
  double most = 0;
  for (Index i = 0; i < std::min(a.mean.size(), b.mean.size()); ++i) {
    const double scale = static_cast<double>(b.scale[i]);
    most = std::max(most, std::abs(static_cast<double>(a.mean[i] - b.mean[i])) * scale);
    most = std::max(most, std::abs(static_cast<double>(a.scale[i]) / scale - 1));
  }
  return most;
}

// What is not the same beside the numbers, one sentence each.
std::vector<std::string> differences(const Model<float>& a, const Model<float>& b) {
  std::vector<std::string> all;
  const auto add = [&](const std::string& what, const auto& of_a, const auto& of_b) {
    if (of_a != of_b) all.push_back(fmt::format("{}: {} in A, {} in B", what, of_a, of_b));
  };
  for (const int id : b.network.hidden()) {
    const Space<float>&x = a.network.space(id), &y = b.network.space(id);
    add(fmt::format("width of {}", y.name), x.dimension, y.dimension);
    add(fmt::format("groups of {}", y.name), format_groups(x.groups), format_groups(y.groups));
    add(fmt::format("gate of {}", y.name), radial_name(x.radial), radial_name(y.radial));
    add(fmt::format("mode of o in {}", y.name), length_mode_name(x.length_mode),
        length_mode_name(y.length_mode));
  }
  for (const Map<float>& m : b.network.maps()) {
    add(fmt::format("mode of ψ in map {}", m.id + 1), psi_mode_name(a.network.map(m.id).psi_mode),
        psi_mode_name(m.psi_mode));
    add(fmt::format("norms in map {}", m.id + 1), a.network.map(m.id).norms ? "read" : "not read",
        m.norms ? "read" : "not read");
  }
  if (const double transform = transform_difference(a, b); transform > kRounding) {
    all.push_back(fmt::format(
        "input transform: up to {:.2g} apart (mean in deviations, scale relatively)", transform));
  }
  add("shape of an image", fmt::format("{} × {}", a.image_rows, a.image_cols),
      fmt::format("{} × {}", b.image_rows, b.image_cols));
  add("tasks", a.tasks.size(), b.tasks.size());
  for (std::size_t i = 0; i < std::min(a.tasks.size(), b.tasks.size()); ++i) {
    const Task &x = a.tasks[i], &y = b.tasks[i];
    add(fmt::format("name of task {}", i + 1), x.name, y.name);
    add(fmt::format("loss of task {}", i + 1), loss_name(x.loss), loss_name(y.loss));
    if (x.outputs != y.outputs) {
      all.push_back(fmt::format("outputs of task {}: other names or another order", i + 1));
    }
  }
  const std::size_t shorter = std::min(a.history.size(), b.history.size());
  std::size_t common = 0;
  while (common < shorter && same_record(a.history[common], b.history[common])) ++common;
  if (common < std::max(a.history.size(), b.history.size())) {
    all.push_back(
        fmt::format("edits in the history: {} in A, {} in B", a.history.size(), b.history.size()));
    if (common > 0) all.back() += fmt::format(", the first {} the same", common);
  }
  return all;
}

struct Verdict {
  bool same = false;  // as functions, to rounding
  std::string text;
};

Verdict judge(const Alignment& alignment, const Change& change, const std::string& where) {
  const bool weights = alignment.relative() <= kRounding, outputs = change.mean <= kRounding;
  if (weights && outputs) {
    if (alignment.before == 0 && !alignment.padded) return {true, "the same numbers"};
    if (alignment.before <= kRounding * alignment.norm) {
      return {true, "the same function in the same basis, to rounding"};
    }
    return {true, alignment.padded ? "the same function in another basis, to rounding, and neurons "
                                     "that do nothing"
                                   : "the same function in another basis, to rounding"};
  }
  if (outputs) {
    return {true, fmt::format("the same outputs to rounding on {}, by other weights: neurons that "
                              "do nothing, or more than a rotation",
                              where)};
  }
  if (weights) return {false, "the same weights up to a basis, but other outputs"};
  return {false, fmt::format("different networks: {:.2g} of B's length apart, outputs {:.2g} of "
                             "theirs",
                             alignment.relative(), change.mean)};
}

std::string relative_text(double distance, double norm) {
  return norm > 0 ? fmt::format("{:.2g}", distance / norm) : distance > 0 ? "∞" : "0";
}

nlohmann::json layers_json(const Alignment& alignment) {
  nlohmann::json layers = nlohmann::json::array();
  for (const Edit& edit : alignment.edits) {
    nlohmann::json groups = nlohmann::json::array();
    for (const GroupEdit& group : edit.groups) {
      groups.push_back(group.source == GroupEdit::kNew ? nlohmann::json()
                                                       : nlohmann::json(group.source));
    }
    layers.push_back({{"layer", edit.space}, {"groups_of_a", groups}, {"width", edit.dimension()}});
  }
  return layers;
}

void print_layers(const Alignment& alignment) {
  print_line();
  for (const Edit& edit : alignment.edits) {
    std::string order;
    for (const GroupEdit& group : edit.groups) {
      order += group.source == GroupEdit::kNew ? " –" : fmt::format(" {}", group.source);
    }
    print_line(fmt::format("hidden {}    groups of A in B's order:{}", edit.space, order));
  }
}

void print_all(const Options& o, const Network<float>& a, const Network<float>& b,
               const Alignment& alignment, const std::vector<std::string>& different) {
  print_line(fmt::format("A           {}   {}", shape_text(a), o.a));
  print_line(fmt::format("B           {}   {}", shape_text(b), o.b));
  for (const std::string& text : different) print_line(fmt::format("differs     {}", text));
  print_line();
  Table table({"map", "‖B‖", "before", "aligned", "of ‖B‖", "W", "b", "ψ, χ", "√o"});
  const auto row = [&](const std::string& name, const MapDistance& d) {
    table.row({name, fmt::format("{:.4g}", d.norm), fmt::format("{:.3g}", d.before),
               fmt::format("{:.3g}", d.after), relative_text(d.after, d.norm),
               fmt::format("{:.2g}", d.weight), fmt::format("{:.2g}", d.bias),
               fmt::format("{:.2g}", d.psi), fmt::format("{:.2g}", d.length)});
  };
  MapDistance all{-1, alignment.norm, alignment.before, alignment.after, 0, 0, 0, 0};
  for (const MapDistance& d : alignment.maps) {
    row(fmt::format("{}: {} → {}", d.map + 1, a.space(a.map(d.map).from).name,
                    a.space(a.map(d.map).to).name),
        d);
    all.weight = std::hypot(all.weight, d.weight);
    all.bias = std::hypot(all.bias, d.bias);
    all.psi = std::hypot(all.psi, d.psi);
    all.length = std::hypot(all.length, d.length);
  }
  row("all", all);
  print(table.text());
  print_line(
      "\naligned: A turned towards B, and what is left of it in W, b, ψ and √o (mathematics 1.5)");
  if (o.layers) print_layers(alignment);
}

void run(const Options& o) {
  const auto a = load_model<float>(o.a), b = load_model<float>(o.b);
  const Alignment alignment = align(a.network, b.network);
  const Probe probe(b, o.data);
  if (probe.data()) {
    require_fitting(a, *probe.data(), probe.judges(),
                    tasks_for(a, *probe.data(), o.data.task).front());
  }
  const Matrix<float> of_a = probe.outputs(a), of_b = probe.outputs(b);
  const Change change = measure_change(of_b, of_a);
  const std::vector<std::string> different = differences(a, b);
  const bool other_transform = transform_difference(a, b) > kRounding;
  Verdict verdict = judge(alignment, change, probe.name());
  if (verdict.same && other_transform) {
    verdict = {false, verdict.text + ", but behind other input transforms"};
  }
  if (o.json) {
    nlohmann::json maps = nlohmann::json::array();
    for (const MapDistance& d : alignment.maps) {
      maps.push_back({{"map", d.map + 1},
                      {"norm", d.norm},
                      {"before", d.before},
                      {"after", d.after},
                      {"weight", d.weight},
                      {"bias", d.bias},
                      {"psi", d.psi},
                      {"sqrt_o", d.length}});
    }
    nlohmann::json json = {{"a", o.a},
                           {"b", o.b},
                           {"widths_a", a.network.widths()},
                           {"widths_b", b.network.widths()},
                           {"differences", different},
                           {"padded", alignment.padded},
                           {"maps", maps},
                           {"layers", layers_json(alignment)},
                           {"norm", alignment.norm},
                           {"before", alignment.before},
                           {"after", alignment.after},
                           {"relative", alignment.relative()},
                           {"sweeps", alignment.sweeps},
                           {"measured_on", probe.name()},
                           {"relative_change", change.json()},
                           {"same_function", verdict.same},
                           {"verdict", verdict.text}};
    if (probe.judges()) {
      json["accuracy_a"] = probe.accuracy(of_a);
      json["accuracy_b"] = probe.accuracy(of_b);
    }
    return print_json(json);
  }
  print_all(o, a.network, b.network, alignment, different);
  print_line(fmt::format("\ndistance    {:.3g}, {} of B's length; before alignment {:.3g}, {}",
                         alignment.after, relative_text(alignment.after, alignment.norm),
                         alignment.before, relative_text(alignment.before, alignment.norm)));
  if (alignment.padded) {
    print_line(
        "            the smaller of two layers or groups was filled up with neurons that do "
        "nothing");
  }
  print_line(fmt::format("outputs     apart by {}, on {}", change.text(), probe.name()));
  if (probe.judges()) {
    print_line(fmt::format("accuracy    {:.2f} % of A, {:.2f} % of B", 100 * probe.accuracy(of_a),
                           100 * probe.accuracy(of_b)));
  } else if (other_transform) {
    print_line(
        "note        random inputs bypass the input transforms, which differ; --data counts them");
  }
  print_line(fmt::format("verdict     {}", verdict.text));
}

}  // namespace

void add_diff(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("diff", "how far apart two models are, up to rotation");
  verb->footer(kExamples);
  verb->add_option("a", options->a, "model file, turned towards B")->required()->type_name("A");
  verb->add_option("b", options->b, "model file")->required()->type_name("B");
  options->data.add_to(*verb, false);
  verb->add_flag("--layers", options->layers, "show which groups of A became which of B");
  verb->add_flag("--json", options->json, "print as JSON");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
