#include "isoform/serve/run_feed.h"

#include <algorithm>
#include <utility>

#include "isoform/monitor/event_log.h"

namespace isoform {

void RunFeed::add(const Event& event) {
  const std::lock_guard lock(mutex_);
  const bool step = event.type == "step";
  lines_.push_back({{next_, event_line(event, next_)}, step});
  ++next_;
  if (step && ++steps_ >= steps_kept_) thin();
  grew_.notify_all();
}

// The newest stays: somebody may be waiting for it.
void RunFeed::thin() {
  bool goes = false;
  std::erase_if(lines_, [&](const Kept& line) {
    if (!line.step || line.seq + 1 == next_) return false;
    goes = !goes;
    return goes;
  });
  steps_ = static_cast<std::size_t>(
      std::count_if(lines_.begin(), lines_.end(), [](const Kept& line) { return line.step; }));
}

Observer RunFeed::observer() {
  return [this](const Event& event) { add(event); };
}

void RunFeed::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  grew_.notify_all();
}

std::vector<RunFeed::Line> RunFeed::lines(std::int64_t seq, std::size_t most,
                                          std::chrono::milliseconds wait) const {
  std::unique_lock lock(mutex_);
  grew_.wait_for(lock, wait, [&] { return next_ > seq || ended_; });
  auto at = std::lower_bound(lines_.begin(), lines_.end(), seq,
                             [](const Kept& line, std::int64_t s) { return line.seq < s; });
  std::vector<Line> found;
  for (; at != lines_.end() && found.size() < most; ++at) found.push_back(*at);
  return found;
}

std::int64_t RunFeed::next() const {
  const std::lock_guard lock(mutex_);
  return next_;
}

bool RunFeed::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

}  // namespace isoform
