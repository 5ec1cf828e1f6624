// Gates of a perceptron come, go and get narrower. docs/mathematics.md 6.4 and 6.6; docs/perceptron.md.
//
// A gate is a hidden space of one group that nobody reads (Network::is_gate): it counts through its number s alone.
// Neurons of a gate come and go as in every hidden space (grow.h, shrink.h), exactly, and touch nothing else.
#pragma once

#include <cstdint>
#include <vector>

#include "isoform/network/change.h"
#include "isoform/network/network.h"

namespace isoform {

/// Adds a gate of `width` neurons as the `position`-th from 1, at most one more than there are. It reads what
/// the space that now follows it reads, and multiplies all terms of later spaces whose products reach back to it.
///
/// Exact and alive: its z is a constant c ≠ 0, so that s = s̄ is constant, and what it multiplies is divided by s̄. Weights
/// beside c begin at about 1e-7, as the gradient is parallel to c (6.6): outputs change by less than 1e-13 of their
/// length in double. Terms that begin right after the gate are new and zero. Ids that there are stay.
/// Throws UsageError unless all hidden spaces are gates, for a position or width out of range, and where
/// a later space is frozen.
template <class T>
Network<T> insert_gate(const Network<T>& network, int position, Index width, std::uint64_t seed);

template <class T>
struct GateRemoval {
  Network<T> network;
  double constant = 0;   // stands in for the gate
  double deviation = 0;  // of the gate over the samples; 0: the removal is exact
  Change change;         // of the outputs, on the samples
};

/// Removes a gate (id of its space): the constant that changes the outputs on x least stands in for s, and terms
/// whose products are now the same become one. x [n_0 × samples], standardised. About 30 forward passes.
/// Throws UsageError without samples, for another space, the last hidden space, and where a later space is frozen.
template <class T>
GateRemoval<T> remove_gate(const Network<T>& network, int gate, Engine<T>& engine, ConstView<T> x);

template <class T>
struct GateTruncation {
  Network<T> network;
  std::vector<Index> before, after;  // widths of the gates, in order
  Change change;                     // of the outputs, on the samples held out
  double cheapest = 0;               // nothing fits: the relative change of the smallest cut
};

/// As few neurons of gates as a relative root mean square change of the outputs (Change::rms / output_rms) of at
/// most `tolerance` allows. Neurons go in the order of what they do to the outputs, to first order: the effect of their
/// direction on t (score_by_effect) times E (∂y/∂t)². The last quarter of the samples is held out to judge by.
/// Linear parts are made triangular again. Throws UsageError for fewer than 2 samples, a negative tolerance, and a
/// network without gates. About log₂(neurons) + 4 passes over the samples.
template <class T>
GateTruncation<T> truncate_gates(const Network<T>& network, Engine<T>& engine, ConstView<T> x,
                                 double tolerance);

}  // namespace isoform
