// The inside of a Trainer: the loop (trainer.cpp), what observers hear (trainer_tell.cpp), its state (trainer_state.cpp),
// what is asked of it (trainer_control.cpp).
// Private to the trainer.
#pragma once

#include <chrono>
#include <limits>
#include <optional>

#include "isoform/network/pass.h"
#include "isoform/train/adaptation.h"
#include "isoform/train/courses.h"
#include "isoform/train/trainer.h"
#include "isoform/train/trainer_state.h"

namespace isoform {

template <class T>
class Trainer<T>::Run {
 public:
  using Clock = std::chrono::steady_clock;
  using Json = nlohmann::json;
  using Take = std::function<void(TrainerState<T>)>;

  /// begin() or go_on() comes next.
  Run(Model<T>& model, std::vector<TaskData> data, const TrainSettings& settings, Engine<T>& engine,
      std::vector<Observer> observers, const std::atomic<bool>* stop);
  void begin();
  void go_on(const TrainerState<T>& state);

  bool run_epoch();
  void change(const TaskChange& wanted, const TaskData* data);
  void edit_from_outside(const Edit& edit);
  [[nodiscard]] int epoch() const { return epoch_; }
  [[nodiscard]] TrainerState<T> state() const;
  void on_checkpoint(double seconds, Take take);
  void obey(RunControl& control) { control_ = &control; }
  TrainResult finish();

 private:
  void begin_phase();
  void apply(const TaskChange& change);
  void apply(const Edit& edit);
  void require_between_epochs() const;
  void begin_epoch();
  void train_epoch();
  double run_step();
  BatchScore run_batch(const Task& task, Course& course, double share, Gradients gradients,
                       bool steps);
  bool adapt();  // false: interrupted
  void stop();
  void diverge();
  [[nodiscard]] bool is_sane() const;
  void judge();
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] std::int64_t phase_step() const { return step_ - phase_start_; }
  // Of the run's clock, which stands still in a pause.
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(paused_at_.value_or(Clock::now()) - start_).count();
  }

  [[nodiscard]] TrainerState<T> make_state() const;
  [[nodiscard]] const DataFingerprint& fingerprint_of(const TaskData& data) const;
  void checkpoint();

  void obey();
  [[nodiscard]] bool is_stopped() const;
  void go_on_after_pause();
  ControlAnswer act(const ControlRequest& request);
  std::string plan_switch(const ControlRequest& request);

  void emit(std::string type, Json data);
  void emit_change(Json change);
  void emit_step(double loss);
  void emit_start();
  void emit_spectrum();
  void emit_epoch();
  [[nodiscard]] Json phases_json() const;
  [[nodiscard]] std::int64_t planned_steps() const;

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
  Model<T> last_good_;  // at the end of the last epoch whose loss was sane
  Index good_born_ = 0, good_removed_ = 0;
  int good_epoch_ = 0;
  double train_loss_ = 0, lowest_loss_ = std::numeric_limits<double>::infinity();
  double validation_loss_ = 0;                          // of the last epoch
  std::optional<typename TrainerState<T>::Best> best_;  // with patience
  Pass<T> pass_;
  bool prepared_ = false;
  Matrix<T> buffer_;
  Wanted<T> wanted_;
  std::int64_t steps_per_epoch_ = 0;
  std::int64_t steps_ = 0;  // of the phase
  std::int64_t step_ = 0, phase_start_ = 0;
  int epoch_ = 0;
  std::optional<std::int64_t>
      epoch_step_;        // steps taken in the epoch under way; none: it has ended
  bool running_ = false;  // within run_epoch
  double rate_ = 0;
  double last_event_s_ = 0;
  double evaluation_s_ = 0;  // seconds spent on measuring, at the ends of epochs
  double keeping_s_ = 0;     // and on checkpoints
  Clock::time_point start_ = Clock::now();
  TrainResult result_;

  RunControl* control_ = nullptr;
  std::optional<Clock::time_point> paused_at_;
  bool stop_asked_ = false;
  std::vector<TaskChange> switches_;  // asked for, before the next epoch

  Take take_;
  double take_every_s_ = 0, taken_s_ = 0;
  mutable std::map<std::string, DataFingerprint> fingerprints_;  // of data that have been looked at
};

}  // namespace isoform
