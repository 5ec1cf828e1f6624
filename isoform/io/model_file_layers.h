// The layers of a network, if it has no more than layers, and what a file says in words about a model.
#pragma once

#include <vector>

#include "isoform/io/description.h"

namespace isoform::detail {

/// The maps between one stage and the next: of every source to every target.
struct Layer {
  std::vector<int> sources, targets;  // ids of spaces
  std::vector<int> maps;              // of the first target from all sources, of the second, …
};

/// The layers of a model that a file of architecture "chain" gives back: inputs, hidden spaces in a row, heads (one, or
/// one for each task); no gate multiplies anything, one bias for each target, ψ alike. Empty when it is another.
template <class T>
std::vector<Layer> layers_of(const Model<T>& model);

/// A model in words: a graph where there are no layers.
template <class T>
ModelDescription describe(const Model<T>& model, const std::vector<Layer>& layers);

}  // namespace isoform::detail
