// Which form of a network answers fastest: as it is, without the numbers that its symmetry makes zero, or as a perceptron.
#pragma once

#include <string>
#include <vector>

#include "isoform/compile/predictor.h"

namespace isoform {

/// A network in one form, and what it took. All compute the same within rounding.
template <class T>
struct Form {
  std::string name;  // "plain", "sparse", "two stages", "one stage"
  Predictor<T> predictor;
  double seconds = 0;     // of one run on the samples, median
  double difference = 0;  // of its outputs from the plain form's on random inputs, relative
};

/// The forms that a network has, fastest first: plain always; sparse (topology/sparsify.h, `best`) for chains; the
/// perceptrons (topology/perceptron.h) for chains of one gate a layer. Measured on this engine, as it is now, for batches of
/// `samples`: some 0.2 s each. What has no form is left out, and so is one that differs by more than `tolerance`. Making a
/// form costs its decompositions, O(L n³).
template <class T>
std::vector<Form<T>> measured_forms(const Network<T>& network, Index samples, Engine<T>& engine,
                                    double tolerance = 1e-4);

/// Seconds of one run of the plain form for `samples`: the median of 0.15 s of runs, five at least.
template <class T>
double measured_seconds(const Network<T>& network, Index samples, Engine<T>& engine);

}  // namespace isoform
