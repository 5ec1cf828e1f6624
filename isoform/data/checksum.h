// One number for what a data set holds, to tell whether two runs saw the same samples.
#pragma once

#include <cstdint>

#include "isoform/data/dataset.h"

namespace isoform {

/// The CRC-32 (that of gzip) of, in this order and with the least significant byte first: the number of features (8 bytes); the
/// label of each sample (4 bytes); the values of each sample as they are stored, bytes as bytes and floats as 4 bytes; targets and weights, if there are any, likewise. Samples count
/// in the order of the selection, wherever they lie in memory, so that a subset and a copy of it agree. Names and the image do not
/// count. It finds accidents, not forgeries. O(values); about 1 ns a byte.
[[nodiscard]] std::uint32_t checksum(const Dataset& data);

}  // namespace isoform
