// Experiment 6: isotropic against elementwise tanh, from the same initial weights and with the same batches. Groups of one
// neuron are elementwise tanh: tanh(|z|) z/|z| = tanh z.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "isoform/experiment/training.h"
#include "isoform/experiment/words.h"
#include "isoform/topology/grow.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

RunSettings settings_of(const ExperimentSettings& settings, const ExperimentArm& arm,
                        const std::string& data, Index width, Index depth, int seed) {
  ExperimentArm shaped = arm;
  const std::vector<Index> hidden(static_cast<std::size_t>(depth), width);
  shaped.settings.emplace_back("hidden", fmt::format("{}", fmt::join(hidden, ",")));
  return settings.training(shaped, data, static_cast<std::uint64_t>(seed));
}

void check(const ExperimentSettings& settings) {
  (void)settings.wholes("widths", 1, kMaxWidth);
  (void)settings.wholes("depths", 1, kMostLayers);
  (void)settings.choice("plain_arm", settings.arm_names());
}

std::vector<Trial> trials(const ExperimentSettings& settings, const DataShelf& shelf) {
  std::vector<Trial> list;
  for (const std::string& name : settings.datasets) {
    for (const Index width : settings.wholes("widths", 1, kMaxWidth)) {
      for (const Index depth : settings.wholes("depths", 1, kMostLayers)) {
        for (const ExperimentArm& arm : settings.arms) {
          for (int seed = 0; seed < settings.repeats; ++seed) {
            const RunSettings training = settings_of(settings, arm, name, width, depth, seed);
            const auto inputs = static_cast<double>(shelf.at(name).train.features());
            const auto w = static_cast<double>(width), layers = static_cast<double>(depth);
            list.push_back({{{"data", name},
                             {"width", std::to_string(width)},
                             {"layers", std::to_string(depth)},
                             {"arm", arm.name},
                             {"seed", std::to_string(seed)}},
                            w * (inputs + (layers - 1) * w),
                            false,
                            [&shelf, name, training](TrialRun& run) {
                              const DataPair& data = shelf.at(name);
                              const Model<float> model = train_model(run, training, data.train);
                              run.measure("test accuracy",
                                          evaluate(model, data.test, run.engine()).accuracy);
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
  const std::string plain = settings.choice("plain_arm", settings.arm_names());
  for (const std::string& data : settings.datasets) {
    report::Table table{
        fmt::format("{}: final test accuracy, %, and the paired difference from {}", data, plain),
        {"width", "hidden layers"},
        {}};
    for (const ExperimentArm& arm : settings.arms) {
      table.header.push_back(arm.name);
      if (arm.name != plain) table.header.emplace_back("difference");
    }
    report::Row row;
    for (const std::string& width : rows.levels("width", {{"data", data}})) {
      const Labels at_width = {{"data", data}, {"width", width}};
      const std::vector<std::string> depths = rows.levels("layers", at_width);
      report::LineChart chart;
      chart.heading = fmt::format("{}, width {}", data, width);
      chart.unit = "test accuracy, %";
      chart.x_label = "hidden layers";
      chart.alt = "Final test accuracy by depth, for each activation.";
      chart.x_names = depths;
      for (const ExperimentArm& arm : settings.arms) {
        chart.curves.push_back(curve_of(rows, arm.name, with(at_width, "arm", arm.name),
                                        "test accuracy", "layers", depths, 100, false));
      }
      row.charts.emplace_back(std::move(chart));
      for (const std::string& depth : depths) {
        const Labels at = with(at_width, "layers", depth);
        const Labels reference = with(at, "arm", plain);
        std::vector<std::string> cells = {width, depth};
        for (const ExperimentArm& arm : settings.arms) {
          const Labels where = with(at, "arm", arm.name);
          cells.push_back(with_error(scaled(rows.summary(where, "test accuracy"), 100)));
          if (arm.name == plain) continue;
          cells.push_back(
              with_error(scaled(paired_difference(rows, where, reference, "test accuracy"), 100)));
        }
        table.rows.push_back(std::move(cells));
      }
    }
    blocks.emplace_back(std::move(row));
    blocks.emplace_back(std::move(table));
  }
  return blocks;
}

}  // namespace

ExperimentProcedure elementwise_procedure() {
  return {"elementwise", {"widths", "depths", "plain_arm"}, check, trials, report_of};
}

}  // namespace isoform
