// Checkpoints of runs that Python began. docs/checkpoints.md.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "isoform/io/checkpoint.h"
#include "isoform/run/settings.h"
#include "python/src/core.h"

namespace isoform::python {

/// Where a run is kept, and whether it goes on from there.
struct Keeping {
  std::string path;   // empty: nowhere
  double every = 60;  // seconds, within an epoch
  bool resume = false;
};

/// What is there to go on from; none where nothing is. UsageError with every difference for other settings or data.
template <class T>
std::optional<Checkpoint<T>> resumed(const Keeping& keeping, const RunSettings& settings,
                                     const std::vector<TaskData>& data);

/// The epochs that a checkpoint tells of: what observers hear of each.
Json epochs_of(const std::string& extra);

/// Writes a state; what it says when that fails, else "".
template <class T>
std::string keep(const Keeping& keeping, const RunSettings& settings, TrainerState<T> state,
                 const Json& epochs);

}  // namespace isoform::python
