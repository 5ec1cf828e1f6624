// Numbers of settings that are whole. Private to this room.
#pragma once

#include <nlohmann/json.hpp>

#include "isoform/linalg/matrix.h"

namespace isoform {

/// True for a whole number, written as one, from low to high.
inline bool is_whole(const nlohmann::json& value, Index low, Index high) {
  return value.is_number_integer() && value.get<double>() >= static_cast<double>(low) &&
         value.get<double>() <= static_cast<double>(high);
}

}  // namespace isoform
