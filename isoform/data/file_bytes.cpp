#include "isoform/data/file_bytes.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>

#include "isoform/base/error.h"

namespace isoform {

std::vector<std::uint8_t> file_bytes(const std::filesystem::path& path, std::uint64_t most) {
  const auto refuse = [&](const std::string& why) {
    throw FileError(
        fmt::format("{}: cannot be read: {}; check its path and permissions", path.string(), why));
  };
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (error) refuse(error.message());
  if (size > most) {
    throw FileError(fmt::format("{}: may have up to {} bytes, got {}; make it smaller",
                                path.string(), most, size));
  }
  std::vector<std::uint8_t> out(size);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(size))) {
    const int code = errno;
    refuse(code != 0 ? std::strerror(code) : "it became shorter");
  }
  return out;
}

}  // namespace isoform
