#include "isoform/data/image_fault.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace isoform {

namespace {

using Bytes = std::span<const std::uint8_t>;

bool begins_with(Bytes bytes, std::string_view start) {
  return bytes.size() >= start.size() &&
         std::equal(start.begin(), start.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

std::uint32_t big_endian(Bytes b) {
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

std::uint32_t little_endian(Bytes b, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= std::uint32_t{b[i]} << (8 * i);
  return value;
}

std::string cut_short(std::uint64_t needed, std::uint64_t got) {
  return fmt::format("cut short: needs {} bytes, got {}", needed, got);
}

// Huffman tables of a DHT segment: class and number, 16 counts of codes, as many values. The decoder has room for 256 and trusts the counts.
std::string huffman_fault(Bytes tables) {
  while (!tables.empty()) {
    std::size_t codes = 0;
    for (std::size_t i = 1; i <= 16 && i < tables.size(); ++i) codes += tables[i];
    if (codes > 256 || tables.size() < 17 + codes) {
      return "damaged: a Huffman table of the JPEG has too many codes";
    }
    tables = tables.subspan(17 + codes);
  }
  return "";
}

// Segments that begin with FF and a marker, most with a length; compressed data, in which FF is followed by 00 or a restart marker, between
// them. EOI is the last.
std::string jpeg_fault(Bytes bytes) {
  constexpr std::uint8_t kHuffman = 0xc4, kEnd = 0xd9;
  for (std::size_t at = 2; at + 1 < bytes.size();) {
    const std::uint8_t marker = bytes[at + 1];
    const bool is_marker = bytes[at] == 0xff && marker != 0x00 && marker != 0xff;
    if (!is_marker) {
      ++at;
      continue;
    }
    if (marker == kEnd) return "";
    at += 2;
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;  // nothing follows
    if (at + 2 > bytes.size()) break;
    const std::size_t length = std::size_t{bytes[at]} << 8 | bytes[at + 1];
    if (length < 2) return "damaged: a JPEG segment of no length";
    if (at + length > bytes.size()) return cut_short(at + length, bytes.size());
    if (marker == kHuffman) {
      if (std::string fault = huffman_fault(bytes.subspan(at + 2, length - 2)); !fault.empty())
        return fault;
    }
    at += length;
  }
  return "cut short: the end of the JPEG is missing";
}

// Chunks of length, type, data and CRC-32 of type and data; IEND is the last.
std::string png_fault(Bytes bytes) {
  for (std::size_t at = 8; at < bytes.size();) {
    const std::size_t left = bytes.size() - at;
    if (left < 12) break;
    const std::uint64_t length = big_endian(bytes.subspan(at, 4));
    if (length > left - 12) return cut_short(at + 12 + length, bytes.size());
    const Bytes summed = bytes.subspan(at + 4, 4 + length);
    if (crc32_z(0, summed.data(), summed.size()) != big_endian(bytes.subspan(at + 8 + length, 4))) {
      return fmt::format("damaged: the CRC-32 of the PNG chunk at byte {} does not fit", at);
    }
    if (begins_with(summed, "IEND")) return "";
    at += 12 + length;
  }
  return "cut short: the PNG chunk IEND is missing";
}

std::string bmp_fault(Bytes bytes) {
  constexpr std::size_t kHeader = 30;
  if (bytes.size() < kHeader) return cut_short(kHeader, bytes.size());
  const std::uint64_t start = little_endian(bytes.subspan(10), 4);
  const bool is_old = little_endian(bytes.subspan(14), 4) == 12;  // sizes of 16 bits
  const std::size_t size_bytes = is_old ? 2 : 4;
  const std::uint64_t columns = little_endian(bytes.subspan(18), size_bytes);
  // A negative height says that the first row comes first.
  const std::int64_t height =
      is_old ? std::int64_t{little_endian(bytes.subspan(20), 2)}
             : std::int64_t{static_cast<std::int32_t>(little_endian(bytes.subspan(22), 4))};
  const std::uint64_t bits = little_endian(bytes.subspan(is_old ? 24 : 28), 2);
  // Rows fill up to 4 bytes; 2^32 columns of 2^16 bits and 2^31 rows would overflow.
  const std::uint64_t row = (columns * bits + 31) / 32 * 4;
  const auto rows = static_cast<std::uint64_t>(std::abs(height));
  if (rows != 0 && row > (std::uint64_t{1} << 40) / rows) return "more pixels than any file holds";
  if (bytes.size() < start + row * rows) return cut_short(start + row * rows, bytes.size());
  return "";
}

// The number after blanks and comments at `at`, which moves behind it; 0 where there is none.
std::uint64_t ppm_number(Bytes bytes, std::size_t& at) {
  while (at < bytes.size() &&
         (std::string_view(" \t\r\n\v\f#").find(static_cast<char>(bytes[at])) !=
          std::string_view::npos)) {
    if (bytes[at] == '#') {
      while (at < bytes.size() && bytes[at] != '\n' && bytes[at] != '\r') ++at;
    } else {
      ++at;
    }
  }
  std::uint64_t value = 0;
  for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9'; ++at) {
    value = std::min<std::uint64_t>(value * 10 + (bytes[at] - '0'), 1U << 30);
  }
  return value;
}

std::string ppm_fault(Bytes bytes) {
  std::size_t at = 2;
  const std::uint64_t columns = ppm_number(bytes, at);
  const std::uint64_t rows = ppm_number(bytes, at);
  const std::uint64_t most = ppm_number(bytes, at);
  if (most != 255) {
    return fmt::format("a PPM file needs values up to 255, its header announces {}", most);
  }
  const std::uint64_t pixels = columns * rows;
  if (pixels > std::uint64_t{1} << 40) return "more pixels than any file holds";
  const std::uint64_t needed = at + 1 + pixels * (bytes[1] == '6' ? 3 : 1);
  return bytes.size() < needed ? cut_short(needed, bytes.size()) : "";
}

}  // namespace

std::string image_fault(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return "an empty file";
  if (begins_with(bytes, "\xff\xd8\xff")) return jpeg_fault(bytes);
  if (begins_with(bytes, "\x89PNG\r\n\x1a\n")) return png_fault(bytes);
  if (begins_with(bytes, "BM")) return bmp_fault(bytes);
  if (begins_with(bytes, "P6") || begins_with(bytes, "P5")) return ppm_fault(bytes);
  return "its content is not that of a JPEG, PNG, BMP or PPM picture";
}

}  // namespace isoform
