#include "isoform/compile/c_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "isoform/base/version.h"
#include "isoform/compile/c_text.h"
#include "isoform/network/cost.h"

namespace isoform::detail {

namespace {

constexpr const char* kFormulas = R"( *
 * What is computed, for the numbers h of every layer (the first: h = (x - mean) scale):
 *   z = sum of p (W h + b + psi s + chi (1/s - 1)) over the maps into a layer; p: 1, or the gates that multiply the map
 *   t = o + |z|^2, s = G(t), h = s z for each group of a layer's numbers
 * Arrays: a = [W b psi chi], row after row; w a W without its zeros; b, c = [b psi chi] beside it; o; sizes of groups.
 * Numbers are written so that they read back to the same bits.
 *
 * Nothing is allocated, and nothing changes but y: calls may run at the same time. x and y may be one array.
 * The arrays are static: a file that includes this has its own copy, so include it in one and call from there.
 * Macros, to be defined before:
)";

constexpr const char* kMacros = R"(
#include <math.h>
#include <stddef.h>

#ifndef $_CONST
#define $_CONST static const
#endif
#ifndef $_SUM
#define $_SUM float
#endif
)";

// "A, B, C" over lines of a comment.
std::string wrapped(const std::vector<std::string>& words, const std::string& begin) {
  std::string text, line = begin;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string word = words[i] + (i + 1 < words.size() ? "," : "");
    if (line.size() + word.size() > 98 && line != begin) {
      text += line + "\n";
      line = " *    ";
    }
    line += " " + word;
  }
  return text + line + "\n";
}

std::string_view meaning(Loss loss) {
  switch (loss) {
    case Loss::cross_entropy:
      return "the answer is the class with the largest y; exp(y) by their sum are probabilities";
    case Loss::binary:
      return "above 0: the label holds; 1 / (1 + exp(-y)) is its probability";
    case Loss::squared:
    case Loss::huber:
      return "y are the numbers that were learned; of classes the largest is the answer";
  }
  return "";
}

}  // namespace

std::string CWords::network() const {
  const Network<float>& network = model_.network;
  std::set<std::string_view> profiles;
  Index gates = 0;
  for (const int id : network.hidden()) {
    profiles.insert(radial_name(network.space(id).radial));
    gates += network.space(id).gates();
  }
  return fmt::format(" * Network   widths {}; {} gates ({}); {} parameters; {} edits made it\n",
                     fmt::join(network.widths(), "-"), gates, fmt::join(profiles, ", "),
                     cost_of(network).parameters, model_.history.size());
}

std::string CWords::head(const CHeader& header) const {
  const std::string upper = c_upper(name_);
  Index stack = 0;
  for (const CFunction& f : header.functions) stack = std::max(stack, f.stack_bytes);
  std::string text = fmt::format(
      "/* {}.h: a neural network in C99, which is C++ too. Written by isoform {}; do not edit.\n "
      "*\n",
      name_, version());
  text += network();
  text += fmt::format(
      " * Memory    {} bytes of constants, {} bytes of stack in a call and what its few scalars "
      "take\n *\n",
      header.constant_bytes, stack);
  text += " * Use\n";
  const CFunction& first = header.functions.front();
  const std::string suffix = c_upper(first.symbol.substr(name_.size() + 8));  // "_predict"
  if (first.inputs.size() == 1) {
    text += fmt::format(" *   float x[{0}_INPUTS{1}] = {{0}}, y[{0}_OUTPUTS{1}];\n", upper, suffix);
    text += fmt::format(" *   {}(x, y);\n", first.symbol);
  } else {
    text += fmt::format(" *   {}(..., y), with an array for each input, float y[{}_OUTPUTS{}]\n",
                        first.symbol, upper, suffix);
  }
  text += kFormulas;
  text += fmt::format(
      " *   {0}_CONST  what arrays begin with [static const], for a section of their own\n"
      " *   {0}_SUM    type in which sums are [float]; double gives another digit\n */\n"
      "#ifndef {0}_H\n#define {0}_H\n",
      upper);
  for (const char c : std::string_view(kMacros)) text += c == '$' ? upper : std::string(1, c);
  return text + "\n";
}

std::string CWords::features(int space, const std::string& x) const {
  const std::vector<int> inputs = model_.network.inputs();
  const auto k =
      static_cast<std::size_t>(std::find(inputs.begin(), inputs.end(), space) - inputs.begin());
  const Index n = model_.network.space(space).dimension;
  std::string text = fmt::format(" * {}: {} raw numbers", x, n);
  if (model_.image_rows > 0 && n == model_.image_rows * model_.image_cols) {
    text +=
        fmt::format(", a picture of {} by {}, row after row", model_.image_rows, model_.image_cols);
  }
  if (k < model_.inputs.size()) {
    const Input& input = model_.inputs[k];
    text += fmt::format(" of {}", c_comment(input.name));
    if (!input.features.empty()) {
      std::vector<std::string> words;
      for (const std::string& feature : input.features) words.push_back(c_comment(feature));
      return text + ":\n" + wrapped(words, " *    ");
    }
  }
  return text + "\n";
}

std::string CWords::function(const CFunction& function, std::size_t task,
                             const std::vector<CParameter>& parameters) const {
  std::string text = "/*";
  if (!function.task.empty()) text += fmt::format(" Task {}.", c_comment(function.task));
  text += fmt::format(" {} bytes of stack.\n", function.stack_bytes);
  for (const CParameter& p : parameters) text += features(p.space, p.name);
  if (model_.schema) {
    text +=
        " *    A feature \"c = k\" is 1 where column c is k, else 0; \"c is missing\" is 1 where "
        "it is.\n";
    for (const Column& column : model_.schema->columns) {
      if (column.kind != ColumnKind::number || !column.has_missing) continue;
      text += fmt::format(" *    Missing {} is {}.\n", c_comment(column.name), column.fill);
    }
  }
  text += fmt::format(" * y: {} numbers", function.outputs);
  if (task < model_.tasks.size()) text += fmt::format("; {}", meaning(model_.tasks[task].loss));
  return text + ". */\n";
}

std::string CWords::targets(CWriter& writer) const {
  if (!model_.schema || model_.schema->target != TargetKind::numbers) return "";
  const Schema& schema = *model_.schema;
  std::vector<float> mean, scale;
  std::vector<std::string> names;
  for (const std::string& output : model_.tasks.front().outputs) {  // some may have been removed
    const auto found = std::find(schema.targets.begin(), schema.targets.end(), output);
    if (found == schema.targets.end()) return "";
    const auto k = static_cast<std::size_t>(found - schema.targets.begin());
    mean.push_back(static_cast<float>(schema.mean[k]));
    scale.push_back(static_cast<float>(schema.scale[k]));
    names.push_back(c_comment(output));
  }
  const std::string means = writer.array("target_mean", mean),
                    scales = writer.array("target_scale", scale);
  return fmt::format(
      "\n/* y as predicted to the units of the table:\n{} */\n"
      "static inline void {}_numbers(float *y) {{\n"
      "  for (size_t i = 0; i < {}; ++i) y[i] = {}[i] + {}[i] * y[i];\n}}\n",
      wrapped(names, " *    "), name_, mean.size(), means, scales);
}

}  // namespace isoform::detail
