// Experiment 4: networks that begin at one width and end at another, along a straight line, for every pair of widths.
#include <fmt/format.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/experiment/training.h"
#include "isoform/experiment/words.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/importance.h"
#include "isoform/topology/reduction.h"
#include "isoform/topology/shrink.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

struct Course {
  Index from = 0, to = 0;
  int before = 0, moving = 0, after = 0;  // epochs

  // Width after so many epochs.
  [[nodiscard]] Index width(int epoch) const {
    const double share = std::clamp(static_cast<double>(epoch - before) / moving, 0.0, 1.0);
    return from + std::llround(share * static_cast<double>(to - from));
  }
};

// By the published rule: one layer after the other, last first, by singular values.
void follow_paper(Trainer<float>& trainer, const Model<float>& model, Index width,
                  std::uint64_t seed) {
  const std::vector<int> hidden = model.network.hidden();
  for (auto space = hidden.rbegin(); space != hidden.rend(); ++space) {
    const Index now = model.network.space(*space).dimension;
    if (width < now) {
      const auto scores = score_by_paper(model.network, *space);
      trainer.apply(
          reduce(model.network, *space, scores, keep_without_lowest(scores, now - width)));
    } else if (width > now) {
      trainer.apply(rotate_left(model.network, *space));
      trainer.apply(grow(model.network, *space, width - now,
                         {.group_size = 0, .seed = seed, .step = trainer.epoch()}));
    }
  }
}

// Ours: what leaves is chosen by its effect on the outputs; nothing needs to turn for what comes.
void follow_ours(Trainer<float>& trainer, const Model<float>& model, Index width, Index group_size,
                 const Matrix<float>& samples, Engine<float>& engine, std::uint64_t seed) {
  const std::vector<int> hidden = model.network.hidden();
  std::vector<Index> widths;
  bool shrinks = false;
  for (const int space : hidden) {
    const Index now = model.network.space(space).dimension;
    widths.push_back(std::min(now, width));
    shrinks = shrinks || width < now;
  }
  if (shrinks) {
    const Network<float> before = model.network;
    Reducer<float> reducer(before, engine, samples, {.rule = Rule::jacobian});
    for (const Edit& edit : reducer.to_widths(widths).edits) trainer.apply(edit);
  }
  for (const int space : hidden) {
    const Index now = model.network.space(space).dimension;
    if (width > now) {
      trainer.apply(grow(model.network, space, width - now,
                         {.group_size = group_size, .seed = seed, .step = trainer.epoch()}));
    }
  }
}

void run_trial(TrialRun& run, const RunSettings& settings, const DataPair& data,
               const Course& course, bool paper, Index samples) {
  const std::uint64_t seed = settings.training.seed;
  const Model<float> model =
      train_model(run, settings, data.train, [&](Trainer<float>& trainer, Model<float>& now) {
        const Index width = course.width(trainer.epoch());
        if (paper) return follow_paper(trainer, now, width, seed);
        follow_ours(trainer, now, width, settings.network.group_size,
                    some_samples(now, data.train, samples), run.engine(), seed);
      });
  for (const int space : model.network.hidden()) {
    if (!run.diverged() && model.network.space(space).dimension != course.to) {
      throw InternalError("abundance: a layer is not as wide as the course ends");
    }
  }
  run.measure("test accuracy", evaluate(model, data.test, run.engine()).accuracy);
}

std::vector<Index> course_of(const ExperimentSettings& settings) {
  std::vector<Index> epochs = settings.wholes("course", 0, 1000000, nullptr, false);
  if (epochs.size() != 3 || epochs[1] < 1) {
    settings.refuse("course: needs three numbers of epochs: before, moving (1 or more), after");
  }
  return epochs;
}

bool by_paper(const ExperimentSettings& settings, const ExperimentArm& arm) {
  return settings.choice("rule", {"paper", "effect"}, &arm) == "paper";
}

void check(const ExperimentSettings& settings) {
  (void)course_of(settings);
  (void)settings.whole("statistics_samples", 1, kMostSamples);
  (void)settings.wholes("widths", 1, kMaxWidth);
  if (settings.has("widths_many_classes")) {
    (void)settings.wholes("widths_many_classes", 1, kMaxWidth);
  }
  for (const ExperimentArm& arm : settings.arms) (void)by_paper(settings, arm);
}

