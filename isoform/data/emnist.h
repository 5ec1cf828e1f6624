// The letters of EMNIST (Cohen, Afshar, Tapson and van Schaik, 2017): IDX files whose labels count from 1 (A) to 26 (Z) and whose pictures
// are stored column after column, so that read as others are they lie on their side.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "isoform/data/idx.h"

namespace isoform {

/// The first classes.size() letters, upright, letter k with label k − 1, in the order of the file; other letters are left out. The
/// paths are for the messages. FormatError: as in dataset_from_idx; pictures that are not bytes in three dimensions; a label outside 1 …
/// 26; none of the letters.
[[nodiscard]] Dataset emnist_letters(const IdxArray& images,
                                     const std::filesystem::path& images_path,
                                     const IdxArray& labels,
                                     const std::filesystem::path& labels_path,
                                     std::vector<std::string> classes, std::string name);

}  // namespace isoform
