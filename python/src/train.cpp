// Training runs, with Python between the epochs.
#include <atomic>
#include <exception>
#include <utility>

#include "isoform/run/budget.h"
#include "isoform/run/settings.h"
#include "isoform/train/trainer.h"
#include "isoform/train/trainer_state.h"
#include "python/src/checkpoint.h"
#include "python/src/core.h"
#include "python/src/engines.h"

namespace isoform::python {

namespace {

// Calls Python from the loop, which runs without the GIL. What Python raises stops the run and is raised again behind it.
class Listener {
 public:
  Listener(py::object on_epoch, py::object on_event)
      : on_epoch_(std::move(on_epoch)), on_event_(std::move(on_event)) {}

  // On the thread that trains.
  void hear(const Event& event) {
    Json json = event.data;
    json["type"] = event.type;
    json["step"] = event.step;
    json["epoch"] = event.epoch;
    json["time_s"] = event.time_s;
    if (event.type == "epoch") {
      epoch_ = json;
      epochs_.push_back(json);
    }
    const py::gil_scoped_acquire python;
    try {
      // Ctrl-C; steps are told of five times a second.
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (!on_event_.is_none()) on_event_(to_python(json));
    } catch (...) {
      keep();
    }
  }
  // After each epoch; false ends the run.
  bool epoch_ended() {
    if (raised_) return false;
    const py::gil_scoped_acquire python;
    if (on_epoch_.is_none() || epoch_.is_null()) return true;
    try {
      const py::object said = on_epoch_(to_python(std::exchange(epoch_, Json())));
      said_stop_ = py::isinstance<py::bool_>(said) && !said.cast<bool>();
    } catch (...) {
      keep();
    }
    return !raised_ && !said_stop_;
  }
  void rethrow() const {
    if (raised_) std::rethrow_exception(raised_);
  }
  /// Of all epochs so far; of a run that goes on, those before it too.
  [[nodiscard]] const Json& epochs() const { return epochs_; }
  void recall(Json epochs) { epochs_ = std::move(epochs); }
  [[nodiscard]] bool said_stop() const { return said_stop_; }
  [[nodiscard]] const std::atomic<bool>& stop() const { return stop_; }

 private:
  void keep() {
    if (!raised_) raised_ = std::current_exception();
    stop_ = true;
  }

  py::object on_epoch_, on_event_;
  Json epoch_, epochs_ = Json::array();
  std::exception_ptr raised_;
  bool said_stop_ = false;
  std::atomic<bool> stop_ = false;
};

using Named = std::vector<std::tuple<std::string, Dataset, Dataset>>;

template <class T>
TrainResult run(Core& core, const std::shared_ptr<Model<T>>& began, const RunSettings& told,
                std::vector<TaskData> data, const Keeping& keeping, Listener& listener) {
  Model<T> model = *began;
  const auto found = resumed<T>(keeping, told, data);
  if (found) listener.recall(epochs_of(found->extra));
  EngineLease<T> engine(told.engine);
  RunSettings settings = told;
  if (found) {
    recall_budgets(settings, found->state.adaptation.budget);
  } else {
    apply_budgets(settings, model.network, data.front().training.samples(), *engine);
  }
  // Whoever looks between epochs, or after an interruption, sees a model that is whole.
  const auto publish = [&] {
    auto shown = std::make_shared<Model<T>>(model);
    const py::gil_scoped_acquire python;
    core.replace(std::move(shown));
  };
  const Observer observer = [&](const Event& event) { listener.hear(event); };
  Trainer<T> trainer = found ? Trainer<T>(model, std::move(data), settings.training, *engine,
                                          found->state, {observer}, &listener.stop())
                             : Trainer<T>(model, std::move(data), settings.training, *engine,
                                          {observer}, &listener.stop());
  // A disk that is full is no reason to lose what is being learned.
  const auto checkpoint = [&](TrainerState<T> state) {
    Event event = {"checkpoint", state.step, state.epoch, state.seconds, {}};
    const std::string failure = keep<T>(keeping, told, std::move(state), listener.epochs());
    if (!failure.empty()) {
      event.type = "warning";
      event.data = {{"message", "no checkpoint is written: " + failure + "; training goes on"}};
    }
    listener.hear(event);
  };
  if (!keeping.path.empty()) trainer.on_checkpoint(keeping.every, checkpoint);
  bool more = true;
  while (more) {
    more = trainer.run_epoch();
    publish();
    more = listener.epoch_ended() && more;
  }
  TrainResult result = trainer.finish();
  publish();
  return result;
}

py::object train_model(Core& core, const RunSettings& settings, const Named& named,
                       const py::object& on_epoch, const py::object& on_event,
                       const std::string& path, double every, bool resume) {
  const Core::Turn turn(core);
  core.forget_moments();
  std::vector<TaskData> data;
  for (const auto& [name, training, validation] : named) {
    data.push_back({name, training, validation});
  }
  Listener listener(on_epoch, on_event);
  const Keeping keeping{path, every, resume};
  const Both<Model> began = core.model();
  const TrainResult result = [&] {
    const py::gil_scoped_release free;
    return std::visit(
        [&](const auto& model) { return run(core, model, settings, data, keeping, listener); },
        began);
  }();
  listener.rethrow();
  const bool said_stop = listener.said_stop() && result.reason == StopReason::finished;
  return to_python({{"reason", said_stop ? "stopped" : stop_reason_name(result.reason)},
                    {"epochs", listener.epochs()},
                    {"message", said_stop ? "stopped by the callback" : result.message},
                    {"steps", result.steps},
                    {"born", result.born},
                    {"removed", result.removed},
                    {"seconds", result.seconds},
                    {"adaptation_seconds", result.adaptation_seconds},
                    {"validation_accuracy", result.validation_accuracy}});
}

}  // namespace

void bind_train(py::module_& module) { module.def("train", &train_model); }

}  // namespace isoform::python
