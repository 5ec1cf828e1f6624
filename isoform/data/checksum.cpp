#include "isoform/data/checksum.h"

#include <zlib.h>

#include <bit>
#include <span>
#include <variant>
#include <vector>

namespace isoform {

namespace {

// Bytes that are gathered and summed a sample at a time.
class Sum {
 public:
  void add(std::span<const std::uint8_t> bytes) {
    crc_ = static_cast<std::uint32_t>(crc32_z(crc_, bytes.data(), bytes.size()));
  }
  void add(std::span<const float> values) {
    buffer_.clear();
    for (const float value : values) append(std::bit_cast<std::uint32_t>(value), 4);
    add(std::span<const std::uint8_t>(buffer_));
  }
  void add_integer(std::uint64_t value, int bytes) {
    buffer_.clear();
    append(value, bytes);
    add(std::span<const std::uint8_t>(buffer_));
  }
  [[nodiscard]] std::uint32_t value() const { return crc_; }

 private:
  void append(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) buffer_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  std::vector<std::uint8_t> buffer_;
  std::uint32_t crc_ = 0;
};

}  // namespace

std::uint32_t checksum(const Dataset& data) {
  Sum sum;
  sum.add_integer(static_cast<std::uint64_t>(data.features()), 8);
  for (const std::uint32_t label : data.labels()) sum.add_integer(label, 4);
  const auto width = static_cast<std::size_t>(data.features());
  std::visit(
      [&](const auto& values) {
        for (Index i = 0; i < data.samples(); ++i) {
          sum.add(std::span(values).subspan(data.stored_position(i) * width, width));
        }
      },
      data.stored_values());
  for (Index i = 0; i < data.samples() && data.has_targets(); ++i) sum.add(data.targets(i));
  for (Index i = 0; i < data.samples() && data.has_weights(); ++i) {
    const float weight = data.weight(i);
    sum.add(std::span(&weight, 1));
  }
  return sum.value();
}

}  // namespace isoform
