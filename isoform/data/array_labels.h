// The array y of a data set (array_set.h) as labels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/data/npy.h"

namespace isoform {

struct ArrayLabels {
  enum class Kind { numbers, rows, texts };
  std::string where = {};  ///< file and array
  Kind kind = Kind::numbers;
  std::vector<std::uint32_t> numbers = {};  ///< of numbers and rows
  std::vector<std::string> texts = {};
  Index columns = 0;  ///< of rows: the number of classes
  [[nodiscard]] std::size_t samples() const {
    return kind == Kind::texts ? texts.size() : numbers.size();
  }
};

/// The errors for y of read_array_set, those that need nothing but y.
[[nodiscard]] ArrayLabels read_labels(const NpyArray& y);

/// Labels of one part, and classes of both (other: null where there is none). FormatError where they are not of one kind, or of
/// different numbers of columns.
void set_classes(Dataset::Contents& contents, const ArrayLabels& labels, const ArrayLabels* other);

}  // namespace isoform
