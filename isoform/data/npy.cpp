#include "isoform/data/npy.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "isoform/base/error.h"

namespace isoform {

namespace {

// Opens and calls use(reader, bytes of the file).
template <class Function>
auto with_file(const std::filesystem::path& path, const Function& use) {
  const auto refuse = [&](const std::string& why) {
    throw FileError(
        fmt::format("{}: cannot be read: {}; check its path and permissions", path.string(), why));
  };
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (error) refuse(error.message());
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(errno != 0 ? std::strerror(errno) : "it cannot be opened");
  const ByteReader read = [&](std::span<std::uint8_t> out) {
    file.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
    if (file.bad()) refuse(errno != 0 ? std::strerror(errno) : "the device fails");
    return static_cast<std::size_t>(file.gcount());
  };
  return use(read, size);
}

}  // namespace

NpyArray read_npy(const ByteReader& read, const std::string& where, std::uint64_t content_bytes) {
  NpyArray out;
  out.header = read_npy_header(read, where);
  const std::uint64_t needed = out.header.header_bytes + std::uint64_t{out.header.data_bytes()};
  const auto refuse = [&](std::uint64_t got) {
    throw FormatError(fmt::format(
        "{}: {}: needs {} bytes (a header of {} and {} of {}), got {}; save or fetch it "
        "again",
        where, got < needed ? "cut short" : "bytes left over", needed, out.header.header_bytes,
        npy_shape_text(out.header), out.header.type_name(), got));
  };
  if (content_bytes != needed) refuse(content_bytes);
  out.bytes.resize(out.header.data_bytes());
  const std::size_t got = read(out.bytes);
  if (got < out.bytes.size()) refuse(out.header.header_bytes + std::uint64_t{got});
  return out;
}

NpyArray read_npy(const std::filesystem::path& path) {
  return with_file(path, [&](const ByteReader& read, std::uint64_t size) {
    return read_npy(read, path.string(), size);
  });
}

NpyHeader read_npy_header(const std::filesystem::path& path) {
  return with_file(path, [&](const ByteReader& read, std::uint64_t) {
    return read_npy_header(read, path.string());
  });
}

}  // namespace isoform
