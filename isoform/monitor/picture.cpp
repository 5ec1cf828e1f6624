#include "isoform/monitor/picture.h"

#include <fmt/format.h>

#include <cmath>

#include "isoform/monitor/format.h"
#include "isoform/monitor/picture_panels.h"
#include "isoform/monitor/svg.h"

namespace isoform {
namespace {

constexpr double kWidth = 1200, kHeight = 900;
constexpr double kHeightWithoutSpectra = 580;

// Colours of data are the same on both backgrounds; everything else follows the reader's system.
constexpr const char* kStyle = R"(text { font-family: system-ui, sans-serif; fill: #1f2328; }
.paper { fill: #ffffff; }
.title { font-size: 22px; font-weight: 600; }
.heading { font-size: 15px; font-weight: 600; }
.label { font-size: 13px; font-weight: 400; fill: #57606a; }
.tick { font-size: 12px; fill: #57606a; }
.name { font-size: 12px; }
.grid { stroke: #e4e7eb; stroke-width: 1; }
.axis { stroke: #8c959f; stroke-width: 1; }
.train { stroke: #57606a; }
.train-dot { fill: #57606a; }
.running { stroke: #57606a; opacity: 0.35; }
.validation { stroke: #D55E00; }
.validation-dot { fill: #D55E00; }
.mark { stroke: #ffffff; stroke-width: 0.75; }
.key-mark { fill: #57606a; }
.total { fill: #57606a; opacity: 0.14; }
.change { stroke: #8c959f; stroke-width: 1; }
.hatch { stroke: #ffffff; stroke-width: 2.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .paper { fill: #14181d; }
  .label, .tick { fill: #9da7b1; }
  .grid { stroke: #2a3038; }
  .axis, .change { stroke: #6e7781; }
  .train, .running { stroke: #b6c0ca; }
  .train-dot, .key-mark, .total { fill: #b6c0ca; }
  .mark { stroke: #14181d; }
}
)";

std::string outcome(const RunRecord& run) {
  if (run.ended) return run.reason.empty() ? "ended" : run.reason;
  return "without an end event (cut short or under way)";
}

std::string title_of(const RunRecord& run) {
  if (run.last_step == 0 && run.epochs.empty()) return "A run that has not begun";
  std::string data = run.data;
  if (text_columns(data) > 40) {  // a long path: its end says more
    std::size_t cut = data.size() - 39;
    while (cut < data.size() && (static_cast<unsigned char>(data[cut]) & 0xC0) == 0x80) ++cut;
    data = fmt::format("…{}", data.substr(cut));
  }
  const std::string on = data.empty() ? "" : " on " + data;
  const std::string widths = format_widths(run.widths, 36);
  return fmt::format("Training {}{}", widths == "none" ? "a network" : widths, on);
}

std::string subtitle_of(const RunRecord& run) {
  const auto first = hidden_widths(run.first_widths), last = hidden_widths(run.widths);
  std::string text;
  if (!last.empty()) {
    text = "hidden widths " + format_widths(first);
    if (format_widths(first) != format_widths(last)) text += " → " + format_widths(last);
    const std::string edits = format_edits(run.born(), run.removed());
    text += edits.empty() ? " (fixed)  ·  " : " (" + edits + ")  ·  ";
  }
  const std::string epochs =
      run.epochs_planned > std::ssize(run.epochs)
          ? fmt::format("{} of {} epochs", run.epochs.size(), run.epochs_planned)
          : fmt::format("{} epoch{}", run.epochs.size(), run.epochs.size() == 1 ? "" : "s");
  text += fmt::format("{}  ·  {} steps  ·  {}  ·  {}", epochs, format_count(run.last_step),
                      format_duration(run.seconds), outcome(run));
  return text;
}

std::string description_of(const RunRecord& run) {
  std::string text =
      subtitle_of(run) +
      (run.tells_of_tasks() ? ". Panels: tasks over time; widths of" : ". Panels: widths of") +
      " the hidden spaces and parameters over " +
      "optimiser steps; loss and accuracy over epochs; singular values of each " +
      "hidden space over time.";
  if (const int best = run.best_epoch(); best >= 0) {
    const auto& epoch = run.epochs[static_cast<std::size_t>(best)];
    const bool validated = std::isfinite(epoch.validation_accuracy);
    text += fmt::format(
        " Best {} accuracy {} at epoch {}.", validated ? "validation" : "training",
        format_percent(validated ? epoch.validation_accuracy : epoch.train_accuracy), epoch.epoch);
  }
  return text;
}

}  // namespace

std::string draw_run(const RunRecord& run) {
  const double tasks = picture::tasks_height(run);
  const double height = tasks + (run.spectra.empty() ? kHeightWithoutSpectra : kHeight);
  Svg svg(kWidth, height, title_of(run), description_of(run), kStyle);
  svg.rect({0, 0, kWidth, height}, "class=\"paper\"");
  svg.text({70, 42}, title_of(run), "class=\"title\"");
  svg.text({70, 66}, subtitle_of(run), "class=\"label\"");
  picture::draw_tasks(svg, run, {70, 128, 570, tasks}, {790, 128});
  picture::draw_widths(svg, run, {70, 128 + tasks, 570, 236}, {70, 412 + tasks, 570, 64});
  picture::draw_learning(svg, run, {830, 128 + tasks, 310, 130}, {830, 326 + tasks, 310, 150});
  picture::draw_spectra(svg, run, {70, 590 + tasks, 960, 250});
  return svg.finish();
}

std::string draw_run(std::span<const Event> events) {
  RunRecord run;
  for (const Event& event : events) run.add(event);
  return draw_run(run);
}

}  // namespace isoform
