// Which rows a model has learned from, told by a number for each: so that rows of a table that grows are not taken for new ones when it
// is judged by them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"

namespace isoform {

/// Rows by what they hold: one number of 53 bits each, of the values of these features and the answer, ascending. Two different rows
/// have the same number once in 9·10¹⁵.
struct SeenRows {
  std::vector<std::string> features;
  std::vector<double> rows;
};

/// Rows of the parts together. `features` are their names, in the order of the parts. O(values).
[[nodiscard]] SeenRows seen_rows(std::span<const Dataset> parts,
                                 const std::vector<std::string>& features);

/// For each row of a table (whose features have names): has one of these been the same, as far as it goes? Features that the table
/// lacks make it no.
[[nodiscard]] std::vector<bool> are_seen(const std::vector<SeenRows>& seen, const Dataset& table);

}  // namespace isoform
