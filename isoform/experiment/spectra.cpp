// Experiment 2: singular values and biases of every map as a network learns; nothing is adapted.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/experiment/training.h"
#include "isoform/experiment/words.h"
#include "isoform/linalg/decompose.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

std::vector<double> as_list(const Vector<double>& values) {
  return {values.data(), values.data() + values.size()};
}

void measure_maps(TrialRun& run, const Network<float>& network, int epoch) {
  for (std::size_t l = 0; l < network.maps().size(); ++l) {
    const Map<float>& map = network.maps()[l];
    const Labels at = {{"map", std::to_string(l + 1)}, {"epoch", std::to_string(epoch)}};
    run.measure("singular values", as_list(singular_values(map.weight().cast<double>())), at);
    run.measure("biases", as_list(map.bias().cast<double>()), at);
  }
}

void run_trial(TrialRun& run, const RunSettings& settings, const DataPair& data) {
  Model<float> model = create_model<float>(settings, data.train);
  measure_maps(run, model.network, 0);
  train_model(run, model, {{data.train.name(), data.train, Dataset()}}, settings,
              [&](Trainer<float>& trainer, Model<float>& now) {
                measure_maps(run, now.network, trainer.epoch());
                run.measure("test accuracy", evaluate(now, data.test, run.engine()).accuracy,
                            {{"epoch", std::to_string(trainer.epoch())}});
              });
}

std::vector<Trial> trials(const ExperimentSettings& settings, const DataShelf& shelf) {
  std::vector<Trial> list;
  for (const std::string& name : settings.datasets) {
    for (const ExperimentArm& arm : settings.arms) {
      for (int seed = 0; seed < settings.repeats; ++seed) {
        const RunSettings training = settings.training(arm, name, static_cast<std::uint64_t>(seed));
        list.push_back({{{"data", name}, {"arm", arm.name}, {"seed", std::to_string(seed)}},
                        static_cast<double>(shelf.at(name).train.features()),
                        false,
                        [&shelf, name, training](TrialRun& run) {
                          run_trial(run, training, shelf.at(name));
                        }});
      }
    }
  }
  return list;
}

// log(1 + σ), or sign(b) log(1 + |b|), of all seeds together, a ridge for each epoch.
report::RidgeChart ridges_of(const Measurements& rows, const Labels& where,
                             const std::string& figure, const std::string& map,
                             const std::vector<std::string>& epochs) {
  report::RidgeChart chart;
  const bool spectrum = figure == "singular values";
  chart.heading = fmt::format("map {}: {}", map, figure);
  chart.x_label = spectrum ? "log(1 + σ)" : "sign(b) log(1 + |b|)";
  chart.alt = fmt::format("Density of the {} of map {}, one row for each epoch.", figure, map);
  if (spectrum) {
    chart.reference = std::log(2.0);
    chart.reference_label = "σ = 1";
  }
  for (const std::string& epoch : epochs) {
    report::Ridge ridge{epoch, rows.values(with(with(where, "map", map), "epoch", epoch), figure)};
    for (double& value : ridge.values) value = std::copysign(std::log1p(std::abs(value)), value);
    chart.ridges.push_back(std::move(ridge));
  }
  return chart;
}

std::vector<report::Block> report_of(const ExperimentSettings& settings, const Measurements& rows) {
  std::vector<report::Block> blocks;
  blocks.emplace_back(
      report::Text{"How to read the pictures",
                   {"Each row is one epoch, the first (0) the untrained network: how singular "
                    "values, or biases, are spread over their "
                    "range, of all seeds together. The line marks σ = 1, where an orthogonal "
                    "initialisation begins.",
                    "The learning rate is the paper's, chosen so that spectra move. Elementwise "
                    "tanh saturates at it, so that its accuracy here "
                    "says nothing about what it can reach: see experiment 6."},
                   {}});
  for (const std::string& data : settings.datasets) {
    report::LineChart accuracy;
    accuracy.heading = data + ": test accuracy";
    accuracy.unit = "%";
    accuracy.x_label = "epoch";
    accuracy.alt = "Test accuracy over epochs of each arm.";
    report::Table table{data + ": after the last epoch, means over the seeds",
                        {"arm", "test accuracy, %", "σ largest", "σ median", "σ below 1, %"},
                        {}};
    for (const ExperimentArm& arm : settings.arms) {
      const Labels where = {{"data", data}, {"arm", arm.name}};
      const std::vector<std::string> epochs = rows.levels("epoch", where);
      if (epochs.size() < 2) continue;
      accuracy.curves.push_back(curve_of(rows, arm.name, where, "test accuracy", "epoch",
                                         {epochs.begin() + 1, epochs.end()}, 100));
      const Summary last =
          scaled(rows.summary(with(where, "epoch", epochs.back()), "test accuracy"), 100);
      std::vector<double> sigma =
          rows.values(with(with(where, "map", "2"), "epoch", epochs.back()), "singular values");
      std::sort(sigma.begin(), sigma.end());
      if (sigma.empty()) continue;
      const auto below = std::lower_bound(sigma.begin(), sigma.end(), 1.0) - sigma.begin();
      table.rows.push_back({arm.name, with_error(last), fmt::format("{:.2f}", sigma.back()),
                            fmt::format("{:.2f}", sigma[sigma.size() / 2]),
                            fmt::format("{:.1f}", 100.0 * static_cast<double>(below) /
                                                      static_cast<double>(sigma.size()))});
    }
    table.caption += "; σ of map 2";
    blocks.emplace_back(report::Row{{std::move(accuracy)}});
    blocks.emplace_back(std::move(table));
    for (const ExperimentArm& arm : settings.arms) {
      const Labels where = {{"data", data}, {"arm", arm.name}};
      const std::vector<std::string> epochs = rows.levels("epoch", where);
      if (epochs.empty()) continue;
      blocks.emplace_back(report::Text{fmt::format("{}, {}", data, arm.name), {}, {}});
      for (const char* figure : {"singular values", "biases"}) {
        report::Row row;
        for (const std::string& map : rows.levels("map", where)) {
          row.charts.emplace_back(ridges_of(rows, where, figure, map, epochs));
        }
        blocks.emplace_back(std::move(row));
      }
    }
  }
  return blocks;
}

}  // namespace

ExperimentProcedure spectra_procedure() {
  return {"spectra", {}, [](const ExperimentSettings&) {}, trials, report_of};
}

}  // namespace isoform
