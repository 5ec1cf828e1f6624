// The settings files of experiments/, which the build puts into the library. Private to this room.
#pragma once

#include <span>
#include <string_view>

namespace isoform {

struct ExperimentFile {
  std::string_view name, text;
};

/// In the order of their numbers.
std::span<const ExperimentFile> experiment_files();

}  // namespace isoform
