// IDX files, the format of MNIST and its relatives, plain or compressed with gzip.
//
//   bytes 0–1   0
//   byte  2     type of the values: 0x08 unsigned byte, 0x0D float32 (others are refused)
//   byte  3     number of dimensions, 1 to 8
//   then        each dimension, 32-bit unsigned, most significant byte first
//   then        the values, the last dimension running fastest, most significant byte first
//
// gzip is recognised by the content of the file, whatever its name. Reading is strict: nothing may
// be missing and nothing may follow. Memory grows with what the file really holds, so that a wrong
// header cannot ask for more than that.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"

namespace isoform {

/// One IDX file as it is, with the size and CRC-32 of its (decompressed) content.
struct IdxArray {
  std::vector<std::uint32_t>
      shape;               ///< 1 to 8 dimensions, none of them 0; the first counts samples
  Dataset::Values values;  ///< product of shape
  std::uint64_t content_bytes = 0;
  std::uint32_t crc32 = 0;
};

/// FileError: missing, a folder, unreadable. FormatError: empty, not IDX, another type, a dimension
/// of 0, cut short, bytes left over, damaged gzip, a float that is not finite. Every message names
/// the file. About 10 ms for 10 MB plain, 100 ms for 10 MB of gzip.
[[nodiscard]] IdxArray read_idx_array(const std::filesystem::path& path);

/// The labels of a set: one dimension of unsigned bytes, FormatError otherwise.
[[nodiscard]] std::vector<std::uint32_t> idx_labels(const IdxArray& array,
                                                    const std::filesystem::path& path);

/// A labelled set. The first dimension of the images counts samples, the product of the others is
/// the number of features; three dimensions in all make pictures (rows × columns). Without classes
/// they are named "0" to the largest label. name is kept as the set's name; without one it is the
/// file name of the images (no folder). FormatError when the counts differ or a label is not below
/// the number of classes.
[[nodiscard]] Dataset read_idx(const std::filesystem::path& images,
                               const std::filesystem::path& labels,
                               std::vector<std::string> classes = {}, std::string name = {});

/// The same from files that are read already; the paths are for the messages.
[[nodiscard]] Dataset dataset_from_idx(IdxArray images, const std::filesystem::path& images_path,
                                       const IdxArray& labels,
                                       const std::filesystem::path& labels_path,
                                       std::vector<std::string> classes, std::string name);

}  // namespace isoform
