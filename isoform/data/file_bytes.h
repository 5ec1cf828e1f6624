// A whole file in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <vector>

namespace isoform {

/// All bytes of a file. FileError, naming it: missing, a folder, unreadable, or of more than `most` bytes.
[[nodiscard]] std::vector<std::uint8_t> file_bytes(
    const std::filesystem::path& path,
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max());

}  // namespace isoform
