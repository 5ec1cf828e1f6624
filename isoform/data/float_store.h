// Numbers of a data set as they are read: in memory, or, where they are many, in a temporary file that the system keeps in
// memory as far as there is room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <variant>
#include <vector>

namespace isoform {

/// Numbers in a file that nobody sees and that goes when they do. Copies share it. Safe to read from many threads.
class MappedFloats {
 public:
  using value_type = float;
  [[nodiscard]] const float* data() const { return memory_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const float* begin() const { return data(); }
  [[nodiscard]] const float* end() const { return data() + size_; }
  [[nodiscard]] const float& operator[](std::size_t i) const { return data()[i]; }
  [[nodiscard]] const float& front() const { return *data(); }

 private:
  friend class FloatStore;
  MappedFloats(std::shared_ptr<const float> memory, std::size_t size)
      : memory_(std::move(memory)), size_(size) {}
  std::shared_ptr<const float> memory_;
  std::size_t size_ = 0;
};

/// Takes numbers one after the other.
class FloatStore {
 public:
  /// Up to so many bytes in memory; 0: half of what the machine has.
  explicit FloatStore(std::uint64_t most_bytes = 0);

  /// FileError where the temporary file (in $TMPDIR, else /tmp) can't be made or written.
  void append(std::span<const float> numbers);
  [[nodiscard]] std::size_t size() const { return size_; }
  /// All of them. Once.
  [[nodiscard]] std::variant<std::vector<float>, MappedFloats> take();

 private:
  struct Close {
    void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
  };
  void spill();

  std::uint64_t most_bytes_;
  std::size_t size_ = 0;
  std::vector<float> numbers_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace isoform
