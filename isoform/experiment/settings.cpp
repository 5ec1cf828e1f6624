#include "isoform/experiment/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <sstream>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/experiment/files.h"
#include "isoform/experiment/procedure.h"
#include "isoform/experiment/whole.h"

namespace isoform {

namespace {

using Json = nlohmann::json;
using Words = std::vector<std::pair<std::string, std::string>>;

constexpr Index kMostRepeats = 10000;
constexpr std::array<std::string_view, 2> kScales = {"quick", "paper"};
constexpr std::array kSections = {"data", "network", "training", "adaptation"};

Json parse(std::string_view text, const std::string& name) {
  try {
    std::ostringstream json;
    json << toml::json_formatter{toml::parse(text, name)};
    return Json::parse(json.str());
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    throw FormatError(fmt::format("{}:{}:{}: {}", name, at.line, at.column, error.description()));
  }
}

// A value as the flag of that name takes it.
std::string flag_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::vector<std::string> parts;
  for (const Json& item : value) parts.push_back(flag_text(item));
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ","));
}

class Reader {
 public:
  Reader(Json json, std::string name) : json_(std::move(json)), name_(std::move(name)) {}

  template <class Value>
  Value take(const std::string& key, Value standard = {}) {
    if (!json_.contains(key)) return standard;
    try {
      Value value = json_.at(key).get<Value>();
      json_.erase(key);
      return value;
    } catch (const Json::exception&) {
      fail(fmt::format("{}: has a value of the wrong kind: {}", key, json_.at(key).dump()));
    }
  }
  Index take_whole(const std::string& key, Index low, Index high, Index standard) {
    const Json value = take<Json>(key, standard);
    if (is_whole(value, low, high)) return value.get<Index>();
    fail(fmt::format("{}: needs a whole number from {} to {}, got {}", key, low, high,
                     value.dump()));
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw UsageError(fmt::format("{}: {}", name_, what));
  }
  Json& json() { return json_; }

 private:
  Json json_;
  std::string name_;
};

// Throws where a setting is unknown or can't have that value.
void try_setting(const Reader& reader, const std::string& name, const std::string& text) {
  try {
    RunSettings settings;
    set_setting(settings, name, text);
  } catch (const UsageError& error) {
    reader.fail(error.what());
  }
}

bool is_setting(const std::string& name) {
  RunSettings settings;
  std::string flag = name;
  std::replace(flag.begin(), flag.end(), '_', '-');
  const std::vector<Setting> list = list_settings(settings);
  return std::any_of(list.begin(), list.end(), [&](const Setting& s) { return s.name == flag; });
}

Words read_sections(Reader& reader) {
  Words words;
  for (const char* section : kSections) {
    const Json content = reader.take<Json>(section, Json::object());
    if (!content.is_object()) reader.fail(fmt::format("{}: needs to be a [section]", section));
    for (const auto& [key, value] : content.items()) {
      words.emplace_back(key, flag_text(value));
      try_setting(reader, key, words.back().second);
    }
  }
  return words;
}

std::vector<ExperimentArm> read_arms(Reader& reader, const std::vector<std::string>& own_keys) {
  std::vector<ExperimentArm> arms;
  const Json tables = reader.take<Json>("arm", Json::array());
  if (!tables.is_array() || tables.empty()) reader.fail("needs arms, each headed [[arm]]");
  for (const Json& table : tables) {
    ExperimentArm arm;
    for (const auto& [key, value] : table.items()) {
      if (key == "name" || key == "about") {
        if (!value.is_string()) reader.fail(fmt::format("[[arm]] {}: needs a text", key));
        (key == "name" ? arm.name : arm.about) = value.get<std::string>();
      } else if (is_setting(key)) {
        arm.settings.emplace_back(key, flag_text(value));
        try_setting(reader, key, arm.settings.back().second);
      } else if (std::find(own_keys.begin(), own_keys.end(), key) != own_keys.end()) {
        arm.own[key] = value;
      } else {
        reader.fail(fmt::format("[[arm]] '{}' is neither a setting of train nor of the procedure{}",
                                key, did_you_mean(key, own_keys)));
      }
    }
    if (arm.name.empty()) reader.fail("[[arm]] needs a name");
    for (const ExperimentArm& other : arms) {
      if (other.name == arm.name) reader.fail(fmt::format("two arms are called '{}'", arm.name));
    }
    arms.push_back(std::move(arm));
  }
  return arms;
}

