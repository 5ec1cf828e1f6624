// The safetensors format: named arrays of numbers in one file, readable without running anything.
//
//   8 bytes   N, length of the header, little-endian
//   N bytes   JSON {name: {"dtype", "shape", "data_offsets": [begin, end]}}, "__metadata__": {text: text}
//   the rest  the numbers, little-endian, row-major; offsets count from here
//
// Source: github.com/huggingface/safetensors, "Format". Both sides are strict. Written files have their
// tensors in the order of their names and data that begin at a multiple of 8 bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "isoform/linalg/matrix.h"

namespace isoform {

/// Longest header, as in the format's own implementation.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

/// Numbers in row-major order; an empty shape is one number.
struct Tensor {
  std::vector<Index> shape;
  std::variant<std::vector<float>, std::vector<double>> data;

  /// Numbers held, whatever the shape says.
  [[nodiscard]] std::size_t size() const;
  bool operator==(const Tensor&) const = default;
};

struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// "[2, 3]", for messages.
std::string shape_text(const std::vector<Index>& shape);

/// Reads a whole file. Throws FileError when it cannot be read and FormatError as parse_tensors does; a
/// file of another format is refused before it is read to its end.
TensorFile read_tensors(const std::filesystem::path& path);

/// Takes bytes apart. F32 and F64 only. Every tensor's range has the size of its shape, and the ranges
/// cover the data once, without holes, overlaps or bytes left over, in any order. Values are not looked at.
/// Throws FormatError "'{name_for_errors}': …". Cost: one copy of the data.
TensorFile parse_tensors(std::string_view bytes, const std::string& name_for_errors);

/// The bytes of a file; the same contents give the same bytes. Throws UsageError for a tensor whose shape
/// does not fit its data, a tensor called "__metadata__", texts that are not UTF-8, a header too long.
std::string serialise(const TensorFile& file);

}  // namespace isoform
