#include "isoform/io/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <tuple>

#include "isoform/base/error.h"
#include "isoform/io/json.h"

namespace isoform {

static_assert(std::endian::native == std::endian::little,
              "safetensors data are copied as they are");

using nlohmann::json;

namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kAlignment = 8;
constexpr const char* kMetadata = "__metadata__";

[[noreturn]] void malformed(const std::string& file, const std::string& what) {
  throw FormatError(fmt::format("'{}': {}", file, what));
}

// The length of the header, from the first bytes of a file.
std::uint64_t header_length(std::string_view start, const std::string& file) {
  if (start.size() < kLengthBytes) {
    malformed(file, fmt::format("not a safetensors file: needs 8 bytes for the length of its "
                                "header, has {}; is it the right file, copied whole?",
                                start.size()));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, start.data(), kLengthBytes);
  const bool brace = start.size() == kLengthBytes || start[kLengthBytes] == '{';
  if (length < 2 || length > kMaxSafetensorsHeader || !brace) {
    malformed(file, fmt::format("not a safetensors file: its first 8 bytes should be the length of "
                                "a JSON header, 2 to {}, and are {}{}; is it the right file?",
                                kMaxSafetensorsHeader, length, brace ? "" : ", without a header"));
  }
  return length;
}

// Bytes of so many numbers, or nothing when that overflows.
std::optional<std::uint64_t> byte_size(const std::vector<Index>& shape, std::uint64_t width) {
  if (std::find(shape.begin(), shape.end(), Index{0}) != shape.end()) return 0;
  std::uint64_t size = width;
  for (const Index extent : shape) {
    if (static_cast<std::uint64_t>(extent) > std::numeric_limits<std::uint64_t>::max() / size) {
      return std::nullopt;
    }
    size *= static_cast<std::uint64_t>(extent);
  }
  return size;
}

template <class T>
std::vector<T> copy_numbers(std::string_view bytes) {
  std::vector<T> numbers(bytes.size() / sizeof(T));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

struct Range {
  std::uint64_t begin, end;
  std::string name;
};

// One tensor of the header; its range is known to lie inside the data.
Tensor parse_tensor(const Field& field, std::string_view data, Range& range) {
  Tensor tensor;
  for (const Field& extent : field["shape"].list()) tensor.shape.push_back(extent.integer(0));
  const std::string dtype = field["dtype"].text();
  if (dtype != "F32" && dtype != "F64") field["dtype"].fail("F32 or F64 (others are not read)");
  const std::vector<Field> offsets = field["data_offsets"].list();
  if (offsets.size() != 2) field["data_offsets"].fail("a list of two numbers, begin and end");
  range.begin = static_cast<std::uint64_t>(offsets[0].integer(0));
  range.end = static_cast<std::uint64_t>(offsets[1].integer(0));

  const auto needs = byte_size(tensor.shape, dtype == "F32" ? sizeof(float) : sizeof(double));
  if (!needs) {
    throw FormatError(fmt::format("{}.shape: {} is more than any file holds; the file is damaged",
                                  field.where(), shape_text(tensor.shape)));
  }
  if (range.end < range.begin || range.end - range.begin != *needs) {
    throw FormatError(fmt::format(
        "{}.data_offsets: {} of {} needs {} bytes, got the range {} to {}", field.where(),
        shape_text(tensor.shape), dtype, *needs, range.begin, range.end));
  }
  if (range.end > data.size()) {
    throw FormatError(
        fmt::format("{}: the file is cut short: needs {} bytes of data, has {}; copy it again",
                    field.where(), range.end, data.size()));
  }
  const std::string_view bytes = data.substr(range.begin, *needs);
  if (dtype == "F32") {
    tensor.data = copy_numbers<float>(bytes);
  } else {
    tensor.data = copy_numbers<double>(bytes);
  }
  return tensor;
}

// The ranges have to cover the data once.
void check_cover(std::vector<Range> ranges, std::uint64_t size, const std::string& file) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  std::uint64_t at = 0;
  for (const Range& range : ranges) {
    if (range.begin != at) {
      malformed(file, fmt::format("the data of tensor {} begin at byte {}, needs {}: {}; the file "
                                  "is damaged",
                                  in_quotes(range.name), range.begin, at,
                                  range.begin < at ? "two tensors overlap" : "a hole in the data"));
    }
    at = range.end;
  }
  if (at != size) {
    malformed(file,
              fmt::format("{} bytes follow the last tensor and belong to none; remove them or "
                          "copy the file again",
                          size - at));
  }
}

}  // namespace

