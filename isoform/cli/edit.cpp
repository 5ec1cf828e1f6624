// isoform edit
#include <fmt/format.h>

#include <memory>

#include "isoform/base/error.h"
#include "isoform/cli/probe.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/shrink.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Hidden layers are numbered from 1; groups and neurons from 0.
Examples:
  isoform edit in.safetensors out.safetensors --layer 1 --rotate left
  isoform edit in.safetensors out.safetensors --layer 2 --grow 8
  isoform edit in.safetensors out.safetensors --layer 1 --grow 4 --into 2     # into group 2
  isoform edit in.safetensors out.safetensors --layer 1 --keep 0,1,2,5
  isoform edit in.safetensors out.safetensors --layer 1 --remove-groups 3)";

struct Options {
  std::string in, out, rotate;
  int layer = 0;
  Index group_size = 8;
  std::optional<Index> grow, into;
  std::vector<Index> keep, remove_groups;
  std::uint64_t seed = 0;
  DataOptions data;
  bool json = false;
};

std::vector<Edit> rotation(const Network<float>& network, const Options& o) {
  if (o.rotate == "left") return {rotate_left(network, o.layer)};
  if (o.rotate == "right") return {rotate_right(network, o.layer)};
  if (o.rotate == "random") return {rotate_random(network, o.layer, o.seed)};
  if (o.rotate == "full") {
    require_hidden(network, o.layer, "rotate");
    auto [read, write] = rotate_full(network, network.incoming(o.layer).front());
    return {std::move(read), std::move(write)};
  }
  throw UsageError(
      fmt::format("rotate: '{}' is unknown; known are left, right, full, random", o.rotate));
}

Edit growth(const Network<float>& network, const Options& o) {
  require_hidden(network, o.layer, "grow");
  GrowSettings settings;
  settings.seed = o.seed;
  settings.group_size = o.group_size;
  if (!o.into) return grow(network, o.layer, *o.grow, settings);
  const std::size_t groups = network.space(o.layer).groups.size();
  if (*o.into < 0 || *o.into >= static_cast<Index>(groups)) {
    throw UsageError(fmt::format("into: group {} is out of range; layer {} has groups 0 to {}",
                                 *o.into, o.layer, groups - 1));
  }
  Growth growth{std::vector<Index>(groups, 0), {}};
  growth.into[*o.into] = *o.grow;
  return grow(network, o.layer, growth, settings);
}

void run(const Options& o) {
  const int wanted = (o.rotate.empty() ? 0 : 1) + (o.grow ? 1 : 0) + (o.keep.empty() ? 0 : 1) +
                     (o.remove_groups.empty() ? 0 : 1);
  if (wanted != 1) {
    throw UsageError(fmt::format(
        "edit: needs exactly one of --rotate, --grow, --keep, --remove-groups, got {}", wanted));
  }
  auto model = load_model<float>(o.in);
  const Probe probe(model, o.data);
  const Matrix<float> before = probe.outputs(model);
  const Network<float> before_edit = model.network;
  const Network<float>& network = model.network;
  std::vector<Edit> edits;
  if (!o.rotate.empty()) {
    edits = rotation(network, o);
  } else if (o.grow) {
    edits = {growth(network, o)};
    edits.front().record.why = "grown by hand";
  } else if (!o.keep.empty()) {
    edits = {keep(network, o.layer, o.keep)};
  } else {
    edits = {remove_groups(network, o.layer, o.remove_groups)};
  }
  const std::vector<Index> widths = network.widths();
  const Index width = network.space(o.layer).dimension;
  for (const Edit& edit : edits) {
    model.network.apply(edit);
    model.record(edit.record);
  }
  const Change change = measure_change(before, probe.outputs(model));
  model.history.back().change = change.mean;
  save_model(model, o.out);
  if (o.json) {
    return print_json({{"model", o.out},
                       {"widths_before", widths},
                       {"widths", model.network.widths()},
                       {"measured_on", probe.name()},
                       {"relative_change", change.json()}});
  }
  print_line(fmt::format("layer {}     {} → {} neurons", o.layer, width,
                         model.network.space(o.layer).dimension));
  print_line(fmt::format("change      {}, on {}", change.text(), probe.name()));
  if ((!o.keep.empty() || !o.remove_groups.empty()) && !carries_fold(model.network, o.layer)) {
    print_line(
        "note        this model's modes cannot fold a removed bias exactly (length or psi is "
        "none or expectation)");
  }
  if (const std::string note = spent_zeros(before_edit, model.network); !note.empty()) {
    print_line("note        " + note);
  }
  print_line(fmt::format("model       {}", o.out));
}

}  // namespace

void add_edit(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("edit", "rotate, grow or select neurons of a saved model");
  verb->footer(kExamples);
  verb->add_option("in", options->in, "model file")->required()->type_name("IN");
  verb->add_option("out", options->out, "edited model file")->required()->type_name("OUT");
  verb->add_option("--layer", options->layer, "hidden layer, from 1")
      ->required()
      ->type_name("LAYER");
  verb->add_option("--rotate", options->rotate,
                   "left: order incoming connections; right: outgoing; full: make the map into the "
                   "layer diagonal; random")
      ->type_name("KIND");
  verb->add_option("--grow", options->grow, "append neurons; the output stays the same")
      ->type_name("COUNT");
  verb->add_option("--into", options->into,
                   "the group that grows (else groups are filled in order)")
      ->type_name("GROUP");
  verb->add_option("--group-size", options->group_size, "size up to which groups are filled")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--keep", options->keep, "neurons that stay, as they stand")
      ->delimiter(',')
      ->type_name("N,N,…");
  verb->add_option("--remove-groups", options->remove_groups, "groups that go")
      ->delimiter(',')
      ->type_name("N,N,…");
  verb->add_option("--seed", options->seed, "seed of random choices")->type_name("COUNT");
  options->data.add_to(*verb, false);
  verb->add_flag("--json", options->json, "print as JSON");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
