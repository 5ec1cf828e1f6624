// A table that holds more than a model knows: classes, categories, columns. They are appended live, and what the model says of what it knew
// stays as it was, to the last bit.
#pragma once

#include <string>
#include <vector>

#include "isoform/run/settings.h"
#include "isoform/table/encode.h"

namespace isoform {

/// What a table brought.
struct Extension {
  std::vector<std::string> classes = {}, columns = {}, features = {};
  [[nodiscard]] bool empty() const { return classes.empty() && features.empty(); }
};

/// What infer_schema shall take for granted of a table that a model of this schema is to read: the target, and the kinds of columns that it knows.
/// UsageError where another kind is said of one of these.
[[nodiscard]] TableOptions known_columns(const TableOptions& said, const Schema& schema,
                                         const CsvFile& file);

/// Appends to the model what the facts of a table (by known_columns) have beyond it: classes as outputs, categories and columns as
/// features, with the statistics of the table's rows. Logits there were are unchanged, bit by bit. Targets of numbers and labels stay.
/// UsageError: a model without schema.
template <class T>
Extension extend_model(Model<T>& model, const TableFacts& facts, const CsvFile& file,
                       const std::string& weights = {});

}  // namespace isoform