std::size_t Tensor::size() const {
  return std::visit([](const auto& numbers) { return numbers.size(); }, data);
}

std::string shape_text(const std::vector<Index>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

TensorFile parse_tensors(std::string_view bytes, const std::string& name_for_errors) {
  const std::uint64_t length = header_length(bytes, name_for_errors);
  if (bytes.size() - kLengthBytes < length) {
    malformed(name_for_errors,
              fmt::format("the file is cut short: its header needs {} bytes, {} are "
                          "there; copy it again",
                          length, bytes.size() - kLengthBytes));
  }
  const std::string where = fmt::format("'{}', header", name_for_errors);
  const json header = parse_json(bytes.substr(kLengthBytes, length), where);
  const std::string_view data = bytes.substr(kLengthBytes + length);

  TensorFile file;
  std::vector<Range> ranges;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadata) {
      if (!value.is_object()) Field(value, where + "." + kMetadata).fail("an object of texts");
      for (const auto& [key, text] : value.items()) {
        file.metadata[key] = Field(text, fmt::format("{}.{}.{}", where, kMetadata, key)).text();
      }
      continue;
    }
    const Field field(value, fmt::format("'{}', tensor {}", name_for_errors, in_quotes(name)));
    if (value.is_object() && value.size() > 3) field.fail("dtype, shape and data_offsets only");
    Range range{0, 0, name};
    file.tensors.emplace(name, parse_tensor(field, data, range));
    ranges.push_back(std::move(range));
  }
  check_cover(std::move(ranges), data.size(), name_for_errors);
  return file;
}

TensorFile read_tensors(const std::filesystem::path& path) {
  const std::string name = path.string();
  const auto fail = [&](const char* reason) {
    throw FileError(
        fmt::format("cannot read '{}': {}; check the path and its permissions", name, reason));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) fail("it is a folder");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(std::strerror(errno != 0 ? errno : EIO));
  std::string bytes(kLengthBytes + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  header_length(bytes, name);  // before the rest of a large file of another kind is read
  std::string chunk(std::size_t{1} << 20, '\0');
  while (file) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    bytes.append(chunk, 0, static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) fail("the disk reports an error");
  return parse_tensors(bytes, name);
}

std::string serialise(const TensorFile& file) {
  json header = json::object();
  if (!file.metadata.empty()) header[kMetadata] = file.metadata;
  std::uint64_t at = 0;
  for (const auto& [name, tensor] : file.tensors) {
    const bool wide = std::holds_alternative<std::vector<double>>(tensor.data);
    const std::uint64_t width = wide ? sizeof(double) : sizeof(float);
    const bool counts = std::all_of(tensor.shape.begin(), tensor.shape.end(),
                                    [](Index extent) { return extent >= 0; });
    if (name == kMetadata || !counts || byte_size(tensor.shape, width) != tensor.size() * width) {
      throw UsageError(
          fmt::format("tensor {}: needs another name than {} and as many numbers as its "
                      "shape {} says, got {}",
                      in_quotes(name), kMetadata, shape_text(tensor.shape), tensor.size()));
    }
    const std::uint64_t end = at + tensor.size() * width;
    header[name] = {
        {"dtype", wide ? "F64" : "F32"}, {"shape", tensor.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception&) {
    throw UsageError("safetensors: names and metadata need to be UTF-8; rename what is not");
  }
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  if (text.size() > kMaxSafetensorsHeader) {
    throw UsageError(fmt::format("safetensors: a header of {} bytes, needs at most {}", text.size(),
                                 kMaxSafetensorsHeader));
  }
  const std::uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), kLengthBytes);
  bytes.reserve(kLengthBytes + text.size() + at);
  bytes += text;
  for (const auto& [name, tensor] : file.tensors) {
    std::visit(
        [&](const auto& numbers) {
          bytes.append(reinterpret_cast<const char*>(numbers.data()),
                       numbers.size() * sizeof(numbers[0]));
        },
        tensor.data);
  }
  return bytes;
}

}  // namespace isoform
