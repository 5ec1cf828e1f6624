#include "isoform/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/model/tasks.h"
#include "isoform/train/apply_change.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/objective.h"
#include "isoform/train/run_events.h"
#include "isoform/train/trainer_run.h"

namespace isoform {

template <class T>
Trainer<T>::Run::Run(Model<T>& model, std::vector<TaskData> data, const TrainSettings& settings,
                     Engine<T>& engine, std::vector<Observer> observers,
                     const std::atomic<bool>* stop)
    : model_(model),
      settings_(settings),
      engine_(engine),
      observers_(std::move(observers)),
      stop_(stop),
      courses_(std::move(data), settings.batch_size, settings.seed, settings.scaling),
      optimiser_(settings.optimiser),
      adaptation_(settings.adapt) {
  settings.validate();
}

template <class T>
void Trainer<T>::Run::begin() {
  if (!courses_.data().empty()) {
    const bool unnamed = model_.tasks.empty() || model_.inputs.empty();
    if (model_.tasks.empty() || (unnamed && !settings_.changes.empty())) {
      name_parts(model_, courses_.data().front().name);
    }
  }
  check_changes(model_.tasks, settings_.changes, settings_.epochs);
  for (const std::size_t i : active_tasks(model_)) {
    courses_.begin(model_, model_.tasks[i].name, model_.tasks[i].name);
  }
  rehearse_changes(model_, courses_, settings_.changes, settings_.seed, Moment::planned);
  begin_phase();
  emit_start();
  emit_spectrum();
}

template <class T>
bool Trainer<T>::Run::run_epoch() {
  if (result_.reason != StopReason::finished) return false;
  if (!epoch_step_ && has_ended()) return false;
  obey();
  if (!epoch_step_) begin_epoch();
  running_ = true;
  train_epoch();
  running_ = false;
  return result_.reason == StopReason::finished;
}

template <class T>
void Trainer<T>::Run::change(const TaskChange& wanted, const TaskData* data) {
  require_between_epochs();
  TaskChange change = wanted;
  change.epoch = epoch_ + 1;
  check_changes(model_.tasks, {change}, std::max(settings_.epochs, epoch_ + 1));
  if (data != nullptr) {
    courses_.add_data(*data);
    fingerprints_.erase(data->name);
  }
  name_parts(model_, model_.tasks.front().name);
  rehearse_changes(model_, courses_, {change}, settings_.seed, Moment::live);
  apply(change);
  begin_phase();
}

template <class T>
void Trainer<T>::Run::apply(const Edit& edit) {
  optimiser_.transport(model_.network, edit);
  model_.network.apply(edit);
  EditRecord record = edit.record;
  record.step = step_;
  model_.record(record);
  result_.born += record.born;
  result_.removed += record.removed;
  emit("edit", edit_json(record));
  prepared_ = false;
}

template <class T>
void Trainer<T>::Run::edit_from_outside(const Edit& edit) {
  require_between_epochs();
  apply(edit);
  adaptation_.forget();
  best_.reset();
}

template <class T>
void Trainer<T>::Run::require_between_epochs() const {
  if (epoch_step_ && result_.reason == StopReason::finished) {
    throw UsageError(
        "trainer: needs an epoch that has ended, got one that a state was within; call run_epoch() "
        "first");
  }
}

// What is left until the next change, or the end.
template <class T>
void Trainer<T>::Run::begin_phase() {
  const bool is_last = next_change_ == settings_.changes.size();
  const int last = is_last ? settings_.epochs : settings_.changes[next_change_].epoch - 1;
  steps_per_epoch_ = courses_.follow(model_);
  phase_start_ = step_;
  steps_ = steps_per_epoch_ * std::max(last - epoch_, 0);
  adaptation_.begin(model_.network, steps_per_epoch_, steps_, courses_.samples(model_), is_last);
  prepared_ = false;
  train_loss_ = 0;
  lowest_loss_ = std::numeric_limits<double>::infinity();
  best_.reset();
}

template <class T>
void Trainer<T>::Run::apply(const TaskChange& change) {
  const auto before = sample_outputs(model_, courses_, change.task, engine_);
  apply_change(model_, courses_, change, settings_.seed);
  const auto after = sample_outputs(model_, courses_, change.task, engine_);
  double largest = 0;
  for (const auto& [name, y] : before) {
    const auto found = after.find(name);
    if (found == after.end()) continue;
    largest = std::max<double>(largest, (found->second - y).cwiseAbs().maxCoeff());
  }
  done_.push_back({{"action", task_action_name(change.action)},
                   {"task", change.task},
                   {"to", change.to},
                   {"tasks", tasks_json(model_)},
                   {"widths", model_.network.widths()},
                   {"parameters", model_.network.parameter_count()},
                   {"change", before.empty() ? Json() : Json(largest)}});
}

// The changes that are due, and the start of a pass over the data.
template <class T>
void Trainer<T>::Run::begin_epoch() {
  const std::size_t before = next_change_;
  for (const TaskChange& change : switches_) apply(change);
  while (next_change_ < settings_.changes.size() &&
         settings_.changes[next_change_].epoch <= epoch_ + 1) {
    apply(settings_.changes[next_change_++]);
  }
  const bool changed = next_change_ > before || !switches_.empty();
  if (changed) begin_phase();
  switches_.clear();
  require_training(model_);
  for (; told_ < done_.size(); ++told_) emit_change(done_[told_]);
  if (const std::string over = adaptation_.over_budget(model_.network); changed && !over.empty()) {
    emit("warning", {{"message", over}});
  }
  if (is_sane()) {
    last_good_ = model_;
    good_born_ = result_.born;
    good_removed_ = result_.removed;
    good_epoch_ = epoch_;
  }
  ++epoch_;
  epoch_step_ = 0;
  for (const std::size_t i : active_tasks(model_)) {
    Course& course = courses_.of(model_.tasks[i].name);
    courses_.shuffle(course);
    course.total = {};
  }
}

template <class T>
void Trainer<T>::Run::train_epoch() {
  if (adaptation_.is_pending() && !adapt()) return stop();
  while (*epoch_step_ < steps_per_epoch_) {
    obey();
    if (is_stopped()) return stop();
    const double loss = run_step();
    ++step_;
    ++*epoch_step_;
    if (!std::isfinite(loss)) return diverge();
    if (phase_step() == 1) lowest_loss_ = loss;
    bool interrupted = false;
    if (adaptation_.due(phase_step())) {
      if (!model_.network.all_finite() || !adaptation_.all_finite()) return diverge();
      interrupted = !adapt();
    }
    emit_step(loss);
    if (interrupted) return stop();
    if (take_ && *epoch_step_ < steps_per_epoch_ && seconds() - taken_s_ >= take_every_s_) {
      checkpoint();
    }
  }
  if (!model_.network.all_finite()) return diverge();
  epoch_step_.reset();
  emit_epoch();
  judge();
  checkpoint();
}

// One batch of every active task, one step; the mean loss by weight.
template <class T>
double Trainer<T>::Run::run_step() {
  const std::vector<std::size_t> tasks = active_tasks(model_);
  double weights = 0, loss = 0;
  for (const std::size_t i : tasks) weights += model_.tasks[i].weight;
  rate_ = settings_.optimiser.rate() *
          schedule_factor(settings_.schedule, phase_step(), steps_, phase_start_ > 0);
  // Whoever looks at all gradients before the step needs them all at once.
  const bool together = settings_.clip_norm > 0 || adaptation_.observes(phase_step());
  Gradients gradients = Gradients::replace;
  for (const std::size_t i : tasks) {
    const Task& task = model_.tasks[i];
    Course& course = courses_.of(task.name);
    const double share = task.weight / weights;
    const bool steps = i == tasks.back() && !together;
    const BatchScore score = run_batch(task, course, share, gradients, steps);
    loss += share * score.loss / static_cast<double>(score.samples);
    if (!std::isfinite(loss)) return loss;
    course.total.loss += score.loss;
    course.total.correct += score.correct;
    course.total.samples += score.samples;
    course.total.weight += score.weight;
    adaptation_.observe(model_.network, pass_, gradients, phase_step());
    gradients = Gradients::add;
  }
  if (together) {
    const std::vector<Parameter<T>> parameters = pass_.parameters(model_.network);
    if (settings_.clip_norm > 0) clip_gradients<T>(parameters, settings_.clip_norm);
    optimiser_.step(parameters, engine_, rate_);
  }
  return loss;
}

template <class T>
BatchScore Trainer<T>::Run::run_batch(const Task& task, Course& course, double share,
                                      Gradients gradients, bool steps) {
  const std::span<const std::uint32_t> samples = courses_.next_batch(course);
  const std::size_t count = samples.size();
  const auto columns = static_cast<Index>(count);
  if (pass_.samples() != columns || !(pass_.route() == course.route) || !prepared_) {
    pass_.prepare(model_.network, columns, course.route);
    prepared_ = true;
  }
  const std::vector<int> inputs =
      course.route.inputs.empty() ? model_.network.inputs() : course.route.inputs;
  feed<T>(
      model_, course.route, course.data.training, samples,
      [&](std::size_t k) { return pass_.input(inputs[k]); }, buffer_, &engine_);
  pass_.drop({settings_.input_dropout, settings_.dropout, settings_.seed,
              static_cast<std::uint64_t>(step_)});
  forward(model_.network, engine_, pass_);
  wanted_.gather(course.data.training, samples);
  const int head = model_.network.outputs()[model_.task_index(task.name)];
  View<T> gradient = pass_.delta(head);
  const BatchScore score =
      score_batch<T>(task.loss, pass_.z(head), wanted_, &gradient, settings_.label_smoothing);
  if (!std::isfinite(score.loss)) return score;
  if (share != 1) gradient *= static_cast<T>(share);
  if (steps) {
    backward_and_step(model_.network, engine_, pass_, gradients, optimiser_, rate_);
  } else {
    backward(model_.network, engine_, pass_, gradients);
  }
  return score;
}

template <class T>
bool Trainer<T>::Run::adapt() {
  struct Interrupted {};
  try {
    const std::vector<std::string> warnings = adaptation_.adapt(
        model_.network, engine_, phase_step(), step_,
        [this] { return judging_samples(model_, courses_, settings_.seed); },
        [this](const Edit& edit) { apply(edit); },
        [this] {
          if (is_stopped()) throw Interrupted();
        });
    for (const std::string& warning : warnings) emit("warning", {{"message", warning}});
  } catch (const Interrupted&) {
    return false;
  }
  return true;
}

template <class T>
Trainer<T>::Trainer(Model<T>& model, std::vector<TaskData> data, const TrainSettings& settings,
                    Engine<T>& engine, std::vector<Observer> observers,
                    const std::atomic<bool>* stop)
    : run_(std::make_unique<Run>(model, std::move(data), settings, engine, std::move(observers),
                                 stop)) {
  run_->begin();
}
template <class T>
Trainer<T>::Trainer(Model<T>& model, std::vector<TaskData> data, const TrainSettings& settings,
                    Engine<T>& engine, const TrainerState<T>& state,
                    std::vector<Observer> observers, const std::atomic<bool>* stop)
    : run_(std::make_unique<Run>(model, std::move(data), settings, engine, std::move(observers),
                                 stop)) {
  run_->go_on(state);
}
template <class T>
Trainer<T>::~Trainer() = default;
template <class T>
Trainer<T>::Trainer(Trainer&&) noexcept = default;
template <class T>
bool Trainer<T>::run_epoch() {
  return run_->run_epoch();
}
template <class T>
void Trainer<T>::change(const TaskChange& change, const TaskData* data) {
  run_->change(change, data);
}
template <class T>
void Trainer<T>::apply(const Edit& edit) {
  run_->edit_from_outside(edit);
}
template <class T>
int Trainer<T>::epoch() const {
  return run_->epoch();
}
template <class T>
TrainerState<T> Trainer<T>::state() const {
  return run_->state();
}
template <class T>
void Trainer<T>::on_checkpoint(double seconds, std::function<void(TrainerState<T>)> take) {
  run_->on_checkpoint(seconds, std::move(take));
}
template <class T>
void Trainer<T>::obey(RunControl& control) {
  run_->obey(control);
}
template <class T>
TrainResult Trainer<T>::finish() {
  return run_->finish();
}

template <class T>
TrainResult train(Model<T>& model, std::vector<TaskData> data, const TrainSettings& settings,
                  Engine<T>& engine, const std::vector<Observer>& observers,
                  const std::atomic<bool>* stop) {
  Trainer<T> trainer(model, std::move(data), settings, engine, observers, stop);
  while (trainer.run_epoch()) {
  }
  return trainer.finish();
}

template <class T>
TrainResult train(Model<T>& model, const Dataset& training, const Dataset& validation,
                  const TrainSettings& settings, Engine<T>& engine,
                  const std::vector<Observer>& observers, const std::atomic<bool>* stop) {
  const std::string name = model.tasks.empty() ? training.name() : model.tasks.front().name;
  return train(model, std::vector<TaskData>{{name, training, validation}}, settings, engine,
               observers, stop);
}

#define ISOFORM_FOR_SCALAR(T)                                                                    \
  template class Trainer<T>;                                                                     \
  template TrainResult train(Model<T>&, std::vector<TaskData>, const TrainSettings&, Engine<T>&, \
                             const std::vector<Observer>&, const std::atomic<bool>*);            \
  template TrainResult train(Model<T>&, const Dataset&, const Dataset&, const TrainSettings&,    \
                             Engine<T>&, const std::vector<Observer>&, const std::atomic<bool>*);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