std::vector<std::string> paragraphs(const std::string& text) {
  std::vector<std::string> found(1);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      if (!found.back().empty()) found.emplace_back();
      continue;
    }
    found.back() += (found.back().empty() ? "" : " ") + line;
  }
  if (found.back().empty()) found.pop_back();
  return found;
}

}  // namespace

std::string_view scale_name(Scale scale) { return kScales[static_cast<std::size_t>(scale)]; }

Scale scale_from_name(std::string_view name) {
  if (name == "quick") return Scale::quick;
  if (name == "paper") return Scale::paper;
  throw UsageError(fmt::format("scale: '{}' is unknown; known are quick, paper", name));
}

std::vector<std::string> experiment_names() {
  std::vector<std::string> names;
  for (const ExperimentFile& file : experiment_files()) names.emplace_back(file.name);
  return names;
}

std::string_view experiment_text(const std::string& name) {
  for (const ExperimentFile& file : experiment_files()) {
    if (file.name == name) return file.text;
  }
  const std::vector<std::string> names = experiment_names();
  throw UsageError(
      fmt::format("experiment: '{}' is unknown; known are {}, all, and files that end in .toml{}",
                  name, fmt::join(names, ", "), did_you_mean(name, names)));
}

ExperimentSettings read_experiment(std::string_view text, const std::string& name, Scale scale,
                                   const std::string& source) {
  const std::string& where = source.empty() ? name : source;
  Reader reader(parse(text, where), where);
  const Json quick = reader.take<Json>("quick", Json::object());
  if (scale == Scale::quick) {
    if (!quick.is_object()) reader.fail("[quick] needs to be a section");
    reader.json().merge_patch(quick);
  }
  ExperimentSettings settings;
  settings.name = name;
  settings.scale = scale;
  settings.all = reader.json();
  settings.source = where;
  settings.number = static_cast<int>(reader.take_whole("number", 0, 1000000, 0));
  settings.title = reader.take<std::string>("title", name);
  settings.question = reader.take<std::string>("question");
  settings.method = paragraphs(reader.take<std::string>("method"));
  settings.datasets = reader.take<std::vector<std::string>>("datasets");
  settings.repeats = static_cast<int>(reader.take_whole("repeats", 1, kMostRepeats, 1));
  settings.training_samples = reader.take_whole("training_samples", 0, 1000000000, 0);
  settings.test_samples = reader.take_whole("test_samples", 0, 1000000000, 0);
  settings.procedure = reader.take<std::string>("procedure");
  const ExperimentProcedure& procedure = procedure_by_name(settings.procedure);
  settings.common = read_sections(reader);
  settings.arms = read_arms(reader, procedure.keys);
  settings.own = reader.json();
  for (const auto& [key, value] : settings.own.items()) {
    if (std::find(procedure.keys.begin(), procedure.keys.end(), key) == procedure.keys.end()) {
      reader.fail(fmt::format(
          "'{}' is no key of an experiment by the procedure {}{}; its own are {}", key,
          procedure.name, did_you_mean(key, procedure.keys), fmt::join(procedure.keys, ", ")));
    }
  }
  return settings;
}

ExperimentSettings find_experiment(const std::string& name_or_path, Scale scale) {
  if (!name_or_path.ends_with(".toml")) {
    return read_experiment(experiment_text(name_or_path), name_or_path, scale);
  }
  const std::string name = std::filesystem::path(name_or_path).stem().string();
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
  if (!plain) {
    throw UsageError(
        fmt::format("{}: the results go into a folder of this name, which may have letters, "
                    "digits, - and _ alone; rename the file",
                    name_or_path));
  }
  std::error_code ignored;
  std::ifstream file(name_or_path, std::ios::binary);
  if (!file || std::filesystem::is_directory(name_or_path, ignored)) {
    throw FileError(fmt::format("{}: cannot be read; check the path", name_or_path));
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return read_experiment(text, name, scale, name_or_path);
}

}  // namespace isoform
