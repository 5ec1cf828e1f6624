// A chain of fully connected layers read off a graph: from the input, one node after the other.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "isoform/base/error.h"
#include "isoform/io/json.h"
#include "isoform/io/layer_maker.h"
#include "isoform/io/onnx_parts.h"
#include "isoform/io/onnx_words.h"

namespace isoform {

namespace {

using detail::ImportedLayers;
using detail::OnnxNode;
using detail::OnnxParts;
using detail::OnnxTensor;

// Wider inputs are taken for damage.
constexpr Index kWidestInput = Index{1} << 24;

constexpr std::array kElementwise = {
    "Relu", "LeakyRelu", "PRelu",    "Elu",         "Selu",           "Celu",
    "Gelu", "Mish",      "Sigmoid",  "HardSigmoid", "Softplus",       "HardSwish",
    "Clip", "Erf",       "Softsign", "Sin",         "ThresholdedRelu"};

std::string mend_for(const std::string& type) {
  if (std::find(kElementwise.begin(), kElementwise.end(), type) != kElementwise.end()) {
    return "of elementwise activations only Tanh and Asinh are gates of a length; train the "
           "network with one of them";
  }
  if (type == "BatchNormalization") {
    return "fold it into the layer before it and export again (in PyTorch "
           "torch.nn.utils.fusion.fuse_linear_bn_eval)";
  }
  return "layers of Gemm, or MatMul and Add, between Tanh or Asinh can be; what stands before the "
         "first of them has to be left out of the export";
}

class OnnxWalk {
 public:
  OnnxWalk(const OnnxParts& parts, std::string file)
      : parts_(parts), file_(std::move(file)), layers_(file_) {
    for (const OnnxNode& node : parts.nodes) {
      for (const std::string& input : node.inputs) readers_[input].push_back(&node);
    }
  }

  ImportedLayers layers() {
    require_one("input", parts_.inputs.size());
    require_one("output", parts_.outputs.size());
    begin();
    while (const OnnxNode* node = reader()) apply(*node);
    if (layers_.at_input()) fail("there is no layer in it");
    for (const OnnxNode& node : parts_.nodes) {
      if (visited_.contains(&node)) continue;
      fail(
          fmt::format("{} is not on the way from the input to the output; only a chain of layers "
                      "can be imported",
                      node.label));
    }
    return layers_.take();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(fmt::format("'{}': {}", file_, what));
  }
  [[noreturn]] void fail(const OnnxNode& node, const std::string& what) const {
    fail(fmt::format("{} {}", node.label, what));
  }

  void require_one(const char* what, std::size_t count) const {
    if (count == 1) return;
    fail(fmt::format("needs one {}, got {}; only a chain of layers can be imported", what, count));
  }

  void begin() {
    const detail::OnnxValue& input = parts_.inputs.front();
    value_ = input.name;
    if (input.dimensions.size() < 2) {
      fail(fmt::format("input {} needs the shape [batch, features], got {} dimensions",
                       in_quotes(value_), input.dimensions.size()));
    }
    shape_.assign(input.dimensions.begin() + 1, input.dimensions.end());
    Index width = 1;
    for (const Index extent : shape_) {
      if (extent < 1 || extent > kWidestInput / width) {
        fail(fmt::format("input {} needs a fixed number of features, at most {}, got [{}]",
                         in_quotes(value_), kWidestInput, fmt::join(shape_, ", ")));
      }
      width *= extent;
    }
    const std::size_t rank = shape_.size();
    if (rank == 2 || (rank == 3 && shape_[0] == 1)) {
      layers_.read().rows = shape_[rank - 2];
      layers_.read().cols = shape_[rank - 1];
    }
  }

  // The only node that reads the value there is; none at the output.
  const OnnxNode* reader() {
    const std::vector<const OnnxNode*>& readers = readers_[value_];
    if (readers.size() > 1) {
      const std::string hint =
          parts_.producer == "isoform"
              ? "; this file was written by Isoform, whose model file can do more"
              : "";
      fail(fmt::format("{} is read by {} and {}; only a chain of layers can be imported{}",
                       in_quotes(value_), readers[0]->label,
                       readers[1] == readers[0] ? "by it again" : readers[1]->label, hint));
    }
    const OnnxNode* found = readers.empty() ? nullptr : readers.front();
    const bool output = value_ == parts_.outputs.front().name;
    if (found == nullptr && !output) {
      fail(fmt::format("{} leads nowhere: the output is {}", in_quotes(value_),
                       in_quotes(parts_.outputs.front().name)));
    }
    if (found != nullptr && output) fail(*found, "goes on behind the output");
    return found;
  }

