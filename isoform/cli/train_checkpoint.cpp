#include "isoform/cli/train_checkpoint.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/base/version.h"
#include "isoform/io/json.h"
#include "isoform/run/same_run.h"

namespace isoform::cli {

using Json = nlohmann::json;

namespace {

constexpr std::string_view kAnew = "without --resume";

}  // namespace

RunCheckpoint::RunCheckpoint(std::string path, const RunSettings& settings)
    : path_(std::move(path)), settings_(counted_settings(settings)) {}

void RunCheckpoint::load() {
  std::error_code ignored;
  if (path_.empty() || !std::filesystem::exists(path_, ignored)) return;
  found_ = load_checkpoint<float>(path_);
  require_same_settings(path_, found_->settings, settings_, kAnew);
  const std::string where = fmt::format("'{}', extra", path_);
  const Json extra = parse_json(found_->extra, where);
  const Field fields(extra, where);
  done_ = fields["done"].flag();
  memory_.restore(fields["memory"].value(), where);
  if (const auto lines = fields.find("lines")) kept_.lines = lines->integer(0);
  kept_.step = found_->state.step;
}

void RunCheckpoint::tell_version(const Observer& tell) const {
  if (!found_ || found_->version == version()) return;
  const TrainerState<float>& state = found_->state;
  tell({"warning",
        state.step,
        state.epoch,
        state.seconds,
        {{"message", fmt::format("the checkpoint is of Isoform {}, this is {}: other bits are "
                                 "possible from here on",
                                 found_->version, version())}}});
}

void RunCheckpoint::require_same(const std::vector<TaskData>& data) const {
  if (found_) require_same_data(path_, found_->state.data, data, kAnew);
}

void RunCheckpoint::open(std::optional<EventLog>& log, const std::string& path) const {
  if (path.empty()) return;
  if (found_) {
    log.emplace(path, kept_);
  } else {
    log.emplace(path);
  }
}

void RunCheckpoint::write(TrainerState<float> state, const EventLog* log, const Observer& tell,
                          bool done) {
  if (path_.empty()) return;
  const auto start = std::chrono::steady_clock::now();
  Event event = {"checkpoint", state.step, state.epoch, state.seconds, {}};
  Json extra = {{"done", done}, {"memory", memory_.json()}};
  if (log != nullptr) extra["lines"] = log->size();
  try {
    const std::string bytes =
        serialise_checkpoint<float>({std::move(state),
                                     settings_,
                                     extra.dump(-1, ' ', false, Json::error_handler_t::replace),
                                     {}});
    write_file_atomically(path_, bytes);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    failure_.clear();
    event.data = {{"bytes", bytes.size()}, {"write_s", spent.count()}};
  } catch (const Error& error) {
    const bool known = failure_ == error.what();
    failure_ = error.what();
    if (known) return;
    event.type = "warning";
    event.data = {
        {"message", fmt::format("no checkpoint is written: {}; training goes on", failure_)}};
  }
  if (tell) tell(event);
}

}  // namespace isoform::cli
