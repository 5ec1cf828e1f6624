// How names of files are recognised; for find_set and load (catalogue.h).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace isoform {

/// The file of that name in the folder, or, if `or_gzip`, of that name with ".gz": plain before compressed.
[[nodiscard]] std::optional<std::filesystem::path> find_file(const std::filesystem::path& folder,
                                                             const std::string& name, bool or_gzip);

/// Whether a name is three digits, a dot and more: a class of Caltech-256.
[[nodiscard]] bool is_numbered(const std::string& name);

}  // namespace isoform
