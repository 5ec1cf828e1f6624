// Experiment 3: tasks come and go by a schedule; widths follow, or stay as a control.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/experiment/training.h"
#include "isoform/experiment/words.h"
#include "isoform/model/tasks.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/policy.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

enum class Restructuring {
  published,  // all tasks are there from the start, switched on and off; the paper's rule after each epoch
  none,     // the same with fixed widths
  trusted,  // tasks are appended and removed; the trainer's own adaptation
};

Restructuring restructuring_of(const ExperimentSettings& settings, const ExperimentArm& arm) {
  const std::string name = settings.choice("restructuring", {"published", "none", "trusted"}, &arm);
  if (name == "published") return Restructuring::published;
  return name == "none" ? Restructuring::none : Restructuring::trusted;
}

int phase_of(const ExperimentSettings& settings) {
  return static_cast<int>(settings.whole("phase_epochs", 1, 1000000));
}

std::vector<Index> range_of(const ExperimentSettings& settings, const ExperimentArm& arm) {
  auto range = settings.wholes("start_widths", 1, kMaxWidth, &arm, false);
  if (range.size() != 2 || range[1] < range[0]) {
    settings.refuse("start_widths: needs the smallest and the largest");
  }
  return range;
}

std::vector<Index> start_widths(const std::vector<Index>& range, std::uint64_t seed,
                                std::size_t layers) {
  const Random random(seed, Purpose::user, 0, 3);
  std::vector<Index> widths;
  for (std::size_t l = 0; l < layers; ++l) {
    const auto span = static_cast<std::uint64_t>(range[1] - range[0] + 1);
    widths.push_back(range[0] + static_cast<Index>(random.below(span, l)));
  }
  return widths;
}

// Inputs and outputs side by side, with the initial weights of one chain that is as wide as all of them; the first task is on.
Model<float> side_by_side(const RunSettings& settings, const std::vector<std::string>& names,
                          const DataShelf& shelf) {
  Model<float> model = create_model<float>(settings, shelf.at(names.front()).train);
  model.tasks.front().name = names.front();
  name_parts(model, names.front());
  ChainSettings chain = settings.network;
  chain.seed = settings.training.seed;
  chain.widths = model.network.widths();
  for (std::size_t k = 1; k < names.size(); ++k) {
    const Dataset& data = shelf.at(names[k]).train;
    const FeatureStatistics statistics = input_statistics(data, settings.training.scaling);
    append_input(model, {{names[k]}, statistics.mean, statistics.standard_deviation}, Start::random,
                 settings.training.seed);
    append_task(model, {names[k], data.classes(), settings.loss, false, {names[k]}},
                settings.training.seed);
    chain.widths.front() += data.features();
    chain.widths.back() += static_cast<Index>(data.classes().size());
  }
  const Network<float> whole = Network<float>::chain(chain);
  const auto first = whole.maps().front().weight(), last = whole.maps().back().weight();
  Index column = 0, row = 0;
  for (const int input : model.network.inputs()) {
    Map<float>& map = model.network.map(model.network.outgoing(input).front());
    map.weight() = first.middleCols(column, map.inputs);
    column += map.inputs;
  }
  for (const int output : model.network.outputs()) {
    Map<float>& map = model.network.map(model.network.incoming(output).front());
    map.weight() = last.middleRows(row, map.a.rows());
    row += map.a.rows();
  }
  return model;
}

// Phases: the first task; two; all; the second alone.
std::vector<TaskChange> schedule(const std::vector<std::string>& names, int phase,
                                 bool comes_and_goes) {
  const TaskAction in = comes_and_goes ? TaskAction::append : TaskAction::on;
  const TaskAction out = comes_and_goes ? TaskAction::remove : TaskAction::off;
  const auto change = [&](int epoch, TaskAction action, const std::string& task) {
    TaskChange made{.epoch = epoch, .action = action, .task = task};
    if (action == TaskAction::append) made.data = task;
    return made;
  };
  return {change(phase + 1, in, names[1]), change(2 * phase + 1, in, names[2]),
          change(3 * phase + 1, out, names[0]), change(3 * phase + 1, out, names[2])};
}

