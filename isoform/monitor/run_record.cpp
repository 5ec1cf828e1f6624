#include "isoform/monitor/run_record.h"

#include <algorithm>
#include <cmath>

#include "isoform/monitor/event_fields.h"

namespace isoform {
namespace {

using detail::integer_of;
using detail::integers_of;
using detail::number_of;
using detail::string_of;

}  // namespace

void RunRecord::add_start(const Event& event) {
  const auto& fields = event.data;
  if (first_widths.empty() || event.step <= first_step) {
    first_step = event.step;
    first_widths = integers_of(fields, "widths");
    first_parameters = integer_of(fields, "parameters");
  }
  const auto undone = [&event](const auto& entry) { return entry.step > event.step; };
  std::erase_if(steps, undone);
  std::erase_if(epochs, undone);
  std::erase_if(edits, undone);
  std::erase_if(spectra, undone);
  const std::int64_t counted = epochs.empty() ? -1 : epochs.back().step;
  const auto open = std::find_if(edits.begin(), edits.end(),
                                 [counted](const Edit& edit) { return edit.step > counted; });
  edits_in_epochs_ = static_cast<std::size_t>(open - edits.begin());
  epoch_began_s_ = event.time_s;
  data = string_of(fields, "data");
  version = string_of(fields, "version");
  engine = string_of(fields, "engine");
  samples = integer_of(fields, "samples");
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
