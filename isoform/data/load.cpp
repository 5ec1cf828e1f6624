// load(): finds the files of a set, reads them, and makes sure that they are what was asked for.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <optional>
#include <system_error>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/data/catalogue.h"
#include "isoform/data/idx.h"

namespace isoform {

namespace {

namespace fs = std::filesystem;

// The file in that folder, plain before compressed.
std::optional<fs::path> find_file(const fs::path& folder, const std::string& stem) {
  std::error_code ignored;
  for (const char* ending : {"", ".gz"}) {
    const fs::path path = folder / (stem + ending);
    if (fs::exists(path, ignored) && !fs::is_directory(path, ignored)) return path;
  }
  return std::nullopt;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string indented(const std::string& lines) {
  return replaced(fmt::format("\n{}", lines), "\n", "\n  ");
}

[[noreturn]] void refuse_name(const std::string& name) {
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : catalogue()) names.push_back(entry.name);
  throw UsageError(fmt::format("data: needs a known set ({}) or a folder, got '{}'{}",
                               fmt::join(names, ", "), name, did_you_mean(name, names)));
}

[[noreturn]] void refuse_missing(const CatalogueEntry& entry, Split split, const fs::path& data_dir,
                                 const std::string& looked) {
  throw FileError(fmt::format(
      "data: {} ({} part) was not found. Looked in:{}\nTo get it:{}\n{}", entry.name,
      to_string(split), indented(looked), indented(entry.how_to_get),
      data_dir.empty() ? "If you have it elsewhere, set ISOFORM_DATA_DIR to its folder."
                       : "Only the data folder given was looked in, not the usual places."));
}

void verify(const CatalogueEntry& entry, const CatalogueFile& wanted, const fs::path& path,
            const IdxArray& found) {
  if (found.crc32 == wanted.crc32 && found.content_bytes == wanted.content_bytes) return;
  throw FormatError(fmt::format(
      "{}: not the {} of {}: its content needs to be {} bytes with CRC-32 {:08x}, got {} "
      "bytes with {:08x}; fetch it again ({}), or give the folder's path instead of the name to "
      "use it as a set of its own",
      path.string(), wanted.stem, entry.name, wanted.content_bytes, wanted.crc32,
      found.content_bytes, found.crc32, replaced(entry.how_to_get, "\n", " && ")));
}

// The known set that this file belongs to, as far as its size and sum tell; or null.
const CatalogueEntry* owner_of(const IdxArray& array) {
  for (const CatalogueEntry& entry : catalogue()) {
    for (const CatalogueFile& file : entry.files) {
      if (array.crc32 == file.crc32 && array.content_bytes == file.content_bytes) return &entry;
    }
  }
  return nullptr;
}

Dataset load_known(const CatalogueEntry& entry, Split split, const LoadOptions& options) {
  const CatalogueFile& image_file = entry.files[split == Split::train ? 0 : 2];
  const CatalogueFile& label_file = entry.files[split == Split::train ? 1 : 3];
  std::string looked;
  for (const fs::path& place : search_places(entry, options.data_dir)) {
    const auto images = find_file(place, image_file.stem);
    const auto labels = find_file(place, label_file.stem);
    if (!images || !labels) {
      std::error_code ignored;
      const char* state = " (no such folder)";
      if (fs::exists(place, ignored)) state = " (none of its files)";
      if (images) state = " (images without labels)";
      if (labels) state = " (labels without images)";
      looked += fmt::format("{}{}{}", looked.empty() ? "" : "\n", place.string(), state);
      continue;
    }
    const IdxArray label_array = read_idx_array(*labels);
    // A folder without the set's name in it may hold another known set, all of them having the same
    // file names.
    if (const CatalogueEntry* owner = owner_of(label_array); owner != nullptr && owner != &entry) {
      looked +=
          fmt::format("{}{} (holds {})", looked.empty() ? "" : "\n", place.string(), owner->name);
      continue;
    }
    if (options.verify) verify(entry, label_file, *labels, label_array);
    IdxArray image_array = read_idx_array(*images);
    if (options.verify) verify(entry, image_file, *images, image_array);
    return dataset_from_idx(std::move(image_array), *images, label_array, *labels, entry.classes,
                            entry.name);
  }
  refuse_missing(entry, split, options.data_dir, looked);
}

Dataset load_folder(const fs::path& folder, Split split) {
  std::array<fs::path, 4> paths;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string& stem = catalogue().front().files[i].stem;
    const auto path = find_file(folder, stem);
    if (!path) {
      throw FileError(fmt::format(
          "{}: needs the four IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, "
          "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, plain or .gz; {} is missing",
          folder.string(), stem));
    }
    paths[i] = *path;
  }
  const std::size_t first = split == Split::train ? 0 : 2;
  const fs::path& label_path = paths[first + 1];
  const fs::path& other_path = paths[split == Split::train ? 3 : 1];
  const IdxArray labels = read_idx_array(label_path);
  // Both parts count: one of them may lack the last class.
  std::uint32_t largest = 0;
  for (const auto& values :
       {idx_labels(labels, label_path), idx_labels(read_idx_array(other_path), other_path)}) {
    largest = std::max(largest, *std::max_element(values.begin(), values.end()));
  }
  std::vector<std::string> classes;
  for (std::uint32_t i = 0; i <= largest; ++i) classes.push_back(std::to_string(i));
  fs::path whole = fs::absolute(folder).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return dataset_from_idx(read_idx_array(paths[first]), paths[first], labels, label_path,
                          std::move(classes), whole.filename().string());
}

}  // namespace

Dataset load(const std::string& name_or_directory, Split split, const LoadOptions& options) {
  if (const CatalogueEntry* entry = find_entry(name_or_directory)) {
    return load_known(*entry, split, options);
  }
  std::error_code ignored;
  if (fs::is_directory(name_or_directory, ignored)) return load_folder(name_or_directory, split);
  if (fs::exists(name_or_directory, ignored)) {
    throw FileError(fmt::format("{}: needs a known set or a folder of IDX files, got a file",
                                name_or_directory));
  }
  if (name_or_directory.find('/') != std::string::npos) {
    throw FileError(
        fmt::format("{}: no such folder; give the folder of the four IDX files, or the name of a "
                    "known set",
                    name_or_directory));
  }
  refuse_name(name_or_directory);
}

}  // namespace isoform
