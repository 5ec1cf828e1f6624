#include "isoform/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <span>

#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/data/split.h"
#include "isoform/model/tasks.h"
#include "isoform/network/pass.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/objective.h"

namespace isoform {

std::string_view stop_reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::finished:
      return "finished";
    case StopReason::stopped:
      return "stopped";
    case StopReason::diverged:
      return "diverged";
  }
  throw InternalError("a stop reason without a name");
}

void TrainSettings::validate() const {
  const auto require = [](bool holds, std::string_view field, double value, std::string_view rule) {
    if (!holds) throw UsageError(fmt::format("{}: needs {}, got {}", field, rule, value));
  };
  require(epochs >= 1, "epochs", epochs, "at least 1");
  require(batch_size >= 1, "batch-size", static_cast<double>(batch_size), "at least 1");
  require(clip_norm >= 0, "clip-norm", clip_norm, "0 (none) or a norm above 0");
  require(adapt.per_epoch > 0, "adaptations-per-epoch", adapt.per_epoch, "a number above 0");
  require(adapt.statistics_batches >= 1, "statistics-batches", adapt.statistics_batches,
          "at least 1");
  require(adapt.settle >= 0 && adapt.settle <= 1, "settle", adapt.settle, "0 to 1");
  optimiser.validate();
  schedule.validate();
  if (adapt.enabled) adapt.policy.validate();
}

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr double kStepEventInterval = 0.2;  // seconds
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Json edit_json(const EditRecord& r) {
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  return {{"space", r.space},
          {"kind", edit_kind_name(r.kind)},
          {"group", or_null(r.group)},
          {"before", r.before},
          {"after", r.after},
          {"born", r.born},
          {"removed", r.removed},
          {"score", r.score},
          {"bound", or_null(r.bound)},
          {"change", or_null(r.change)},
          {"why", r.why}};
}

