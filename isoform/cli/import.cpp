// isoform import
#include "isoform/io/import.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/cli/console.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Multilayer perceptrons with tanh or asinh: from ONNX files, and from PyTorch's state dicts, written by
safetensors.torch.save_file(network.state_dict(), "network.safetensors"). A layer of n becomes n groups of one, exactly.
Examples:
  isoform import network.onnx -o model.safetensors
  isoform import network.safetensors -o model.safetensors --activation tanh
  isoform import digits.onnx -o digits.model.safetensors --name digits --class-names zero,one,two,three,four,five,six,seven,eight,nine
  isoform import network.safetensors -o model.safetensors --activation tanh --mean 33.3 --deviation 78.6    # of pixels 0–255)";

struct Options {
  std::string in, out, loss, activation;
  ImportSettings settings;
  bool json = false;
};

std::string layers_text(const Network<float>& network) {
  std::vector<std::string_view> profiles;
  for (const int id : network.hidden()) profiles.push_back(radial_name(network.space(id).radial));
  if (profiles.empty()) return "linear";
  const bool same = std::equal(profiles.begin() + 1, profiles.end(), profiles.begin());
  return same ? std::string(profiles.front()) : fmt::format("{}", fmt::join(profiles, ", "));
}

void run(Options& o) {
  if (!o.loss.empty()) o.settings.loss = loss_from_name(o.loss);
  if (!o.activation.empty()) o.settings.activation = o.activation;
  require_different({{"the network", o.in}, {"out", o.out}});
  require_writable(o.out);
  const Imported<float> imported = import_model<float>(o.in, o.settings);
  const Model<float>& model = imported.model;
  const Task& task = model.tasks.front();
  save_model(model, o.out);
  if (o.json) {
    return print_json({{"model", o.out},
                       {"widths", model.network.widths()},
                       {"parameters", model.network.parameter_count()},
                       {"task", task.name},
                       {"outputs", task.outputs},
                       {"loss", loss_name(task.loss)},
                       {"notes", imported.notes}});
  }
  print_line(fmt::format("layers      {}, {}, groups of one", format_widths(model.network.widths()),
                         layers_text(model.network)));
  print_line(fmt::format("parameters  {}", format_count(model.network.parameter_count())));
  print_line(fmt::format("task        {}: {} outputs, {}", task.name, task.outputs.size(),
                         loss_name(task.loss)));
  for (const std::string& note : imported.notes) print_line("note        " + note);
  print_line(fmt::format("model       {}", o.out));
}

}  // namespace

void add_import(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("import", "make a model of a network from another program");
  verb->footer(kExamples);
  verb->add_option("in", options->in, "network: .onnx, or .safetensors of a state dict")
      ->required()
      ->type_name("FILE");
  verb->add_option("-o,--out", options->out, "where the model goes")->required()->type_name("FILE");
  verb->add_option("--activation", options->activation,
                   "what stands between the layers of a state dict: tanh, asinh, identity")
      ->type_name("NAME");
  verb->add_option("--name", options->settings.name, "name of the task")->type_name("NAME");
  verb->add_option("--class-names", options->settings.classes, "names of the outputs, in order")
      ->delimiter(',')
      ->type_name("NAME,NAME,…");
  verb->add_option("--loss", options->loss,
                   "cross_entropy, squared, binary or huber (else what the file suggests)")
      ->type_name("LOSS");
  verb->add_option("--mean", options->settings.mean,
                   "what raw inputs are shifted by: one number for all or one each")
      ->delimiter(',')
      ->type_name("X,X,…");
  verb->add_option("--deviation", options->settings.deviation,
                   "and divided by: one number for all or one each")
      ->delimiter(',')
      ->type_name("X,X,…");
  verb->add_flag("--json", options->json, "print as JSON");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
