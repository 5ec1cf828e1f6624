// Changes of a model's tasks while it trains: what, and before which epoch. docs/tasks.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/model/model.h"

namespace isoform {

enum class TaskAction {
  append,  // a new task, with an input of its own unless it names those it reads
  remove,  // the task, its head, and inputs that nobody else reads
  rename,
  on,      // trained (again)
  off,     // kept and answered, but not trained
  change,  // its data, loss or weight
  freeze,  // the head of a task; without a task the trunk: all groups that there are
  thaw,
};
std::string_view task_action_name(TaskAction action);
TaskAction task_action_from_name(std::string_view name);

struct TaskChange {
  int epoch = 1;  // before this epoch, 1 being the first
  TaskAction action = TaskAction::append;
  std::string task = {};  // whose
  std::string to = {};    // rename: the new name
  std::string data = {};  // append, change: name of the task's data; empty: the task's name
  std::vector<std::string> inputs =
      {};  // append: inputs it reads that are there; empty: one of its own
  std::optional<Loss> loss = {};
  std::optional<double> weight = {};

  /// "append fashion-mnist", for people.
  [[nodiscard]] std::string text() const;
};

/// Goes through the changes as a run of so many epochs would, beginning with tasks of these names, and throws UsageError at
/// the first that can't be: an epoch that doesn't come, an unknown name or one that is taken, the last task removed,
/// nothing left to train, a task switched to what it is already. Changes of one epoch happen in their order; epochs
/// must not go back.
void check_changes(const std::vector<Task>& tasks, const std::vector<TaskChange>& changes,
                   int epochs);

}  // namespace isoform
