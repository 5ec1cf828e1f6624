// find_set(): where the files of a known set lie.
#include "isoform/data/find.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <system_error>

#include "isoform/base/error.h"
#include "isoform/data/catalogue.h"
#include "isoform/data/idx.h"

namespace isoform {

namespace {

namespace fs = std::filesystem;

// What one folder has of a part; `lacks` says what is missing where it has something.
struct Holding {
  std::vector<fs::path> files = {};
  std::string lacks = {};
};

Holding files_in(const CatalogueEntry& entry, Split split, const fs::path& folder) {
  Holding out;
  std::vector<std::string> missing;
  const bool is_idx = entry.format == DataFormat::idx || entry.format == DataFormat::emnist_letters;
  for (const CatalogueFile& file : entry.files(split)) {
    if (const auto path = find_file(folder, file.name, is_idx)) {
      out.files.push_back(*path);
    } else {
      missing.push_back(file.name);
    }
  }
  if (missing.empty()) return out;
  if (!out.files.empty()) out.lacks = fmt::format("without {}", fmt::join(missing, ", "));
  out.files.clear();
  return out;
}

Holding class_folders_in(const CatalogueEntry& entry, const fs::path& folder) {
  std::size_t count = 0;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    count += is_numbered(at->path().filename().string()) && at->is_directory(ignored) ? 1 : 0;
  }
  if (count == entry.class_count) return {.files = {folder}};
  if (count == 0) return {};
  return {.lacks = fmt::format("{} of the {} folders of its classes", count, entry.class_count)};
}

// The known set that these labels belong to, as far as their size and sum tell; or null. Sets of digits and clothes have the same
// file names, and a folder without the set's name in it may hold either.
const CatalogueEntry* owner_of(const fs::path& labels) {
  try {
    const IdxArray array = read_idx_array(labels);
    for (const CatalogueEntry& entry : catalogue()) {
      for (const Split split : {Split::train, Split::test}) {
        for (const CatalogueFile& file : entry.files(split)) {
          if (file.crc32 == array.crc32 && array.content_bytes == file.content_bytes) return &entry;
        }
      }
    }
  } catch (const Error&) {
    // Whoever reads the set will say what is wrong with it.
  }
  return nullptr;
}

}  // namespace

std::optional<fs::path> find_file(const fs::path& folder, const std::string& name, bool or_gzip) {
  std::error_code ignored;
  for (const char* ending : {"", ".gz"}) {
    const fs::path path = folder / (name + ending);
    if (fs::exists(path, ignored) && !fs::is_directory(path, ignored)) return path;
    if (!or_gzip) break;
  }
  return std::nullopt;
}

bool is_numbered(const std::string& name) {
  return name.size() > 4 && name[3] == '.' &&
         std::all_of(name.begin(), name.begin() + 3,
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

FoundSet find_set(const CatalogueEntry& entry, Split split, const fs::path& data_dir) {
  FoundSet out;
  const auto pass_over = [&](const fs::path& place, const std::string& why) {
    out.looked += fmt::format("{}{} ({})", out.looked.empty() ? "" : "\n", place.string(), why);
  };
  for (const fs::path& place : search_places(entry, data_dir)) {
    std::error_code ignored;
    if (!fs::exists(place, ignored)) {
      pass_over(place, "no such folder");
      continue;
    }
    std::vector<fs::path> folders = {place};
    if (!entry.subfolder.empty()) folders.push_back(place / entry.subfolder);
    bool is_partial = false;
    for (const fs::path& folder : folders) {
      Holding holding = entry.format == DataFormat::image_folder ? class_folders_in(entry, folder)
                                                                 : files_in(entry, split, folder);
      if (holding.files.empty() && holding.lacks.empty()) continue;
      if (!holding.files.empty() && entry.format == DataFormat::idx) {
        const CatalogueEntry* owner = owner_of(holding.files.back());
        if (owner != nullptr && owner != &entry) holding = {.lacks = "holds " + owner->name};
      }
      if (!holding.files.empty()) {
        out.files = std::move(holding.files);
        return out;
      }
      is_partial = true;
      pass_over(folder, holding.lacks);
    }
    if (is_partial) continue;
    pass_over(place, entry.subfolder.empty()
                         ? "none of its files"
                         : fmt::format("none of its files, nor in {}", entry.subfolder));
  }
  return out;
}

}  // namespace isoform
