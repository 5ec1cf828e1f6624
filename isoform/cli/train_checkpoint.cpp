#include "isoform/cli/train_checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/base/version.h"
#include "isoform/io/json.h"

namespace isoform::cli {

using Json = nlohmann::json;

namespace {

// Without what no bit depends on: where data lie (what they hold is compared), and on how many threads.
Json counted(Json settings) {
  settings["data"].erase("data");
  settings["data"].erase("data_dir");
  settings["training"].erase("threads");
  settings["table"].erase("in_memory");
  // As it will be read again, bytes that are no text included.
  return Json::parse(settings.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void refuse(const std::string& path, const std::vector<Difference>& differences) {
  if (differences.empty()) return;
  std::vector<std::string> lines;
  for (const Difference& difference : differences) lines.push_back("  " + difference.text());
  throw UsageError(fmt::format(
      "resume: '{}' is of another run:\n{}\ngive the same, or begin anew without --resume", path,
      fmt::join(lines, "\n")));
}

}  // namespace

RunCheckpoint::RunCheckpoint(std::string path, Json settings)
    : path_(std::move(path)), settings_(counted(std::move(settings))) {}

void RunCheckpoint::load() {
  std::error_code ignored;
  if (path_.empty() || !std::filesystem::exists(path_, ignored)) return;
  found_ = load_checkpoint<float>(path_);
  refuse(path_, setting_differences(found_->settings, settings_));
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
  if (!found_) return;
  std::vector<DataFingerprint> now;
  for (const TaskData& each : data) now.push_back(fingerprint(each));
  refuse(path_, differences(found_->state.data, now));
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
