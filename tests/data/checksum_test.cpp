#include "isoform/data/checksum.h"

#include <array>
#include <string>

#include "data/idx_files.h"

namespace isoform {
namespace {

using testing_data::Bytes;

Dataset bytes_of(const Bytes& values, const std::vector<std::uint32_t>& labels) {
  return Dataset({.name = "any",
                  .features = static_cast<Index>(values.size() / labels.size()),
                  .values = values,
                  .labels = labels,
                  .classes = {"a", "b", "c"}});
}

Dataset floats_of(const std::vector<float>& values, const std::vector<std::uint32_t>& labels) {
  return Dataset({.name = "any",
                  .features = static_cast<Index>(values.size() / labels.size()),
                  .values = values,
                  .labels = labels,
                  .classes = {"a", "b", "c"}});
}

// The bytes that the contract names, summed here bit by bit.
std::uint32_t crc_of(const Bytes& bytes) {
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

TEST(Checksum, IsThatOfTheBytesItNames) {
  EXPECT_EQ(checksum(bytes_of({7, 8, 9, 250, 251, 252}, {2, 1})),
            crc_of({3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7, 8, 9, 250, 251, 252}));
  // 1.5 is 3fc00000, −2 is c0000000.
  EXPECT_EQ(checksum(floats_of({1.5F, -2.0F}, {1})),
            crc_of({2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0}));
  EXPECT_EQ(checksum(Dataset()), crc_of(Bytes(8, 0)));
}

TEST(Checksum, OfASelectionIsThatOfACopy) {
  const Dataset all = bytes_of({1, 2, 3, 4, 5, 6}, {0, 1, 2});
  const std::array<std::uint32_t, 2> chosen = {2, 0};
  EXPECT_EQ(checksum(all.subset(chosen)), checksum(bytes_of({5, 6, 1, 2}, {2, 0})));
  const Dataset floats = floats_of({1, 2, 3, 4, 5, 6}, {0, 1, 2});
  EXPECT_EQ(checksum(floats.subset(chosen)), checksum(floats_of({5, 6, 1, 2}, {2, 0})));
  EXPECT_EQ(checksum(all.with_classes({"x", "y", "z"}, 0)), checksum(all));
}

TEST(Checksum, SeesValuesLabelsOrderAndShape) {
  const std::uint32_t base = checksum(bytes_of({1, 2, 3, 4}, {0, 1}));
  EXPECT_NE(checksum(bytes_of({1, 2, 3, 5}, {0, 1})), base);
  EXPECT_NE(checksum(bytes_of({1, 2, 3, 4}, {0, 2})), base);
  EXPECT_NE(checksum(bytes_of({3, 4, 1, 2}, {1, 0})), base);
  EXPECT_NE(checksum(floats_of({1, 2, 3, 4}, {0, 1})), base);
}

}  // namespace
}  // namespace isoform
