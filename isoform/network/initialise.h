// Initial weights of one map, keyed by (seed, map): independent of every other map.
#pragma once

#include <cstdint>

#include "isoform/linalg/matrix.h"
#include "isoform/network/network.h"

namespace isoform {

/// o of a new group at the start, as published.
inline constexpr double kInitialLength = 1e-6;

/// [outputs × inputs] in double. O(outputs · inputs · min) for orthogonal.
Matrix<double> initial_weights(Initialiser initialiser, Index outputs, Index inputs,
                               std::uint64_t seed, int map);
/// Independent standard normal numbers.
Matrix<double> normal_matrix(Index rows, Index cols, const class Random& random);
/// A matrix with orthonormal columns (or rows when wider than tall), uniform over all of them.
Matrix<double> orthogonal_matrix(Index rows, Index cols, const class Random& random);

}  // namespace isoform
