// How a run ends: with the best model, the last good one, or where it was stopped.
#include <fmt/format.h>

#include <cmath>

#include "isoform/train/trainer_run.h"

namespace isoform {

template <class T>
bool Trainer<T>::Run::has_ended() const {
  return epoch_ >= settings_.epochs || (best_ && epoch_ - best_->epoch >= settings_.patience);
}

// A network that still changes its width is judged later.
template <class T>
void Trainer<T>::Run::judge() {
  const bool counts = settings_.patience > 0 && std::isfinite(validation_loss_) &&
                      next_change_ == settings_.changes.size() && adaptation_.is_settled();
  if (!counts || (best_ && !(validation_loss_ < best_->loss))) return;
  best_ = {model_, validation_loss_, result_.validation_accuracy, epoch_};
}

template <class T>
void Trainer<T>::Run::diverge() {
  model_ = last_good_;
  result_.born = good_born_;
  result_.removed = good_removed_;
  result_.reason = StopReason::diverged;
  result_.message = fmt::format(
      "the loss or a weight is not a number at step {} of epoch {}; the model is that of the {}; "
      "try a smaller learning rate or weight decay",
      step_, epoch_, good_epoch_ == 0 ? "beginning" : fmt::format("end of epoch {}", good_epoch_));
  checkpoint();
}

template <class T>
void Trainer<T>::Run::stop() {
  result_.reason = StopReason::stopped;
  result_.message =
      fmt::format("stopped after step {}, in epoch {} of {}", step_, epoch_, settings_.epochs);
  checkpoint();
}

// A loss that explodes is a number for some epochs yet.
template <class T>
bool Trainer<T>::Run::is_sane() const {
  constexpr double kExploded = 10;
  return train_loss_ <= kExploded * lowest_loss_;
}

#define ISOFORM_FOR_SCALAR(T)                       \
  template bool Trainer<T>::Run::has_ended() const; \
  template void Trainer<T>::Run::judge();           \
  template void Trainer<T>::Run::diverge();         \
  template void Trainer<T>::Run::stop();            \
  template bool Trainer<T>::Run::is_sane() const;
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
