#include "isoform/data/cifar.h"

#include <fmt/format.h>

#include "isoform/base/error.h"
#include "isoform/data/file_bytes.h"

namespace isoform {

namespace {

namespace fs = std::filesystem;

void append_records(const fs::path& path, std::size_t label_bytes, Dataset::Contents& contents,
                    std::vector<std::uint8_t>& values) {
  const std::vector<std::uint8_t> bytes = file_bytes(path);
  const std::size_t record = label_bytes + static_cast<std::size_t>(contents.features);
  if (bytes.empty() || bytes.size() % record != 0) {
    throw FormatError(
        fmt::format("{}: needs whole records of {} bytes ({} for labels, {} for a picture), got {} "
                    "bytes, {} too "
                    "many; cut short or another format, fetch the file again",
                    path.string(), record, label_bytes, contents.features, bytes.size(),
                    bytes.size() % record));
  }
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    const std::uint32_t label = bytes[at + label_bytes - 1];
    if (label >= contents.classes.size()) {
      throw FormatError(
          fmt::format("{}: labels need to be below the number of classes, {}, got {} in record {}; "
                      "damaged or another format, fetch the file again",
                      path.string(), contents.classes.size(), label, at / record));
    }
    contents.labels.push_back(label);
    const std::uint8_t* const picture = bytes.data() + at + label_bytes;
    values.insert(values.end(), picture, picture + contents.features);
  }
}

}  // namespace

Dataset read_cifar(std::span<const fs::path> files, int label_bytes, const ImageShape& image,
                   std::vector<std::string> classes, std::string name) {
  if (files.empty() || label_bytes < 1 || image.rows < 1 || image.columns < 1 ||
      image.channels != 3) {
    throw UsageError(fmt::format(
        "CIFAR: needs at least 1 file, 1 label byte and pictures of three channels, got "
        "{}, {} and {} × {} × {}",
        files.size(), label_bytes, image.rows, image.columns, image.channels));
  }
  Dataset::Contents contents{.name = std::move(name),
                             .features = image.rows * image.columns * image.channels,
                             .classes = std::move(classes),
                             .image = image};
  std::vector<std::uint8_t> values;
  for (const fs::path& file : files) {
    append_records(file, static_cast<std::size_t>(label_bytes), contents, values);
  }
  contents.values = std::move(values);
  return Dataset(std::move(contents));
}

}  // namespace isoform
