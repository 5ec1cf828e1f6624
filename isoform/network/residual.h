// The residual network: one stream that every branch reads and adds to. docs/mathematics.md 12; docs/depth.md.
//
//   x = W_in u + b;   for each branch l:  z_l = U_l x + b,  h_l = gates(z_l),  x += V_l h_l + b + ψ s_l;   y = W_out x + b
//
// The stream x is one linear space, so that an edit of it is made once, whatever the depth; nothing divides by its
// width or by anything measured on it, so that a wider stream computes the same.
#pragma once

#include "isoform/network/network.h"

namespace isoform {

/// A fresh residual network: settings as for a chain, the hidden widths being those of the branches; stream: its width,
/// 0 as wide as the first branch. Weights as a chain's, keyed by (seed, map), but V_l times 1/√(number of branches), once
/// and for all, so that what the branches add up to does not grow with the depth. Spaces: input, stream, branches, output.
/// Throws UsageError without a branch, and what ChainSettings::validate throws.
template <class T>
Network<T> residual(const ChainSettings& settings, Index stream = 0);

}  // namespace isoform
