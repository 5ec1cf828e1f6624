// What trials share: training by the trainer's rules, and how far two sets of logits are apart. Private to this room.
#pragma once

#include <functional>

#include "isoform/experiment/procedure.h"
#include "isoform/train/trainer.h"

namespace isoform {

/// Called after each epoch.
using AfterEpoch = std::function<void(Trainer<float>&, Model<float>&)>;

/// Trains a fresh model on all of a set, without validation. What diverged leaves its last good model and the figure
/// "diverged" 1.
Model<float> train_model(TrialRun& run, const RunSettings& settings, const Dataset& training,
                         const AfterEpoch& after_epoch = {});
/// Trains a model that is there.
void train_model(TrialRun& run, Model<float>& model, std::vector<TaskData> data,
                 const RunSettings& settings, const AfterEpoch& after_epoch = {});

/// Logits before and after something that should change none of them, on labelled samples.
struct LogitChange {
  double accuracy_points = 0;  // after − before
  double error_percent = 0;    // ε = 100 mean(|Δz|/|z|)
  double divergence = 0;       // mean KL of softmax(z) to softmax(z + Δz), nats
};
LogitChange compare_logits(const Matrix<float>& before, const Matrix<float>& after,
                           const std::vector<std::uint32_t>& labels);
/// Share of samples whose largest logit is their label's.
double accuracy_of(const Matrix<float>& logits, const std::vector<std::uint32_t>& labels);
/// measure() of all three: "accuracy change", "scaled error", "KL".
void measure_change(TrialRun& run, const LogitChange& change, const Labels& at);

/// Training samples as the model's network reads them, `count` at most [n_0 × count].
Matrix<float> some_samples(const Model<float>& model, const Dataset& training, Index count);

}  // namespace isoform