  void apply(const OnnxNode& node) {
    if (!visited_.insert(&node).second) fail(node, "reads what it gives: the graph has a cycle");
    if (node.outputs.empty() || node.outputs.front().empty()) fail(node, "gives nothing");
    if (!node.domain.empty()) {
      fail(node, fmt::format("is of the operators {}, which are not read", in_quotes(node.domain)));
    }
    const std::string& type = node.type;
    const bool two = type == "Add" || type == "Sub" || type == "Mul" || type == "Div";
    if (!two && node.inputs.front() != value_) {
      fail(node, "needs the samples as its first input");
    }
    const std::string& result = node.outputs.front();
    if (type == "Gemm" || type == "MatMul") {
      multiply(node);
    } else if (two) {
      combine(node);
    } else if (type == "Tanh" || type == "Asinh") {
      layers_.activate(node.label, width(node), type == "Tanh" ? Radial::tanh : Radial::asinh);
    } else if (type == "Flatten" || type == "Reshape") {
      flatten(node);
    } else if (type == "Dropout") {
      if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
        fail(node, "is of a network in training; export it in its evaluation mode");
      }
    } else if ((type == "Softmax" || type == "LogSoftmax" || type == "Sigmoid") &&
               result == parts_.outputs.front().name) {
      leave_out(node);
    } else if (type != "Identity") {
      fail(node, fmt::format("cannot be imported: {}", mend_for(type)));
    }
    value_ = result;
  }

  [[nodiscard]] Index width(const OnnxNode& node) const {
    if (shape_.size() == 1) return shape_.front();
    fail(node, fmt::format("reads samples of the shape [{}]; a Flatten needs to stand before it",
                           fmt::join(shape_, ", ")));
  }

  // Constant k of a node.
  [[nodiscard]] const OnnxTensor& constant(const OnnxNode& node, std::size_t k) const {
    if (k < node.inputs.size()) {
      const auto at = parts_.tensors.find(node.inputs[k]);
      if (at != parts_.tensors.end()) return at->second;
    }
    fail(node, k < node.inputs.size()
                   ? fmt::format("reads {}, which is no constant; only a chain of layers can be "
                                 "imported",
                                 in_quotes(node.inputs[k]))
                   : fmt::format("needs {} inputs, got {}", k + 1, node.inputs.size()));
  }

  [[nodiscard]] Vector<double> numbers(const OnnxNode& node, const OnnxTensor& tensor) const {
    if (std::holds_alternative<std::vector<std::int64_t>>(tensor.numbers)) {
      fail(node, "reads whole numbers, needs float or double");
    }
    return std::visit(
        [](const auto& list) {
          Vector<double> values(static_cast<Index>(list.size()));
          for (std::size_t i = 0; i < list.size(); ++i) {
            values[static_cast<Index>(i)] = static_cast<double>(list[i]);
          }
          return values;
        },
        tensor.numbers);
  }

  // A constant that is added to, or multiplied with, so many values of every sample.
  [[nodiscard]] Vector<double> row(const OnnxNode& node, const OnnxTensor& tensor,
                                   Index count) const {
    const Vector<double> values = numbers(node, tensor);
    const std::vector<Index>& dims = tensor.dimensions;
    const bool fits = values.size() == 1 || (values.size() == count && dims.back() == count);
    if (!fits || dims.size() > 2) {
      fail(node, fmt::format("reads a constant [{}], needs {} numbers or one",
                             fmt::join(dims, ", "), count));
    }
    return values.size() == 1 ? Vector<double>(Vector<double>::Constant(count, values[0])) : values;
  }

