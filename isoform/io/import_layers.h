// What importing from any format has in common: layers as they were read, and the model made of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "isoform/io/import.h"

namespace isoform::detail {

/// h ← activation(W h + b).
struct ImportedLayer {
  std::string name;  // for messages
  Matrix<double> weight;
  Vector<double> bias;
  std::optional<Radial> activation = {};
};

struct ImportedLayers {
  std::vector<ImportedLayer> layers = {};
  std::optional<Vector<double>> mean = {}, scale = {};  // x ← (x − mean)·scale
  Index rows = 0, cols = 0;                             // of an image
  std::vector<Input> inputs = {};
  std::vector<Task> tasks = {};
  std::optional<Loss> loss = {};  // that goes with what was left out at the end
  std::vector<std::string> notes = {};
  Index computed = 0;  // numbers of weights that were computed rather than read
};

/// Numbers of weights that are computed rather than read, at most and all together: what a small file can ask for is
/// bounded.
inline constexpr Index kMostComputed = Index{1} << 24;

/// The identity as a layer. Throws FormatError beyond kMostComputed.
ImportedLayer identity_layer(ImportedLayers& read, const std::string& file, const std::string& name,
                             Index width);

/// Layers with nothing between them become one, by a product in double. Throws FormatError for layers that do not chain,
/// numbers that are not finite, and products beyond kMostComputed; UsageError for settings that do not fit.
template <class T>
Imported<T> model_of(ImportedLayers read, const std::string& file, const ImportSettings& settings);

}  // namespace isoform::detail
