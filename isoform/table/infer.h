// From a table to its schema: one pass over the rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "isoform/table/csv.h"
#include "isoform/table/schema.h"

namespace isoform {

/// What somebody says of a table; everything but the target is found otherwise.
struct TableOptions {
  CsvOptions csv = {};
  std::vector<std::string> targets = {};  // columns to be answered
  std::optional<TargetKind> target_kind = {};
  std::vector<std::string> categories = {}, numbers = {}, ignored = {};  // columns that are these
  std::string weights = {};  // column of sample weights, 0 or more; empty: none
  bool partial = false;      // the rows go with others: a target of one value will do
  bool robust =
      false;  // targets of numbers are scaled by median and median deviation, which outliers do not move

  [[nodiscard]] bool operator==(const TableOptions&) const = default;
};

/// Most categories that a column of text has by itself; more look like names or free text.
inline constexpr std::size_t kMostCategories = 256;
/// A target of whole numbers, at most so many different ones, counts classes.
inline constexpr std::size_t kMostNumberedClasses = 20;

/// A schema and what was counted on the way.
struct TableFacts {
  Schema schema;
  std::vector<std::string> classes;       // or the labels' or numbers' columns
  std::vector<std::uint64_t> class_rows;  // of each class
  std::uint64_t rows = 0;                 // with a target
  std::uint64_t without_target = 0;       // left out
  std::vector<std::uint64_t> missing;     // of each column of the schema
  char decimal_point = '.';
  std::vector<std::string>
      warnings;  // of what is read otherwise than people may expect, a sentence each
};

/// Kinds, unless they are said:
///   ignored    empty, constant, or counting the rows (1, 2, 3, …); text with more than kMostCategories different
///              values, or with less than two rows for each
///   number     all that is not missing is a number
///   category   other text, also where it is mixed with a few numbers
///   target     one column: classes where it has text, or at most kMostNumberedClasses different whole numbers; several:
///              labels where all is 0 or 1, else numbers
/// UsageError: unknown or contradicting columns, no target, a target with one value, more than 65,536 features. FormatError with line
/// and column: text in a column of numbers, weights that are none; and what CsvFile::read says.
/// Memory: the different values of columns, not the rows; with `robust` also the targets.
[[nodiscard]] TableFacts infer_schema(const CsvFile& file, const TableOptions& options);

}  // namespace isoform
