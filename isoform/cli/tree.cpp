#include "isoform/cli/tree.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "isoform/base/text.h"
#include "isoform/data/catalogue.h"
#include "isoform/experiment/settings.h"
#include "isoform/linalg/engine.h"
#include "isoform/model/model.h"
#include "isoform/run/settings.h"
#include "isoform/study/study.h"
#include "isoform/topology/reading.h"
#include "isoform/topology/reduction.h"
#include "isoform/topology/sparsify.h"

namespace isoform::cli {

namespace {

using Words = std::vector<std::string>;

template <class Parse>
Words taken_by(Parse parse) {
  return known_names([parse](const std::string& text) { static_cast<void>(parse(text)); });
}

// Names that values are chosen from, by the argument's own name, which means the same in every verb.
std::map<std::string, Words> named_values() {
  std::map<std::string, Words> values;
  RunSettings settings;
  for (const Setting& setting : list_settings(settings)) {
    if (setting.choices) values["--" + setting.name] = setting.choices();
    if (setting.type == "BOOL") values["--" + setting.name] = {"true", "false"};
    if (setting.type == "BOOL|auto") values["--" + setting.name] = {"on", "off", "auto"};
  }
  values["--engine"] = taken_by([](const std::string& text) {
    return create_engine<float>({text, 1});
  });
  values["--metric"] = taken_by([](const std::string& text) { return rule_from_name(text); });
  values["--basis"] = taken_by([](const std::string& text) { return basis_from_name(text); });
  values["--method"] =
      taken_by([](const std::string& text) { return sparse_method_from_name(text); });
  values["--scale"] = taken_by([](const std::string& text) { return scale_from_name(text); });
  values["--split"] = {"test", "train"};
  values["--rotate"] = {"left", "right", "full", "random"};
  values["--fold"] = {"others", "mean"};
  values["--activation"] = {"tanh", "asinh", "identity"};
  values["shell"] = {"bash", "zsh"};
  values["experiment"] = experiment_names();
  for (const Study& study : studies()) values["study"].push_back(study.name);
  return values;
}

Words known_sets() {
  Words names;
  for (const CatalogueEntry& entry : catalogue()) names.push_back(entry.name);
  return names;
}

Offer offer_for(const std::string& name, const std::string& type,
                const std::map<std::string, Words>& values) {
  constexpr std::array<std::string_view, 5> kFiles = {"IN", "OUT", "MODEL", "A", "B"};
  if (type == "DIR") return {.folders = true};
  if (type == "SET") return {.words = known_sets(), .folders = true};
  if (type == "SET,SET") return {.words = known_sets(), .list = true};
  if (type.starts_with("FILE") || std::find(kFiles.begin(), kFiles.end(), type) != kFiles.end()) {
    return {.files = true};
  }
  const auto found = values.find(name);
  if (found == values.end()) return {};
  return {.words = found->second, .files = name == "experiment"};
}

Argument read_argument(const CLI::Option& option, const std::map<std::string, Words>& values) {
  Argument argument;
  for (const std::string& name : option.get_snames()) argument.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) argument.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) argument.type = option.get_type_name();
  argument.about = option.get_description();
  if (const std::string standard = option.get_default_str(); !standard.empty()) {
    argument.about += " [" + standard + "]";
  }
  argument.required = option.get_required();
  argument.repeats = option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll &&
                     option.get_items_expected_max() > 1;
  if (argument.takes_value()) {
    const std::string name =
        argument.names.empty() ? option.get_single_name() : argument.names.back();
    argument.offer = offer_for(name, argument.type, values);
  }
  return argument;
}

Verb read(const CLI::App& app, std::vector<std::string> path,
          const std::map<std::string, Words>& values) {
  Verb verb{.path = std::move(path), .about = app.get_description(), .notes = app.get_footer()};
  // A verb without notes of its own inherits those above.
  if (app.get_parent() != nullptr && verb.notes == app.get_parent()->get_footer()) verb.notes = "";
  for (const CLI::Option* option : app.get_options()) {
    verb.arguments.push_back(read_argument(*option, values));
  }
  for (const CLI::App* sub : app.get_subcommands({})) {
    std::vector<std::string> below = verb.path;
    below.push_back(sub->get_name());
    verb.verbs.push_back(read(*sub, std::move(below), values));
  }
  return verb;
}

}  // namespace

std::string Verb::words() const {
  std::string text;
  for (const std::string& word : path) text += (text.empty() ? "" : " ") + word;
  return text;
}

Verb read_tree(const CLI::App& app) { return read(app, {}, named_values()); }

}  // namespace isoform::cli
