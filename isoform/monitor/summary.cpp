#include "isoform/monitor/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "isoform/monitor/format.h"

namespace isoform {
namespace {

using nlohmann::json;

using Row = std::vector<std::string>;

json finite_or_null(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

std::string count_or_dash(std::int64_t count) { return count == 0 ? "·" : format_count(count); }

// Right-aligned columns, each as wide as its widest cell.
std::string align(const std::vector<Row>& rows) {
  std::vector<int> columns(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      columns[c] = std::max(columns[c], text_columns(row[c]));
    }
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      text += (c == 0 ? "" : "  ") + pad_left(row[c], columns[c]);
    }
    text += '\n';
  }
  return text;
}

std::string outcome(const RunRecord& run) {
  const std::string reason = run.ended ? run.reason : "unfinished";
  std::string text = fmt::format("{} after {} {}, {} steps, {}", reason, run.epochs.size(),
                                 run.epochs.size() == 1 ? "epoch" : "epochs",
                                 format_count(run.last_step), format_duration(run.seconds));
  if (!run.message.empty()) text += ": " + run.message;
  return text + '\n';
}

}  // namespace

Observer RunSummary::observer() {
  return [this](const Event& event) { record_.add(event); };
}

std::string RunSummary::format_summary() const {
  const RunRecord& run = record_;
  std::vector<Row> rows{{"epoch", "widths", "born", "removed", "parameters", "train loss",
                         "validation loss", "train", "validation", "time"}};
  for (const auto& epoch : run.epochs) {
    rows.push_back({format_count(epoch.epoch), format_widths(hidden_widths(epoch.widths)),
                    count_or_dash(epoch.born), count_or_dash(epoch.removed),
                    format_count(epoch.parameters), format_loss(epoch.train_loss),
                    format_loss(epoch.validation_loss), format_percent(epoch.train_accuracy),
                    format_percent(epoch.validation_accuracy), format_duration(epoch.seconds)});
    if (epoch.tasks.size() < 2) continue;
    for (const auto& task : epoch.tasks) {  // above are their means
      rows.push_back({"", task.name + (task.active ? "" : " (off)"), "", "", "",
                      format_loss(task.train_loss), format_loss(task.validation_loss),
                      format_percent(task.train_accuracy), format_percent(task.validation_accuracy),
                      ""});
    }
  }
  std::string text = align(rows) + '\n' + outcome(run);
  const auto first = hidden_widths(run.first_widths);
  const auto last = hidden_widths(run.widths);
  text += fmt::format("hidden widths {} → {}, {} born, {} removed; parameters {} → {}\n",
                      format_widths(first, 60), format_widths(last, 60), format_count(run.born()),
                      format_count(run.removed()), format_count(run.first_parameters),
                      format_count(run.parameters));
  if (const int best = run.best_epoch(); best >= 0) {
    const auto& epoch = run.epochs[static_cast<std::size_t>(best)];
    const bool validated = !std::isnan(epoch.validation_accuracy);
    text += fmt::format(
        "best {} accuracy {} at epoch {}\n", validated ? "validation" : "training",
        format_percent(validated ? epoch.validation_accuracy : epoch.train_accuracy), epoch.epoch);
  }
  for (const auto& change : run.task_changes) {
    text += fmt::format("after epoch {}: {}\n", change.epoch, change.text());
  }
  for (const auto& warning : run.warnings) text += "warning: " + warning + '\n';
  return text;
}

json RunSummary::to_json() const {
  const RunRecord& run = record_;
  json epochs = json::array();
  for (const auto& epoch : run.epochs) {
    epochs.push_back({{"epoch", epoch.epoch},
                      {"step", epoch.step},
                      {"seconds", finite_or_null(epoch.seconds)},
                      {"widths", epoch.widths},
                      {"scaffold", epoch.scaffold},
                      {"born", epoch.born},
                      {"removed", epoch.removed},
                      {"parameters", epoch.parameters},
                      {"train_loss", finite_or_null(epoch.train_loss)},
                      {"train_accuracy", finite_or_null(epoch.train_accuracy)},
                      {"validation_loss", finite_or_null(epoch.validation_loss)},
                      {"validation_accuracy", finite_or_null(epoch.validation_accuracy)},
                      {"tasks", json::array()}});
    for (const auto& task : epoch.tasks) {
      epochs.back()["tasks"].push_back(
          {{"name", task.name},
           {"active", task.active},
           {"train_loss", finite_or_null(task.train_loss)},
           {"train_accuracy", finite_or_null(task.train_accuracy)},
           {"validation_loss", finite_or_null(task.validation_loss)},
           {"validation_accuracy", finite_or_null(task.validation_accuracy)}});
    }
  }
  json changes = json::array();
  for (const auto& change : run.task_changes) {
    changes.push_back({{"epoch", change.epoch},
                       {"step", change.step},
                       {"action", change.action},
                       {"task", change.task},
                       {"to", change.to},
                       {"change", finite_or_null(change.change)}});
  }
  json best = nullptr;
  if (const int index = run.best_epoch(); index >= 0) {
    const auto& epoch = run.epochs[static_cast<std::size_t>(index)];
    best = {{"epoch", epoch.epoch}};
    const bool validated = !std::isnan(epoch.validation_accuracy);
    best[validated ? "validation_accuracy" : "train_accuracy"] =
        validated ? epoch.validation_accuracy : epoch.train_accuracy;
  }
  return {{"data", run.data},
          {"reason", run.ended ? run.reason : "unfinished"},
          {"message", run.message},
          {"seconds", finite_or_null(run.seconds)},
          {"steps", run.last_step},
          {"epochs", std::move(epochs)},
          {"changes", std::move(changes)},
          {"widths", {{"first", run.first_widths}, {"last", run.widths}}},
          {"parameters", {{"first", run.first_parameters}, {"last", run.parameters}}},
          {"born", run.born()},
          {"removed", run.removed()},
          {"best", std::move(best)},
          {"warnings", run.warnings}};
}

}  // namespace isoform
