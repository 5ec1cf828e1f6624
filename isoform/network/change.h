// How far two sets of outputs are apart.
#pragma once

#include "isoform/linalg/matrix.h"

namespace isoform {

/// Over the columns (samples) of two sets of outputs y and y + Δ.
struct Change {
  double mean = 0, largest = 0;          // of ‖Δ‖/‖y‖; 0 where y = 0
  double rms = 0, largest_absolute = 0;  // √E‖Δ‖² and max ‖Δ‖, in the units of the output
  double output_rms = 0;                 // √E‖y‖²
};

template <class T>
Change measure_change(ConstView<T> before, ConstView<T> after);

}  // namespace isoform
