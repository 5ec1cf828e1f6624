// Which Isoform this is.
#pragma once

#include <string>

namespace isoform {

/// Version of the library, "major.minor.patch" (semantic versioning; below 1.0 minor versions break).
std::string version();
/// Compiler that built the library, for example "gcc 12.2.0".
std::string compiler();

}  // namespace isoform
