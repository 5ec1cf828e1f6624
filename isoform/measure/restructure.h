// What it costs to change a trained chain: the edit, the optimiser's state and the network, nothing else.
#pragma once

#include "isoform/measure/step.h"

namespace isoform {

struct RestructureSettings {
  StepSettings step;  // the chain, and how it was trained before
  int layer = 1;      // hidden layer
  Index count = 1;    // neurons
};

/// Times of one change, seconds.
struct RestructureReport {
  Timing growth;   // `count` neurons more
  Timing removal;  // the `count` of lowest singular value fewer, folded into o and ψ
  double load = 0;
};

/// Takes a few steps, so that the optimiser has state; then changes copies. Throws UsageError for a layer that is not
/// there and counts that can't go.
template <class T>
RestructureReport measure_restructuring(const RestructureSettings& settings, Engine<T>& engine);

}  // namespace isoform
