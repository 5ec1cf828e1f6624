// Data sets from arrays of numpy: an .npz file, or a folder of .npy files.
//
//   x_train, y_train, x_test, y_test     both parts (Keras's mnist.npz)
//   x, y                                 a training part alone; with x_test and y_test both
//
// The first letter may be a capital (X_train, Y). Other arrays are passed over.
//
// x: [samples × features], or pictures [samples × rows × columns] or [samples × rows × columns × channels], which become planar. Bytes and bool
// stay bytes, everything else becomes float32.
// y: whole numbers from 0, the classes, called by their numbers; or text, the names of classes, sorted by their code points; either
// [samples] or [samples × 1]. Or [samples × classes] with a single 1 in each row, else 0, in any type of number. The classes are
// those of both parts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "isoform/data/dataset.h"

namespace isoform {

/// Most classes: a label beyond is a number of something else.
inline constexpr std::int64_t kMostClasses = 65536;

/// Whether a folder holds an array by the name of one of the above.
[[nodiscard]] bool holds_arrays(const std::filesystem::path& folder);

/// Whether the part is there; FileError and FormatError where the file cannot be read or an array lacks its companion.
[[nodiscard]] bool has_array_part(const std::filesystem::path& file_or_folder, Split split);

/// One part. FileError: missing, unreadable, without arrays of these names or without that part. FormatError: what read_npy and NpzFile refuse,
/// x or y of another shape or type, of different lengths or without samples, labels below 0 or from kMostClasses on, an empty name, rows of y
/// without a single 1, parts that do not fit each other. UsageError: y of floats, which are the targets of a regression.
/// Memory: the arrays of the part, twice for a moment where they are converted.
[[nodiscard]] Dataset read_array_set(const std::filesystem::path& file_or_folder, Split split,
                                     std::string name);

}  // namespace isoform
