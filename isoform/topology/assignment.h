// Who goes with whom: the linear assignment problem, for the groups of two spaces.
#pragma once

#include <vector>

#include "isoform/linalg/matrix.h"

namespace isoform {

/// The column of every row, −1 for none: min(rows, cols) pairs with the largest sum of `gain`, every row and
/// column in at most one. Exact, O(n³) for n = max(rows, cols), by shortest augmenting paths with potentials
/// (the Hungarian method). Equal sums are resolved in the same way on every machine. Gains are finite.
std::vector<Index> best_assignment(const Matrix<double>& gain);

}  // namespace isoform
