#include "isoform/compile/c_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/compile/c_text.h"
#include "isoform/compile/c_words.h"
#include "isoform/compile/c_writer.h"

namespace isoform {

namespace {

using namespace detail;

constexpr std::size_t kLongestName = 40;

// Names of inputs or tasks as parts of names in C, each once.
std::vector<std::string> identifiers(const std::vector<std::string>& names) {
  std::vector<std::string> used;
  for (const std::string& name : names) {
    const std::string plain = c_identifier(name);
    std::string unique = plain;
    for (int k = 2; std::find(used.begin(), used.end(), unique) != used.end(); ++k) {
      unique = fmt::format("{}_{}", plain, k);
    }
    used.push_back(unique);
  }
  return used;
}

void require_numbers(const Model<float>& model) {
  const bool finite =
      model.network.all_finite() && model.mean.allFinite() && model.scale.allFinite();
  if (!finite) {
    throw UsageError(
        "export: the model has numbers that are not finite; nothing can be computed "
        "with it");
  }
}

// Class names one after the other, as wide as the widest.
std::string class_names(const std::string& symbol, const std::string& count,
                        const std::string& storage, const std::vector<std::string>& names,
                        Index& bytes) {
  std::size_t widest = 0;
  for (const std::string& name : names) widest = std::max(widest, name.size());
  std::string text = fmt::format("{} char {}[{}][{}] = {{\n", storage, symbol, count, widest + 1);
  for (const std::string& name : names) {
    text += fmt::format("  {}{}\n", c_string(name), &name == &names.back() ? "};" : ",");
  }
  bytes += static_cast<Index>(names.size() * (widest + 1));
  return text;
}

std::string placed(const std::string& text, const std::string& name) {
  std::string out;
  for (const char c : text) out += c == '@' ? name : c == '$' ? c_upper(name) : std::string(1, c);
  return out;
}

}  // namespace

void CHeaderSettings::validate() const {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool valid = !name.empty() && name.size() <= kLongestName && letter(name.front()) &&
                     std::all_of(name.begin(), name.end(), [&](char c) {
                       return letter(c) || (c >= '0' && c <= '9') || c == '_';
                     });
  if (!valid) {
    throw UsageError(fmt::format(
        "name: needs a letter, then letters, digits and underscores, {} at most, as it begins "
        "names in C; got '{}'",
        kLongestName, name));
  }
}

std::string c_name(const std::filesystem::path& file) {
  std::string name = c_identifier(file.stem().string());
  if (name.front() >= '0' && name.front() <= '9') name = "model_" + name;
  return name.substr(0, kLongestName);
}

CHeader c_header(const Model<float>& model, const CHeaderSettings& settings) {
  settings.validate();
  require_numbers(model);
  const Network<float>& network = model.network;
  for (const int id : network.outputs()) {
    ISOFORM_ASSERT(!network.is_given(id), "an output that is computed");
  }
  ISOFORM_ASSERT(model.mean.size() == network.widths().front(), "a transform of all inputs");
  std::vector<std::string> tasks, inputs;
  for (const Task& task : model.tasks) tasks.push_back(task.name);
  for (const Input& input : model.inputs) inputs.push_back(input.name);
  const std::vector<int> given = network.inputs();
  while (inputs.size() < given.size()) {
    inputs.push_back(network.space(given[inputs.size()]).name);
  }
  const std::vector<std::string> task_names = identifiers(tasks), input_names = identifiers(inputs);

  std::vector<std::size_t> wanted;
  if (!settings.task.empty()) {
    wanted = {model.task_index(settings.task)};
  } else {
    for (std::size_t k = 0; k < std::max<std::size_t>(1, tasks.size()); ++k) wanted.push_back(k);
  }

  const std::string& name = settings.name;
  const std::string storage = c_upper(name) + "_CONST";
  CHeader header;
  CWriter writer(model, name);
  CWords words(model, name);
  std::string constants, names, functions;
  Index name_bytes = 0;
  for (const std::size_t task : wanted) {
    const std::string suffix = wanted.size() > 1 ? "_" + task_names[task] : "";
    const Route route = model.tasks.empty() ? Route{} : model.route(task);
    const CPlan plan = plan_c(network, route);
    std::vector<CParameter> parameters;
    CFunction function{fmt::format("{}_predict{}", name, suffix),
                       task < tasks.size() ? tasks[task] : "",
                       {},
                       0,
                       0};
    for (const int id : plan.inputs) {
      const auto at =
          static_cast<std::size_t>(std::find(given.begin(), given.end(), id) - given.begin());
      const bool alone = plan.inputs.size() == 1;
      parameters.push_back({id, alone ? "x" : "x_" + input_names[at]});
      function.inputs.push_back(network.space(id).dimension);
      constants += fmt::format("#define {}_INPUTS{}{} {}\n", c_upper(name), c_upper(suffix),
                               alone ? "" : "_" + c_upper(input_names[at]), function.inputs.back());
    }
    function.outputs = plan.outputs;
    function.stack_bytes = plan.memory * static_cast<Index>(sizeof(float));
    const std::string count = fmt::format("{}_OUTPUTS{}", c_upper(name), c_upper(suffix));
    constants += fmt::format("#define {} {}\n", count, plan.outputs);
    if (task < model.tasks.size()) {
      names += class_names(fmt::format("{}_classes{}", name, suffix), count, storage,
                           model.tasks[task].outputs, name_bytes);
    }
    functions += "\n" + words.function(function, task, parameters) +
                 writer.function(function.symbol, plan, parameters);
    header.functions.push_back(std::move(function));
  }
  const std::string targets = words.targets(writer);
  header.constant_bytes = writer.constant_bytes() + name_bytes;
  header.text = words.head(header) + constants +
                fmt::format("\ntypedef {} {}_count;\n\n", writer.count_type(), name) + names +
                writer.arrays() + placed(c_kernels(writer.kernels(), writer.radials()), name) +
                functions + targets + fmt::format("\n#endif /* {}_H */\n", c_upper(name));
  return header;
}

}  // namespace isoform
