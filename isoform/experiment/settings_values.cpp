// What arms and procedures read from the settings of an experiment.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/experiment/settings.h"
#include "isoform/experiment/whole.h"

namespace isoform {

using Json = nlohmann::json;

void ExperimentSettings::refuse(const std::string& what) const {
  throw UsageError(fmt::format("{}: {}", source, what));
}

RunSettings ExperimentSettings::training(const ExperimentArm& arm, const std::string& data,
                                         std::uint64_t seed) const {
  try {
    RunSettings settings;
    settings.data = data;
    for (const auto& [key, text] : common) set_setting(settings, key, text);
    for (const auto& [key, text] : arm.settings) set_setting(settings, key, text);
    settings.training.seed = seed;
    settings.finish();
    return settings;
  } catch (const UsageError& error) {
    refuse(fmt::format("arm '{}': {}", arm.name, error.what()));
  }
}

const Json& ExperimentSettings::value(const std::string& key, const ExperimentArm* arm) const {
  if (arm != nullptr && arm->own.contains(key)) return arm->own.at(key);
  if (own.contains(key)) return own.at(key);
  refuse(fmt::format("needs {}, which the procedure {} reads", key, procedure));
}

Index ExperimentSettings::whole(const std::string& key, Index low, Index high,
                                const ExperimentArm* arm) const {
  const Json& found = value(key, arm);
  if (is_whole(found, low, high)) return found.get<Index>();
  refuse(
      fmt::format("{}: needs a whole number from {} to {}, got {}", key, low, high, found.dump()));
}

std::vector<Index> ExperimentSettings::wholes(const std::string& key, Index low, Index high,
                                              const ExperimentArm* arm, bool distinct) const {
  const Json& found = value(key, arm);
  std::vector<Index> numbers;
  for (const Json& item : found.is_array() ? found : Json::array()) {
    if (!is_whole(item, low, high)) break;
    numbers.push_back(item.get<Index>());
    if (distinct && std::count(numbers.begin(), numbers.end(), numbers.back()) > 1) {
      refuse(fmt::format("{}: {} stands in it twice", key, numbers.back()));
    }
  }
  if (numbers.empty() || numbers.size() != found.size()) {
    refuse(fmt::format("{}: needs a list of one or more whole numbers from {} to {}, got {}", key,
                       low, high, found.dump()));
  }
  return numbers;
}

double ExperimentSettings::real(const std::string& key, double low, double high) const {
  const Json& found = value(key, nullptr);
  if (found.is_number() && found.get<double>() >= low && found.get<double>() <= high) {
    return found.get<double>();
  }
  refuse(fmt::format("{}: needs a number from {:g} to {:g}, got {}", key, low, high, found.dump()));
}

std::string ExperimentSettings::choice(const std::string& key,
                                       const std::vector<std::string>& known,
                                       const ExperimentArm* arm) const {
  const Json& found = value(key, arm);
  std::string text = found.is_string() ? found.get<std::string>() : found.dump();
  if (std::find(known.begin(), known.end(), text) != known.end()) return text;
  refuse(fmt::format("{}: '{}' is unknown; known are {}{}", key, text, fmt::join(known, ", "),
                     did_you_mean(text, known)));
}

std::vector<std::string> ExperimentSettings::arm_names() const {
  std::vector<std::string> names;
  for (const ExperimentArm& arm : arms) names.push_back(arm.name);
  return names;
}

}  // namespace isoform
