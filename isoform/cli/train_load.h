// What the loading of new data and the going on of a model share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "isoform/cli/train.h"

namespace isoform::cli {

/// A line of what is found on the way; nothing with --quiet.
void say(const TrainOptions& options, const std::string& line);
/// True for a setting that came as a flag, whatever its value.
bool was_given(const TrainOptions& options, std::string_view flag);
/// UsageError for what was asked for and has no place with such a target.
void require_fitting(const TrainOptions& options, TargetKind target);
/// A table of its own for the test should hold other rows than those that are learned from, now and before.
void warn_of_shared_rows(const TableParts& parts, const std::vector<std::string>& features,
                         std::vector<SeenRows> seen = {});

/// Known sets, folders and arrays.
TrainData load_sets(const RunSettings& settings);

/// A model that has learned from a table meets another: what is new in it is appended.
TrainData continue_table(TrainOptions& options, Model<float> model);
/// A model that has learned from a set meets another.
TrainData continue_sets(const TrainOptions& options, Model<float> model);

}  // namespace isoform::cli
