// What a trainer does with what is asked of it (control.h).
#include <fmt/format.h>

#include "isoform/base/error.h"
#include "isoform/train/apply_change.h"
#include "isoform/train/trainer_run.h"

namespace isoform {

namespace {

constexpr std::chrono::milliseconds kLook = std::chrono::milliseconds(100);

nlohmann::json control_json(const ControlRequest& request, const std::string& what) {
  nlohmann::json json = {{"action", control_action_name(request.action)}, {"what", what}};
  if (request.tolerance) json["tolerance"] = *request.tolerance;
  if (request.parameter_budget) json["parameter_budget"] = *request.parameter_budget;
  if (request.action == ControlAction::task) {
    json["task"] = request.task;
    json["active"] = request.active;
  }
  return json;
}

}  // namespace

template <class T>
bool Trainer<T>::Run::is_stopped() const {
  return stop_asked_ || (stop_ != nullptr && stop_->load());
}

template <class T>
void Trainer<T>::Run::obey() {
  if (control_ == nullptr) return;
  const auto judge = [this](const ControlRequest& request) {
    try {
      return act(request);
    } catch (const UsageError& error) {
      return ControlAnswer{false, error.what()};
    }
  };
  control_->answer(judge);
  while (paused_at_ && !is_stopped()) {
    control_->wait_for(kLook);  // an interrupt does not wake it
    control_->answer(judge);
  }
  if (paused_at_) go_on_after_pause();
}

template <class T>
void Trainer<T>::Run::go_on_after_pause() {
  start_ += Clock::now() - *paused_at_;
  paused_at_.reset();
}

template <class T>
ControlAnswer Trainer<T>::Run::act(const ControlRequest& request) {
  const auto refuse = [](std::string why) { return ControlAnswer{false, std::move(why)}; };
  std::string what;
  switch (request.action) {
    case ControlAction::pause:
      if (paused_at_) return refuse("the run is paused already");
      what = fmt::format("paused after step {}", step_);
      paused_at_ = Clock::now();
      break;
    case ControlAction::resume:
      if (!paused_at_) return refuse("the run is not paused");
      go_on_after_pause();
      what = "goes on";
      break;
    case ControlAction::adapt:
      what = adaptation_.ask(phase_step());
      break;
    case ControlAction::checkpoint:
      if (!take_) {
        return refuse("this run keeps no checkpoints; it would with --checkpoint FILE");
      }
      what = "kept the run";
      break;
    case ControlAction::stop:
      stop_asked_ = true;
      what = "stops";
      break;
    case ControlAction::set:
      what = adaptation_.set(request.tolerance, request.parameter_budget);
      break;
    case ControlAction::task:
      what = plan_switch(request);
      break;
  }
  emit("control", control_json(request, what));
  if (request.action == ControlAction::checkpoint) checkpoint();
  return {true, what};
}

// Judged together with the changes that are planned: none of those may fail later because of it.
template <class T>
std::string Trainer<T>::Run::plan_switch(const ControlRequest& request) {
  const int next = epoch_ + 1;
  if (next > settings_.epochs) {
    throw UsageError("this is the last epoch; a task is switched between two of them");
  }
  TaskChange change;
  change.epoch = next;
  change.action = request.active ? TaskAction::on : TaskAction::off;
  change.task = request.task;
  std::vector<TaskChange> all = switches_;
  all.push_back(change);
  rehearse_changes(model_, courses_, all, settings_.seed, Moment::live);
  all.insert(all.end(), settings_.changes.begin() + static_cast<std::ptrdiff_t>(next_change_),
             settings_.changes.end());
  check_changes(model_.tasks, all, settings_.epochs);
  switches_.push_back(change);
  return fmt::format("'{}' is {} from epoch {} on", change.task,
                     request.active ? "trained" : "kept and not trained", next);
}

#define ISOFORM_FOR_SCALAR(T)                                         \
  template bool Trainer<T>::Run::is_stopped() const;                  \
  template void Trainer<T>::Run::obey();                              \
  template void Trainer<T>::Run::go_on_after_pause();                 \
  template ControlAnswer Trainer<T>::Run::act(const ControlRequest&); \
  template std::string Trainer<T>::Run::plan_switch(const ControlRequest&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
