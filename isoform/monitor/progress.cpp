#include "isoform/monitor/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/monitor/event_fields.h"
#include "isoform/monitor/format.h"
#include "isoform/monitor/run_record.h"

namespace isoform {
namespace {

constexpr const char* kClearToEnd = "\x1b[K";
constexpr const char* kBold = "\x1b[1m";
constexpr const char* kDim = "\x1b[2m";
constexpr const char* kYellow = "\x1b[33m";
constexpr const char* kReset = "\x1b[0m";

// Shape changes and a busy machine change the pace; a minute is long enough to be calm.
constexpr double kPaceMemory = 60.0;

constexpr int kLossColumns = 8, kTrainColumns = 7, kValidationColumns = 10, kEditColumns = 9,
              kCountColumns = 10, kTimeColumns = 7;

constexpr const char* kDot = " · ";

std::string painted(const char* colour, const std::string& text, bool on) {
  return on ? colour + text + kReset : text;
}

struct Part {
  std::string text;
  int need;  // the lowest goes first where space is short
};

}  // namespace

void ProgressSettings::validate() const {
  if (columns < 0) {
    throw UsageError(fmt::format("progress: needs columns ≥ 0, got {}; 0 sets no limit", columns));
  }
  if (!(redraw_interval_s >= 0)) {
    throw UsageError(fmt::format("progress: needs redraw_interval_s ≥ 0, got {}; 0.1 is usual",
                                 redraw_interval_s));
  }
}

Progress::Progress(Sink sink, const ProgressSettings& settings) : settings_(settings) {
  settings.validate();
  if (!sink) throw UsageError("progress: needs a sink to write to, got none; give a function");
  sink_ = [this, sink = std::move(sink)](std::string_view text) {
    if (!muted_) sink(text);
  };
  settings_.colour = settings_.terminal && settings_.colour;  // a log file is no place for it
}

Observer Progress::observer() {
  return [this](const Event& event) { (*this)(event); };
}

void Progress::recall(const Event& event) {
  muted_ = true;
  (*this)(event);
  muted_ = false;
  on_screen_ = false;
  drawn_s_ = -std::numeric_limits<double>::infinity();
  goes_on_ = true;
}

void Progress::operator()(const Event& event) {
  if (event.type == "start") return start(event);
  measure_pace(event);
  epoch_ = event.epoch;
  if (event.type == "step") {
    loss_ = detail::number_of(event.data, "loss");
    redraw(event, false);
  } else if (event.type == "edit") {
    const auto space = detail::integer_of(event.data, "space");
    const auto after = detail::width_after(event.data, space);
    if (after >= 0 && space >= 0 && space < std::ssize(widths_)) {
      widths_[static_cast<std::size_t>(space)] = after;
    }
    const auto born = detail::integer_of(event.data, "born");
    const auto removed = detail::integer_of(event.data, "removed");
    born_ += born;
    removed_ += removed;
    epoch_born_ += born;
    epoch_removed_ += removed;
    redraw(event, false);
  } else if (event.type == "task") {
    if (auto widths = detail::integers_of(event.data, "widths"); !widths.empty()) widths_ = widths;
    parameters_ = detail::integer_of(event.data, "parameters", parameters_);
    steps_ = detail::integer_of(event.data, "steps", steps_);
    RunRecord run;
    run.add(event);
    write_alone(run.task_changes.front().text());
    redraw(event, true);
  } else if (event.type == "epoch") {
    if (auto widths = detail::integers_of(event.data, "widths"); !widths.empty()) widths_ = widths;
    parameters_ = detail::integer_of(event.data, "parameters", parameters_);
    if (epochs_ == 0) epochs_ = detail::integer_of(event.data, "epochs");
    loss_ = detail::number_of(event.data, "train_loss");
    if (settings_.terminal) {
      redraw(event, true);
    } else if (!is_row_due(event)) {
      return;
    } else {
      write_row(event);
    }
    epoch_born_ = epoch_removed_ = 0;
    epoch_began_s_ = event.time_s;
  } else if (event.type == "warning") {
    write_alone(painted(kYellow, "warning: ", settings_.colour) +
                detail::string_of(event.data, "message"));
    redraw(event, true);
  } else if (event.type == "control") {
    write_alone("asked for: " + detail::string_of(event.data, "what"));
    redraw(event, true);
  } else if (event.type == "end") {
    write_alone(end_line(event));
  }
}

void Progress::start(const Event& event) {
  epoch_ = event.epoch;
  step_ = event.step;
  time_s_ = event.time_s;
  pace_steps_ = pace_s_ = 0;
  epochs_ = detail::integer_of(event.data, "epochs");
  steps_ = detail::integer_of(event.data, "steps",
                              epochs_ * detail::integer_of(event.data, "steps_per_epoch"));
  widths_ = detail::integers_of(event.data, "widths");
  if (!goes_on_) {
    first_widths_ = widths_;
    epoch_began_s_ = event.time_s;
    born_ = removed_ = epoch_born_ = epoch_removed_ = 0;
  }
  parameters_ = detail::integer_of(event.data, "parameters");
  if (settings_.terminal) return redraw(event, true);
  // Space for three digits a width where that is not too much: widths grow.
  const auto hidden = std::ssize(hidden_widths(widths_));
  widths_columns_ = std::clamp(static_cast<int>(4 * hidden - 1),
                               text_columns(format_widths(hidden_widths(widths_))), 24);
  widths_columns_ = std::max(widths_columns_, 6);
  const int epoch_columns = std::max(5, text_columns(fmt::format("{}/{}", epochs_, epochs_)));
  sink_(pad_left("epoch", epoch_columns) + "  " + pad_left("loss", kLossColumns) + "  " +
        pad_left("train", kTrainColumns) + "  " + pad_left("validation", kValidationColumns) +
        "  " + pad_right("widths", widths_columns_) + "  " + pad_right("edits", kEditColumns) +
        "  " + pad_left("parameters", kCountColumns) + "  " + pad_left("time", kTimeColumns) +
        "  " + pad_left("left", kTimeColumns) + "\n");
}

void Progress::measure_pace(const Event& event) {
  const double seconds = std::max(0.0, event.time_s - time_s_);
  const double keep = std::exp(-seconds / kPaceMemory);
  pace_s_ = pace_s_ * keep + seconds;
  pace_steps_ =
      pace_steps_ * keep + static_cast<double>(std::max<std::int64_t>(0, event.step - step_));
  step_ = event.step;
  time_s_ = event.time_s;
}

double Progress::time_left_s() const {
  if (steps_ <= 0 || pace_steps_ <= 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(std::max<std::int64_t>(0, steps_ - step_)) * pace_s_ / pace_steps_;
}

std::string Progress::line() const {
  std::vector<Part> parts;
  parts.push_back({fmt::format("epoch {}/{}", epoch_, epochs_), 6});
  parts.push_back({fmt::format("step {}/{}", step_, steps_), 2});
  if (std::isfinite(loss_)) parts.push_back({"loss " + format_loss(loss_), 5});
  if (widths_.size() > 2) parts.push_back({"widths " + format_widths(hidden_widths(widths_)), 3});
  if (parameters_ > 0) parts.push_back({format_count(parameters_) + " parameters", 1});
  if (const double left = time_left_s(); std::isfinite(left)) {
    parts.push_back({format_duration(left) + " left", 4});
  }
  const auto columns = [&parts] {
    int sum = -text_columns(kDot);
    for (const auto& part : parts) sum += text_columns(part.text) + text_columns(kDot);
    return sum;
  };
  while (settings_.columns > 0 && parts.size() > 1 && columns() >= settings_.columns) {
    parts.erase(std::min_element(parts.begin(), parts.end(),
                                 [](const Part& a, const Part& b) { return a.need < b.need; }));
  }
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : kDot) + part.text;
  return text;
}

void Progress::redraw(const Event& event, bool now) {
  if (!settings_.terminal) return;
  if (!now && event.time_s - drawn_s_ < settings_.redraw_interval_s) return;
  drawn_s_ = event.time_s;
  on_screen_ = true;
  std::string text = line();
  if (settings_.colour) {
    const std::size_t head = std::min(text.find(kDot), text.size());
    text = kBold + text.substr(0, head) + kReset + kDim + text.substr(head) + kReset;
  }
  sink_("\r" + text + kClearToEnd);
}

// Of many short epochs some 40 get a row, and what lies between them is told in it.
bool Progress::is_row_due(const Event& event) const {
  constexpr std::int64_t kRows = 40;
  constexpr double kLong = 10;  // seconds
  const std::int64_t every = std::max<std::int64_t>(1, (epochs_ + kRows - 1) / kRows);
  constexpr std::int64_t kFirst = 3;
  return event.epoch <= kFirst || event.epoch % every == 0 || event.epoch >= epochs_ ||
         event.time_s - epoch_began_s_ >= kLong;
}

namespace {

// Accuracy; of numbers, which have none, the loss.
std::string score_of(const nlohmann::json& data, const std::string& part) {
  const double accuracy = detail::number_of(data, (part + "_accuracy").c_str());
  if (!std::isnan(accuracy)) return format_percent(accuracy);
  return format_loss(detail::number_of(data, (part + "_loss").c_str()));
}

}  // namespace

void Progress::write_row(const Event& event) {
  const auto& data = event.data;
  const std::string of_all = fmt::format("{}", epochs_);
  const int epoch_columns = std::max(5, 2 * text_columns(of_all) + 1);
  sink_(pad_left(fmt::format("{}/{}", event.epoch, of_all), epoch_columns) + "  " +
        pad_left(format_loss(loss_), kLossColumns) + "  " +
        pad_left(score_of(data, "train"), kTrainColumns) + "  " +
        pad_left(score_of(data, "validation"), kValidationColumns) + "  " +
        pad_right(format_widths(hidden_widths(widths_)), widths_columns_) + "  " +
        pad_right(format_edits(epoch_born_, epoch_removed_), kEditColumns) + "  " +
        pad_left(format_count(parameters_), kCountColumns) + "  " +
        pad_left(format_duration(event.time_s - epoch_began_s_), kTimeColumns) + "  " +
        pad_left(format_duration(time_left_s()), kTimeColumns) + "\n");
  write_tasks(event);
}

// Of several tasks the row has the means.
void Progress::write_tasks(const Event& event) {
  RunRecord run;
  run.add(event);
  const auto& tasks = run.epochs.front().tasks;
  if (tasks.size() < 2) return;
  const int columns = std::max(5, 2 * text_columns(fmt::format("{}", epochs_)) + 1);
  for (const auto& task : tasks) {
    sink_(pad_left("", columns) + "  " + pad_left(format_loss(task.train_loss), kLossColumns) +
          "  " + pad_left(format_percent(task.train_accuracy), kTrainColumns) + "  " +
          pad_left(format_percent(task.validation_accuracy), kValidationColumns) + "  " +
          task.name + (task.active ? "" : " (off)") + "\n");
  }
}

void Progress::write_alone(const std::string& text) {
  sink_((on_screen_ ? std::string("\r") + kClearToEnd : std::string()) + text + "\n");
  on_screen_ = false;
}

std::string Progress::end_line(const Event& event) const {
  const std::string reason = detail::string_of(event.data, "reason");
  std::string text =
      fmt::format("{} after {} and {} steps",
                  painted(kBold, reason.empty() ? "ended" : reason, settings_.colour),
                  format_duration(event.time_s), format_count(event.step));
  auto widths = detail::integers_of(event.data, "widths");
  if (widths.empty()) widths = widths_;
  if (widths.size() > 2) {
    text += ": widths " + format_widths(hidden_widths(first_widths_));
    if (widths != first_widths_) text += " → " + format_widths(hidden_widths(widths));
  }
  if (const auto edits = format_edits(born_, removed_); !edits.empty()) text += " (" + edits + ")";
  const auto parameters = detail::integer_of(event.data, "parameters", parameters_);
  if (parameters > 0) text += ", " + format_count(parameters) + " parameters";
  // Where it stopped is said already.
  const auto message = detail::string_of(event.data, "message");
  if (!message.empty() && reason != "stopped") text += "; " + message;
  return text;
}

}  // namespace isoform
