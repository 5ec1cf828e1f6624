// isoform export
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/cli/console.h"
#include "isoform/cli/verbs.h"
#include "isoform/compile/c_header.h"
#include "isoform/io/model_file.h"
#include "isoform/io/onnx_file.h"
#include "isoform/monitor/format.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
The ending of OUT says which format. .h is one C99 header with all numbers in it, which needs no library and no heap
(docs/embedding.md); .onnx computes the logits of all tasks on raw values, for any runtime of ONNX (docs/onnx.md).
Examples:
  isoform export model.safetensors model.onnx
  isoform export model.safetensors digits.h                # digits_predict(x, y)
  isoform export model.safetensors net.h --name digits
  isoform export two.safetensors digits.h --task digits    # of a model with several tasks; without: a function each)";

struct Options {
  std::string model, out, task, name;
  bool json = false;
};

// What a format wrote: lines for people, an object for programs.
struct Told {
  std::vector<std::pair<std::string, std::string>> lines;
  nlohmann::json json = nlohmann::json::object();
};

Told write_c(const Model<float>& model, const Options& o) {
  const std::string name = o.name.empty() ? c_name(o.out) : o.name;
  const CHeader header = c_header(model, {.name = name, .task = o.task});
  write_file_atomically(o.out, header.text);
  Told told;
  told.json = {{"name", name}, {"constant_bytes", header.constant_bytes}};
  told.json["functions"] = nlohmann::json::array();
  Index stack = 0;
  for (const CFunction& f : header.functions) {
    std::string arguments;
    for (const Index n : f.inputs) arguments += fmt::format("x[{}], ", n);
    told.lines.emplace_back(told.lines.empty() ? "functions" : "",
                            fmt::format("{}({}y[{}])", f.symbol, arguments, f.outputs));
    told.json["functions"].push_back({{"symbol", f.symbol},
                                      {"task", f.task},
                                      {"inputs", f.inputs},
                                      {"outputs", f.outputs},
                                      {"stack_bytes", f.stack_bytes}});
    stack = std::max(stack, f.stack_bytes);
  }
  told.lines.emplace_back("memory",
                          fmt::format("{} bytes of constants, {} of stack in a call",
                                      format_count(header.constant_bytes), format_count(stack)));
  return told;
}

Told write_onnx_file(const Model<float>& model, const Options& o) {
  if (!o.task.empty()) {
    throw UsageError("task: an ONNX file has an output for each task, by its name; leave it out");
  }
  write_onnx(model, o.out);
  Told told;
  told.json["tasks"] = nlohmann::json::array();
  for (const Task& task : model.tasks) {
    told.lines.emplace_back(told.lines.empty() ? "outputs" : "",
                            fmt::format("{} [batch, {}]", task.name, task.outputs.size()));
    told.json["tasks"].push_back({{"name", task.name}, {"outputs", task.outputs}});
  }
  return told;
}

struct Format {
  const char* ending;
  const char* what;
  bool named;  // takes --name
  Told (*write)(const Model<float>&, const Options&);
};

constexpr std::array kFormats = {Format{".h", "a C99 header", true, write_c},
                                 Format{".onnx", "an ONNX file", false, write_onnx_file}};

const Format& format_of(const std::string& out) {
  std::string ending = std::filesystem::path(out).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto found = std::find_if(kFormats.begin(), kFormats.end(),
                                  [&](const Format& format) { return format.ending == ending; });
  if (found != kFormats.end()) return *found;
  std::vector<std::string> known;
  for (const Format& format : kFormats) {
    known.push_back(fmt::format("{} ({})", format.ending, format.what));
  }
  throw UsageError(fmt::format(
      "out: its ending says which format is written; known are {}, got {}", fmt::join(known, ", "),
      ending.empty() ? fmt::format("none in '{}'", out) : fmt::format("'{}'", ending)));
}

void run(const Options& o) {
  const Format& format = format_of(o.out);
  if (!o.name.empty() && !format.named) {
    throw UsageError(fmt::format("name: {} has no names to begin", format.what));
  }
  if (format.named && !o.name.empty()) CHeaderSettings{.name = o.name}.validate();
  require_different({{"model", o.model}, {"out", o.out}});
  require_writable(o.out);
  const auto model = load_model<float>(o.model);
  Told told = format.write(model, o);
  const auto bytes = static_cast<Index>(std::filesystem::file_size(o.out));
  if (o.json) {
    told.json["out"] = o.out;
    told.json["format"] = format.ending + 1;
    told.json["bytes"] = bytes;
    return print_json(told.json);
  }
  for (const auto& [label, words] : told.lines) {
    print_line(fmt::format("{:<10}  {}", label, words));
  }
  print_line(
      fmt::format("{:<10}  {}, {}, {} bytes", "written", o.out, format.what, format_count(bytes)));
}

}  // namespace

void add_export(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("export", "a model for programs without this library");
  verb->footer(kExamples);
  verb->add_option("model", options->model, "model file")->required()->type_name("MODEL");
  verb->add_option("out", options->out, "file to write: .h, a C99 header, or .onnx")
      ->required()
      ->type_name("OUT");
  verb->add_option("--task", options->task, "only this task, of a model with several")
      ->type_name("NAME");
  verb->add_option("--name", options->name,
                   "what all names in the header begin with [OUT without its ending]")
      ->type_name("NAME");
  verb->add_flag("--json", options->json, "print as JSON");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
