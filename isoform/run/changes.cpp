#include "isoform/run/changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "isoform/base/error.h"
#include "isoform/base/text.h"

namespace isoform {

namespace {

constexpr const char* kTrunk = "trunk";

const std::vector<std::string>& actions() {
  static const std::vector<std::string> names = {"append", "remove", "rename", "on",
                                                 "off",    "change", "freeze", "thaw"};
  return names;
}

template <class Number>
Number number_of(const std::string& where, const std::string& key, const std::string& text) {
  Number value{};
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool good = error == std::errc() && stopped == text.data() + text.size();
  if constexpr (std::is_floating_point_v<Number>) good = good && std::isfinite(value);
  if (!good) throw UsageError(fmt::format("{}: {} needs a number, got '{}'", where, key, text));
  return value;
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (true) {
    const std::size_t comma = text.find(',', at);
    parts.push_back(text.substr(at, comma - at));
    if (comma == std::string::npos) return parts;
    at = comma + 1;
  }
}

// The words that an action takes beside its own and the epoch.
std::vector<std::string> words_of(TaskAction action) {
  switch (action) {
    case TaskAction::append:
      return {"name", "inputs", "loss", "weight"};
    case TaskAction::rename:
      return {"to"};
    case TaskAction::change:
      return {"data", "loss", "weight"};
    default:
      return {};
  }
}

}  // namespace

std::string data_name(const std::string& set_or_folder) {
  std::string text = set_or_folder;
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  const std::string last = std::filesystem::path(text).filename().string();
  return last.empty() || last == "." || last == ".." ? text : last;
}

TaskChange parse_change(const std::map<std::string, std::string>& words, const std::string& where) {
  TaskChange change;
  std::string own;
  for (const auto& entry : words) {
    if (std::find(actions().begin(), actions().end(), entry.first) == actions().end()) continue;
    // 'change' takes data=…, but no second action.
    if (!own.empty()) {
      throw UsageError(fmt::format("{}: needs one action, got {} and {}; give each its own change",
                                   where, own, entry.first));
    }
    own = entry.first;
  }
  if (own.empty()) {
    throw UsageError(
        fmt::format("{}: needs an action, one of {}; for example 'epoch=6 "
                    "append=fashion-mnist'",
                    where, fmt::join(actions(), ", ")));
  }
  change.action = task_action_from_name(own);
  std::vector<std::string> known = words_of(change.action);
  known.insert(known.end(), {"epoch", own});
  for (const auto& [key, value] : words) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw UsageError(fmt::format("{}: {} takes no '{}'; it takes {}{}", where, own, key,
                                   fmt::join(known, ", "), did_you_mean(key, known)));
    }
    if (value.empty()) throw UsageError(fmt::format("{}: {} needs a value", where, key));
  }
  const auto epoch = words.find("epoch");
  if (epoch == words.end()) {
    throw UsageError(
        fmt::format("{}: needs an epoch, before which it happens; for example epoch=6", where));
  }
  change.epoch = number_of<int>(where, "epoch", epoch->second);
  const std::string subject = words.at(own);
  const bool append = change.action == TaskAction::append;
  const bool trunk = change.action == TaskAction::freeze || change.action == TaskAction::thaw;
  change.task = append ? data_name(subject) : trunk && subject == kTrunk ? "" : subject;
  if (append) change.data = subject;
  for (const auto& [key, value] : words) {
    if (key == "name") change.task = value;
    if (key == "to") change.to = value;
    if (key == "data") change.data = value;
    if (key == "inputs") change.inputs = split_list(value);
    if (key == "weight") change.weight = number_of<double>(where, key, value);
    if (key == "loss") {
      try {
        change.loss = loss_from_name(value);
      } catch (const UsageError& error) {
        throw UsageError(fmt::format("{}: {}", where, error.what()));
      }
    }
  }
  return change;
}

TaskChange parse_change(const std::string& text) {
  const std::string where = fmt::format("change '{}'", text);
  std::map<std::string, std::string> words;
  std::size_t at = 0;
  while (true) {
    at = text.find_first_not_of(" \t,;", at);
    if (at == std::string::npos) break;
    const std::size_t equals = text.find('=', at);
    const std::size_t space = text.find(' ', at);
    if (equals == std::string::npos || space < equals) {
      throw UsageError(
          fmt::format("{}: needs key=value, got '{}'", where, text.substr(at, space - at)));
    }
    const std::string key = text.substr(at, equals - at);
    std::string value;
    at = equals + 1;
    if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
      const std::size_t end = text.find(text[at], at + 1);
      if (end == std::string::npos) throw UsageError(fmt::format("{}: a quote is open", where));
      value = text.substr(at + 1, end - at - 1);
      at = end + 1;
    } else {
      const std::size_t end = text.find(' ', at);
      value = text.substr(at, end - at);
      at = end;
    }
    if (!words.emplace(key, value).second) {
      throw UsageError(fmt::format("{}: {} is given twice", where, key));
    }
    if (at == std::string::npos) break;
  }
  return parse_change(words, where);
}

nlohmann::json change_json(const TaskChange& change) {
  const std::string own(task_action_name(change.action));
  const bool append = change.action == TaskAction::append;
  nlohmann::json json = {{"epoch", change.epoch}};
  json[own] = append ? change.data : change.task.empty() ? kTrunk : change.task;
  if (append) json["name"] = change.task;
  if (!append && !change.data.empty()) json["data"] = change.data;
  if (!change.to.empty()) json["to"] = change.to;
  if (!change.inputs.empty()) json["inputs"] = change.inputs;
  if (change.loss) json["loss"] = loss_name(*change.loss);
  if (change.weight) json["weight"] = *change.weight;
  return json;
}

std::string change_toml(const TaskChange& change) {
  std::string out = "\n[[change]]\n";
  const nlohmann::json json = change_json(change);
  for (const auto& [key, value] : json.items()) {
    out += fmt::format("{} = {}\n", key, value.dump());
  }
  return out;
}

}  // namespace isoform
