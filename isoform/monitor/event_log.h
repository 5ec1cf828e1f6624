// The event log: a run's events as lines of JSON, one object a line, for every reader that comes
// after the run or watches it from another process. The fields of each type are in docs/events.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "isoform/train/event.h"

namespace isoform {

/// Version of the line format: the field `v`. It changes only when an old reader would misread a
/// line; new types and new fields do not change it.
inline constexpr int kEventFormat = 1;

/// Writes events to a file as they happen: {v, seq, step, epoch, time_s, type, …data}.
///
/// Each line is one write to the operating system, so that a run killed in the middle leaves whole
/// lines (the last one cut at worst, which read_events drops). Numbers that are not finite are
/// written as null, bytes that are not UTF-8 as U+FFFD. The fields of the line itself win over
/// fields of the same name in the event's data.
///
/// A write that fails (disk full) never stops training: the log ends at the last whole line,
/// nothing more is written, failed() turns true and failure() says why.
///
/// Not thread-safe: give observer() to one trainer. The log must outlive the observer.
class EventLog {
 public:
  enum class Mode {
    replace,  // start an empty file
    resume    // go on after what is there (a resumed run), dropping a last line that was cut
  };
  /// What of a log stays when a run is resumed: its first lines, as long as their step isn't beyond that of the checkpoint.
  struct Kept {
    std::int64_t lines = std::numeric_limits<std::int64_t>::max();
    std::int64_t step = std::numeric_limits<std::int64_t>::max();
  };

  /// Opens `path`. Throws FileError naming path, reason and mend when it cannot be written; with
  /// resume also FormatError when what is there is not an event log.
  explicit EventLog(const std::filesystem::path& path, Mode mode = Mode::replace);
  /// Resumes with these lines of what is there and drops the others.
  EventLog(const std::filesystem::path& path, Kept kept) : EventLog(path, Mode::resume, kept) {}
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  /// Writes one event. Never throws for a failed write.
  void operator()(const Event& event);

  /// This log as an observer.
  Observer observer();

  /// Lines in the file, those found there included.
  std::int64_t size() const { return next_; }

  /// True once a line could not be written; the rest of the run is then not in the file.
  bool failed() const { return !failure_.empty(); }

  /// One sentence naming path and reason; empty while all is well.
  const std::string& failure() const { return failure_; }

 private:
  EventLog(const std::filesystem::path& path, Mode mode, Kept kept);
  void fail(int error);

  std::filesystem::path path_;
  int file_ = -1;
  std::int64_t next_ = 0;   // seq of the next line
  std::int64_t bytes_ = 0;  // bytes of whole lines in the file
  std::string failure_;
};

/// The line of JSON for `event`, without the newline.
std::string event_line(const Event& event, std::int64_t seq);

/// Reads an event log, strictly: every line must be an object with v = 1, seq counting 0, 1, 2, …
/// and the fields of every event. Unknown types and fields are kept. A last line without its
/// newline that is not whole was cut by a kill, and is dropped.
///
/// Throws FileError when the file cannot be read, FormatError naming path and line otherwise.
std::vector<Event> read_events(const std::filesystem::path& path);

}  // namespace isoform
