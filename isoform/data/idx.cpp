#include "isoform/data/idx.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <system_error>

#include "isoform/base/error.h"

namespace isoform {

namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;  // bytes; a multiple of every value's size
constexpr int kMaxDimensions = 8;

enum class IdxType : std::uint8_t { byte = 0x08, float32 = 0x0D };

// The decompressed bytes of one file, in order, counted and summed as they pass.
class Content {
 public:
  explicit Content(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
      throw FileError(fmt::format("{}: needs an IDX file, got a folder; name a file in it", path_));
    }
    errno = 0;
    file_.reset(gzopen(path_.c_str(), "rb"));
    if (!file_) {
      const int code = errno;
      throw FileError(fmt::format("{}: cannot be opened: {}; check its path and permissions", path_,
                                  code != 0 ? std::strerror(code) : "out of memory"));
    }
    gzbuffer(file_.get(), 1U << 18);
  }

  // Fills as much of out as there is.
  std::size_t read(std::span<std::uint8_t> out) {
    const int got = gzread(file_.get(), out.data(), static_cast<unsigned>(out.size()));
    int code = Z_OK;
    std::string text = gzerror(file_.get(), &code);
    if (text.starts_with(path_ + ": ")) text.erase(0, path_.size() + 2);
    if (got < 0 || (code != Z_OK && code != Z_BUF_ERROR)) {
      if (code == Z_ERRNO) throw FileError(fmt::format("{}: cannot be read: {}", path_, text));
      throw FormatError(
          fmt::format("{}: damaged gzip data ({}, after {} bytes of content); fetch the file again",
                      path_, text, bytes_));
    }
    cut_short_ = code == Z_BUF_ERROR;
    const auto count = static_cast<std::size_t>(got);
    crc32_ = static_cast<std::uint32_t>(crc32_z(crc32_, out.data(), count));
    bytes_ += count;
    return count;
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError(fmt::format("{}: {}", path_, what));
  }
  [[noreturn]] void refuse_short(std::uint64_t needed, const std::string& what) const {
    refuse(fmt::format("cut short{}: needs {} bytes ({}), got {}; fetch the file again",
                       cut_short_ ? " (the gzip data end too early)" : "", needed, what, bytes_));
  }
  // The last read also checks the sum at the end of gzip data.
  void expect_end() {
    std::array<std::uint8_t, 1> extra{};
    const std::uint64_t needed = bytes_;
    if (read(extra) != 0) {
      refuse(
          fmt::format("bytes left over: the header announces {} bytes in all, got more; the "
                      "header or the file is wrong, fetch it again",
                      needed));
    }
    if (cut_short_) refuse("cut short: the end of the gzip data is missing; fetch the file again");
  }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint32_t crc32() const { return crc32_; }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::uint64_t bytes_ = 0;
  std::uint32_t crc32_ = 0;
  bool cut_short_ = false;
};

// "60000 × 28 × 28"
std::string text_of(const std::vector<std::uint32_t>& shape) {
  std::string out;
  for (const std::uint32_t size : shape) {
    if (!out.empty()) out += " × ";
    out += std::to_string(size);
  }
  return out;
}

