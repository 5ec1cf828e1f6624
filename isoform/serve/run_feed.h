// The lines of a run's event log as they come, for any number of readers on other threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "isoform/train/event.h"

namespace isoform {

/// Thread-safe. Lines are numbered as in the log (`seq`, docs/events.md). All are kept but `step` events, of which every second
/// goes whenever there are `steps_kept`: what a feed holds is bounded by what happened, not by how long it took.
class RunFeed {
 public:
  struct Line {
    std::int64_t seq = 0;
    std::string text;  // of JSON, without the newline
  };
  explicit RunFeed(std::string name, std::size_t steps_kept = 200'000)
      : name_(std::move(name)), steps_kept_(steps_kept) {}
  RunFeed(const RunFeed&) = delete;
  RunFeed& operator=(const RunFeed&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

  /// The next line. Lines that come after `end` are taken, too.
  void add(const Event& event);
  /// This feed as an observer; it must outlive it.
  Observer observer();
  /// Nothing more comes.
  void end();

  /// Lines from `seq` on, at most so many; waits for the first, at most so long.
  [[nodiscard]] std::vector<Line> lines(std::int64_t seq, std::size_t most,
                                        std::chrono::milliseconds wait) const;
  /// The number that the next line will have.
  [[nodiscard]] std::int64_t next() const;
  [[nodiscard]] bool ended() const;

 private:
  void thin();

  const std::string name_;
  const std::size_t steps_kept_;
  mutable std::mutex mutex_;
  mutable std::condition_variable grew_;
  struct Kept : Line {
    bool step = false;
  };
  std::deque<Kept> lines_;
  std::size_t steps_ = 0;  // among them
  std::int64_t next_ = 0;
  bool ended_ = false;
};

}  // namespace isoform
