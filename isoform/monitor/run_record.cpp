#include "isoform/monitor/run_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/monitor/event_fields.h"

namespace isoform {
namespace {

using detail::integer_of;
using detail::integers_of;
using detail::number_of;
using detail::string_of;

// A list of objects under `key`, read one by one.
template <class Read>
auto list_of(const nlohmann::json& data, const char* key, const Read& read) {
  std::vector<decltype(read(data))> list;
  const auto found = data.find(key);
  if (found == data.end() || !found->is_array()) return list;
  for (const auto& entry : *found) {
    if (entry.is_object()) list.push_back(read(entry));
  }
  return list;
}

RunRecord::TaskState state_of(const nlohmann::json& entry) {
  const auto active = entry.find("active");
  return {string_of(entry, "name"),
          active == entry.end() || !active->is_boolean() || active->get<bool>()};
}

RunRecord::TaskScore score_of(const nlohmann::json& entry) {
  return {state_of(entry), number_of(entry, "train_loss"), number_of(entry, "train_accuracy"),
          number_of(entry, "validation_loss"), number_of(entry, "validation_accuracy")};
}

}  // namespace

std::string RunRecord::TaskChange::what() const {
  return action + " " + (task.empty() ? "trunk" : task) + (to.empty() ? "" : " to " + to);
}

std::string RunRecord::TaskChange::text() const {
  std::string text = what();
  if (change == 0) text += ": other tasks' outputs the same to the last bit";
  if (change > 0) text += fmt::format(": other tasks' outputs moved by {:.1g} at most", change);
  return text;
}

const std::string& RunRecord::TaskLife::name_at(std::int64_t step) const {
  const std::string* name = &names.front().second;
  for (const auto& entry : names) {
    if (entry.first < step) name = &entry.second;
  }
  return *name;
}

std::vector<RunRecord::TaskLife> RunRecord::task_lives() const {
  std::vector<TaskLife> lives;
  const auto begin = [&lives](const TaskState& state, std::int64_t step) {
    lives.push_back({{{step, state.name}}, {{step, step, state.active}}, false});
  };
  for (const TaskState& state : first_tasks) begin(state, first_step);
  for (const TaskChange& change : task_changes) {
    if (change.action == "rename") {
      for (TaskLife& life : lives) {
        if (!life.removed && life.name() == change.task) {
          life.names.emplace_back(change.step, change.to);
        }
      }
    }
    for (TaskLife& life : lives) {
      if (life.removed) continue;
      life.stretches.back().end = change.step;
      const auto now = std::find_if(change.tasks.begin(), change.tasks.end(),
                                    [&](const TaskState& s) { return s.name == life.name(); });
      life.removed = now == change.tasks.end();
      if (!life.removed && now->active != life.stretches.back().active) {
        life.stretches.push_back({change.step, change.step, now->active});
      }
    }
    for (const TaskState& state : change.tasks) {
      if (std::none_of(lives.begin(), lives.end(), [&](const TaskLife& life) {
            return !life.removed && life.name() == state.name;
          })) {
        begin(state, change.step);
      }
    }
  }
  for (TaskLife& life : lives) {
    if (!life.removed) life.stretches.back().end = last_step;
  }
  return lives;
}

void RunRecord::add_start(const Event& event) {
  const auto& fields = event.data;
  const bool first = first_widths.empty() || event.step <= first_step;
  if (first) {
    first_step = event.step;
    first_widths = integers_of(fields, "widths");
    first_parameters = integer_of(fields, "parameters");
    first_tasks = list_of(fields, "tasks", state_of);
    data = string_of(fields, "data");
    samples = integer_of(fields, "samples");
  }
  const auto undone = [&event](const auto& entry) { return entry.step > event.step; };
  std::erase_if(steps, undone);
  std::erase_if(epochs, undone);
  std::erase_if(edits, undone);
  std::erase_if(spectra, undone);
  std::erase_if(task_changes, undone);
  const std::int64_t counted = epochs.empty() ? -1 : epochs.back().step;
  const auto open = std::find_if(edits.begin(), edits.end(),
                                 [counted](const Edit& edit) { return edit.step > counted; });
  edits_in_epochs_ = static_cast<std::size_t>(open - edits.begin());
  // The clock of a run that is resumed goes on, and an epoch that it was within did not begin now.
  if (!epochs.empty()) epoch_began_s_ = epochs.back().time_s;
  epoch_began_s_ = first ? event.time_s : std::min(epoch_began_s_, event.time_s);
  version = string_of(fields, "version");
  engine = string_of(fields, "engine");
  epochs_planned = integer_of(fields, "epochs");
  steps_per_epoch = integer_of(fields, "steps_per_epoch");
  steps_planned = integer_of(fields, "steps", epochs_planned * steps_per_epoch);
  widths = integers_of(fields, "widths");
  parameters = integer_of(fields, "parameters");
  ended = false;
  reason.clear();
  message.clear();
}

void RunRecord::add_edit(const Event& event) {
  Edit made;
  made.step = event.step;
  made.space = integer_of(event.data, "space");
  made.kind = string_of(event.data, "kind");
  made.born = integer_of(event.data, "born");
  made.removed = integer_of(event.data, "removed");
  made.after = detail::width_after(event.data, made.space);
  if (made.after >= 0 && made.space >= 0 && made.space < std::ssize(widths)) {
    widths[static_cast<std::size_t>(made.space)] = made.after;
  }
  edits.push_back(std::move(made));
}

void RunRecord::add_task_change(const Event& event) {
  const auto& fields = event.data;
  task_changes.push_back({event.step, event.epoch, string_of(fields, "action"),
                          string_of(fields, "task"), string_of(fields, "to"),
                          number_of(fields, "change"), list_of(fields, "tasks", state_of),
                          integer_of(fields, "parameters")});
  if (auto all = integers_of(fields, "widths"); !all.empty()) widths = std::move(all);
  parameters = integer_of(fields, "parameters", parameters);
  steps_per_epoch = integer_of(fields, "steps_per_epoch", steps_per_epoch);
  steps_planned = integer_of(fields, "steps", steps_planned);
}

void RunRecord::add_epoch(const Event& event) {
  const auto& fields = event.data;
  Epoch row;
  row.epoch = event.epoch;
  row.step = event.step;
  row.time_s = event.time_s;
  row.seconds = event.time_s - epoch_began_s_;
  epoch_began_s_ = event.time_s;
  row.train_loss = number_of(fields, "train_loss");
  row.train_accuracy = number_of(fields, "train_accuracy");
  row.validation_loss = number_of(fields, "validation_loss");
  row.validation_accuracy = number_of(fields, "validation_accuracy");
  row.widths = integers_of(fields, "widths");
  row.scaffold = integers_of(fields, "scaffold");
  row.parameters = integer_of(fields, "parameters");
  row.tasks = list_of(fields, "tasks", score_of);
  for (; edits_in_epochs_ < edits.size(); ++edits_in_epochs_) {
    row.born += edits[edits_in_epochs_].born;
    row.removed += edits[edits_in_epochs_].removed;
  }
  if (!row.widths.empty()) widths = row.widths;
  parameters = row.parameters;
  if (epochs_planned == 0) epochs_planned = integer_of(fields, "epochs");
  epochs.push_back(std::move(row));
}

void RunRecord::add_spectrum(const Event& event) {
  const auto spaces = event.data.find("spaces");
  if (spaces == event.data.end() || !spaces->is_array()) return;
  for (const auto& entry : *spaces) {
    if (!entry.is_object()) continue;
    Spectrum seen;
    seen.step = event.step;
    seen.epoch = event.epoch;
    seen.space = integer_of(entry, "space");
    seen.threshold = number_of(entry, "threshold");
    if (const auto values = entry.find("values"); values != entry.end() && values->is_array()) {
      for (const auto& value : *values) {
        seen.values.push_back(value.is_number() ? value.get<double>()
                                                : std::numeric_limits<double>::quiet_NaN());
      }
    }
    spectra.push_back(std::move(seen));
  }
}

void RunRecord::add_end(const Event& event) {
  ended = true;
  reason = string_of(event.data, "reason");
  message = string_of(event.data, "message");
  if (auto all = integers_of(event.data, "widths"); !all.empty()) widths = std::move(all);
  parameters = integer_of(event.data, "parameters", parameters);
}

void RunRecord::add(const Event& event) {
  if (event.type == "start") add_start(event);
  if (event.type == "step") steps.push_back({event.step, detail::number_of(event.data, "loss")});
  if (event.type == "edit") add_edit(event);
  if (event.type == "task") add_task_change(event);
  if (event.type == "epoch") add_epoch(event);
  if (event.type == "spectrum") add_spectrum(event);
  if (event.type == "warning") warnings.push_back(string_of(event.data, "message"));
  if (event.type == "end") add_end(event);
  last_step = event.step;
  last_epoch = event.epoch;
  seconds = event.time_s;
}

std::int64_t RunRecord::born() const {
  std::int64_t sum = 0;
  for (const auto& edit : edits) sum += edit.born;
  return sum;
}

std::int64_t RunRecord::removed() const {
  std::int64_t sum = 0;
  for (const auto& edit : edits) sum += edit.removed;
  return sum;
}

int RunRecord::best_epoch() const {
  const auto best = [this](auto member) {
    int index = -1;
    for (int i = 0; i < static_cast<int>(epochs.size()); ++i) {
      const double value = epochs[static_cast<std::size_t>(i)].*member;
      if (!std::isnan(value) &&
          (index < 0 || value > epochs[static_cast<std::size_t>(index)].*member)) {
        index = i;
      }
    }
    return index;
  };
  const int validated = best(&Epoch::validation_accuracy);
  return validated >= 0 ? validated : best(&Epoch::train_accuracy);
}

}  // namespace isoform
