#include "python/src/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "isoform/train/trainer_state.h"

namespace isoform::python {

namespace {

// Without what no bit depends on: what data are called where they lie (what they hold is compared), and threads.
Json counted(RunSettings settings) {
  Json json = settings_json(settings);
  json["data"].erase("data");
  json["data"].erase("data_dir");
  json["training"].erase("threads");
  json["table"].erase("in_memory");
  return Json::parse(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void refuse(const std::string& path, const std::vector<Difference>& differences) {
  if (differences.empty()) return;
  std::vector<std::string> lines;
  for (const Difference& difference : differences) lines.push_back("  " + difference.text());
  throw UsageError(
      fmt::format("resume: '{}' is of another run:\n{}\ngive the same, or begin anew with "
                  "resume=False",
                  path, fmt::join(lines, "\n")));
}

}  // namespace

template <class T>
std::optional<Checkpoint<T>> resumed(const Keeping& keeping, const RunSettings& settings,
                                     const std::vector<TaskData>& data) {
  std::error_code ignored;
  if (!keeping.resume || !std::filesystem::exists(keeping.path, ignored)) return {};
  Checkpoint<T> found = load_checkpoint<T>(keeping.path);
  refuse(keeping.path, setting_differences(found.settings, counted(settings)));
  std::vector<DataFingerprint> now;
  for (const TaskData& each : data) now.push_back(fingerprint(each));
  refuse(keeping.path, differences(found.state.data, now));
  return found;
}

Json epochs_of(const std::string& extra) {
  const Json said = Json::parse(extra, nullptr, false);
  if (!said.is_object() || !said.contains("epochs")) return Json::array();
  return said["epochs"];
}

template <class T>
std::string keep(const Keeping& keeping, const RunSettings& settings, TrainerState<T> state,
                 const Json& epochs) {
  try {
    const Json extra = {{"epochs", epochs}};
    save_checkpoint<T>({std::move(state), counted(settings),
                        extra.dump(-1, ' ', false, Json::error_handler_t::replace)},
                       keeping.path);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

template std::optional<Checkpoint<float>> resumed(const Keeping&, const RunSettings&,
                                                  const std::vector<TaskData>&);
template std::optional<Checkpoint<double>> resumed(const Keeping&, const RunSettings&,
                                                   const std::vector<TaskData>&);
template std::string keep(const Keeping&, const RunSettings&, TrainerState<float>, const Json&);
template std::string keep(const Keeping&, const RunSettings&, TrainerState<double>, const Json&);

}  // namespace isoform::python
