// What a study shows: a row for each arm, means and standard errors over its seeds.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "isoform/monitor/format.h"
#include "isoform/study/study.h"

namespace isoform {

namespace {

struct Row {
  std::vector<const StudyRun*> runs;

  template <class Value>
  [[nodiscard]] double mean(const Value& value) const {
    double sum = 0;
    for (const StudyRun* run : runs) sum += static_cast<double>(value(*run));
    return sum / static_cast<double>(runs.size());
  }
  // Standard error of the mean; NaN for one run.
  template <class Value>
  [[nodiscard]] double error(const Value& value) const {
    const double m = mean(value);
    double squares = 0;
    for (const StudyRun* run : runs) {
      squares += (static_cast<double>(value(*run)) - m) * (static_cast<double>(value(*run)) - m);
    }
    const auto n = static_cast<double>(runs.size());
    return std::sqrt(squares / (n - 1) / n);
  }
};

Row row_of(const Arm& arm, const std::vector<StudyRun>& runs) {
  Row row;
  for (const StudyRun& run : runs) {
    if (run.arm == arm.name) row.runs.push_back(&run);
  }
  return row;
}

double percent(double share) { return 100 * share; }
double test_of(const StudyRun& run) { return percent(run.test_accuracy); }
double validation_of(const StudyRun& run) { return percent(run.validation_accuracy); }

std::string with_error(double mean, double error) {
  return std::isfinite(error) ? fmt::format("{:.2f} ± {:.2f} %", mean, error)
                              : fmt::format("{:.2f} %", mean);
}

// Hidden widths: of one run, or means over several that differ.
std::string widths_of(const Row& row) {
  std::string text;
  for (std::size_t l = 1; l + 1 < row.runs.front()->widths.size(); ++l) {
    const auto width = [&](const StudyRun& run) { return static_cast<double>(run.widths[l]); };
    text += fmt::format("{}{:.0f}", l > 1 ? "-" : "", row.mean(width));
  }
  return text.empty() ? "none" : text;
}

double figure_of(const StudyRun& run, const std::string& name) {
  for (const auto& [figure, value] : run.figures) {
    if (figure == name) return value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::string shown(const Row& row, const StudyColumn& column) {
  const auto value = [&](const StudyRun& run) { return figure_of(run, column.figure); };
  const double mean = row.mean(value), error = row.error(value);
  if (!std::isfinite(mean)) return "–";
  switch (column.unit) {
    case Unit::percent:
      return with_error(percent(mean), percent(error));
    case Unit::count:
      return format_count(std::llround(mean));
    case Unit::number:
      return std::isfinite(error) ? fmt::format("{:.3g} ± {:.1g}", mean, error)
                                  : fmt::format("{:.3g}", mean);
  }
  return {};
}

// Rows of procedures: their figures, and no more.
std::string figures_table(const Study& study, const std::vector<StudyRun>& runs) {
  std::string text = "| run |", rule = "|---|";
  for (const StudyColumn& column : study.columns) {
    text += fmt::format(" {} |", column.title);
    rule += "---|";
  }
  text += " time |\n" + rule + "---|\n";
  for (const Arm& arm : study.arms) {
    const Row row = row_of(arm, runs);
    if (row.runs.empty()) continue;
    text += fmt::format("| {} |", arm.name);
    for (const StudyColumn& column : study.columns)
      text += fmt::format(" {} |", shown(row, column));
    text += fmt::format(" {} |\n",
                        format_duration(row.mean([](const StudyRun& r) { return r.seconds; })));
  }
  return text;
}

}  // namespace

std::string study_table(const Study& study, const std::vector<StudyRun>& runs) {
  if (!study.columns.empty()) return figures_table(study, runs);
  std::string text =
      "| network | hidden widths | parameters | learning rate | test accuracy | validation | time "
      "|\n|---|---|---|---|---|---|---|\n";
  for (const Arm& arm : study.arms) {
    const Row row = row_of(arm, runs);
    if (row.runs.empty()) continue;
    const double parameters = row.mean([](const StudyRun& r) { return r.parameters; });
    text += fmt::format("| {} | {} | {} | {:g} | {} | {} | {} |\n", arm.name, widths_of(row),
                        format_count(std::llround(parameters)), row.runs.front()->learning_rate,
                        with_error(row.mean(test_of), row.error(test_of)),
                        with_error(row.mean(validation_of), row.error(validation_of)),
                        format_duration(row.mean([](const StudyRun& r) { return r.seconds; })));
  }
  return text;
}

nlohmann::json study_json(const Study& study, const std::vector<StudyRun>& runs) {
  nlohmann::json rows = nlohmann::json::array();
  const auto number = [](double value) {
    return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
  };
  for (const Arm& arm : study.arms) {
    const Row row = row_of(arm, runs);
    if (row.runs.empty()) continue;
    nlohmann::json each = nlohmann::json::array();
    for (const StudyRun* run : row.runs) {
      each.push_back({{"seed", run->seed},
                      {"test_accuracy", run->test_accuracy},
                      {"validation_accuracy", run->validation_accuracy},
                      {"widths", run->widths},
                      {"parameters", run->parameters},
                      {"seconds", run->seconds},
                      {"diverged", run->diverged},
                      {"figures", run->figures}});
    }
    rows.push_back({{"name", arm.name},
                    {"learning_rate", row.runs.front()->learning_rate},
                    {"test_accuracy", row.mean(test_of) / 100},
                    {"test_error", number(row.error(test_of) / 100)},
                    {"validation_accuracy", row.mean(validation_of) / 100},
                    {"validation_error", number(row.error(validation_of) / 100)},
                    {"runs", std::move(each)}});
  }
  return {{"study", study.name}, {"title", study.title}, {"rows", std::move(rows)}};
}

}  // namespace isoform