class Diary {
 public:
  Diary(TrialRun& run, const DataShelf& shelf) : run_(run), shelf_(shelf) {}
  void write(const Model<float>& model, int epoch) {
    const std::string when = std::to_string(epoch);
    const std::vector<int> hidden = model.network.hidden();
    for (std::size_t l = 0; l < hidden.size(); ++l) {
      run_.measure("width", static_cast<double>(model.network.space(hidden[l]).dimension),
                   {{"layer", std::to_string(l + 1)}, {"epoch", when}});
    }
    run_.measure("parameters", static_cast<double>(model.network.parameter_count()),
                 {{"epoch", when}});
    for (std::size_t i = 0; i < model.tasks.size(); ++i) {
      const Task& task = model.tasks[i];
      const bool on = task.active || model.tasks.size() == 1;
      run_.measure(
          "test accuracy", evaluate(model, shelf_.at(task.name).test, run_.engine(), i).accuracy,
          {{"task", shelf_.at(task.name).label}, {"epoch", when}, {"active", on ? "yes" : "no"}});
    }
  }

 private:
  TrialRun& run_;
  const DataShelf& shelf_;
};

void run_trial(TrialRun& run, const ExperimentSettings& experiment, const ExperimentArm& arm,
               RunSettings settings, const DataShelf& shelf) {
  const std::vector<std::string>& names = experiment.datasets;
  const auto how = restructuring_of(experiment, arm);
  const bool comes_and_goes = how == Restructuring::trusted;
  const int phase = phase_of(experiment);
  settings.hidden =
      start_widths(range_of(experiment, arm), settings.training.seed, settings.hidden.size());
  settings.training.epochs = 4 * phase;
  settings.training.changes = schedule(names, phase, comes_and_goes);
  settings.training.adapt.enabled = comes_and_goes;
  Model<float> model;
  if (comes_and_goes) {
    model = create_model<float>(settings, shelf.at(names.front()).train);
    model.tasks.front().name = names.front();
  } else {
    model = side_by_side(settings, names, shelf);
  }
  std::vector<TaskData> data;
  for (const std::string& name : names) data.push_back({name, shelf.at(name).train, Dataset()});
  Policy policy(settings.training.adapt.policy);
  Diary diary(run, shelf);
  diary.write(model, 0);
  train_model(run, model, std::move(data), settings,
              [&](Trainer<float>& trainer, Model<float>& now) {
                if (how == Restructuring::published && trainer.epoch() < 4 * phase) {
                  Statistics none(now.network);
                  policy.adapt<float>(now.network, none, trainer.epoch(), false,
                                      [&](const Edit& edit) { trainer.apply(edit); });
                }
                diary.write(now, trainer.epoch());
              });
}

void check(const ExperimentSettings& settings) {
  if (settings.datasets.size() != 3) {
    settings.refuse(
        fmt::format("datasets: needs three, one for each task, got {}", settings.datasets.size()));
  }
  (void)phase_of(settings);
  for (const ExperimentArm& arm : settings.arms) {
    (void)range_of(settings, arm);
    const RunSettings training = settings.training(arm, "data", 0);
    if (training.architecture != Architecture::chain || training.hidden.empty()) {
      settings.refuse(
          fmt::format("arm '{}': needs a chain of one or more hidden layers", arm.name));
    }
    if (restructuring_of(settings, arm) == Restructuring::published &&
        training.training.adapt.policy.rule != PolicyRule::paper) {
      settings.refuse(fmt::format(
          "arm '{}': restructuring published goes by singular values; give policy = \"paper\"",
          arm.name));
    }
  }
}

std::vector<Trial> trials(const ExperimentSettings& settings, const DataShelf& shelf) {
  std::vector<Trial> list;
  for (int seed = 0; seed < settings.repeats; ++seed) {
    for (const ExperimentArm& arm : settings.arms) {
      const RunSettings training =
          settings.training(arm, settings.datasets.front(), static_cast<std::uint64_t>(seed));
      list.push_back({{{"arm", arm.name}, {"seed", std::to_string(seed)}},
                      1,
                      false,
                      [&settings, &arm, &shelf, training](TrialRun& run) {
                        run_trial(run, settings, arm, training, shelf);
                      }});
    }
  }
  return list;
}

std::vector<std::string> range_of_epochs(int first, int last) {
  std::vector<std::string> epochs;
  for (int e = first; e <= last; ++e) epochs.push_back(std::to_string(e));
  return epochs;
}

// Points that a task has lost, at worst and at the end of the phase in which another came, for each seed.
struct Loss {
  std::vector<double> worst, end;
};
Loss loss_to_arrivals(const std::vector<std::string>& names, const Measurements& rows,
                      const std::string& arm, int phase) {
  Loss loss;
  const auto at = [&](const std::string& seed, const std::string& task, int epoch) {
    return 100 *
           rows.summary(
                   {{"arm", arm}, {"seed", seed}, {"task", task}, {"epoch", std::to_string(epoch)}},
                   "test accuracy")
               .mean;
  };
  for (const std::string& seed : rows.levels("seed", {{"arm", arm}})) {
    double worst = -1e9, end = -1e9;
    for (int arrival = 1; arrival <= 2; ++arrival) {
      for (int k = 0; k < arrival; ++k) {
        const std::string& task = names[static_cast<std::size_t>(k)];
        const double before = at(seed, task, arrival * phase);
        for (int e = arrival * phase + 1; e <= (arrival + 1) * phase; ++e) {
          worst = std::max(worst, before - at(seed, task, e));
        }
        end = std::max(end, before - at(seed, task, (arrival + 1) * phase));
      }
    }
    loss.worst.push_back(worst);
    loss.end.push_back(end);
  }
  return loss;
}

