// What a trainer's observers hear.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/version.h"
#include "isoform/train/run_events.h"
#include "isoform/train/trainer_run.h"

namespace isoform {

namespace {
constexpr double kStepEventInterval = 0.2;  // seconds
}

template <class T>
void Trainer<T>::Run::emit(std::string type, Json data) {
  if (observers_.empty()) return;
  const Event event{std::move(type), step_, epoch_, seconds(), std::move(data)};
  for (const Observer& observer : observers_) observer(event);
}

// Told when the phase that it begins is known.
template <class T>
void Trainer<T>::Run::emit_change(Json change) {
  change["steps"] = planned_steps();
  change["steps_per_epoch"] = steps_per_epoch_;
  emit("task", std::move(change));
}

// As many as there will be if every later epoch is as long as this.
template <class T>
std::int64_t Trainer<T>::Run::planned_steps() const {
  const std::int64_t rest = epoch_step_ ? steps_per_epoch_ - *epoch_step_ : 0;
  return step_ + rest + steps_per_epoch_ * (settings_.epochs - epoch_);
}

template <class T>
void Trainer<T>::Run::emit_step(double loss) {
  if (seconds() - last_event_s_ < kStepEventInterval) return;
  last_event_s_ = seconds();
  emit("step", {{"loss", loss}, {"learning_rate", rate_}});
}

template <class T>
void Trainer<T>::Run::emit_start() {
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
}

template <class T>
void Trainer<T>::Run::emit_spectrum() {
  if (observers_.empty()) return;
  emit("spectrum", {{"spaces", spectra_json(model_.network, settings_.adapt)}});
}

template <class T>
void Trainer<T>::Run::emit_epoch() {
  const double begun = seconds();
  EpochScores scores = score_epoch(model_, courses_, engine_);
  result_.validation_accuracy = scores.validation_accuracy;
  validation_loss_ = scores.validation_loss;
  train_loss_ = scores.train_loss;
  lowest_loss_ = std::min(lowest_loss_, train_loss_);
  emit_spectrum();
  evaluation_s_ += seconds() - begun;
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
                 {"scaffold", adaptation_.scaffold()},
                 {"phases", phases_json()}});
}

// Seconds since training began. Whatever is neither adapting, measuring nor keeping the run is steps.
template <class T>
nlohmann::json Trainer<T>::Run::phases_json() const {
  const double rest = seconds() - adaptation_.seconds() - evaluation_s_ - keeping_s_;
  return {{"step_s", std::max(rest, 0.0)},
          {"adapt_s", adaptation_.seconds()},
          {"evaluate_s", evaluation_s_},
          {"checkpoint_s", keeping_s_}};
}

template <class T>
TrainResult Trainer<T>::Run::finish() {
  if (control_ != nullptr) control_->close();
  if (best_ && result_.reason == StopReason::finished) {
    model_ = best_->model;
    result_.validation_accuracy = best_->accuracy;
    result_.message =
        fmt::format("the model is that of epoch {}, the best on the validation part", best_->epoch);
  }
  result_.steps = step_;
  result_.seconds = seconds();
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

#define ISOFORM_FOR_SCALAR(T)                                   \
  template void Trainer<T>::Run::emit(std::string, Json);       \
  template void Trainer<T>::Run::emit_change(Json);             \
  template void Trainer<T>::Run::emit_step(double);             \
  template void Trainer<T>::Run::emit_start();                  \
  template void Trainer<T>::Run::emit_spectrum();               \
  template void Trainer<T>::Run::emit_epoch();                  \
  template nlohmann::json Trainer<T>::Run::phases_json() const; \
  template TrainResult Trainer<T>::Run::finish();
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
