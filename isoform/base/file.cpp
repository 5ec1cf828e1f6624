#include "isoform/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "isoform/base/error.h"

namespace isoform {
namespace {

namespace fs = std::filesystem;

std::string mend_for(int error, const fs::path& path) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return fmt::format("create the folder '{}' first", path.parent_path().string());
    case EACCES:
    case EPERM:
    case EROFS:
      return "choose a place you may write to, or change its permissions";
    case ENOSPC:
    case EDQUOT:
      return "free some space, or write to another disk";
    case EISDIR:
      return "give the name of a file, not of a folder";
    case ENAMETOOLONG:
      return "choose a shorter name";
    default:
      return "check the path and the disk, or write elsewhere";
  }
}

[[noreturn]] void fail(const fs::path& path, const char* what, int error) {
  throw FileError(fmt::format("cannot {} '{}': {}; {}", what, path.string(), std::strerror(error),
                              mend_for(error, path)));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  // Some file systems report a failed write only here.
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

// Removes the temporary file unless it was renamed.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!kept_) ::unlink(path_.c_str());
  }
  void keep() { kept_ = true; }

 private:
  fs::path path_;
  bool kept_ = false;
};

void write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail(path, "write", errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void write_directly(const fs::path& path, std::string_view bytes) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0) fail(path, "open", errno);
  write_all(file.get(), bytes, path);
  if (file.close() != 0) fail(path, "write", errno);
}

// A renamed file survives a power cut only when its directory has been written as well. Not every
// file system allows it, and the new file is in place by now, so a failure here is not one of ours.
void sync_directory(const fs::path& directory) {
  Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
}

}  // namespace

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  if (path.empty() || path.filename().empty()) fail(path, "write", path.empty() ? EINVAL : EISDIR);
  fs::path target = path;
  struct stat old {};
  const bool exists = ::stat(path.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) fail(path, "write", EISDIR);
  if (exists && !S_ISREG(old.st_mode)) return write_directly(path, bytes);
  std::error_code ignored;
  if (exists && fs::is_symlink(path, ignored)) {
    const fs::path resolved = fs::canonical(path, ignored);
    if (!ignored) target = resolved;
  }
  const fs::path directory = target.has_parent_path() ? target.parent_path() : fs::path(".");

  static std::atomic<unsigned> counter{0};
  fs::path name;
  int fd = -1;
  // Not mkstemp: it would give the file mode 0600 instead of what the user's umask says.
  for (int attempt = 0; attempt < 100 && fd < 0; ++attempt) {
    name = directory / fmt::format(".isoform-{}-{}.tmp", ::getpid(), counter++);
    fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno != EEXIST) break;
  }
  if (fd < 0) fail(path, "write", errno);
  Descriptor file(fd);
  Temporary temporary(name);
  if (exists) ::fchmod(fd, old.st_mode & 07777);
  write_all(fd, bytes, path);
  if (::fsync(fd) != 0 && errno != EINVAL) fail(path, "write", errno);
  if (file.close() != 0) fail(path, "write", errno);
  if (::rename(name.c_str(), target.c_str()) != 0) fail(path, "replace", errno);
  temporary.keep();
  sync_directory(directory);
}

}  // namespace isoform
