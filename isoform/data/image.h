// One picture from a JPEG, PNG, BMP or PPM file, brought to a size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace isoform {

/// Most that a picture file may hold; more is refused before memory is taken for it.
inline constexpr std::uint64_t kMostImageBytes = std::uint64_t{1} << 27;   // of the file
inline constexpr std::uint64_t kMostImagePixels = std::uint64_t{1} << 26;  // 8192 × 8192

/// Reads a picture and fills out with size × size × 3 bytes: all red, then all green, then all blue, each row after row.
/// The format is told by the content. Grey pictures have three equal channels; transparency and the orientation that a camera
/// noted are left aside; 16-bit values lose their lower half. The picture is stretched to the square, not cut: by a triangle
/// filter as wide as a new pixel where it shrinks, by linear interpolation where it grows, on the values as they are stored,
/// the border repeated. A picture of that size already stays as it is.
///
/// out.size() == size·size·3, size >= 1. FileError: missing, unreadable, too large. FormatError: empty, of another format or
/// kind, cut short, damaged as far as the format lets one see (image_fault.h), too many pixels. Every message names the file.
/// Thread-safe. About 10 ms for 0.2 megapixels of JPEG.
void read_image(const std::filesystem::path& path, int size, std::span<std::uint8_t> out);

}  // namespace isoform
