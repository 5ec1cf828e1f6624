// Pieces of C source: numbers, texts and names that mean the same to every compiler. Private to compile.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace isoform::detail {

/// A literal that a compiler reads back to the same bits: the shortest decimal that does.
std::string c_float(float value);

/// A string literal in ASCII: quotes, backslashes, control characters, what is not ASCII (as octal bytes) and question marks (they
/// begin trigraphs) are escaped.
std::string c_string(std::string_view bytes);

/// The same for a comment, which it neither ends nor nests.
std::string c_comment(std::string_view bytes);

/// Lower case letters, digits and single underscores, of what is in a name; never empty.
std::string c_identifier(std::string_view name);

/// Upper case of ASCII.
std::string c_upper(std::string_view name);

/// `{a, b, …};` over lines of at most 100 columns.
std::string c_numbers(std::span<const float> values);
std::string c_numbers(std::span<const long> values);

}  // namespace isoform::detail
