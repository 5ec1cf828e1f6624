// Small helpers for texts that people read.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isoform {

/// The known name nearest to what was typed, or "" if none is within three slips of the finger.
/// Letters of either case, and '_' or ' ' for '-', count as equal.
std::string nearest_name(std::string_view typed, std::span<const std::string> known);

/// "; did you mean X?" or "".
std::string did_you_mean(std::string_view typed, std::span<const std::string> known);

/// The names that `parse` takes, read off its refusal of anything else: "…; known are a, b, c". Empty where it lists none.
/// Whoever offers names to choose from thus offers those that are taken.
std::vector<std::string> known_names(const std::function<void(const std::string&)>& parse);

}  // namespace isoform
