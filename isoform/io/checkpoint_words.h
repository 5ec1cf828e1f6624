// What the reading and the writing of checkpoints share.
#pragma once

#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "isoform/io/json.h"
#include "isoform/io/safetensors.h"
#include "isoform/network/network.h"

namespace isoform::detail {

inline constexpr const char* kCheckpointKey = "isoform-checkpoint";
inline constexpr const char* kExtraKey = "extra";
inline constexpr const char* kSumKey = "crc32";
inline constexpr std::array<std::string_view, 5> kRoles = {"weight", "bias", "psi", "length",
                                                           "chi"};

/// "F32" or "F64".
template <class T>
constexpr const char* numbers_name() {
  return sizeof(T) == sizeof(float) ? "F32" : "F64";
}

/// CRC-32 over the texts and all tensors with their names and shapes, as 8 digits.
std::string checkpoint_sum(const TensorFile& file);

/// A number that may be none: JSON knows only the finite ones.
nlohmann::json number_json(double value);
double parse_number(const Field& field);
/// A text in any encoding: what is not UTF-8 as {"hex": …}.
nlohmann::json text_json(const std::string& text);
std::string parse_text(const Field& field);

}  // namespace isoform::detail
