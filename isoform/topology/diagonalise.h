// Diagonalisation is a choice of basis: rotations inside each group that turn maps into ordered,
// one-to-one connections. The function is unchanged. docs/mathematics.md 2 and 9.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "isoform/linalg/decompose.h"
#include "isoform/network/network.h"

namespace isoform {

/// Turns are of hidden spaces, inside each group, or of a linear space between others (a stream, a base), as a whole.
///
/// Left: rows of the incoming [W ψ χ] orthogonal inside each group, in descending length: those lengths are
/// the singular values of the group. Cost: one decomposition for each group.
template <class T>
Edit rotate_left(const Network<T>& network, int space);

/// Right: columns of the outgoing W orthogonal inside each group, in descending length.
template <class T>
Edit rotate_right(const Network<T>& network, int space);

/// Full, by matching: groups of the spaces at both ends of a map are paired, largest block of W first, and
/// every paired block W[g, g'] becomes diagonal; other blocks stay dense (with one group each, all of W is
/// diagonal). Both spaces must be hidden, else UsageError. First edit: the space the map reads; second:
/// the space it writes. Apply both.
template <class T>
std::pair<Edit, Edit> rotate_full(const Network<T>& network, int map);

/// A random rotation inside each group, keyed by (seed, space).
template <class T>
Edit rotate_random(const Network<T>& network, int space, std::uint64_t seed);

/// Singular values of the incoming [W ψ χ] of every group, zero-padded to its size; descending in a group.
template <class T>
std::vector<Vector<double>> group_spectra(const Network<T>& network, int space);

/// All of them in one descending list [n].
template <class T>
Vector<double> spectrum(const Network<T>& network, int space);

/// Throws UsageError unless `space` is the id of a hidden space, or of a linear one between others.
template <class T>
void require_inner(const Network<T>& network, int space, const char* what);

/// Throws UsageError unless `space` is the id of a hidden space.
template <class T>
void require_hidden(const Network<T>& network, int space, const char* what);
/// Throws UsageError, beginning with `what`, where gates multiply maps.
template <class T>
void require_no_factors(const Network<T>& network, const char* what);

}  // namespace isoform
