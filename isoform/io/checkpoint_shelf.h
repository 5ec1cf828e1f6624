// The tensors of a checkpoint while they are read, and small values of its words.
#pragma once

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/io/checkpoint_words.h"
#include "isoform/model/model.h"

namespace isoform::detail {

inline int parse_int(const Field& field, std::int64_t least) {
  const std::int64_t value = field.integer(least);
  if (value > std::numeric_limits<int>::max()) field.fail("a smaller number");
  return static_cast<int>(value);
}

template <class Value>
std::optional<Value> unless_null(const Field& all, const std::string& key,
                                 Value (*parse)(const Field&)) {
  const Field field = all[key];
  return field.is_null() ? std::optional<Value>() : parse(field);
}

/// Hands out the tensors of a checkpoint, each once, as they are.
template <class T>
class CheckpointShelf {
 public:
  CheckpointShelf(TensorFile file, std::string name)
      : file_(std::move(file)), name_(std::move(name)) {}

  [[noreturn]] void fail(const std::string& what, const std::string& fault) const {
    throw FormatError(fmt::format("'{}': {} {}; the file is damaged", name_, what, fault));
  }
  void require(bool holds, const std::string& what, const std::string& fault) const {
    if (!holds) fail(what, fault);
  }

  template <class S = T>
  Vector<S> take_vector(const std::string& tensor) {
    const Matrix<S> m = take<S>(tensor);
    require(m.cols() == 1, tensor, "is no list of numbers");
    return m.col(0);
  }
  /// A list of numbers is one column.
  template <class S = T>
  Matrix<S> take(const std::string& tensor) {
    const auto found = file_.tensors.find(tensor);
    require(found != file_.tensors.end(), tensor, "is missing");
    const auto* numbers = std::get_if<std::vector<S>>(&found->second.data);
    require(numbers != nullptr, tensor, "has another precision");
    std::vector<Index> shape = found->second.shape;
    require(shape.size() == 1 || shape.size() == 2, tensor, "is no matrix");
    shape.resize(2, 1);
    Matrix<S> m =
        Eigen::Map<const Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
            numbers->data(), shape[0], shape[1]);
    file_.tensors.erase(found);
    return m;
  }

  /// Refuses what nobody took.
  void check_empty() const {
    if (!file_.tensors.empty()) fail(file_.tensors.begin()->first, "belongs to nothing");
  }

 private:
  TensorFile file_;
  std::string name_;
};

/// A model whose tensors begin with `prefix`.
template <class T>
Model<T> take_model(CheckpointShelf<T>& shelf, const Field& all, const std::string& prefix);

}  // namespace isoform::detail
