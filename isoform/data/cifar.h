// The binary files of CIFAR-10 and CIFAR-100: records of the same length without a header.
//
//   label bytes   1 (CIFAR-10) or 2 (CIFAR-100: of 20 coarse classes, then of 100 fine ones)
//   then          rows × columns bytes of red, as many of green, as many of blue, each row after row
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"

namespace isoform {

/// The files one after the other as one set of bytes; the last label byte of a record counts. FileError: missing, a folder,
/// unreadable. FormatError: empty, not a whole number of records, a label that is not below the number of classes (with its record).
/// UsageError without files or with fewer than 1 label byte, or other than three channels. Every message names the file. O(bytes).
[[nodiscard]] Dataset read_cifar(std::span<const std::filesystem::path> files, int label_bytes,
                                 const ImageShape& image, std::vector<std::string> classes,
                                 std::string name);

}  // namespace isoform
