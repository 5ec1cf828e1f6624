// Small helpers for texts that people read.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace isoform {

/// The known name nearest to what was typed, or "" if none is within three slips of the finger.
/// Letters of either case, and '_' or ' ' for '-', count as equal.
std::string nearest_name(std::string_view typed, std::span<const std::string> known);

/// "; did you mean X?" or "".
std::string did_you_mean(std::string_view typed, std::span<const std::string> known);

}  // namespace isoform
