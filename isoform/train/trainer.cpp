#include "isoform/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/model/tasks.h"
#include "isoform/network/pass.h"
#include "isoform/train/adaptation.h"
#include "isoform/train/apply_change.h"
#include "isoform/train/courses.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/objective.h"
#include "isoform/train/run_events.h"

namespace isoform {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr double kStepEventInterval = 0.2;  // seconds

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

template <class T>
class Trainer<T>::Run {
 public:
  Run(Model<T>& model, std::vector<TaskData> data, const TrainSettings& settings, Engine<T>& engine,
      std::vector<Observer> observers, const std::atomic<bool>* stop)
      : model_(model),
        settings_(settings),
        engine_(engine),
        observers_(std::move(observers)),
        stop_(stop),
        courses_(std::move(data), settings.batch_size, settings.seed, settings.scaling),
        optimiser_(settings.optimiser),
        adaptation_(settings.adapt),
        last_good_(model) {
    settings.validate();
    if (!courses_.data().empty()) {
      const bool unnamed = model.tasks.empty() || model.inputs.empty();
      if (model_.tasks.empty() || (unnamed && !settings.changes.empty())) {
        name_parts(model_, courses_.data().front().name);
      }
    }
    check_changes(model_.tasks, settings.changes, settings.epochs);
    for (const std::size_t i : active_tasks(model_)) {
      courses_.begin(model_, model_.tasks[i].name, model_.tasks[i].name);
    }
    rehearse_changes(model_, courses_, settings.changes, settings.seed, Moment::planned);
    begin_phase();
    emit_start();
  }

  bool run_epoch() {
    if (epoch_ >= settings_.epochs || result_.reason != StopReason::finished) return false;
    const std::size_t before = next_change_;
    while (next_change_ < settings_.changes.size() &&
           settings_.changes[next_change_].epoch <= epoch_ + 1) {
      apply(settings_.changes[next_change_++]);
    }
    if (next_change_ > before) begin_phase();
    require_training(model_);
    for (; told_ < done_.size(); ++told_) emit_change(done_[told_]);
    ++epoch_;
    train_epoch();
    return result_.reason == StopReason::finished;
  }

  void change(const TaskChange& wanted, const TaskData* data) {
    TaskChange change = wanted;
    change.epoch = epoch_ + 1;
    check_changes(model_.tasks, {change}, std::max(settings_.epochs, epoch_ + 1));
    if (data != nullptr) courses_.add_data(*data);
    name_parts(model_, model_.tasks.front().name);
    rehearse_changes(model_, courses_, {change}, settings_.seed, Moment::live);
    apply(change);
    begin_phase();
  }

