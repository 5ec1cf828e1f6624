// What a prediction in C does, in order, and where it keeps what is between: for code that is written out. Private to compile.
#pragma once

#include <vector>

#include "isoform/network/pass.h"

namespace isoform::detail {

/// One stage (Network::stages) of what a route needs.
struct CStage {
  const Stage* stage = nullptr;
  bool input = false, output = false;
  Index offset = 0;  // of its (h; 1; s; ν) in the memory of a call; of an output, in y
};

/// Stages that lead to the outputs of the route, in the order of computation; what does not is left out. Stages of one space share
/// their place, and places are used again when their last reader is done.
struct CPlan {
  std::vector<CStage> stages;
  Index memory = 0;                 // floats of a call
  Index outputs = 0;                // floats of y
  std::vector<int> inputs, absent;  // spaces that the route brings, and those that it does not
};

CPlan plan_c(const Network<float>& network, const Route& route);

/// Numbers of (h; 1; s; ν) of a space.
Index augmented_size(const Network<float>& network, int space);

}  // namespace isoform::detail
