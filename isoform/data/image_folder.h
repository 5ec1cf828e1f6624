// Pictures in folders, one folder for each class.
//
//   FOLDER/CLASS/*.jpg                        the parts are drawn here: every fifth picture of a class is kept for the test part
//   FOLDER/train/CLASS/*, FOLDER/test/CLASS/*   the parts are those
//
// Pictures are the files named .jpg, .jpeg, .png, .bmp or .ppm, in either case; other files, folders inside the folder of a class,
// folders without pictures and names that begin with a dot are passed over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"

namespace isoform {

/// Pictures of a class, in the order of their names.
using ClassFiles = std::vector<std::filesystem::path>;

/// What a folder holds by its names. Classes and files are sorted by the bytes of their names, so that the order in which a file
/// system lists them, or a language, changes nothing.
struct ImageFolder {
  std::filesystem::path folder = {};
  std::vector<std::string> classes = {};  ///< names of their folders; of both parts
  std::vector<ClassFiles> train = {};     ///< for each class; empty where a part lacks it
  std::vector<ClassFiles> test = {};
  [[nodiscard]] Index samples(Split split) const;
};

/// Reads names alone. Without train and test in it, the test part of a class of n pictures is round(n / 5) of them, at least 1 and at
/// most n − 1: the first of a permutation by Random(kTestPartSeed, Purpose::split, 0, CRC-32 of the class's name), so that a
/// class keeps its parts whatever other classes there are.
///
/// No classes where no folder in it holds pictures. FileError: missing, unreadable. FormatError: a class of one picture,
/// train without test or the reverse.
[[nodiscard]] ImageFolder list_image_folder(const std::filesystem::path& folder);
inline constexpr std::uint64_t kTestPartSeed = 1;

/// Rows and columns that pictures of folders are brought to.
inline constexpr int kFolderImageSize = 64;

/// The pictures of one part, class after class, size × size in three channels (read_image says how). `threads` decode, 0: one for each
/// core; the result does not depend on them. FileError and FormatError of read_image, the first in the order of the samples; FormatError for a part
/// without pictures. O(pixels).
[[nodiscard]] Dataset read_image_folder(const ImageFolder& files, Split split, std::string name,
                                        int size = kFolderImageSize, int threads = 0);

}  // namespace isoform
