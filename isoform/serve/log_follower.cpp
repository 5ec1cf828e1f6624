#include "isoform/serve/log_follower.h"

#include <system_error>

#include "isoform/base/error.h"
#include "isoform/monitor/event_log.h"

namespace isoform {

namespace {

constexpr std::chrono::milliseconds kLook = std::chrono::milliseconds(200);

}  // namespace

LogFollower::LogFollower(const std::filesystem::path& path, RunFeed& feed)
    : path_(path), feed_(feed) {
  if (!read()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { follow(stop); });
}

std::string LogFollower::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

// The whole file again: logs are a few megabytes, and a line that a kill had cut may be whole now.
bool LogFollower::read() {
  std::error_code ignored;
  size_ = std::filesystem::file_size(path_, ignored);
  const std::vector<Event> events = read_events(path_);
  for (auto i = static_cast<std::size_t>(feed_.next()); i < events.size(); ++i) {
    feed_.add(events[i]);
  }
  if (events.empty() || events.back().type != "end") return true;
  feed_.end();
  return false;
}

void LogFollower::follow(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any bell;
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex);
    bell.wait_for(lock, stop, kLook, [] { return false; });
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path_, error);
    if (error || size == size_) continue;  // a file that is gone may come back
    try {
      if (!read()) return;
    } catch (const Error& problem) {
      const std::lock_guard guard(mutex_);
      failure_ = problem.what();
      feed_.end();
      return;
    }
  }
}

}  // namespace isoform
