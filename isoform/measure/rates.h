// What the machine can do, measured in the same run as what is compared with it; and how samples of time are told.
#pragma once

#include <functional>
#include <vector>

#include "isoform/linalg/engine.h"

namespace isoform {

/// Medians, not means: a shared machine is only ever slower than itself.
struct Timing {
  double median = 0, fastest = 0, slowest = 0;  // seconds
};
Timing summarise(std::vector<double> seconds);

/// Calls `work` until `seconds` have gone by and at least `least` times, in runs that are long enough for the clock (0.5 ms);
/// seconds of one call, one number for each run.
std::vector<double> time_calls(const std::function<void()>& work, double seconds, int least = 5);

/// Floating-point operations a second of one product of two 1,536 × 1,536 matrices on this engine, the fastest of a few.
template <class T>
double product_rate(Engine<T>& engine);

/// Bytes a second that one thread copies, from and to memory beyond the caches, read and written counted.
double copy_rate();

/// Programs that want a processor now, on average of the last minute; negative where it is not known.
double machine_load();

}  // namespace isoform
