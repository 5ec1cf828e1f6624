// An ONNX file taken apart into plain values, so that whoever reads a graph needs none of the format's headers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "isoform/linalg/matrix.h"

namespace isoform::detail {

/// Row-major; no dimensions: one number. As many numbers as the dimensions, which are at least 1, say.
struct OnnxTensor {
  std::vector<Index> dimensions;
  std::variant<std::vector<float>, std::vector<double>, std::vector<std::int64_t>> numbers;
};

struct OnnxNode {
  std::string label;  // "node 'fc1' (Gemm)", for messages
  std::string type, domain;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, std::int64_t> integers;  // attributes
  std::map<std::string, float> floats;

  [[nodiscard]] std::int64_t integer(const std::string& attribute, std::int64_t otherwise) const;
  [[nodiscard]] float number(const std::string& attribute, float otherwise) const;
};

struct OnnxValue {
  std::string name;
  std::vector<Index> dimensions;  // −1: any; empty: not told
};

struct OnnxParts {
  std::string producer;
  std::int64_t operators = 0;  // version of the standard set
  std::vector<OnnxNode> nodes;
  std::map<std::string, OnnxTensor> tensors;  // initializers and results of Constant
  std::vector<OnnxValue> inputs, outputs;     // inputs: those that are no initializers
  std::map<std::string, std::string> metadata;
};

/// Throws FormatError "'{file}': …" for what is no ONNX file, a tensor that is not float, double or int64, whose dimensions
/// and numbers disagree or whose numbers lie in another file, a value that two nodes give, an operator set that is not
/// told. Subgraphs and functions are not looked into.
OnnxParts parse_onnx(std::string_view bytes, const std::string& file);

}  // namespace isoform::detail
