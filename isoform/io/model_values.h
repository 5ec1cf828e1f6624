// What the reading and the writing of model files share: names and the rules for values.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "isoform/network/structure.h"

namespace isoform::detail {

/// Name of what a tensor belongs to, i from 0: "layers.{i}" of a chain; "maps.{i}", "spaces.{i}" of a graph.
template <class Integer>
std::string owner_name(const char* kind, Integer i) {
  return fmt::format("{}.{}", kind, i);
}

/// Name of the tensor that holds a weight in a form.
inline std::string weight_name(const std::string& owner, Structure structure) {
  if (structure == Structure::dense) return owner + ".weight";
  return fmt::format("{}.weight.{}", owner, structure_name(structure));
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
