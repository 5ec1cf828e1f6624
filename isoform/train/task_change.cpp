#include "isoform/train/task_change.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/model/tasks.h"

namespace isoform {

namespace {

constexpr std::array<std::string_view, 8> kActions = {"append", "remove", "rename", "on",
                                                      "off",    "change", "freeze", "thaw"};

// The tasks as the changes leave them, and whether each is trained.
class Rehearsal {
 public:
  explicit Rehearsal(const std::vector<Task>& tasks) {
    for (const Task& task : tasks) active_[task.name] = task.active;
  }

  void apply(const TaskChange& change) {
    what_ = fmt::format("change before epoch {} ({})", change.epoch, change.text());
    const bool trunk = change.task.empty() &&
                       (change.action == TaskAction::freeze || change.action == TaskAction::thaw);
    if (change.weight && !(*change.weight > 0 && *change.weight <= kMaxWeight)) {
      fail(fmt::format("weight needs a number above 0 and at most {:g}, got {}", kMaxWeight,
                       *change.weight));
    }
    if (!trunk) require_name("task", change.task);
    if (change.action == TaskAction::append) {
      if (active_.contains(change.task)) fail("a task of that name is there; choose another name");
      active_[change.task] = true;
      return;
    }
    if (trunk) return;
    if (!active_.contains(change.task)) {
      std::vector<std::string> names;
      for (const auto& entry : active_) names.push_back(entry.first);
      fail(fmt::format("no task of that name then; there are {}{}", fmt::join(names, ", "),
                       did_you_mean(change.task, names)));
    }
    bool& active = active_[change.task];
    switch (change.action) {
      case TaskAction::remove:
        if (active_.size() == 1) fail("it is the last task; a model needs an output");
        active_.erase(change.task);
        break;
      case TaskAction::rename:
        require_name("rename", change.to);
        if (active_.contains(change.to)) {
          fail(fmt::format("the name '{}' is taken; choose another", change.to));
        }
        active_[change.to] = active;
        active_.erase(change.task);
        break;
      case TaskAction::on:
      case TaskAction::off: {
        const bool wanted = change.action == TaskAction::on;
        if (active == wanted) fail(fmt::format("it is {} already", wanted ? "on" : "off"));
        active = wanted;
        break;
      }
      case TaskAction::change:
        if (!change.loss && !change.weight && change.data.empty()) {
          fail("needs what is to change: loss, weight or data");
        }
        break;
      default:
        break;
    }
  }

  void require_training() const {
    const bool any =
        std::any_of(active_.begin(), active_.end(), [](const auto& entry) { return entry.second; });
    if (!any) fail("no task is on after it, so that nothing would be trained");
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw UsageError(fmt::format("{}: {}", what_, why));
  }

  std::map<std::string, bool> active_;
  std::string what_ = "tasks";
};

}  // namespace

std::string_view task_action_name(TaskAction action) {
  return kActions[static_cast<std::size_t>(action)];
}

TaskAction task_action_from_name(std::string_view name) {
  const auto* found = std::find(kActions.begin(), kActions.end(), name);
  if (found == kActions.end()) {
    throw UsageError(
        fmt::format("change: '{}' is unknown; known are {}", name, fmt::join(kActions, ", ")));
  }
  return static_cast<TaskAction>(found - kActions.begin());
}

std::string TaskChange::text() const {
  std::string out = fmt::format("{} {}", task_action_name(action), task.empty() ? "trunk" : task);
  if (action == TaskAction::rename) out += fmt::format(" to {}", to);
  return out;
}

void check_changes(const std::vector<Task>& tasks, const std::vector<TaskChange>& changes,
                   int epochs) {
  Rehearsal rehearsal(tasks);
  int epoch = 1;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const TaskChange& change = changes[i];
    if (change.epoch < epoch || change.epoch > epochs) {
      throw UsageError(
          fmt::format("change '{}': epoch needs a number from {} to {} (epochs in order, the last "
                      "is {}), got {}",
                      change.text(), epoch, epochs, epochs, change.epoch));
    }
    epoch = change.epoch;
    rehearsal.apply(change);
    if (i + 1 == changes.size() || changes[i + 1].epoch > epoch) rehearsal.require_training();
  }
  if (changes.empty()) rehearsal.require_training();
}

}  // namespace isoform
