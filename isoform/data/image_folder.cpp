#include "isoform/data/image_folder.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <span>
#include <system_error>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/base/thread_pool.h"
#include "isoform/data/image.h"

namespace isoform {

namespace {

namespace fs = std::filesystem;

// Sorted by name as std::string compares: by bytes.
using Classes = std::map<std::string, ClassFiles>;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::array<std::string_view, 5> kEndings = {".jpg", ".jpeg", ".png", ".bmp", ".ppm"};
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

// What lies in a folder, hidden names apart, in no order.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!is_hidden(at->path())) out.push_back(at->path());
  }
  if (error) {
    throw FileError(fmt::format("{}: cannot be listed: {}; check its path and permissions",
                                folder.string(), error.message()));
  }
  return out;
}

Classes classes_in(const fs::path& folder) {
  Classes classes;
  std::error_code ignored;
  for (const fs::path& sub : entries_of(folder)) {
    if (!fs::is_directory(sub, ignored)) continue;
    ClassFiles pictures;
    for (const fs::path& file : entries_of(sub)) {
      if (is_picture(file) && fs::is_regular_file(file, ignored)) pictures.push_back(file);
    }
    if (pictures.empty()) continue;
    std::sort(pictures.begin(), pictures.end(), [](const fs::path& a, const fs::path& b) {
      return a.filename().string() < b.filename().string();
    });
    classes.emplace(sub.filename().string(), std::move(pictures));
  }
  return classes;
}

Classes part_in(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_directory(folder, ignored) ? classes_in(folder) : Classes();
}

ImageFolder with_parts(const fs::path& folder, Classes train, Classes test) {
  ImageFolder out{.folder = folder};
  Classes both = train;
  both.insert(test.begin(), test.end());
  for (const auto& [name, files] : both) {
    out.classes.push_back(name);
    out.train.push_back(std::move(train[name]));
    out.test.push_back(std::move(test[name]));
  }
  return out;
}

ImageFolder drawn(const fs::path& folder, const Classes& classes) {
  ImageFolder out{.folder = folder};
  for (const auto& [name, files] : classes) {
    const auto count = static_cast<std::uint32_t>(files.size());
    if (count < 2) {
      throw FormatError(fmt::format(
          "{}: a class needs at least 2 pictures, one for training and one for the test "
          "part, got {}; add some or move the folder away",
          (folder / name).string(), count));
    }
    const auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(name.data()), name.size());
    const auto kept =
        std::clamp(static_cast<std::uint32_t>(std::lround(count / 5.0)), 1U, count - 1);
    const auto order = Random(kTestPartSeed, Purpose::split, 0, sum).permutation(count);
    std::vector<bool> is_test(count, false);
    for (std::uint32_t i = 0; i < kept; ++i) is_test[order[i]] = true;
    out.classes.push_back(name);
    ClassFiles& train = out.train.emplace_back();
    ClassFiles& test = out.test.emplace_back();
    for (std::uint32_t i = 0; i < count; ++i) (is_test[i] ? test : train).push_back(files[i]);
  }
  return out;
}

}  // namespace

Index ImageFolder::samples(Split split) const {
  Index count = 0;
  for (const ClassFiles& files : split == Split::train ? train : test) {
    count += static_cast<Index>(files.size());
  }
  return count;
}

ImageFolder list_image_folder(const fs::path& folder) {
  Classes train = part_in(folder / "train");
  Classes test = part_in(folder / "test");
  if (!train.empty() && !test.empty()) return with_parts(folder, std::move(train), std::move(test));
  const Classes classes = classes_in(folder);
  if (classes.empty() && train.empty() != test.empty()) {
    throw FormatError(
        fmt::format("{}: needs folders of pictures in both train and test, {} has none; add it, or "
                    "give the folder {} to have parts drawn",
                    folder.string(), (folder / (train.empty() ? "train" : "test")).string(),
                    (folder / (train.empty() ? "test" : "train")).string()));
  }
  return drawn(folder, classes);
}

Dataset read_image_folder(const ImageFolder& files, Split split, std::string name, int size,
                          int threads) {
  if (size < 1) throw UsageError(fmt::format("pictures: need a size of at least 1, got {}", size));
  Dataset::Contents contents{.name = std::move(name),
                             .features = Index{3} * size * size,
                             .classes = files.classes,
                             .image = ImageShape{size, size, 3}};
  ClassFiles pictures;
  const auto& part = split == Split::train ? files.train : files.test;
  for (std::size_t label = 0; label < part.size(); ++label) {
    pictures.insert(pictures.end(), part[label].begin(), part[label].end());
    contents.labels.resize(pictures.size(), static_cast<std::uint32_t>(label));
  }
  if (pictures.empty()) {
    throw FormatError(
        fmt::format("{}: no pictures in its {} part; add some, in a folder for each class",
                    files.folder.string(), to_string(split)));
  }
  const auto width = static_cast<std::size_t>(contents.features);
  std::vector<std::uint8_t> values(pictures.size() * width);
  ThreadPool pool(threads > 0 ? threads : ThreadPool::available_cores());
  pool.run(static_cast<int>(pictures.size()), [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    read_image(pictures[at], size, std::span(values).subspan(at * width, width));
  });
  contents.values = std::move(values);
  return Dataset(std::move(contents));
}

}  // namespace isoform
