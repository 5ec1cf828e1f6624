// Several arrays of numpy in one file (.npz): a zip archive of .npy files, stored or deflated.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "isoform/data/npy.h"

struct zip;

namespace isoform {

/// Memory of this machine, in bytes.
[[nodiscard]] std::uint64_t machine_memory();

/// An open archive. Not to be used by two threads at a time.
///
/// Before an array is decompressed, the size that the archive announces is compared with the header of the array, with `most_bytes`, and with
/// what deflate can make of the bytes that are there (1032 times as many): a small file cannot make the program take much more
/// memory than that.
class NpzFile {
 public:
  /// Reads the list of contents. FileError: missing, a folder, unreadable. FormatError: not a zip archive, damaged, two arrays of one
  /// name.
  explicit NpzFile(const std::filesystem::path& path, std::uint64_t most_bytes = machine_memory());

  [[nodiscard]] bool has(const std::string& name) const { return entries_.contains(name); }
  /// Names of the arrays, without .npy, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

  /// UsageError for a name that is not there. FormatError, naming file and array: those of read_npy; encrypted, compressed by another method,
  /// damaged (the CRC-32 is compared), larger than above. About 0.1 s for 10 MB of deflated content.
  [[nodiscard]] NpyArray read(const std::string& name) const;
  /// Its header alone: under 1 ms.
  [[nodiscard]] NpyHeader header(const std::string& name) const;

 private:
  struct Close {
    void operator()(zip* archive) const;
  };
  struct Entry;

  std::filesystem::path path_;
  std::uint64_t most_bytes_;
  std::unique_ptr<zip, Close> archive_;
  std::map<std::string, std::uint64_t> entries_;  // name, index in the archive
};

}  // namespace isoform
