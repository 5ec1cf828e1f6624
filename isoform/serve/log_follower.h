// An event log in a file as a feed: what is there, and what a run still writes to it.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <thread>

#include "isoform/serve/run_feed.h"

namespace isoform {

/// Reads the file, then looks for more some five times a second until the run has ended. A log that a resumed run cuts and
/// writes again goes on where it was: its lines have the same numbers. A line that can't be read ends the feed; failure() says
/// why.
class LogFollower {
 public:
  /// Throws FileError and FormatError as read_events does.
  LogFollower(const std::filesystem::path& path, RunFeed& feed);
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;

  /// One sentence, or empty.
  [[nodiscard]] std::string failure() const;

 private:
  bool read();  // false: nothing more comes
  void follow(const std::stop_token& stop);

  std::filesystem::path path_;
  RunFeed& feed_;
  std::uintmax_t size_ = 0;
  mutable std::mutex mutex_;
  std::string failure_;
  std::jthread thread_;
};

}  // namespace isoform
