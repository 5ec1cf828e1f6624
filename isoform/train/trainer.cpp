#include "isoform/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <span>

#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/data/split.h"
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

template <class T>
class Run {
 public:
  Run(Model<T>& model, const Dataset& training, const Dataset& validation,
      const TrainSettings& settings, Engine<T>& engine, const std::vector<Observer>& observers,
      const std::atomic<bool>* stop)
      : model_(model),
        training_(training),
        validation_(validation),
        settings_(settings),
        engine_(engine),
        observers_(observers),
        stop_(stop),
        optimiser_(settings.optimiser),
        policy_(settings.adapt.policy),
        last_good_(model) {
    settings.validate();
    if (training.samples() < 1) throw UsageError("training data: needs at least 1 sample, got 0");
    require_fitting(model, training);
    if (!validation.empty()) require_fitting(model, validation);
    batch_size_ = std::min(settings.batch_size, training.samples());
    steps_per_epoch_ = (training.samples() + batch_size_ - 1) / batch_size_;
    steps_ = steps_per_epoch_ * settings.epochs;
    interval_ = std::max<std::int64_t>(
        1, std::llround(static_cast<double>(steps_per_epoch_) / settings.adapt.per_epoch));
    settle_from_ = steps_ - std::llround(settings.adapt.settle * static_cast<double>(steps_));
    if (!settings.adapt.enabled || model.network.hidden().empty()) interval_ = 0;
  }