std::vector<Trial> trials(const ExperimentSettings& settings, const DataShelf& shelf) {
  const std::vector<Index> epochs = course_of(settings);
  std::vector<Trial> list;
  for (const std::string& name : settings.datasets) {
    const bool many =
        shelf.at(name).train.classes().size() > 100 && settings.has("widths_many_classes");
    const auto widths = settings.wholes(many ? "widths_many_classes" : "widths", 1, kMaxWidth);
    for (const ExperimentArm& arm : settings.arms) {
      const bool paper = by_paper(settings, arm);
      for (const Index from : widths) {
        for (const Index to : widths) {
          for (int seed = 0; seed < settings.repeats; ++seed) {
            const Course course{from, to, static_cast<int>(epochs[0]), static_cast<int>(epochs[1]),
                                static_cast<int>(epochs[2])};
            ExperimentArm shaped = arm;
            shaped.settings.emplace_back("hidden", fmt::format("{},{}", from, from));
            shaped.settings.emplace_back("epochs",
                                         std::to_string(epochs[0] + epochs[1] + epochs[2]));
            const RunSettings training =
                settings.training(shaped, name, static_cast<std::uint64_t>(seed));
            list.push_back({{{"data", name},
                             {"arm", arm.name},
                             {"start", std::to_string(from)},
                             {"end", std::to_string(to)},
                             {"seed", std::to_string(seed)}},
                            static_cast<double>(from + to + 40),
                            false,
                            [&shelf, &settings, name, training, course, paper](TrialRun& run) {
                              run_trial(run, training, shelf.at(name), course, paper,
                                        settings.whole("statistics_samples", 1, kMostSamples));
                            }});
          }
        }
      }
    }
  }
  return list;
}

std::vector<report::Block> report_of(const ExperimentSettings& settings, const Measurements& rows) {
  std::vector<report::Block> blocks;
  blocks.emplace_back(
      report::Text{"How to read the pictures",
                   {"A row is a width at the start, a column a width at the end. Where the start "
                    "does not matter, a column has one colour: "
                    "what a network reaches is then decided by how wide it ends. The table says "
                    "how much of it there is: the mean over the "
                    "columns of the range from the best start to the worst, in points."},
                   {}});
  for (const std::string& data : settings.datasets) {
    report::Row row;
    report::Table table{
        data + ": test accuracy, %",
        {"arm", "start = end, smallest", "start = end, largest", "range over starts"},
        {}};
    for (const ExperimentArm& arm : settings.arms) {
      const Labels where = {{"data", data}, {"arm", arm.name}};
      report::MatrixChart chart;
      chart.heading = fmt::format("{}, {}: test accuracy", data, arm.name);
      chart.row_title = "width at the start";
      chart.column_title = "width at the end";
      chart.unit = "%";
      chart.alt = "Final test accuracy for each start and end.";
      chart.rows = rows.levels("start", where);
      chart.columns = rows.levels("end", where);
      for (const std::string& start : chart.rows) {
        chart.values.emplace_back();
        for (const std::string& end : chart.columns) {
          chart.values.back().push_back(
              100 *
              rows.summary(with(with(where, "start", start), "end", end), "test accuracy").mean);
        }
      }
      double spread = 0;
      for (std::size_t c = 0; c < chart.columns.size(); ++c) {
        double low = 1e300, high = -1e300;
        for (const auto& line : chart.values) {
          low = std::min(low, line[c]);
          high = std::max(high, line[c]);
        }
        spread += (high - low) / static_cast<double>(chart.columns.size());
      }
      if (!chart.rows.empty()) {
        const auto stays = [&](const std::string& width) {
          return with_error(scaled(
              rows.summary(with(with(where, "start", width), "end", width), "test accuracy"), 100));
        };
        table.rows.push_back({arm.name,
                              fmt::format("{}: {}", chart.rows.front(), stays(chart.rows.front())),
                              fmt::format("{}: {}", chart.rows.back(), stays(chart.rows.back())),
                              fmt::format("{:.2f}", spread)});
      }
      row.charts.emplace_back(std::move(chart));
    }
    blocks.emplace_back(std::move(row));
    blocks.emplace_back(std::move(table));
  }
  return blocks;
}

}  // namespace

ExperimentProcedure abundance_procedure() {
  return {"abundance",
          {"widths", "widths_many_classes", "course", "rule", "statistics_samples"},
          check,
          trials,
          report_of};
}

}  // namespace isoform
