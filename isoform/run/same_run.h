// Whether a checkpoint is of the run that is asked for now. docs/checkpoints.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "isoform/io/checkpoint.h"
#include "isoform/run/settings.h"

namespace isoform {

/// The settings that a bit of the run may depend on, as settings_json has them: not where data lie (what they hold is compared), nor
/// threads, nor what is held in memory.
nlohmann::json counted_settings(RunSettings settings);

/// UsageError that shows every difference, if there are any; it says `otherwise` how to begin anew: "without --resume".
void require_same_settings(const std::string& path, const nlohmann::json& then,
                           const nlohmann::json& now, std::string_view otherwise);
void require_same_data(const std::string& path, const std::vector<DataFingerprint>& then,
                       const std::vector<TaskData>& now, std::string_view otherwise);

}  // namespace isoform
