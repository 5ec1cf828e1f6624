// What `predict` is asked.
#pragma once

#include <string>
#include <vector>

#include "isoform/cli/console.h"

namespace isoform::cli {

struct PredictOptions {
  std::string model, out;
  DataOptions data;
  Index count = 0;
  std::vector<std::string> keep = {};  // columns of a table that are copied
  bool json = false;
};

/// CSV (or JSON) of the answers to the rows of a table; `rows`: how many there are.
std::string predict_table(const Model<float>& model, const PredictOptions& options,
                          Engine<float>& engine, Index* rows);

}  // namespace isoform::cli
