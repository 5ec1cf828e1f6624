// What a model of tables goes by: how much worse it gets when a column is no longer to be trusted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "isoform/train/evaluate.h"

namespace isoform {

struct ColumnImportance {
  std::string column;
  double loss = 0;   // the loss rises by so much
  double score = 0;  // accuracy, exact match or R² falls by so much
};

/// Permutation importance (Breiman, Machine Learning 45, 2001): the values of a column are dealt to other rows, all its features together,
/// `repeats` times by the seed, and the means of what changes are taken. Sorted by loss, largest first. A column whose content others
/// hold too matters little here, though the model may read it. Columns · repeats evaluations. UsageError: a model without schema, fewer
/// than 2 rows.
template <class T>
std::vector<ColumnImportance> column_importance(const Model<T>& model, const Dataset& data,
                                                Engine<T>& engine, int repeats = 3,
                                                std::uint64_t seed = 0);

}  // namespace isoform
