// The sparse forms in which a weight can be kept without losing anything. A form is read off the zeros, it
// is no flag: an edit or a step of training that fills them makes the map dense again by itself.
// docs/mathematics.md 5 and 9.
#pragma once

#include <string_view>

#include "isoform/network/network.h"

namespace isoform {

enum class Structure {
  dense,
  diagonal,  // only entries (i, i): min(rows, columns) numbers
  triangle,  // inside each group of the space written to, row r keeps columns r, r+1, …; no group: one
};
std::string_view structure_name(Structure structure);
/// Throws UsageError for another name.
Structure structure_from_name(std::string_view name);

/// Rows as the forms count them: the groups of the space that a map writes to, or all its rows.
template <class T>
std::vector<Index> row_groups(const Network<T>& network, int map);

/// Numbers that a weight [Σ groups × columns] of this form keeps.
Index stored_weights(Structure structure, const std::vector<Index>& groups, Index columns);

/// The form with fewest numbers whose other entries are all zero (of either sign); dense where no form keeps
/// fewer. O(weights).
template <class T>
Structure structure_of(const Network<T>& network, int map);

/// The numbers kept, row after row.
template <class T>
Vector<T> packed_weight(const Network<T>& network, int map, Structure structure);
/// The inverse: a weight [Σ groups × columns] with zeros elsewhere. Throws InternalError for a wrong count.
template <class T>
Matrix<T> unpacked_weight(const Vector<T>& numbers, Structure structure,
                          const std::vector<Index>& groups, Index columns);

/// Sets to zero what the form does not keep and returns the largest magnitude among it.
template <class T>
T impose_structure(Network<T>& network, int map, Structure structure);

}  // namespace isoform
