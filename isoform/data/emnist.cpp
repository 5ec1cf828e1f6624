#include "isoform/data/emnist.h"

#include <fmt/format.h>

#include "isoform/base/error.h"

namespace isoform {

Dataset emnist_letters(const IdxArray& images, const std::filesystem::path& images_path,
                       const IdxArray& labels, const std::filesystem::path& labels_path,
                       std::vector<std::string> classes, std::string name) {
  constexpr std::uint32_t kLetters = 26;
  const std::vector<std::uint32_t> numbers = idx_labels(labels, labels_path);
  const auto* pixels = std::get_if<std::vector<std::uint8_t>>(&images.values);
  if (pixels == nullptr || images.shape.size() != 3) {
    throw FormatError(fmt::format(
        "{}: pictures need to be unsigned bytes in 3 dimensions (samples first), got {} "
        "in {}; is this the file of images?",
        images_path.string(), pixels != nullptr ? "unsigned bytes" : "float32",
        images.shape.size()));
  }
  if (numbers.size() != images.shape[0]) {
    throw FormatError(fmt::format(
        "labels not matching images: {} holds {} labels, {} holds {} images; give files of the "
        "same part of the same set",
        labels_path.string(), numbers.size(), images_path.string(), images.shape[0]));
  }
  // Stored as columns × rows: the first dimension of a picture counts its columns.
  const std::size_t columns = images.shape[1], rows = images.shape[2];
  Dataset::Contents contents{
      .name = std::move(name),
      .features = static_cast<Index>(rows * columns),
      .image = ImageShape{static_cast<Index>(rows), static_cast<Index>(columns)}};
  std::vector<std::uint8_t> upright;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] < 1 || numbers[i] > kLetters) {
      throw FormatError(
          fmt::format("{}: labels of letters need to be from 1 to {}, got {} at sample {}; is this "
                      "another split of EMNIST?",
                      labels_path.string(), kLetters, numbers[i], i));
    }
    if (numbers[i] > classes.size()) continue;
    contents.labels.push_back(numbers[i] - 1);
    const std::uint8_t* const stored = pixels->data() + i * rows * columns;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) upright.push_back(stored[c * rows + r]);
    }
  }
  if (contents.labels.empty()) {
    throw FormatError(fmt::format("{}: holds none of the first {} letters; fetch the file again",
                                  labels_path.string(), classes.size()));
  }
  contents.classes = std::move(classes);
  contents.values = std::move(upright);
  return Dataset(std::move(contents));
}

}  // namespace isoform
