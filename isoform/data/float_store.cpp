#include "isoform/data/float_store.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "isoform/base/error.h"

namespace isoform {

namespace {

[[noreturn]] void fail(const char* what) {
  throw FileError(
      fmt::format("the table is too large for memory, and the temporary file in {} cannot be {}: "
                  "{}; set TMPDIR "
                  "to a folder with room",
                  std::filesystem::temp_directory_path().string(), what, std::strerror(errno)));
}

}  // namespace

FloatStore::FloatStore(std::uint64_t most_bytes) : most_bytes_(most_bytes) {
  if (most_bytes_ != 0) return;
  const auto pages = static_cast<std::uint64_t>(std::max(sysconf(_SC_PHYS_PAGES), 1L));
  most_bytes_ = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / 2;
}

void FloatStore::append(std::span<const float> numbers) {
  size_ += numbers.size();
  numbers_.insert(numbers_.end(), numbers.begin(), numbers.end());
  constexpr std::size_t kBlock = std::size_t{1} << 18;  // of numbers, once there is a file
  if (file_ ? numbers_.size() >= kBlock : size_ * sizeof(float) > most_bytes_) spill();
}

void FloatStore::spill() {
  if (!file_) {
    std::string path = (std::filesystem::temp_directory_path() / "isoform-values-XXXXXX").string();
    const int descriptor = mkstemp(path.data());
    if (descriptor < 0) fail("made");
    ::unlink(path.c_str());  // nobody else needs its name
    file_.reset(fdopen(descriptor, "w+b"));
    if (!file_) fail("opened");
  }
  if (std::fwrite(numbers_.data(), sizeof(float), numbers_.size(), file_.get()) !=
      numbers_.size()) {
    fail("written");
  }
  numbers_.clear();
  numbers_.shrink_to_fit();
}

std::variant<std::vector<float>, MappedFloats> FloatStore::take() {
  if (!file_) return std::move(numbers_);
  spill();
  if (std::fflush(file_.get()) != 0) fail("written");
  const std::size_t bytes = size_ * sizeof(float);
  void* const memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fileno(file_.get()), 0);
  if (memory == MAP_FAILED) fail("read");
  file_.reset();
  const std::shared_ptr<const float> shared(
      static_cast<const float*>(memory),
      [bytes](const float* p) { munmap(const_cast<float*>(p), bytes); });
  return MappedFloats(shared, size_);
}

}  // namespace isoform