  void apply(const Edit& edit) {
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

  void edit_from_outside(const Edit& edit) {
    apply(edit);
    adaptation_.forget();
  }

  [[nodiscard]] int epoch() const { return epoch_; }

  TrainResult finish() {
    result_.steps = step_;
    result_.seconds = since(start_);
    result_.adaptation_seconds = adaptation_.seconds();
    emit("end", {{"reason", stop_reason_name(result_.reason)},
                 {"widths", model_.network.widths()},
                 {"parameters", model_.network.parameter_count()},
                 {"born", result_.born},
                 {"removed", result_.removed},
                 {"adaptation_s", adaptation_.seconds()},
                 {"message", result_.message}});
    return result_;
  }

 private:
  // What is left until the next change, or the end.
  void begin_phase() {
    const bool is_last = next_change_ == settings_.changes.size();
    const int last = is_last ? settings_.epochs : settings_.changes[next_change_].epoch - 1;
    steps_per_epoch_ = courses_.follow(model_);
    phase_start_ = step_;
    steps_ = steps_per_epoch_ * std::max(last - epoch_, 0);
    adaptation_.begin(model_.network, steps_per_epoch_, steps_, courses_.samples(model_), is_last);
    prepared_ = false;
    last_good_ = model_;
  }

  void apply(const TaskChange& change) {
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

  void train_epoch() {
    last_good_ = model_;
    good_born_ = result_.born;
    good_removed_ = result_.removed;
    for (const std::size_t i : active_tasks(model_)) {
      Course& course = courses_.of(model_.tasks[i].name);
      courses_.shuffle(course);
      course.total = {};
    }
    for (std::int64_t i = 0; i < steps_per_epoch_; ++i) {
      if (stop_ != nullptr && stop_->load()) {
        result_.reason = StopReason::stopped;
        result_.message = fmt::format("stopped after step {}, in epoch {} of {}", step_, epoch_,
                                      settings_.epochs);
        return;
      }
      const double loss = run_step();
      ++step_;
      if (!std::isfinite(loss)) return diverge();
      if (adaptation_.due(phase_step())) {
        if (!model_.network.all_finite() || !adaptation_.all_finite()) return diverge();
        adapt();
      }
      if (since(start_) - last_event_s_ >= kStepEventInterval) {
        last_event_s_ = since(start_);
        emit("step", {{"loss", loss}, {"learning_rate", rate_}});
      }
    }
    if (!model_.network.all_finite()) return diverge();
    emit_epoch();
  }

  [[nodiscard]] std::int64_t phase_step() const { return step_ - phase_start_; }

  void diverge() {
    model_ = last_good_;
    result_.born = good_born_;
    result_.removed = good_removed_;
    result_.reason = StopReason::diverged;
    result_.message = fmt::format(
        "the loss or a weight is not a number at step {} of epoch {}; the model is that of the "
        "start of the epoch; try a smaller learning rate or weight decay",
        step_, epoch_);
  }

  // One batch of every active task, one step; the mean loss by weight.
  double run_step() {
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

  BatchScore run_batch(const Task& task, Course& course, double share, Gradients gradients,
                       bool steps) {
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
        [&](std::size_t k) { return pass_.input(inputs[k]); }, buffer_);
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

  void adapt() {
    const std::vector<std::string> warnings = adaptation_.adapt(
        model_.network, engine_, phase_step(), step_,
        [this] { return judging_samples(model_, courses_, settings_.seed); },
        [this](const Edit& edit) { apply(edit); });
    for (const std::string& warning : warnings) emit("warning", {{"message", warning}});
  }

  void emit(std::string type, Json data) {
    if (observers_.empty()) return;
    const Event event{std::move(type), step_, epoch_, since(start_), std::move(data)};
    for (const Observer& observer : observers_) observer(event);
  }

  // Told when the phase that it begins is known.
  void emit_change(Json change) {
    change["steps"] = planned_steps();
    change["steps_per_epoch"] = steps_per_epoch_;
    emit("task", std::move(change));
  }

  // As many as there will be if every later epoch is as long as this.
  [[nodiscard]] std::int64_t planned_steps() const {
    return step_ + steps_per_epoch_ * (settings_.epochs - epoch_);
  }

  void emit_start() {
    const Dataset& training = courses_.all().begin()->second.data.training;
    emit("start", {{"widths", model_.network.widths()},
                   {"groups", groups_json(model_.network)},
                   {"parameters", model_.network.parameter_count()},
                   {"data", training.name()},
                   {"samples", training.samples()},
                   {"tasks", tasks_json(model_)},
                   {"epochs", settings_.epochs},
                   {"steps_per_epoch", steps_per_epoch_},
                   {"steps", planned_steps()},
                   {"version", version()},
                   {"engine", engine_.name()},
                   {"threads", engine_.threads()}});
    emit_spectrum();
  }

  void emit_spectrum() {
    if (observers_.empty()) return;
    emit("spectrum", {{"spaces", spectra_json(model_.network, settings_.adapt)}});
  }

  void emit_epoch() {
    EpochScores scores = score_epoch(model_, courses_, engine_);
    result_.validation_accuracy = scores.validation_accuracy;
    emit_spectrum();
    emit("epoch", {{"epochs", settings_.epochs},
                   {"train_loss", scores.train_loss},
                   {"train_accuracy", scores.train_accuracy},
                   {"validation_loss", scores.validation_loss},
                   {"validation_accuracy", scores.validation_accuracy},
                   {"tasks", std::move(scores.tasks)},
                   {"widths", model_.network.widths()},
                   {"groups", groups_json(model_.network)},
                   {"parameters", model_.network.parameter_count()},
                   {"learning_rate", rate_},
                   {"scaffold", adaptation_.scaffold()}});
  }

  Model<T>& model_;
  const TrainSettings settings_;
  Engine<T>& engine_;
  std::vector<Observer> observers_;
  const std::atomic<bool>* stop_;
  Courses courses_;
  std::size_t next_change_ = 0;
  std::vector<Json> done_;  // changes, and how many of them observers know
  std::size_t told_ = 0;
  Optimiser<T> optimiser_;
  Adaptation<T> adaptation_;
  Model<T> last_good_;  // at the start of the epoch
  Index good_born_ = 0, good_removed_ = 0;
  Pass<T> pass_;
  bool prepared_ = false;
  Matrix<T> buffer_;
  Wanted<T> wanted_;
  std::int64_t steps_per_epoch_ = 0;
  std::int64_t steps_ = 0;  // of the phase
  std::int64_t step_ = 0, phase_start_ = 0;
  int epoch_ = 0;
  double rate_ = 0;
  double last_event_s_ = 0;
  Clock::time_point start_ = Clock::now();
  TrainResult result_;
};

template <class T>
Trainer<T>::Trainer(Model<T>& model, std::vector<TaskData> data, const TrainSettings& settings,
                    Engine<T>& engine, std::vector<Observer> observers,
                    const std::atomic<bool>* stop)
    : run_(std::make_unique<Run>(model, std::move(data), settings, engine, std::move(observers),
                                 stop)) {}
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
