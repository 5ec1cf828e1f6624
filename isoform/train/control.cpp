#include "isoform/train/control.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/base/text.h"

namespace isoform {

namespace {

constexpr std::array<std::string_view, 7> kActions = {"pause", "resume", "adapt", "checkpoint",
                                                      "stop",  "set",    "task"};

const ControlAnswer kEnded = {false, "the run has ended; nothing can be asked of it any more"};

}  // namespace

std::string_view control_action_name(ControlAction action) {
  return kActions.at(static_cast<std::size_t>(action));
}

ControlAction control_action_from_name(std::string_view name) {
  const auto found = std::find(kActions.begin(), kActions.end(), name);
  if (found == kActions.end()) {
    const std::vector<std::string> known(kActions.begin(), kActions.end());
    throw UsageError(fmt::format("action: needs one of {}, got '{}'{}", fmt::join(kActions, ", "),
                                 name, did_you_mean(name, known)));
  }
  return static_cast<ControlAction>(found - kActions.begin());
}

std::future<ControlAnswer> RunControl::ask(ControlRequest request) {
  Asked asked{std::move(request), {}};
  std::future<ControlAnswer> answer = asked.answer.get_future();
  const std::lock_guard lock(mutex_);
  if (closed_) {
    asked.answer.set_value(kEnded);
    return answer;
  }
  waiting_.push_back(std::move(asked));
  any_ = true;
  arrived_.notify_one();
  return answer;
}

void RunControl::answer(const Judge& judge) {
  if (!any_) return;
  std::deque<Asked> now;
  {
    const std::lock_guard lock(mutex_);
    now.swap(waiting_);
    any_ = false;
  }
  for (Asked& asked : now) asked.answer.set_value(judge(asked.request));
}

void RunControl::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, time, [this] { return !waiting_.empty(); });
}

void RunControl::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (Asked& asked : waiting_) asked.answer.set_value(kEnded);
  waiting_.clear();
  any_ = false;
}

}  // namespace isoform
