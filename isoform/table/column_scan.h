// What a pass over one column of a table sees.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace isoform {

struct ColumnScan {
  std::uint64_t numbers = 0, missing = 0, texts = 0;
  std::uint64_t text_line = 0, number_line = 0, infinite_line = 0;  // of the first
  std::string text;
  double mean = 0, squares = 0;  // squares of deviations from the mean (Welford 1962)
  double least = 0, most = 0, previous = 0;
  bool whole = true, counts = true;  // whole numbers; each the one before and 1
  bool many = false;                 // more different values than are kept
  std::unordered_map<std::string, std::uint64_t> values;
  bool all = false;              // keep every number
  std::vector<double> in_order;  // if so

  /// A field of a line. `keep`: different values that are kept, beyond which there are `many`; 0: as many as a column of categories
  /// may have, or 64 while there are numbers alone.
  void add(std::string_view field, std::uint64_t line, char point, std::size_t keep);

  [[nodiscard]] std::uint64_t known() const { return numbers + texts; }
  [[nodiscard]] double deviation() const;
  /// Median, and the median distance from it as a deviation of normal numbers has it; 0 where half are alike. Needs `all`.
  [[nodiscard]] std::pair<double, double> robust() const;
  [[nodiscard]] bool constant() const;
  /// Texts among them are rather slips than names.
  [[nodiscard]] bool mostly_numbers() const;
  /// Different values in order: by number where all are numbers.
  [[nodiscard]] std::vector<std::string> sorted() const;
};

}  // namespace isoform
