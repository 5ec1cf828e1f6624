// After a reduction: the next maps chosen anew from data, in closed form. docs/mathematics.md 4.6.
#pragma once

#include "isoform/linalg/engine.h"
#include "isoform/network/network.h"

namespace isoform {

/// Ridge of a refit, as a share of the features' mean square.
inline constexpr double kRefitRidge = 1e-4;

/// The edit that makes what follows `space` come as near as it can, over the samples x [n_0 × samples], to
/// the pre-activations of `original`: for each outgoing map, with F = (h; 1; s) of the reduced network,
///   [W b ψ χ] += (z_original − z)Fᵀ (FFᵀ + ρ I)⁻¹,   ρ = ridge · mean diag FFᵀ (samples cancel).
/// The networks agree in everything but the shape of hidden spaces up to `space`. T is the identity. Cost:
/// two forward passes, the products FFᵀ, one solve of size n + 1 + H for each map.
template <class T>
Edit refit(const Network<T>& reduced, const Network<T>& original, int space, Engine<T>& engine,
           ConstView<T> x, double ridge = kRefitRidge);

}  // namespace isoform
