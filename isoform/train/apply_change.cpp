#include "isoform/train/apply_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/data/split.h"
#include "isoform/model/tasks.h"
#include "isoform/network/pass.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

// An input may outlive its task under another's name.
template <class T>
std::string unused_input(const Model<T>& model, const std::string& name) {
  std::string free = name;
  const auto taken = [&](const Input& input) { return input.name == free; };
  for (int k = 2; std::any_of(model.inputs.begin(), model.inputs.end(), taken); ++k) {
    free = fmt::format("{} {}", name, k);
  }
  return free;
}

template <class T>
void append(Model<T>& model, const TaskChange& change, const TaskData& data, Scaling scaling,
            std::uint64_t seed) {
  Task task;
  task.name = change.task;
  task.outputs = data.training.classes();
  task.loss = change.loss.value_or(Loss::cross_entropy);
  task.weight = change.weight.value_or(1);
  task.inputs = change.inputs;
  if (task.inputs.empty()) {
    const FeatureStatistics of = input_statistics(data.training, scaling);
    NewInput input{{unused_input(model, task.name)}, of.mean, of.standard_deviation};
    if (data.training.image() && data.training.image()->channels == 1) {
      input.image_rows = data.training.image()->rows;
      input.image_cols = data.training.image()->columns;
    }
    append_input(model, input, Start::random, seed);
    task.inputs = {input.input.name};
  }
  append_task(model, task, seed);
}

}  // namespace

template <class T>
void apply_change(Model<T>& model, Courses& courses, const TaskChange& change, std::uint64_t seed) {
  const std::string& data_name = change.data.empty() ? change.task : change.data;
  const bool on = change.action == TaskAction::on;
  const bool frozen = change.action == TaskAction::freeze;
  switch (change.action) {
    case TaskAction::append:
      append(model, change, *courses.find_data(data_name), courses.scaling(), seed);
      courses.begin(model, change.task, data_name);
      break;
    case TaskAction::remove:
      remove_task(model, change.task);
      courses.remove(change.task);
      break;
    case TaskAction::rename:
      rename_task(model, change.task, change.to);
      courses.rename(change.task, change.to);
      break;
    case TaskAction::on:
    case TaskAction::off:
      if (on && !courses.has(change.task)) courses.begin(model, change.task, change.task);
      model.tasks[model.task_index(change.task)].active = on;
      break;
    case TaskAction::change: {
      Task& task = model.tasks[model.task_index(change.task)];
      if (!change.data.empty()) courses.begin(model, change.task, change.data);
      if (change.loss) task.loss = *change.loss;
      if (change.weight) task.weight = *change.weight;
      break;
    }
    case TaskAction::freeze:
    case TaskAction::thaw:
      if (change.task.empty()) {
        freeze_trunk(model, frozen);
      } else {
        freeze_head(model, change.task, frozen);
      }
      break;
  }
}

template <class T>
void require_training(Model<T>& model) {
  Pass<T> pass;
  pass.prepare(model.network, 1);
  const auto parameters = pass.parameters(model.network);
  if (std::none_of(parameters.begin(), parameters.end(),
                   [](const Parameter<T>& p) { return p.trainable; })) {
    throw UsageError(
        "everything is frozen then, so that nothing would be trained; thaw a part, or append a "
        "task");
  }
}

template <class T>
void rehearse_changes(const Model<T>& model, const Courses& courses,
                      const std::vector<TaskChange>& changes, std::uint64_t seed, Moment moment) {
  if (changes.empty()) return;
  for (const TaskChange& change : changes) courses.require_data(change);
  Model<T> copy = model;
  Courses own = courses;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const TaskChange& change = changes[i];
    const bool last = i + 1 == changes.size() || changes[i + 1].epoch > change.epoch;
    try {
      apply_change(copy, own, change, seed);
      if (last && moment == Moment::planned) require_training(copy);
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("change before epoch {} ({}): {}", change.epoch, change.text(),
                                   error.what()));
    }
  }
}

template <class T>
std::map<std::string, Matrix<T>> sample_outputs(const Model<T>& model, const Courses& courses,
                                                const std::string& but, Engine<T>& engine) {
  constexpr Index kSamples = 256;
  std::map<std::string, Matrix<T>> all;
  for (const auto& [name, course] : courses.all()) {
    if (name == but) continue;
    const Dataset& data = course.data.training;
    std::vector<std::uint32_t> samples(
        static_cast<std::size_t>(std::min(kSamples, data.samples())));
    std::iota(samples.begin(), samples.end(), 0U);
    all[name] = logits(model, data.subset(samples), engine, model.task_index(name));
  }
  return all;
}

template <class T>
Matrix<T> judging_samples(const Model<T>& model, const Courses& courses, std::uint64_t seed) {
  constexpr std::size_t kMost = 4000;
  const std::vector<std::size_t> tasks = active_tasks(model);
  Matrix<T> all(model.network.widths().front(), 0);
  for (const std::size_t i : tasks) {
    const Dataset& data = courses.all().at(model.tasks[i].name).data.training;
    std::vector<std::uint32_t> order =
        epoch_order(static_cast<std::uint32_t>(data.samples()), seed, 0);
    order.resize(std::min(order.size(), std::max<std::size_t>(kMost / tasks.size(), 1)));
    const Matrix<T> x = stacked_samples(model, i, data, order);
    all.conservativeResize(Eigen::NoChange, all.cols() + x.cols());
    all.rightCols(x.cols()) = x;
  }
  return all(Eigen::all, epoch_order(static_cast<std::uint32_t>(all.cols()), seed, 0));
}

#define ISOFORM_FOR_SCALAR(T)                                                                     \
  template void apply_change(Model<T>&, Courses&, const TaskChange&, std::uint64_t);              \
  template void require_training(Model<T>&);                                                      \
  template void rehearse_changes(const Model<T>&, const Courses&, const std::vector<TaskChange>&, \
                                 std::uint64_t, Moment);                                          \
  template Matrix<T> judging_samples(const Model<T>&, const Courses&, std::uint64_t);             \
  template std::map<std::string, Matrix<T>> sample_outputs(const Model<T>&, const Courses&,       \
                                                           const std::string&, Engine<T>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
