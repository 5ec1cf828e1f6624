#include "isoform/train/trainer_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/data/checksum.h"
#include "isoform/train/trainer_run.h"

namespace isoform {

DataFingerprint fingerprint(const TaskData& data) {
  return {data.name,
          data.training.features(),
          static_cast<Index>(data.training.classes().size()),
          data.training.samples(),
          data.validation.samples(),
          checksum(data.training),
          checksum(data.validation)};
}

std::string Difference::text() const {
  return fmt::format("{}: {} in the checkpoint, {} now", name, then, now);
}

std::vector<Difference> differences(const std::vector<DataFingerprint>& then,
                                    const std::vector<DataFingerprint>& now) {
  std::vector<Difference> all;
  for (const DataFingerprint& old : then) {
    const auto found = std::find_if(now.begin(), now.end(),
                                    [&](const DataFingerprint& d) { return d.name == old.name; });
    if (found == now.end()) {
      std::vector<std::string> names;
      for (const DataFingerprint& d : now) names.push_back(fmt::format("'{}'", d.name));
      all.push_back({"data", fmt::format("'{}'", old.name),
                     names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))});
      continue;
    }
    const auto compare = [&](const char* what, auto before, auto after) {
      if (before == after) return;
      all.push_back({fmt::format("data '{}', {}", old.name, what), fmt::format("{}", before),
                     fmt::format("{}", after)});
    };
    compare("features", old.features, found->features);
    compare("classes", old.classes, found->classes);
    compare("training samples", old.training_samples, found->training_samples);
    compare("validation samples", old.validation_samples, found->validation_samples);
    const auto crc = [](std::uint32_t sum) { return fmt::format("{:08x}", sum); };
    compare("checksum of training samples", crc(old.training_checksum),
            crc(found->training_checksum));
    compare("checksum of validation samples", crc(old.validation_checksum),
            crc(found->validation_checksum));
  }
  return all;
}

template <class T>
const DataFingerprint& Trainer<T>::Run::fingerprint_of(const TaskData& data) const {
  const auto found = fingerprints_.find(data.name);
  if (found != fingerprints_.end()) return found->second;
  return fingerprints_.emplace(data.name, fingerprint(data)).first->second;
}

template <class T>
TrainerState<T> Trainer<T>::Run::make_state() const {
  TrainerState<T> state;
  state.model = model_;
  for (const TaskData& data : courses_.data()) state.data.push_back(fingerprint_of(data));
  state.courses = courses_.state();
  state.step = step_;
  state.epoch = epoch_;
  state.epoch_step = epoch_step_;
  state.steps_per_epoch = steps_per_epoch_;
  state.phase_steps = steps_;
  state.phase_start = phase_start_;
  state.next_change = next_change_;
  state.untold.assign(done_.begin() + static_cast<std::ptrdiff_t>(told_), done_.end());
  state.best = best_;
  state.born = result_.born;
  state.removed = result_.removed;
  state.validation_accuracy = result_.validation_accuracy;
  state.learning_rate = rate_;
  state.seconds = seconds();
  state.evaluation_seconds = evaluation_s_;
  state.checkpoint_seconds = keeping_s_;
  state.reason = result_.reason;
  state.message = result_.message;
  if (state.reason == StopReason::diverged) return state;
  state.optimiser = optimiser_.memory();
  state.adaptation = adaptation_.state();
  if (epoch_step_ || !is_sane()) state.last_good = last_good_;
  state.good_born = good_born_;
  state.good_removed = good_removed_;
  state.good_epoch = good_epoch_;
  state.train_loss = train_loss_;
  state.lowest_loss = lowest_loss_;
  return state;
}

template <class T>
TrainerState<T> Trainer<T>::Run::state() const {
  ISOFORM_ASSERT(!running_, "a state is asked for between epochs");
  return make_state();
}

template <class T>
void Trainer<T>::Run::on_checkpoint(double seconds, Take take) {
  take_ = std::move(take);
  take_every_s_ = seconds;
  taken_s_ = this->seconds();
}

// A state with numbers that are none leads nowhere: the next look finds that the run has diverged.
template <class T>
void Trainer<T>::Run::checkpoint() {
  if (!take_ || !model_.network.all_finite()) return;
  const double begun = seconds();
  take_(make_state());
  taken_s_ = seconds();
  keeping_s_ += taken_s_ - begun;
}

template <class T>
void Trainer<T>::Run::go_on(const TrainerState<T>& state) {
  if (state.reason == StopReason::diverged) {
    throw UsageError(fmt::format("this run can't go on: {}", state.message));
  }
  std::vector<DataFingerprint> given;
  for (const TaskData& data : courses_.data()) given.push_back(fingerprint_of(data));
  std::vector<Difference> other = differences(state.data, given);
  const auto limit = [&](const char* name, auto then, auto now, bool fits) {
    if (!fits) other.push_back({name, fmt::format("{}", then), fmt::format("{}", now)});
  };
  limit("epochs", state.epoch, settings_.epochs, state.epoch <= settings_.epochs);
  limit("changes made", state.next_change, settings_.changes.size(),
        state.next_change <= settings_.changes.size());
  if (other.empty()) {
    courses_.restore(state.model, state.courses);
    steps_per_epoch_ = courses_.follow(state.model);
    limit("steps in an epoch", state.steps_per_epoch, steps_per_epoch_,
          state.steps_per_epoch == steps_per_epoch_);
  }
  if (!other.empty()) {
    std::vector<std::string> texts;
    for (const Difference& difference : other) texts.push_back(difference.text());
    throw UsageError(
        fmt::format("this is not the run that the state is of: {}; give the same data and settings",
                    fmt::join(texts, "; ")));
  }
  for (std::size_t i = state.next_change; i < settings_.changes.size(); ++i) {
    courses_.require_data(settings_.changes[i]);
  }
  model_ = state.model;
  last_good_ = state.last_good.value_or(state.model);
  good_born_ = state.good_born;
  good_removed_ = state.good_removed;
  good_epoch_ = state.good_epoch;
  train_loss_ = state.train_loss;
  lowest_loss_ = state.lowest_loss;
  optimiser_.recall(state.optimiser);
  adaptation_.restore(state.adaptation);
  step_ = state.step;
  epoch_ = state.epoch;
  epoch_step_ = state.epoch_step;
  steps_ = state.phase_steps;
  phase_start_ = state.phase_start;
  next_change_ = state.next_change;
  done_ = state.untold;
  best_ = state.best;
  result_.born = state.born;
  result_.removed = state.removed;
  result_.validation_accuracy = state.validation_accuracy;
  rate_ = state.learning_rate;
  evaluation_s_ = state.evaluation_seconds;
  keeping_s_ = state.checkpoint_seconds;
  // The clock goes on, too.
  start_ -= std::chrono::duration_cast<typename Clock::duration>(
      std::chrono::duration<double>(state.seconds));
  last_event_s_ = taken_s_ = seconds();
  emit_start();
}

#define ISOFORM_FOR_SCALAR(T)                                   \
  template TrainerState<T> Trainer<T>::Run::state() const;      \
  template TrainerState<T> Trainer<T>::Run::make_state() const; \
  template void Trainer<T>::Run::on_checkpoint(double, Take);   \
  template void Trainer<T>::Run::checkpoint();                  \
  template void Trainer<T>::Run::go_on(const TrainerState<T>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
