// Numbers as people read them: durations, counts, widths, percentages. Everything the monitor shows
// goes through these, so that the progress line, the summary and the picture agree.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isoform {

/// A duration in seconds: "45 ms", "8.2 s", "57 s", "1m 20s", "2h 05m", "3d 04h"; "–" when it is
/// negative or not finite.
std::string format_duration(double seconds);

/// A count with thousands separated: 12340 → "12,340", -1500 → "−1,500".
std::string format_count(std::int64_t count);

/// A loss: four decimals, or an exponent below 0.001 and from 10,000 on; "–" when not finite.
std::string format_loss(double loss);

/// A fraction as a percentage, 0.851 → "85.1 %"; "–" when not finite.
std::string format_percent(double fraction);

/// Widths joined by hyphens, "48-40"; "none" for an empty list. A text longer than `max_columns`
/// keeps its first two and last widths: "128-96-…-32".
std::string format_widths(std::span<const std::int64_t> widths, int max_columns = 24);

/// What edits did: "+12 −3"; a zero is left out, and two zeros give "".
std::string format_edits(std::int64_t born, std::int64_t removed);

/// The hidden widths among all widths [L+1]: those between the first and the last.
std::span<const std::int64_t> hidden_widths(std::span<const std::int64_t> widths);

/// Sizes of groups, largest first: {8, 8, 8, 5} → "3×8, 5".
std::string format_groups(std::span<const std::int64_t> sizes);

/// Columns that a UTF-8 text takes on a terminal, counting one for each character.
int text_columns(std::string_view text);

/// `text` padded with spaces to `columns`, on the left (right-aligned) or on the right.
std::string pad_left(std::string_view text, int columns);
std::string pad_right(std::string_view text, int columns);

}  // namespace isoform
