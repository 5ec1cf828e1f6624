#include "python/src/checkpoint.h"

#include <filesystem>

#include "isoform/run/same_run.h"
#include "isoform/train/trainer_state.h"

namespace isoform::python {

namespace {

constexpr std::string_view kAnew = "with resume=False";

}  // namespace

template <class T>
std::optional<Checkpoint<T>> resumed(const Keeping& keeping, const RunSettings& settings,
                                     const std::vector<TaskData>& data) {
  std::error_code ignored;
  if (!keeping.resume || !std::filesystem::exists(keeping.path, ignored)) return {};
  Checkpoint<T> found = load_checkpoint<T>(keeping.path);
  require_same_settings(keeping.path, found.settings, counted_settings(settings), kAnew);
  require_same_data(keeping.path, found.state.data, data, kAnew);
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
    save_checkpoint<T>({std::move(state), counted_settings(settings),
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
