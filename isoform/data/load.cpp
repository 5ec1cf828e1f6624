// load(): reads the files of a set and makes sure that they are what was asked for.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/data/array_set.h"
#include "isoform/data/catalogue.h"
#include "isoform/data/cifar.h"
#include "isoform/data/emnist.h"
#include "isoform/data/find.h"
#include "isoform/data/idx.h"
#include "isoform/data/image_folder.h"

namespace isoform {

namespace {

namespace fs = std::filesystem;

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
  throw UsageError(fmt::format("data: needs a known set ({}), a folder or an .npz file, got '{}'{}",
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

std::string fetch_again(const CatalogueEntry& entry) {
  return fmt::format("fetch it again ({})", replaced(entry.how_to_get, "\n", " && "));
}

void verify(const CatalogueEntry& entry, const CatalogueFile& wanted, const fs::path& path,
            const IdxArray& found) {
  if (wanted.content_bytes == 0) return;
  const std::uint32_t crc32 = wanted.crc32.value_or(found.crc32);
  if (found.crc32 == crc32 && found.content_bytes == wanted.content_bytes) return;
  const auto sum = [&](std::uint32_t value) {
    return wanted.crc32 ? fmt::format(" with CRC-32 {:08x}", value) : std::string();
  };
  throw FormatError(fmt::format(
      "{}: not the {} of {}: its content needs to be {} bytes{}, got {} bytes{}; {}, or give the "
      "folder's path instead of the name to use it as a set of its own",
      path.string(), wanted.name, entry.name, wanted.content_bytes, sum(crc32), found.content_bytes,
      sum(found.crc32), fetch_again(entry)));
}

Dataset load_idx(const CatalogueEntry& entry, Split split, const std::vector<fs::path>& files,
                 bool is_verified) {
  const std::vector<CatalogueFile>& wanted = entry.files(split);
  const IdxArray labels = read_idx_array(files[1]);  // first: a wrong set shows in little time
  if (is_verified) verify(entry, wanted[1], files[1], labels);
  IdxArray images = read_idx_array(files[0]);
  if (is_verified) verify(entry, wanted[0], files[0], images);
  if (entry.format == DataFormat::emnist_letters) {
    return emnist_letters(images, files[0], labels, files[1], entry.classes, entry.name);
  }
  return dataset_from_idx(std::move(images), files[0], labels, files[1], entry.classes, entry.name);
}

Dataset load_cifar(const CatalogueEntry& entry, Split split, const std::vector<fs::path>& files,
                   bool is_verified) {
  for (std::size_t i = 0; is_verified && i < files.size(); ++i) {
    const CatalogueFile& wanted = entry.files(split)[i];
    std::error_code ignored;  // an unreadable file is refused by the reader
    const std::uint64_t bytes = fs::file_size(files[i], ignored);
    if (ignored || bytes == wanted.content_bytes) continue;
    throw FormatError(fmt::format("{}: not the {} of {}: needs to be {} bytes, got {}; {}",
                                  files[i].string(), wanted.name, entry.name, wanted.content_bytes,
                                  bytes, fetch_again(entry)));
  }
  return read_cifar(files, entry.format == DataFormat::cifar_fine ? 2 : 1, entry.image,
                    entry.classes, entry.name);
}

Dataset load_numbered_images(const CatalogueEntry& entry, Split split, const fs::path& folder,
                             bool is_verified) {
  ImageFolder files = list_image_folder(folder);
  const Index pictures = files.samples(Split::train) + files.samples(Split::test);
  if (is_verified &&
      (pictures != entry.train_samples || files.classes.size() != entry.class_count)) {
    throw FormatError(fmt::format(
        "{}: not the whole {}: needs {} pictures in {} classes, got {} in {}; {}, or give the "
        "folder's path instead of the name to use it as a set of its own",
        folder.string(), entry.name, entry.train_samples, entry.class_count, pictures,
        files.classes.size(), fetch_again(entry)));
  }
  for (std::string& name : files.classes) {
    if (is_numbered(name)) name.erase(0, 4);
  }
  return read_image_folder(files, split, entry.name);
}

Dataset load_known(const CatalogueEntry& entry, Split split, const LoadOptions& options) {
  const FoundSet set = find_set(entry, split, options.data_dir);
  if (!set.found()) refuse_missing(entry, split, options.data_dir, set.looked);
  switch (entry.format) {
    case DataFormat::cifar:
    case DataFormat::cifar_fine:
      return load_cifar(entry, split, set.files, options.verify);
    case DataFormat::image_folder:
      return load_numbered_images(entry, split, set.files.front(), options.verify);
    case DataFormat::idx:
    case DataFormat::emnist_letters:
      break;
  }
  return load_idx(entry, split, set.files, options.verify);
}

// train images, train labels, test images, test labels
constexpr std::array<const char*, 4> kIdxNames = {
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte"};

// The last part of a folder's path, also where it ends with a slash or is ".".
std::string name_of(const fs::path& folder) {
  fs::path whole = fs::absolute(folder).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return whole.filename().string();
}

Dataset load_idx_folder(const fs::path& folder, Split split) {
  std::array<fs::path, 4> paths;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const auto path = find_file(folder, kIdxNames[i], true);
    if (!path) {
      throw FileError(fmt::format("{}: needs the four IDX files {}, plain or .gz; {} is missing",
                                  folder.string(), fmt::join(kIdxNames, ", "), kIdxNames[i]));
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
  return dataset_from_idx(read_idx_array(paths[first]), paths[first], labels, label_path,
                          std::move(classes), name_of(folder));
}

Dataset load_folder(const fs::path& folder, Split split) {
  const bool is_idx = std::any_of(kIdxNames.begin(), kIdxNames.end(), [&](const char* name) {
    return find_file(folder, name, true).has_value();
  });
  if (is_idx) return load_idx_folder(folder, split);
  if (holds_arrays(folder)) return read_array_set(folder, split, name_of(folder));
  const ImageFolder pictures = list_image_folder(folder);
  if (pictures.classes.empty()) {
    throw FileError(fmt::format(
        "{}: needs the four IDX files {}, plain or .gz, or arrays of numpy (x.npy and y.npy, or "
        "x_train.npy, y_train.npy, x_test.npy and y_test.npy), or a folder of pictures (.jpg, "
        ".jpeg, .png, .bmp, .ppm) for each class, got none of them; for a known set give its name, "
        "and this folder as the data folder",
        folder.string(), fmt::join(kIdxNames, ", ")));
  }
  return read_image_folder(pictures, split, name_of(folder));
}

}  // namespace

Dataset load(const std::string& name_or_directory, Split split, const LoadOptions& options) {
  if (const CatalogueEntry* entry = find_entry(name_or_directory)) {
    return load_known(*entry, split, options);
  }
  std::error_code ignored;
  if (fs::is_directory(name_or_directory, ignored)) return load_folder(name_or_directory, split);
  const fs::path path = name_or_directory;
  if (path.extension() == ".npz") return read_array_set(path, split, path.stem().string());
  if (fs::exists(path, ignored)) {
    throw FileError(fmt::format(
        "{}: needs a known set, an .npz file or a folder of IDX files, arrays (.npy) or "
        "pictures, got a file of another kind",
        name_or_directory));
  }
  if (name_or_directory.find('/') != std::string::npos) {
    throw FileError(fmt::format(
        "{}: no such folder; give the folder of the four IDX files, of arrays (.npy) or "
        "of pictures, an .npz file, or the name of a known set",
        name_or_directory));
  }
  refuse_name(name_or_directory);
}

}  // namespace isoform
