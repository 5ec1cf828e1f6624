// An ONNX graph under construction. The only place that writes the format, so that nobody else sees its headers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "isoform/linalg/matrix.h"

namespace isoform::detail {

/// The operators that are written are those of this set.
inline constexpr std::int64_t kOnnxOperators = 13;

using OnnxAttribute = std::pair<std::string, std::variant<std::int64_t, std::vector<std::int64_t>>>;

/// Values are told by their names, which are unique; one that is asked for and taken gets a number behind.
class OnnxBuilder {
 public:
  OnnxBuilder();
  OnnxBuilder(const OnnxBuilder&) = delete;
  OnnxBuilder& operator=(const OnnxBuilder&) = delete;
  ~OnnxBuilder();

  /// A name that nobody else gets.
  std::string reserve(const std::string& wanted);
  /// An input [batch, width] of a reserved name.
  void input(const std::string& name, Index width);
  /// Makes the result of the last node an output [batch, width] of a reserved name.
  void output(const std::string& name, Index width);
  /// A constant of this shape, row-major. Throws UsageError, beginning with `what`, for numbers that are not finite.
  std::string constant(const std::string& wanted, const std::vector<Index>& shape,
                       const std::vector<float>& numbers);
  /// One number, which all that ask for it share.
  std::string number(const std::string& wanted, float value);
  std::string integers(const std::string& wanted, const std::vector<std::int64_t>& numbers);
  /// A node with one result, and its name.
  std::string node(const std::string& type, const std::vector<std::string>& inputs,
                   const std::string& wanted, const std::vector<OnnxAttribute>& attributes = {});
  void metadata(const std::string& key, const std::string& text);
  /// The bytes, which have passed ONNX's checker.
  [[nodiscard]] std::string serialise() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// The numbers of a matrix or vector as files hold them.
template <class Derived>
std::vector<float> row_major(const Eigen::MatrixBase<Derived>& m) {
  std::vector<float> numbers;
  numbers.reserve(static_cast<std::size_t>(m.size()));
  for (Index i = 0; i < m.rows(); ++i) {
    for (Index j = 0; j < m.cols(); ++j) numbers.push_back(static_cast<float>(m(i, j)));
  }
  return numbers;
}

/// Throws UsageError for a file of so many bytes.
void require_onnx_size(std::uint64_t bytes);

}  // namespace isoform::detail
