// The tensors of a model file while they are read.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/io/json.h"
#include "isoform/io/model_values.h"
#include "isoform/io/safetensors.h"

namespace isoform::detail {

/// Hands out the tensors of a file, checked, each once.
template <class T>
class Shelf {
 public:
  Shelf(TensorFile file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

  [[nodiscard]] bool has(const std::string& tensor) const { return file_.tensors.contains(tensor); }

  /// Columns of the shape are absent for a vector.
  Matrix<T> take(const std::string& tensor, std::vector<Index> shape, Values rule) {
    const auto found = file_.tensors.find(tensor);
    if (found == file_.tensors.end()) fail(tensor, "is missing; the file is incomplete");
    if (found->second.shape != shape) {
      fail(tensor, fmt::format("needs the shape {} after widths and groups, got {}",
                               shape_text(shape), shape_text(found->second.shape)));
    }
    shape.resize(2, 1);
    Matrix<T> m(shape[0], shape[1]);
    std::visit(
        [&](const auto& numbers) {
          for (std::size_t k = 0; k < numbers.size(); ++k) {
            const auto at = static_cast<Index>(k);
            m(at / shape[1], at % shape[1]) = convert(tensor, k, numbers[k], rule);
          }
        },
        found->second.data);
    file_.tensors.erase(found);
    return m;
  }

  /// Refuses what nobody took: it would be part of the function.
  void check_empty() const {
    if (!file_.tensors.empty()) {
      fail(file_.tensors.begin()->first,
           "is not part of this architecture; remove it, or read the file with the version of "
           "Isoform that wrote it");
    }
  }

  [[noreturn]] void fail(const std::string& tensor, const std::string& what) const {
    throw FormatError(fmt::format("'{}': tensor {} {}", name_, in_quotes(tensor), what));
  }

 private:
  template <class Stored>
  T convert(const std::string& tensor, std::size_t at, Stored stored, Values rule) const {
    if (std::isfinite(stored) && std::abs(stored) > std::numeric_limits<T>::max()) {
      fail(tensor, fmt::format("holds {}, which F32 cannot; load the model in double", stored));
    }
    const T value = static_cast<T>(stored);
    if (const char* needs = value_fault(rule, value)) {
      fail(tensor, fmt::format("needs {}, got {} at position {}", needs, stored, at));
    }
    return value;
  }

  TensorFile file_;
  std::string name_;
};

}  // namespace isoform::detail
