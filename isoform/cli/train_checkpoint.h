// --checkpoint and --resume of isoform train.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "isoform/io/checkpoint.h"
#include "isoform/monitor/event_log.h"
#include "isoform/monitor/run_memory.h"
#include "isoform/run/settings.h"

namespace isoform::cli {

/// The checkpoint of a run: read, compared with what is asked for now, and written. Without a path it does nothing.
class RunCheckpoint {
 public:
  /// Settings that no bit depends on do not count.
  RunCheckpoint(std::string path, const RunSettings& settings);
  RunCheckpoint(const RunCheckpoint&) = delete;
  RunCheckpoint& operator=(const RunCheckpoint&) = delete;

  /// Reads what is there, if anything is. Throws UsageError with every setting that is another, FileError, FormatError.
  void load();
  /// Throws UsageError where the data are others.
  void require_same(const std::vector<TaskData>& data) const;
  /// Warns where another version of Isoform wrote what load() found.
  void tell_version(const Observer& tell) const;
  /// What load() found.
  [[nodiscard]] const std::optional<Checkpoint<float>>& found() const { return found_; }
  /// True for a run that was finished, with all that it writes.
  [[nodiscard]] bool done() const { return done_; }

  /// What has been told of the run; observes the run that goes on.
  RunMemory& memory() { return memory_; }
  /// Opens the event log: anew, or behind what the checkpoint knew of it.
  void open(std::optional<EventLog>& log, const std::string& path) const;

  /// Writes the state. Where that fails, a warning is all that happens. Both are told to `tell`, which may be
  /// empty.
  void write(TrainerState<float> state, const EventLog* log, const Observer& tell,
             bool done = false);
  /// True where there is a path, and the last one was written.
  [[nodiscard]] bool is_kept() const { return !path_.empty() && failure_.empty(); }
  /// Why the last one was not written; empty: it was.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  std::string path_;
  nlohmann::json settings_;
  std::optional<Checkpoint<float>> found_;
  RunMemory memory_;
  bool done_ = false;
  EventLog::Kept kept_;
  std::string failure_;
};

}  // namespace isoform::cli
