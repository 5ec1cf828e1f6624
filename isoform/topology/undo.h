// Taking an edit back. docs/mathematics.md 2–4; docs/verifying.md.
//
// Where Tᵀ T = I nothing of the space was dropped, and Tᵀ leads back:
//   incoming map   A' = T A + δ       ⇒   A = Tᵀ A' − Tᵀ δ
//   outgoing map   W' = W Tᵀ + δ      ⇒   W = W' T − δ T;   b and the columns of ψ and χ that stay: − δ
// Groups return to their order, new ones go, o returns to what it was.
#pragma once

#include "isoform/network/network.h"

namespace isoform {

/// The edit that takes the network after `edit` back to `before`, up to one rounding of each parameter. That is an
/// edit like others: optimisers and statistics follow it. Several edits are undone in reverse order, each with the
/// network it was applied to.
///
/// It is valid for that network alone: trained in between, the neurons that `edit` added are no longer
/// inert, and dropping them changes the function. Of rotations every network can be turned back.
///
/// Throws UsageError for an edit that dropped neurons, directions or groups, which it names (a saved copy is
/// then the only way back), that cut one group into several, or that is none of this network.
template <class T>
Edit undo(const Network<T>& before, const Edit& edit);

}  // namespace isoform
