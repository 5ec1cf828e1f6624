// Classes and features come and go inside a head or an input that stays: blocks of rows of the maps that write an
// output, of columns of the maps that read an input. docs/tasks.md; docs/mathematics.md 8.
//
// Each is an edit of the output or input space (network/edit.h): one part, T = [I; 0] or a selection of rows.
// `before_apply` is called with it before the network changes, so that optimisers carry their state along. The model's
// inputs and tasks need names (name_parts). What throws has changed nothing.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/model/feature_prediction.h"
#include "isoform/model/model.h"

namespace isoform {

using BeforeApply = std::function<void(const Edit&)>;

/// New outputs of a task behind those there are: zero rows, bias and ψ. The logits there were are unchanged, their
/// softmax is not: k logits of 0 scale every probability by Z/(Z + k). In a frozen head they are frozen too. Throws
/// UsageError for an unknown task, no names, or a name that is taken, said twice or not text on one line.
template <class T>
void append_outputs(Model<T>& model, std::string_view task, const std::vector<std::string>& names,
                    const BeforeApply& before_apply = {});

/// Removes outputs of a task by name. Exact for all that stay. Throws UsageError for an unknown task or name, one said
/// twice, or the last output.
template <class T>
void remove_outputs(Model<T>& model, std::string_view task, const std::vector<std::string>& names,
                    const BeforeApply& before_apply = {});

/// Throws UsageError for an unknown task or name and for one that is taken.
template <class T>
void rename_output(Model<T>& model, std::string_view task, std::string_view name,
                   const std::string& to);

/// New features of an input behind those there are, raw columns with this mean and deviation: zero columns of W, so
/// nothing is changed whatever they hold. An image is one no more. Features without names get their positions for names
/// first. What is frozen never hears them. Throws UsageError for an unknown input, no names, a name that is taken,
/// said twice or not text on one line, numbers that are not finite or a negative deviation.
template <class T>
void append_features(Model<T>& model, std::string_view input, const std::vector<std::string>& names,
                     const Vector<double>& mean, const Vector<double>& deviation,
                     const BeforeApply& before_apply = {});

/// Gives features of an input that have no names their positions for names. Throws UsageError for an unknown input.
template <class T>
void name_features(Model<T>& model, std::string_view input);

/// Removes features at these positions of an input. What they did is folded into those that stay: with the least
/// squares prediction x̂_R = B x + β₀ over the samples x [all inputs one below the other × samples, standardised, an
/// absent input 0], W += W_R B, b += W_R β₀ in every map that reads the input. Exact where x̂ is (a feature that is
/// constant or a linear combination of others). Several times as many samples as features are needed for a
/// prediction that holds beyond them. Without samples: x̂ = 0, the mean.
///
/// β₀ is 0 unless every task reads the input: to others it is absent, and they must not change.
/// Bound: |Δy| ≤ Σ_maps gain |W_R (x_R − x̂_R)| (topology/bound.h); none where gates multiply maps. Cost: features² ·
/// samples, in double. Throws UsageError for an unknown input, no positions, one out of range or said twice, all
/// of them, or where something frozen reads what goes.
template <class T>
FeatureRemoval remove_features(Model<T>& model, std::string_view input,
                               const std::vector<Index>& positions, ConstView<T> x,
                               const BeforeApply& before_apply = {});

/// Positions of features of an input by name. Throws UsageError for an unknown input or name.
template <class T>
std::vector<Index> feature_positions(const Model<T>& model, std::string_view input,
                                     const std::vector<std::string>& names);

}  // namespace isoform