std::vector<report::Block> report_of(const ExperimentSettings& settings, const Measurements& rows) {
  const int phase = phase_of(settings);
  std::vector<std::string> names = rows.levels("task");
  if (names.size() < settings.datasets.size()) names = settings.datasets;  // nothing is done yet
  using Mark = report::LineChart::Mark;
  const std::vector<Mark> marks = {{static_cast<double>(phase), names[1] + " comes"},
                                   {static_cast<double>(2 * phase), names[2] + " comes"},
                                   {static_cast<double>(3 * phase), names[1] + " alone"}};
  report::Table table{
      "Hidden neurons of all layers together, at the end of each phase, and parameters",
      {"arm", "one task", "two", "three", "second alone", "parameters, three", "parameters, alone"},
      {}};
  report::Table losses{
      "What an active task lost to the arrival of another, points of test accuracy, the worst of "
      "all tasks and "
      "arrivals",
      {"arm", "at the worst epoch of the phase", "at the end of the phase"},
      {}};
  std::vector<report::Block> blocks;
  report::Table accuracies{"Test accuracy at the end of each phase, %",
                           {"arm", "task", "one task", "two", "three", "second alone"},
                           {}};
  for (const ExperimentArm& arm : settings.arms) {
    const Labels where = {{"arm", arm.name}};
    report::LineChart widths, accuracy;
    widths.heading = arm.name + ": widths";
    widths.unit = "neurons";
    accuracy.heading = arm.name + ": test accuracy";
    accuracy.unit = "%";
    widths.alt = "Widths of the hidden layers over epochs.";
    accuracy.alt = "Test accuracy of each task over epochs.";
    widths.x_label = accuracy.x_label = "epoch";
    widths.marks = accuracy.marks = marks;
    widths.low = 0;
    for (const std::string& layer : rows.levels("layer", where)) {
      widths.curves.push_back(curve_of(rows, "hidden " + layer, with(where, "layer", layer),
                                       "width", "epoch", range_of_epochs(0, 4 * phase)));
    }
    for (const std::string& task : names) {
      const Labels at = with(with(where, "task", task), "active", "yes");
      accuracy.curves.push_back(
          curve_of(rows, task, at, "test accuracy", "epoch", range_of_epochs(1, 4 * phase), 100));
      std::vector<std::string> cells = {arm.name, task};
      for (int p = 1; p <= 4; ++p) {
        cells.push_back(with_error(scaled(
            rows.summary(with(at, "epoch", std::to_string(p * phase)), "test accuracy"), 100)));
      }
      accuracies.rows.push_back(std::move(cells));
    }
    blocks.emplace_back(report::Row{{std::move(widths), std::move(accuracy)}});
    std::vector<std::string> cells = {arm.name};
    for (int p = 1; p <= 4; ++p) {
      std::vector<double> sums;
      for (const std::string& seed : rows.levels("seed", where)) {
        double sum = 0;
        for (const double width :
             rows.values({{"arm", arm.name}, {"seed", seed}, {"epoch", std::to_string(p * phase)}},
                         "width")) {
          sum += width;
        }
        sums.push_back(sum);
      }
      cells.push_back(with_error(summarise(sums), 0));
    }
    for (const int p : {3, 4}) {
      cells.push_back(with_error(
          rows.summary(with(where, "epoch", std::to_string(p * phase)), "parameters"), 0));
    }
    const Loss loss = loss_to_arrivals(names, rows, arm.name, phase);
    losses.rows.push_back(
        {arm.name, with_error(summarise(loss.worst)), with_error(summarise(loss.end))});
    table.rows.push_back(std::move(cells));
  }
  blocks.insert(blocks.begin(), {std::move(table), std::move(losses)});
  blocks.emplace_back(std::move(accuracies));
  return blocks;
}

}  // namespace

ExperimentProcedure scheduled_tasks_procedure() {
  return {"scheduled-tasks",
          {"phase_epochs", "start_widths", "restructuring", "substitute"},
          check,
          trials,
          report_of};
}

}  // namespace isoform
