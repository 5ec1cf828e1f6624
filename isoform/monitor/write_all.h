// Bytes to an open file without exceptions, for files that a run writes while it goes on. Private to the monitor.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string_view>

namespace isoform::detail {

/// Hands all of it to the operating system; 0, or errno of the write that failed.
inline int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace isoform::detail
