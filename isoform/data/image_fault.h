// Whether the bytes of a picture file are all there. Decoders are lenient: some fill up with black what is missing, and
// some write where they should not when tables are too large.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace isoform {

/// What is wrong with the bytes of a JPEG, PNG, BMP or PPM (P5, P6) file as a whole, or "": another format, a PNG chunk whose CRC-32
/// does not fit or that is cut short, fewer pixels in a BMP or PPM than its header announces, a PPM whose largest value is not
/// 255, a JPEG without its end or with Huffman tables larger than the format allows. A JPEG has no sums. O(bytes).
[[nodiscard]] std::string image_fault(std::span<const std::uint8_t> bytes);

}  // namespace isoform
