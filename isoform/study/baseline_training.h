// Training an ordinary network by the rules of Trainer (train/trainer.h): the same order of samples, batches, optimiser,
// schedule, objective and dropout, without edits and events.
#pragma once

#include <atomic>

#include "isoform/data/dataset.h"
#include "isoform/model/model.h"
#include "isoform/study/baseline.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/trainer.h"

namespace isoform {

struct BaselineScores {
  Evaluation validation, test;  // after the last epoch
  Index parameters = 0;
  double seconds = 0;     // of training
  bool diverged = false;  // the scores then are those of chance
  bool stopped = false;   // asked to stop: there are no scores
};

/// Trains on `training`, standardised by its own mean and deviation. `activation` and `hidden` say which network;
/// settings.adapt and settings.changes are not read. `stop`, if given, is read before every step. Same settings: same bits, whatever the engine's threads.
template <class T>
BaselineScores train_baseline(const std::vector<Index>& hidden, Activation activation, Loss loss,
                              const TrainSettings& settings, const Dataset& training,
                              const Dataset& validation, const Dataset& test, Engine<T>& engine,
                              const std::atomic<bool>* stop = nullptr);

}  // namespace isoform