// A task that has data, and where its epoch stands.
struct Course {
  TaskData data;
  Route route;
  Index batch = 0;
  std::vector<std::uint32_t> order;
  std::size_t next = 0;
  std::uint64_t rounds = 0;
  BatchScore total;
};

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
        data_(std::move(data)),
        optimiser_(settings.optimiser),
        policy_(settings.adapt.policy),
        last_good_(model) {
    settings.validate();
    if (!data_.empty()) {
      const bool unnamed = model.tasks.empty() || model.inputs.empty();
      if (unnamed && !settings.changes.empty()) name_parts(model_, data_.front().name);
      if (model_.tasks.empty()) name_parts(model_, data_.front().name);
    }
    check_changes(model_.tasks, settings.changes, settings.epochs);
    for (const TaskChange& change : settings.changes) require_data(change);
    last_good_ = model_;
    for (const Task& task : model_.tasks) {
      if (task.active || model_.tasks.size() == 1) begin_course(task.name, task.name);
    }
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
    for (; told_ < done_.size(); ++told_) emit_change(done_[told_]);
    ++epoch_;
    train_epoch();
    return result_.reason == StopReason::finished;
  }

  void change(const TaskChange& wanted, const TaskData* data) {
    TaskChange change = wanted;
    change.epoch = epoch_ + 1;
    check_changes(model_.tasks, {change}, std::max(settings_.epochs, epoch_ + 1));
    if (data != nullptr) data_.push_back(*data);
    require_data(change);
    name_parts(model_, model_.tasks.front().name);
    apply(change);
    begin_phase();
  }

  [[nodiscard]] int epoch() const { return epoch_; }

  TrainResult finish() {
    result_.steps = step_;
    result_.seconds = since(start_);
    emit("end", {{"reason", stop_reason_name(result_.reason)},
                 {"widths", model_.network.widths()},
                 {"parameters", model_.network.parameter_count()},
                 {"born", result_.born},
                 {"removed", result_.removed},
                 {"adaptation_s", result_.adaptation_seconds},
                 {"message", result_.message}});
    return result_;
  }

 private:
  const TaskData* find_data(const std::string& name) const {
    const auto found = std::find_if(data_.rbegin(), data_.rend(),
                                    [&](const TaskData& d) { return d.name == name; });
    return found == data_.rend() ? nullptr : &*found;
  }
  void require_data(const TaskChange& change) const {
    const bool append = change.action == TaskAction::append;
    if (!append && (change.action != TaskAction::change || change.data.empty())) return;
    const std::string& name = change.data.empty() ? change.task : change.data;
    const TaskData* data = find_data(name);
    if (data != nullptr && data->training.samples() > 0) return;
    throw UsageError(fmt::format("change '{}': there are no training data called '{}' for it",
                                 change.text(), name));
  }

  void begin_course(const std::string& task, const std::string& name) {
    // A model of one task takes the data there are, whatever they are called.
    const TaskData* data = find_data(name);
    if (data == nullptr && model_.tasks.size() == 1 && data_.size() == 1) data = &data_.front();
    if (data == nullptr) {
      throw UsageError(
          fmt::format("task '{}': is on, but there are no data called '{}' for it; "
                      "give some, or switch it off",
                      task, name));
    }
    if (data->training.samples() < 1) {
      throw UsageError("training data: needs at least 1 sample, got 0");
    }
    const std::size_t index = model_.task_index(task);
    require_fitting(model_, data->training, true, index);
    if (!data->validation.empty()) require_fitting(model_, data->validation, true, index);
    Course& course = courses_[task];
    course =
        Course{*data, {}, std::min(settings_.batch_size, data->training.samples()), {}, 0, 0, {}};
  }

  // What is left until the next change, or the end.
  void begin_phase() {
    int last = settings_.epochs;
    if (next_change_ < settings_.changes.size()) {
      last = settings_.changes[next_change_].epoch - 1;
    }
    steps_per_epoch_ = 0;
    for (auto& [name, course] : courses_) {
      const std::size_t index = model_.task_index(name);
      course.route = model_.tasks.size() == 1 && model_.network.inputs().size() == 1
                         ? Route{}
                         : model_.route(index);
      if (!model_.tasks[index].active && model_.tasks.size() > 1) continue;
      const Index n = course.data.training.samples();
      steps_per_epoch_ =
          std::max<std::int64_t>(steps_per_epoch_, (n + course.batch - 1) / course.batch);
    }
    phase_start_ = step_;
    steps_ = steps_per_epoch_ * std::max(last - epoch_, 0);
    interval_ = std::max<std::int64_t>(
        1, std::llround(static_cast<double>(steps_per_epoch_) / settings_.adapt.per_epoch));
    settle_from_ = steps_ - std::llround(settings_.adapt.settle * static_cast<double>(steps_));
    if (!settings_.adapt.enabled || model_.network.hidden().empty()) interval_ = 0;
    settled_ = false;
    statistics_ = Statistics();
    last_good_ = model_;
  }

  // Outputs of every other task on some of its samples, before and after a change.
  std::map<std::string, Matrix<T>> sample_outputs(const std::string& but) {
    constexpr Index kSamples = 256;
    std::map<std::string, Matrix<T>> all;
    for (const auto& [name, course] : courses_) {
      if (name == but) continue;
      const Dataset& data = course.data.training;
      std::vector<std::uint32_t> samples(
          static_cast<std::size_t>(std::min(kSamples, data.samples())));
      std::iota(samples.begin(), samples.end(), 0U);
      all[name] = logits(model_, data.subset(samples), engine_, model_.task_index(name));
    }
    return all;
  }

  void apply(const TaskChange& change) {
    const auto before = sample_outputs(change.task);
    make(change);
    const auto after = sample_outputs(change.task);
    double largest = 0;
    for (const auto& [name, y] : before) {
      const auto found = after.find(name);
      if (found == after.end()) continue;
      largest = std::max<double>(largest, (found->second - y).cwiseAbs().maxCoeff());
    }
    done_.push_back({{"action", task_action_name(change.action)},
                     {"task", change.task},
                     {"to", change.to},
                     {"tasks", task_states()},
                     {"widths", model_.network.widths()},
                     {"parameters", model_.network.parameter_count()},
                     {"change", before.empty() ? Json() : Json(largest)}});
  }

  void make(const TaskChange& change) {
    const std::string& data_name = change.data.empty() ? change.task : change.data;
    switch (change.action) {
      case TaskAction::append:
        return append(change, *find_data(data_name));
      case TaskAction::remove:
        remove_task(model_, change.task);
        courses_.erase(change.task);
        break;
      case TaskAction::rename: {
        rename_task(model_, change.task, change.to);
        auto course = courses_.extract(change.task);
        if (course.empty()) break;
        course.key() = change.to;
        courses_.insert(std::move(course));
        break;
      }
      case TaskAction::on:
        model_.tasks[model_.task_index(change.task)].active = true;
        if (!courses_.contains(change.task)) begin_course(change.task, change.task);
        break;
      case TaskAction::off:
        model_.tasks[model_.task_index(change.task)].active = false;
        break;
      case TaskAction::change: {
        Task& task = model_.tasks[model_.task_index(change.task)];
        if (change.loss) task.loss = *change.loss;
        if (change.weight) task.weight = *change.weight;
        if (!change.data.empty()) begin_course(change.task, change.data);
        break;
      }
      case TaskAction::freeze:
      case TaskAction::thaw: {
        const bool frozen = change.action == TaskAction::freeze;
        if (change.task.empty()) {
          freeze_trunk(model_, frozen);
        } else {
          freeze_head(model_, change.task, frozen);
        }
        break;
      }
    }
  }

  void append(const TaskChange& change, const TaskData& data) {
    Task task;
    task.name = change.task;
    task.outputs = data.training.classes();
    task.loss = change.loss.value_or(Loss::cross_entropy);
    task.weight = change.weight.value_or(1);
    task.inputs = change.inputs;
    if (task.inputs.empty()) {
      const FeatureStatistics of = feature_statistics(data.training);
      NewInput input{{unused_input(task.name)}, of.mean, of.standard_deviation};
      if (data.training.image()) {
        input.image_rows = data.training.image()->rows;
        input.image_cols = data.training.image()->columns;
      }
      append_input(model_, input, Start::random, settings_.seed);
      task.inputs = {input.input.name};
    }
    append_task(model_, task, settings_.seed);
    begin_course(change.task, data.name);
  }

  // An input may outlive its task under another's name.
  std::string unused_input(const std::string& name) const {
    std::string free = name;
    const auto taken = [&](const Input& input) { return input.name == free; };
    for (int k = 2; std::any_of(model_.inputs.begin(), model_.inputs.end(), taken); ++k) {
      free = fmt::format("{} {}", name, k);
    }
    return free;
  }

  // Tasks that are trained, in the model's order.
  std::vector<std::size_t> active() const {
    std::vector<std::size_t> list;
    for (std::size_t i = 0; i < model_.tasks.size(); ++i) {
      if (model_.tasks[i].active || model_.tasks.size() == 1) list.push_back(i);
    }
    return list;
  }

  void train_epoch() {
    last_good_ = model_;
    good_born_ = result_.born;
    good_removed_ = result_.removed;
    for (const std::size_t i : active()) {
      Course& course = courses_.at(model_.tasks[i].name);
      shuffle(course);
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
      if (interval_ > 0 && phase_step() % interval_ == 0) {
        if (!model_.network.all_finite()) return diverge();
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

  void shuffle(Course& course) {
    course.next = 0;
    course.order = epoch_order(static_cast<std::uint32_t>(course.data.training.samples()),
                               settings_.seed, ++course.rounds);
  }

  void diverge() {
    model_ = last_good_;
    result_.born = good_born_;
    result_.removed = good_removed_;
    result_.reason = StopReason::diverged;
    result_.message = fmt::format(
        "the loss or a weight is not a number at step {} of epoch {}; the model is that of the "
        "start "
        "of the epoch; try a smaller learning rate or weight decay",
        step_, epoch_);
  }

  // One batch of every active task, one step; the mean loss by weight.
  double run_step() {
    const std::vector<std::size_t> tasks = active();
    double weights = 0, loss = 0;
    for (const std::size_t i : tasks) weights += model_.tasks[i].weight;
    Gradients gradients = Gradients::replace;
    const bool observe = statistics_due();
    for (const std::size_t i : tasks) {
      const Task& task = model_.tasks[i];
      Course& course = courses_.at(task.name);
      const double share = task.weight / weights;
      const BatchScore score = run_batch(task, course, share, gradients);
      loss += share * score.loss / static_cast<double>(score.samples);
      if (!std::isfinite(loss)) return loss;
      course.total.loss += score.loss;
      course.total.correct += score.correct;
      course.total.samples += score.samples;
      if (observe) {
        const auto begin = Clock::now();
        if (statistics_.samples() == 0) statistics_ = Statistics(model_.network);
        statistics_.gather(model_.network, pass_, gradients);
        result_.adaptation_seconds += since(begin);
      }
      gradients = Gradients::add;
    }
    const std::vector<Parameter<T>> parameters = pass_.parameters(model_.network);
    if (settings_.clip_norm > 0) clip_gradients<T>(parameters, settings_.clip_norm);
    rate_ = settings_.optimiser.rate() * schedule_factor(settings_.schedule, phase_step(), steps_);
    optimiser_.step(parameters, engine_, rate_);
    return loss;
  }

  BatchScore run_batch(const Task& task, Course& course, double share, Gradients gradients) {
    if (course.next >= course.order.size()) shuffle(course);
    const std::size_t count =
        std::min(course.order.size() - course.next, static_cast<std::size_t>(course.batch));
    const std::span<const std::uint32_t> samples =
        std::span<const std::uint32_t>(course.order).subspan(course.next, count);
    course.next += count;
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
    forward(model_.network, engine_, pass_);
    labels_.resize(count);
    for (std::size_t j = 0; j < count; ++j) labels_[j] = course.data.training.labels()[samples[j]];
    const int head = model_.network.outputs()[model_.task_index(task.name)];
    View<T> gradient = pass_.delta(head);
    const BatchScore score = score_batch<T>(task.loss, pass_.z(head), labels_, &gradient);
    if (!std::isfinite(score.loss)) return score;
    if (share != 1) gradient *= static_cast<T>(share);
    backward(model_.network, engine_, pass_, gradients);
    return score;
  }

  // Statistics come from the last batches before an adaptation: fresh, and free of extra passes.
  [[nodiscard]] bool statistics_due() const {
    if (interval_ == 0 || settled_) return false;
    const std::int64_t left = interval_ - 1 - phase_step() % interval_;
    return left < settings_.adapt.statistics_batches;
  }

  void adapt() {
    if (settled_ || phase_step() == steps_) return;  // nothing would train after it
    const auto begin = Clock::now();
    settled_ = phase_step() >= settle_from_;
    const auto outcomes =
        policy_.adapt<T>(model_.network, statistics_, step_, settled_, [this](const Edit& edit) {
          optimiser_.transport(model_.network, edit);
          model_.network.apply(edit);
          EditRecord record = edit.record;
          record.step = step_;
          model_.record(record);
          result_.born += record.born;
          result_.removed += record.removed;
          emit("edit", edit_json(record));
        });
    scaffold_ = Json::array();
    for (auto it = outcomes.rbegin(); it != outcomes.rend(); ++it) {
      scaffold_.push_back(it->scaffold_after);
      if (!it->limit.empty() && it->limit != limits_[it->space]) {
        emit("warning", {{"message", fmt::format("hidden {}: {} scaffold neurons, held by the {}",
                                                 it->space, it->scaffold_after, it->limit)}});
      }
      limits_[it->space] = it->limit;
    }
    statistics_ = Statistics();
    prepared_ = false;
    result_.adaptation_seconds += since(begin);
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

  Json groups() const {
    Json all = Json::array();
    for (const int id : model_.network.hidden()) all.push_back(model_.network.space(id).groups);
    return all;
  }

  Json task_states() const {
    Json all = Json::array();
    for (const Task& task : model_.tasks) {
      all.push_back({{"name", task.name}, {"active", task.active}});
    }
    return all;
  }

  void emit_start() {
    const Dataset& training = courses_.begin()->second.data.training;
    emit("start", {{"widths", model_.network.widths()},
                   {"groups", groups()},
                   {"parameters", model_.network.parameter_count()},
                   {"data", training.name()},
                   {"samples", training.samples()},
                   {"tasks", task_states()},
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
    Json spaces = Json::array();
    const bool paper = settings_.adapt.enabled && settings_.adapt.policy.rule == PolicyRule::paper;
    for (const int id : model_.network.hidden()) {
      const Vector<double> values = spectrum(model_.network, id);
      spaces.push_back({{"space", id},
                        {"values", std::vector<double>(values.begin(), values.end())},
                        {"threshold", paper ? Json(settings_.adapt.policy.idle_score()) : Json()}});
    }
    emit("spectrum", {{"spaces", std::move(spaces)}});
  }

  // Means over the tasks that are on, by weight, and each task by itself.
  void emit_epoch() {
    Json each = Json::array();
    double weights = 0;
    Evaluation mean{0, 0, 0, {}};
    double train_loss = 0, train_accuracy = 0;
    for (std::size_t i = 0; i < model_.tasks.size(); ++i) {
      const Task& task = model_.tasks[i];
      const auto found = courses_.find(task.name);
      if (found == courses_.end()) continue;
      const Course& course = found->second;
      const bool on = task.active || model_.tasks.size() == 1;
      const Evaluation held_out = course.data.validation.empty()
                                      ? Evaluation{0, kNone, kNone, {}}
                                      : evaluate(model_, course.data.validation, engine_, i);
      const auto count = static_cast<double>(course.total.samples);
      const double loss = on ? course.total.loss / count : kNone;
      const double accuracy = on ? static_cast<double>(course.total.correct) / count : kNone;
      each.push_back({{"name", task.name},
                      {"active", on},
                      {"train_loss", loss},
                      {"train_accuracy", accuracy},
                      {"validation_loss", held_out.loss},
                      {"validation_accuracy", held_out.accuracy}});
      if (!on) continue;
      weights += task.weight;
      train_loss += task.weight * loss;
      train_accuracy += task.weight * accuracy;
      mean.loss += task.weight * held_out.loss;
      mean.accuracy += task.weight * held_out.accuracy;
    }
    result_.validation_accuracy = mean.accuracy / weights;
    emit_spectrum();
    emit("epoch", {{"epochs", settings_.epochs},
                   {"train_loss", train_loss / weights},
                   {"train_accuracy", train_accuracy / weights},
                   {"validation_loss", mean.loss / weights},
                   {"validation_accuracy", mean.accuracy / weights},
                   {"tasks", std::move(each)},
                   {"widths", model_.network.widths()},
                   {"groups", groups()},
                   {"parameters", model_.network.parameter_count()},
                   {"learning_rate", rate_},
                   {"scaffold", scaffold_}});
  }

  Model<T>& model_;
  const TrainSettings& settings_;
  Engine<T>& engine_;
  std::vector<Observer> observers_;
  const std::atomic<bool>* stop_;
  std::vector<TaskData> data_;
  std::map<std::string, Course> courses_;  // by task
  std::size_t next_change_ = 0;
  std::vector<Json> done_;  // changes, and how many of them observers know
  std::size_t told_ = 0;
  Optimiser<T> optimiser_;
  Policy policy_;
  Statistics statistics_;
  Model<T> last_good_;  // at the start of the epoch
  Index good_born_ = 0, good_removed_ = 0;
  Pass<T> pass_;
  bool prepared_ = false;
  Matrix<T> buffer_;
  std::vector<std::uint32_t> labels_;
  std::int64_t steps_per_epoch_ = 0;
  std::int64_t steps_ = 0, interval_ = 0, settle_from_ = 0;  // of the phase
  std::int64_t step_ = 0, phase_start_ = 0;
  int epoch_ = 0;
  bool settled_ = false;
  double rate_ = 0;
  double last_event_s_ = 0;
  Json scaffold_ = Json::array();
  std::map<int, std::string> limits_;
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
