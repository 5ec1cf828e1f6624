// Experiment 5: parameters that a change of basis sets to zero. What the shape alone promises, and what is measured.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "isoform/experiment/training.h"
#include "isoform/experiment/words.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/sparsify.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

struct Method {
  std::string name;
  SparseMethod method;
};

const std::vector<Method>& methods() {
  static const std::vector<Method> all = {{"alternating diagonals", SparseMethod::alternating},
                                          {"planner", SparseMethod::best}};
  return all;
}

// Whole layers: one gate each.
SparseShape whole_layers(Index inputs, Index width, Index layers, Index outputs) {
  SparseShape shape;
  shape.widths.push_back(inputs);
  shape.gates.push_back(0);
  for (Index l = 0; l < layers; ++l) {
    shape.widths.push_back(width);
    shape.groups.push_back({width});
    shape.folds.push_back(true);
    shape.gates.push_back(1);
  }
  shape.widths.push_back(outputs);
  return shape;
}

// Share of all parameters (weights, biases, ψ and o) that a plan removes, in percent.
double structural_percent(const SparseShape& shape, SparseMethod method) {
  const SparsePlan plan = plan_sparsity(shape, {.method = method});
  const auto biases = [](const std::vector<Index>& widths, const std::vector<Index>& gates,
                         const std::vector<std::vector<Index>>& groups) {
    Index count = 0;
    for (std::size_t l = 1; l < widths.size(); ++l) count += widths[l] * (1 + gates[l - 1]);
    for (const auto& sizes : groups) count += static_cast<Index>(sizes.size());
    return count;
  };
  std::vector<Index> gates = {0};
  for (const auto& sizes : plan.groups) gates.push_back(static_cast<Index>(sizes.size()));
  const Index before = plan.weights + biases(shape.widths, shape.gates, shape.groups);
  const Index after = plan.kept + biases(plan.widths, gates, plan.groups);
  return 100 * static_cast<double>(before - after) / static_cast<double>(before);
}

// Share of `all` parameters that do not count, |θ| being at most the threshold or the number gone, in percent.
double removed_percent(const Network<float>& network, double threshold, Index all) {
  Index count = 0;
  const auto add = [&](double value) { count += std::abs(value) > threshold ? 1 : 0; };
  for (const Map<float>& map : network.maps()) {
    for (Index i = 0; i < map.a.size(); ++i) add(map.a.data()[i]);
  }
  for (const Space<float>& space : network.spaces()) {
    for (Index g = 0; g < space.gates(); ++g) add(space.o(g));
  }
  return 100 * static_cast<double>(all - count) / static_cast<double>(all);
}

RunSettings settings_of(const ExperimentSettings& settings, const std::string& data, Index width,
                        Index layers, int seed) {
  ExperimentArm arm = settings.arms.front();
  const std::vector<Index> hidden(static_cast<std::size_t>(layers), width);
  arm.settings.emplace_back("hidden", fmt::format("{}", fmt::join(hidden, ",")));
  return settings.training(arm, data, static_cast<std::uint64_t>(seed));
}

void run_trial(TrialRun& run, const RunSettings& settings, const DataPair& data, double threshold) {
  const Model<float> model = train_model(run, settings, data.train);
  const Matrix<float> before = logits(model, data.test, run.engine());
  run.measure("test accuracy", accuracy_of(before, data.test.labels()));
  const Index all = model.network.parameter_count();
  const SparseShape shape = sparse_shape(model.network);
  for (const Method& method : methods()) {
    run.check();
    Model<float> sparse = model;
    sparsify(sparse.network, plan_sparsity(shape, {.method = method.method}));
    const Labels at = {{"method", method.name}};
    run.measure("structure", structural_percent(shape, method.method), at);
    run.measure("removed", removed_percent(sparse.network, threshold, all), at);
    measure_change(
        run, compare_logits(before, logits(sparse, data.test, run.engine()), data.test.labels()),
        at);
  }
  run.measure("small before", removed_percent(model.network, threshold, all));
}

void check(const ExperimentSettings& settings) {
  if (settings.arms.size() != 1) {
    settings.refuse(fmt::format("needs one [[arm]], whose network all methods make sparse, got {}",
                                settings.arms.size()));
  }
  if (settings.training(settings.arms.front(), "data", 0).network.group_size != 0) {
    settings.refuse("group_size: needs 0, as maps are diagonal between whole layers");
  }
  (void)settings.real("threshold", 0, 1);
  (void)settings.wholes("widths", 1, kMaxWidth);
  (void)settings.wholes("depths", 2, kMostLayers);
}

