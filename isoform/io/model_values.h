// What the reading and the writing of model files share: names and the rules for values.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "isoform/network/structure.h"

namespace isoform::detail {

/// Name of a tensor of a layer: "layers.{i}.{what}", i from 0.
inline std::string layer_name(std::size_t i, const char* what) {
  return fmt::format("layers.{}.{}", i, what);
}

/// Name of the tensor that holds the weight of a layer in a form.
inline std::string weight_name(std::size_t i, Structure structure) {
  std::string name = layer_name(i, "weight");
  if (structure == Structure::dense) return name;
  return fmt::format("{}.{}", name, structure_name(structure));
}

/// The rule for the values of one tensor.
enum class Values { finite, nonnegative, positive, zero };

/// What a value had to be, or null when it is.
template <class T>
const char* value_fault(Values rule, T value) {
  if (!std::isfinite(value)) return "finite numbers";
  if (rule == Values::nonnegative && value < 0) return "squared lengths o, at least 0";
  if (rule == Values::positive && value <= 0) return "numbers above 0";
  if (rule == Values::zero && value != 0) return "zeros, for its mode is 'none'";
  return nullptr;
}

}  // namespace isoform::detail
