// Which features of an input matter least: backward elimination with every survivor refitted at each step.
// docs/mathematics.md 8; the criterion is that of Optimal Brain Surgeon (Hassibi and Stork 1993), for the linear maps that
// read an input.
#pragma once

#include <string_view>
#include <vector>

#include "isoform/model/model.h"

namespace isoform {

struct FeatureOrder {
  std::vector<Index> positions;  // of the features to go, least important first
  std::vector<double> moved;  // √E|Δz|² that each alone adds, in units of what reads the input
};

/// The `count` features that matter least. When feature j goes and is predicted by those that stay, z moves by
///
///   E|Δz|² = |W_j|² / P_jj,   P = (E xxᵀ)⁻¹,
///
/// and the weights follow, W_k −= W_j P_jk / P_jj, P −= P_j P_jᵀ / P_jj; then the next is chosen. The model is not
/// changed: remove_features (model/blocks.h) does that, with the same prediction for all at once.
/// `x` [all inputs one below the other × samples, standardised]; a ridge of 1e-8 of the mean second moment is there for
/// features that others determine. Double; O(features² (samples + count)). Throws UsageError for an unknown
/// input, no samples, or a count that is not 0 to features − 1.
template <class T>
FeatureOrder least_important_features(const Model<T>& model, std::string_view input, Index count,
                                      ConstView<T> x);

}  // namespace isoform