std::vector<Trial> trials(const ExperimentSettings& settings, const DataShelf& shelf) {
  const auto threshold = settings.real("threshold", 0, 1);
  std::vector<Trial> list;
  for (const std::string& name : settings.datasets) {
    for (const Index width : settings.wholes("widths", 1, kMaxWidth)) {
      for (const Index layers : settings.wholes("depths", 2, kMostLayers)) {
        for (int seed = 0; seed < settings.repeats; ++seed) {
          const RunSettings training = settings_of(settings, name, width, layers, seed);
          const auto inputs = static_cast<double>(shelf.at(name).train.features());
          const auto w = static_cast<double>(width), l = static_cast<double>(layers);
          list.push_back({{{"data", name},
                           {"width", std::to_string(width)},
                           {"layers", std::to_string(layers)},
                           {"seed", std::to_string(seed)}},
                          w * (inputs + (l - 1) * w),
                          false,
                          [&shelf, name, training, threshold](TrialRun& run) {
                            run_trial(run, training, shelf.at(name), threshold);
                          }});
        }
      }
    }
  }
  return list;
}

// The list that the structure of the published experiment gives, beside ours for the same shapes.
report::Table published_shapes() {
  struct Published {
    Index width, layers;
    double percent;
  };
  constexpr Published kPublished[] = {
      {500, 2, 13.9},  {500, 3, 12.2},  {500, 4, 21.7},  {500, 5, 19.6},  {500, 6, 26.8},
      {1000, 2, 24.5}, {1000, 3, 19.6}, {1000, 4, 32.8}, {1000, 5, 28.2}, {1000, 6, 37.0}};
  report::Table table{
      "From shapes alone, 3072-[n×h]-10 (CIFAR-10): share of the parameters that is removed, %",
      {"n", "hidden layers", "published", "alternating diagonals", "planner"},
      {}};
  for (const Published& row : kPublished) {
    const SparseShape shape = whole_layers(3072, row.width, row.layers, 10);
    table.rows.push_back(
        {std::to_string(row.width), std::to_string(row.layers), fmt::format("{:.1f}", row.percent),
         fmt::format("{:.2f}", structural_percent(shape, SparseMethod::alternating)),
         fmt::format("{:.2f}", structural_percent(shape, SparseMethod::best))});
  }
  return table;
}

std::vector<report::Block> report_of(const ExperimentSettings& settings, const Measurements& rows) {
  std::vector<report::Block> blocks;
  blocks.emplace_back(published_shapes());
  for (const std::string& data : settings.datasets) {
    report::Table table{data + ": measured; a parameter is removed when |θ| is at most " +
                            fmt::format("{:g}", settings.real("threshold", 0, 1)),
                        {"n", "hidden layers", "method", "structure, %", "removed, %",
                         "Δ accuracy, points", "ε, %", "KL, nats", "small before, %"},
                        {}};
    report::Row row;
    for (const std::string& width : rows.levels("width", {{"data", data}})) {
      const Labels at_width = {{"data", data}, {"width", width}};
      const std::vector<std::string> depths = rows.levels("layers", at_width);
      report::LineChart chart;
      chart.heading = fmt::format("{}, width {}", data, width);
      chart.unit = "parameters removed, %";
      chart.x_label = "hidden layers";
      chart.alt = "Share of the parameters removed, by depth and method.";
      chart.x_names = depths;
      chart.low = 0;
      for (const Method& method : methods()) {
        const Labels where = with(at_width, "method", method.name);
        const int colour = static_cast<int>(&method - methods().data());
        chart.curves.push_back(
            curve_of(rows, method.name, where, "removed", "layers", depths, 1, false));
        chart.curves.back().colour = colour;
        report::Curve structure = curve_of(rows, method.name + ", from shapes", where, "structure",
                                           "layers", depths, 1, false);
        structure.dashed = true;
        structure.colour = colour;
        chart.curves.push_back(std::move(structure));
      }
      row.charts.emplace_back(std::move(chart));
      for (const std::string& depth : depths) {
        for (const Method& method : methods()) {
          const Labels at = with(with(at_width, "layers", depth), "method", method.name);
          table.rows.push_back(
              {width, depth, method.name, with_error(rows.summary(at, "structure")),
               with_error(rows.summary(at, "removed")),
               with_error(rows.summary(at, "accuracy change"), 3),
               with_error_scientific(rows.summary(at, "scaled error")),
               with_error_scientific(rows.summary(at, "KL")),
               with_error(rows.summary(with(at_width, "layers", depth), "small before"))});
        }
      }
    }
    blocks.emplace_back(std::move(row));
    blocks.emplace_back(std::move(table));
  }
  return blocks;
}

}  // namespace

ExperimentProcedure sparsification_procedure() {
  return {"sparsification", {"widths", "depths", "threshold"}, check, trials, report_of};
}

}  // namespace isoform
