// Settings as TOML and JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/run/changes.h"
#include "isoform/run/settings.h"

namespace isoform {

namespace {

std::string toml_key(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// A TOML value in the words that the same flag takes.
std::string flag_text(const toml::node& node, const std::string& where) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* whole = node.as_integer()) return fmt::format("{}", whole->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* array = node.as_array()) {
    std::vector<std::string> parts;
    for (const auto& item : *array) {
      parts.push_back(flag_text(item, where));
      // Names may hold commas; flags write them so.
      for (std::size_t at = 0; (at = parts.back().find(',', at)) != std::string::npos; at += 2) {
        parts.back().insert(at, 1, '\\');
      }
    }
    if (parts.empty()) return "none";
    return fmt::format("{}", fmt::join(parts, ","));
  }
  throw UsageError(fmt::format("{}: needs a number, text, true, false or a list", where));
}

// A value as TOML. JSON is almost that: TOML has no whole numbers above 2⁶³−1, which a text can hold, no
// raw DEL in texts, and nothing at all that is not UTF-8.
std::string toml_value(const Setting& setting) {
  const nlohmann::json value = setting.get();
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return fmt::format("\"{}\"", value.get<std::uint64_t>());
  }
  std::string text;
  try {
    text = value.dump();
  } catch (const nlohmann::json::type_error&) {
    throw UsageError(fmt::format(
        "{}: needs UTF-8, which is all that TOML can hold; use a name without other bytes",
        setting.name));
  }
  for (std::size_t at = text.find('\x7f'); at != std::string::npos; at = text.find('\x7f', at)) {
    text.replace(at, 1, "\\u007f");
  }
  return text;
}

// "; it belongs in [section]" for a key of another section.
std::string other_place(const std::vector<Setting>& list, std::string_view key) {
  for (const Setting& setting : list) {
    if (toml_key(setting.name) == key) return fmt::format("; it belongs in [{}]", setting.section);
  }
  return "";
}

// The tables [[change]], which replace what there was.
void read_changes(const toml::node& content, const std::filesystem::path& path,
                  RunSettings& settings) {
  const toml::array* list = content.as_array();
  const auto at = [&](const toml::node& node) {
    return fmt::format("{}:{}: change", path.string(), node.source().begin.line);
  };
  if (list == nullptr || !list->is_array_of_tables()) {
    throw UsageError(fmt::format("{} needs tables, each headed [[change]]", at(content)));
  }
  settings.training.changes.clear();
  for (const toml::node& item : *list) {
    std::map<std::string, std::string> words;
    for (const auto& [key, value] : *item.as_table()) {
      words[std::string(key.str())] = flag_text(value, at(item));
    }
    settings.training.changes.push_back(parse_change(words, at(item)));
  }
}

}  // namespace

void set_setting(RunSettings& settings, const std::string& name, const std::string& text) {
  const std::vector<Setting> list = list_settings(settings);
  std::vector<std::string> names;
  for (const Setting& setting : list) {
    names.push_back(setting.name);
    if (toml_key(setting.name) == toml_key(name)) return setting.set(text);
  }
  throw UsageError(fmt::format("'{}' is no setting of train{}", name, did_you_mean(name, names)));
}

void read_settings(const std::filesystem::path& path, RunSettings& settings) {
  // The parser takes a folder for an empty file.
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw FileError(
        fmt::format("{}: cannot be read, because it is a folder; give a file", path.string()));
  }
  toml::table table;
  try {
    table = toml::parse_file(path.string());
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    if (at.line == 0) {
      throw FileError(fmt::format("{}: cannot be read ({}); check the path", path.string(),
                                  error.description()));
    }
    throw FormatError(
        fmt::format("{}:{}:{}: {}", path.string(), at.line, at.column, error.description()));
  }
  const std::vector<Setting> list = list_settings(settings);
  std::vector<std::string> sections;
  for (const Setting& setting : list) {
    if (sections.empty() || sections.back() != setting.section) sections.push_back(setting.section);
  }
  for (const auto& [section, content] : table) {
    const std::string section_name(section.str());
    const auto line = content.source().begin.line;
    if (section_name == "change") {
      read_changes(content, path, settings);
      continue;
    }
    if (!content.is_table() ||
        std::find(sections.begin(), sections.end(), section_name) == sections.end()) {
      throw UsageError(fmt::format("{}:{}: '{}' is no section; known are [{}]{}", path.string(),
                                   line, section_name, fmt::join(sections, "], ["),
                                   did_you_mean(section_name, sections)));
    }
    for (const auto& [key, value] : *content.as_table()) {
      std::vector<std::string> keys;
      const Setting* found = nullptr;
      for (const Setting& setting : list) {
        if (setting.section != section_name) continue;
        keys.push_back(toml_key(setting.name));
        if (keys.back() == key.str()) found = &setting;
      }
      const auto key_line = value.source().begin.line;
      if (found == nullptr) {
        std::string hint = other_place(list, key.str());
        if (hint.empty()) hint = did_you_mean(key.str(), keys);
        throw UsageError(fmt::format("{}:{}: [{}] has no key '{}'{}; known are {}", path.string(),
                                     key_line, section_name, key.str(), hint,
                                     fmt::join(keys, ", ")));
      }
      try {
        found->set(flag_text(value, found->name));
      } catch (const UsageError& error) {
        throw UsageError(fmt::format("{}:{}: {}", path.string(), key_line, error.what()));
      }
    }
  }
}

nlohmann::json settings_json(RunSettings& settings) {
  nlohmann::json out = nlohmann::json::object();
  for (const Setting& setting : list_settings(settings))
    out[setting.section][toml_key(setting.name)] = setting.get();
  for (const TaskChange& change : settings.training.changes) {
    out["change"].push_back(change_json(change));
  }
  return out;
}

std::string settings_toml(RunSettings& settings) {
  std::string out, section;
  for (const Setting& setting : list_settings(settings)) {
    if (setting.section != section) {
      out += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", setting.section);
      section = setting.section;
    }
    out +=
        fmt::format("{} = {}  # {}\n", toml_key(setting.name), toml_value(setting), setting.help);
  }
  for (const TaskChange& change : settings.training.changes) out += change_toml(change);
  return out;
}

}  // namespace isoform