  void multiply(const OnnxNode& node) {
    const Index in = width(node);
    const bool gemm = node.type == "Gemm";
    const OnnxTensor& tensor = constant(node, 1);
    if (tensor.dimensions.size() != 2) {
      fail(node, fmt::format("has a weight [{}], needs two dimensions",
                             fmt::join(tensor.dimensions, ", ")));
    }
    if (gemm && node.integer("transA", 0) != 0) fail(node, "transposes its samples (transA)");
    const bool transposed = gemm && node.integer("transB", 0) != 0;
    const Vector<double> values = numbers(node, tensor);
    // Row-major is the transpose, column-major.
    const Eigen::Map<const Matrix<double>> stored(values.data(), tensor.dimensions[1],
                                                  tensor.dimensions[0]);
    Matrix<double> weight = transposed ? Matrix<double>(stored.transpose()) : stored;
    if (weight.cols() != in) {
      fail(node, fmt::format("has a weight for {} values, and {} come{}", weight.cols(), in,
                             weight.rows() == in ? "; is it transposed (transB)?" : ""));
    }
    Vector<double> bias = Vector<double>::Zero(weight.rows());
    if (gemm) {
      weight *= static_cast<double>(node.number("alpha", 1));
      if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
        bias = row(node, constant(node, 2), weight.rows()) *
               static_cast<double>(node.number("beta", 1));
      }
    }
    shape_ = {weight.rows()};
    layers_.multiply(node.label, std::move(weight), std::move(bias));
  }

  void combine(const OnnxNode& node) {
    const bool swapped = node.inputs.size() == 2 && node.inputs[1] == value_;
    if (swapped && (node.type == "Sub" || node.type == "Div")) {
      fail(node, "subtracts or divides a constant by the values, needs it the other way round");
    }
    const OnnxTensor& tensor = constant(node, swapped ? 0 : 1);
    Index count = 1;
    for (const Index extent : shape_) count *= extent;
    const bool one = std::all_of(tensor.dimensions.begin(), tensor.dimensions.end(),
                                 [](Index extent) { return extent == 1; });
    const Vector<double> c = row(node, tensor, one ? count : width(node));
    if (node.type == "Add") layers_.add(node.label, c);
    if (node.type == "Sub") layers_.subtract(node.label, c);
    if (node.type == "Mul") layers_.scale(node.label, c);
    if (node.type == "Div") layers_.divide(node.label, c);
  }

  void flatten(const OnnxNode& node) {
    Index count = 1;
    for (const Index extent : shape_) count *= extent;
    if (node.type == "Flatten") {
      if (node.integer("axis", 1) != 1) fail(node, "needs axis 1, so that samples stay apart");
    } else {
      const auto* to = std::get_if<std::vector<std::int64_t>>(&constant(node, 1).numbers);
      const bool rows = to != nullptr && to->size() == 2 && ((*to)[1] == count || (*to)[1] == -1) &&
                        ((*to)[0] != -1 || (*to)[1] != -1);
      if (!rows || node.integer("allowzero", 0) != 0) {
        fail(node, fmt::format("needs to give [batch, {}], so that samples stay apart", count));
      }
    }
    shape_ = {count};
  }

  void leave_out(const OnnxNode& node) {
    const std::int64_t axis = node.integer("axis", parts_.operators < 13 ? 1 : -1);
    if (node.type != "Sigmoid" && axis != 1 && axis != -1) fail(node, "needs axis 1");
    static_cast<void>(width(node));
    if (node.type == "Sigmoid") layers_.read().loss = Loss::binary;
    layers_.read().notes.push_back(
        fmt::format("{} at the end was left out: outputs are logits", node.label));
  }

  const OnnxParts& parts_;
  const std::string file_;
  detail::LayerMaker layers_;
  std::string value_;
  std::vector<Index> shape_;  // of a sample
  std::set<const OnnxNode*> visited_;
  std::map<std::string, std::vector<const OnnxNode*>> readers_;
};

}  // namespace

template <class T>
Imported<T> import_onnx(std::string_view bytes, const std::string& file,
                        const ImportSettings& settings) {
  if (settings.activation) {
    throw UsageError("activation: an ONNX file says what its activations are; leave it out");
  }
  const OnnxParts parts = detail::parse_onnx(bytes, file);
  ImportedLayers read = OnnxWalk(parts, file).layers();
  if (const auto at = parts.metadata.find(detail::kOnnxInputsKey); at != parts.metadata.end()) {
    read.inputs = detail::parse_onnx_inputs(at->second, file);
  }
  if (const auto at = parts.metadata.find(detail::kOnnxTasksKey); at != parts.metadata.end()) {
    read.tasks = detail::parse_onnx_tasks(at->second, file);
  }
  return detail::model_of<T>(std::move(read), file, settings);
}

template Imported<float> import_onnx(std::string_view, const std::string&, const ImportSettings&);
template Imported<double> import_onnx(std::string_view, const std::string&, const ImportSettings&);

}  // namespace isoform