  TrainResult operator()() {
    pass_.prepare(model_.network, batch_size_);
    emit_start();
    while (epoch_ < settings_.epochs && result_.reason == StopReason::finished) {
      ++epoch_;
      run_epoch();
    }
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
  void run_epoch() {
    last_good_ = model_;
    good_born_ = result_.born;
    good_removed_ = result_.removed;
    const std::vector<std::uint32_t> order =
        epoch_order(static_cast<std::uint32_t>(training_.samples()), settings_.seed,
                    static_cast<std::uint64_t>(epoch_));
    BatchScore total;
    for (std::int64_t i = 0; i < steps_per_epoch_; ++i) {
      if (stop_ != nullptr && stop_->load()) {
        result_.reason = StopReason::stopped;
        result_.message = fmt::format("stopped after step {} of {}", step_, steps_);
        return;
      }
      const auto first = static_cast<std::size_t>(i * batch_size_);
      const std::size_t count =
          std::min(order.size() - first, static_cast<std::size_t>(batch_size_));
      const BatchScore score = run_step(std::span(order).subspan(first, count));
      ++step_;
      if (!std::isfinite(score.loss)) return diverge();
      total.loss += score.loss;
      total.correct += score.correct;
      total.samples += score.samples;
      if (interval_ > 0 && step_ % interval_ == 0) {
        if (!model_.network.all_finite()) return diverge();
        adapt();
      }
      if (since(start_) - last_event_s_ >= kStepEventInterval) {
        last_event_s_ = since(start_);
        emit("step",
             {{"loss", score.loss / static_cast<double>(score.samples)}, {"learning_rate", rate_}});
      }
    }
    if (!model_.network.all_finite()) return diverge();
    emit_epoch(total);
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

  BatchScore run_step(std::span<const std::uint32_t> samples) {
    const auto count = static_cast<Index>(samples.size());
    if (pass_.samples() != count) pass_.prepare(model_.network, count);
    training_.gather(samples, pass_.input());
    model_.standardise(pass_.input());
    forward(model_.network, engine_, pass_);
    labels_.resize(samples.size());
    for (std::size_t j = 0; j < samples.size(); ++j) labels_[j] = training_.labels()[samples[j]];
    View<T> gradient = pass_.output_gradient();
    const Loss loss = model_.tasks.empty() ? Loss::cross_entropy : model_.tasks.front().loss;
    const BatchScore score = score_batch<T>(loss, pass_.output(), labels_, &gradient);
    if (!std::isfinite(score.loss)) return score;
    backward(model_.network, engine_, pass_);
    const std::vector<Parameter<T>> parameters = pass_.parameters(model_.network);
    if (settings_.clip_norm > 0) clip_gradients<T>(parameters, settings_.clip_norm);
    rate_ = settings_.optimiser.learning_rate * schedule_factor(settings_.schedule, step_, steps_);
    gather_statistics();
    optimiser_.step(parameters, engine_, rate_);
    return score;
  }

  // Statistics come from the last batches before an adaptation: fresh, and free of extra passes.
  void gather_statistics() {
    if (interval_ == 0 || settled_) return;
    const std::int64_t left = interval_ - 1 - step_ % interval_;
    if (left >= settings_.adapt.statistics_batches) return;
    const auto begin = Clock::now();
    if (statistics_.samples() == 0) statistics_ = Statistics(model_.network);
    statistics_.gather(model_.network, pass_);
    result_.adaptation_seconds += since(begin);
  }

  void adapt() {
    if (settled_ || step_ == steps_) return;  // nothing would train after it
    const auto begin = Clock::now();
    settled_ = step_ >= settle_from_;
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
    pass_.prepare(model_.network, pass_.samples());
    result_.adaptation_seconds += since(begin);
  }

  void emit(std::string type, Json data) {
    if (observers_.empty()) return;
    const Event event{std::move(type), step_, epoch_, since(start_), std::move(data)};
    for (const Observer& observer : observers_) observer(event);
  }

  Json groups() const {
    Json all = Json::array();
    for (const int id : model_.network.hidden()) all.push_back(model_.network.space(id).groups);
    return all;
  }

  void emit_start() {
    emit("start", {{"widths", model_.network.widths()},
                   {"groups", groups()},
                   {"parameters", model_.network.parameter_count()},
                   {"data", training_.name()},
                   {"samples", training_.samples()},
                   {"epochs", settings_.epochs},
                   {"steps_per_epoch", steps_per_epoch_},
                   {"steps", steps_},
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

  void emit_epoch(const BatchScore& total) {
    const auto count = static_cast<double>(total.samples);
    const Evaluation held_out = validation_.empty() ? Evaluation{0, kNone, kNone, {}}
                                                    : evaluate(model_, validation_, engine_);
    result_.validation_accuracy = held_out.accuracy;
    emit_spectrum();
    emit("epoch", {{"epochs", settings_.epochs},
                   {"train_loss", total.loss / count},
                   {"train_accuracy", static_cast<double>(total.correct) / count},
                   {"validation_loss", held_out.loss},
                   {"validation_accuracy", held_out.accuracy},
                   {"widths", model_.network.widths()},
                   {"groups", groups()},
                   {"parameters", model_.network.parameter_count()},
                   {"learning_rate", rate_},
                   {"scaffold", scaffold_}});
  }

  Model<T>& model_;
  const Dataset& training_;
  const Dataset& validation_;
  const TrainSettings& settings_;
  Engine<T>& engine_;
  const std::vector<Observer>& observers_;
  const std::atomic<bool>* stop_;
  Optimiser<T> optimiser_;
  Policy policy_;
  Statistics statistics_;
  Model<T> last_good_;  // at the start of the epoch
  Index good_born_ = 0, good_removed_ = 0;
  Pass<T> pass_;
  std::vector<std::uint32_t> labels_;
  Index batch_size_ = 0;
  std::int64_t steps_per_epoch_ = 0, steps_ = 0, interval_ = 0, settle_from_ = 0;
  std::int64_t step_ = 0;
  int epoch_ = 0;
  bool settled_ = false;
  double rate_ = 0;
  double last_event_s_ = 0;
  Json scaffold_ = Json::array();
  std::map<int, std::string> limits_;
  Clock::time_point start_ = Clock::now();
  TrainResult result_;
};

}  // namespace

template <class T>
TrainResult train(Model<T>& model, const Dataset& training, const Dataset& validation,
                  const TrainSettings& settings, Engine<T>& engine,
                  const std::vector<Observer>& observers, const std::atomic<bool>* stop) {
  return Run<T>(model, training, validation, settings, engine, observers, stop)();
}

template TrainResult train(Model<float>&, const Dataset&, const Dataset&, const TrainSettings&,
                           Engine<float>&, const std::vector<Observer>&, const std::atomic<bool>*);
template TrainResult train(Model<double>&, const Dataset&, const Dataset&, const TrainSettings&,
                           Engine<double>&, const std::vector<Observer>&, const std::atomic<bool>*);

}  // namespace isoform