std::uint32_t big_endian(const std::uint8_t* b) {
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

struct Header {
  IdxType type;
  std::vector<std::uint32_t> shape;
  std::size_t values;  // their number; bytes of the whole file fit in 63 bits
};

const char* type_name(std::uint8_t type) {
  switch (type) {
    case 0x09:
      return "signed byte";
    case 0x0B:
      return "16-bit integer";
    case 0x0C:
      return "32-bit integer";
    case 0x0E:
      return "float64";
    default:
      return "unknown";
  }
}

Header read_header(Content& content) {
  std::array<std::uint8_t, 4> magic{};
  const std::size_t got = content.read(magic);
  if (got == 0) content.refuse("needs an IDX file, got an empty one; fetch the file again");
  if (got < 4) content.refuse_short(4, "the start of an IDX header");
  if (magic[0] != 0 || magic[1] != 0) {
    content.refuse(
        fmt::format("not an IDX file: the first bytes need to be 00 00, got {:02x} {:02x}; give an "
                    "IDX file, plain or gzip",
                    magic[0], magic[1]));
  }
  if (magic[2] != 0x08 && magic[2] != 0x0D) {
    content.refuse(fmt::format(
        "values need to be of type 0x08 (unsigned byte) or 0x0d (float32), got 0x{:02x} ({}); "
        "convert them",
        magic[2], type_name(magic[2])));
  }
  if (magic[3] < 1 || magic[3] > kMaxDimensions) {
    content.refuse(fmt::format("needs 1 to {} dimensions, got {}; not an IDX file, or damaged",
                               kMaxDimensions, magic[3]));
  }
  Header header{static_cast<IdxType>(magic[2]), {}, 1};
  std::array<std::uint8_t, 4 * kMaxDimensions> sizes{};
  const std::size_t needed = std::size_t{4} * magic[3];
  if (content.read(std::span(sizes).first(needed)) < needed) {
    content.refuse_short(4 + needed, fmt::format("a header of {} dimensions", magic[3]));
  }
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max() / 8;
  for (std::size_t i = 0; i < magic[3]; ++i) {
    const std::uint32_t size = big_endian(sizes.data() + 4 * i);
    if (size == 0) {
      content.refuse(
          fmt::format("dimension {} of {} needs to be at least 1, got 0", i + 1, magic[3]));
    }
    header.shape.push_back(size);
    if (header.values > kMost / size) {
      content.refuse(
          fmt::format("dimensions {} announce more values than any file holds; the header "
                      "is damaged, fetch the file again",
                      text_of(header.shape)));
    }
    header.values *= size;
  }
  return header;
}

// Grows with what arrives: a header alone never makes us allocate.
Dataset::Values read_values(Content& content, const Header& header) {
  const bool is_float = header.type == IdxType::float32;
  const std::size_t value_bytes = is_float ? 4 : 1;
  const std::uint64_t start = content.bytes();
  std::uint64_t left = header.values * value_bytes;
  const std::uint64_t needed = start + left;
  const auto refuse_short = [&] {
    content.refuse_short(needed,
                         fmt::format("a header of {} and {} {}{}", start, text_of(header.shape),
                                     is_float ? "float32" : "byte", header.values == 1 ? "" : "s"));
  };
  if (!is_float) {
    std::vector<std::uint8_t> bytes;
    while (left > 0) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, kChunk));
      const std::size_t have = bytes.size();
      bytes.resize(have + count);
      if (content.read(std::span(bytes).subspan(have)) < count) refuse_short();
      left -= count;
    }
    return bytes;
  }
  std::vector<float> floats;
  std::vector<std::uint8_t> chunk(kChunk);
  while (left > 0) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, kChunk));
    if (content.read(std::span(chunk).first(count)) < count) refuse_short();
    for (std::size_t i = 0; i < count; i += 4) {
      const auto value = std::bit_cast<float>(big_endian(chunk.data() + i));
      if (!std::isfinite(value)) {
        content.refuse(fmt::format("value {} of {} is {}; replace values that are not finite",
                                   floats.size(), header.values, value));
      }
      floats.push_back(value);
    }
    left -= count;
  }
  return floats;
}

}  // namespace

IdxArray read_idx_array(const std::filesystem::path& path) {
  Content content(path);
  Header header = read_header(content);
  IdxArray out;
  out.values = read_values(content, header);
  content.expect_end();
  out.shape = std::move(header.shape);
  out.content_bytes = content.bytes();
  out.crc32 = content.crc32();
  return out;
}

std::vector<std::uint32_t> idx_labels(const IdxArray& array, const std::filesystem::path& path) {
  const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&array.values);
  if (bytes == nullptr || array.shape.size() != 1) {
    throw FormatError(fmt::format(
        "{}: labels need to be unsigned bytes in 1 dimension, got {} in {}; is this the file of "
        "images?",
        path.string(), bytes != nullptr ? "unsigned bytes" : "float32",
        array.shape.size() == 1
            ? "1"
            : fmt::format("{} ({})", array.shape.size(), text_of(array.shape))));
  }
  return {bytes->begin(), bytes->end()};
}

Dataset dataset_from_idx(IdxArray images, const std::filesystem::path& images_path,
                         const IdxArray& labels, const std::filesystem::path& labels_path,
                         std::vector<std::string> classes, std::string name) {
  Dataset::Contents contents;
  contents.labels = idx_labels(labels, labels_path);
  if (images.shape.size() < 2) {
    throw FormatError(fmt::format(
        "{}: images need at least 2 dimensions (samples first), got 1; is this the file of labels?",
        images_path.string()));
  }
  if (contents.labels.size() != images.shape[0]) {
    throw FormatError(fmt::format(
        "labels not matching images: {} holds {} labels, {} holds {} images; give files of the "
        "same part of the same set",
        labels_path.string(), contents.labels.size(), images_path.string(), images.shape[0]));
  }
  const auto largest = std::max_element(contents.labels.begin(), contents.labels.end());
  if (classes.empty()) {
    for (std::uint32_t i = 0; i <= *largest; ++i) classes.push_back(std::to_string(i));
  }
  if (*largest >= classes.size()) {
    throw FormatError(fmt::format(
        "{}: labels need to be below the number of classes, {}, got {} at "
        "sample {}",
        labels_path.string(), classes.size(), *largest, largest - contents.labels.begin()));
  }
  contents.name = name.empty() ? images_path.filename().string() : std::move(name);
  contents.features = std::accumulate(images.shape.begin() + 1, images.shape.end(), Index{1},
                                      [](Index a, std::uint32_t b) { return a * b; });
  if (images.shape.size() == 3) contents.image = ImageShape{images.shape[1], images.shape[2]};
  contents.values = std::move(images.values);
  contents.classes = std::move(classes);
  return Dataset(std::move(contents));
}

Dataset read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                 std::vector<std::string> classes, std::string name) {
  const IdxArray label_array = read_idx_array(labels);
  return dataset_from_idx(read_idx_array(images), images, label_array, labels, std::move(classes),
                          std::move(name));
}

}  // namespace isoform
