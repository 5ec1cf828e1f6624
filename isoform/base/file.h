// Writing output files so that a reader never sees half of one.
#pragma once

#include <filesystem>
#include <string_view>

namespace isoform {

/// Writes `bytes` to `path`, replacing what was there, in one step: a reader, or a machine that
/// loses power, finds either the old file or the whole new one.
///
/// The bytes go to a temporary file in the same directory, are forced to disk (fsync) and renamed;
/// on any failure the temporary file is removed and the old file is untouched. An existing file
/// keeps its permissions and a symbolic link keeps pointing at what it names. A path that names a
/// device or a pipe (/dev/stdout, a FIFO) is written directly, for there is nothing to replace.
///
/// Throws FileError naming the path, the reason and the mend. Cost: one write and two fsyncs.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

}  // namespace isoform
