// From the rows of a table to samples, by a schema: one pass.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/table/csv.h"
#include "isoform/table/schema.h"

namespace isoform {

/// What the samples are wanted for.
struct EncodeOptions {
  std::vector<std::string> features =
      {};  // of the model, in its order (features_of); empty: all, in the schema's
  std::vector<std::string> classes = {};  // that the model answers with
  bool labelled = true;      // false: targets are not looked at, and their columns may be absent
  std::string weights = {};  // column of sample weights; empty: none
  std::uint64_t in_memory =
      0;  // bytes of values; beyond they lie in a temporary file (data/float_store.h); 0: half of the machine's
  std::string name = {};  // of the data set; empty: the file's, without folder and ending
};

/// What was found that the schema does not know, or had not seen missing.
struct EncodeReport {
  struct Unknown {
    std::uint64_t rows = 0;
    std::string first = {};  // example
  };
  std::uint64_t without_target = 0;  // rows left out
  std::map<std::string, Unknown>
      unseen;  // by column: categories that are none of the schema's; all their features are 0
  std::map<std::string, std::uint64_t>
      newly_missing;                     // by column: filled with the mean, or no category
  std::vector<std::string> new_columns;  // that the schema does not have
};

struct EncodedTable {
  Dataset data;
  std::vector<std::uint64_t> lines;  // of each sample
  EncodeReport report;
};

/// Columns are found by name, in any order. Numbers as they stand, missing ones as Column::fill; categories as 0 and 1.
/// Targets are labels (classes), 0 and 1 (labels), or (number − mean)/scale (numbers). UsageError: columns that the features or targets
/// need and the table lacks. FormatError with line and column: text for a number, a class that is none of the options', weights below
/// 0; and what CsvFile::read says. Memory: the samples, up to EncodeOptions::in_memory.
[[nodiscard]] EncodedTable encode_table(const CsvFile& file, const Schema& schema,
                                        const EncodeOptions& options);

/// Deviations by which features are divided: of numbers and marks of missing their own; of the features of a category one, the
/// root of their summed variances, so that a category weighs as much as a number. `own` are those of each feature.
[[nodiscard]] Vector<double> table_deviations(const Schema& schema,
                                              const std::vector<std::string>& features,
                                              const Vector<double>& own);

}  // namespace isoform
