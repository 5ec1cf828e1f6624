#include "isoform/io/onnx_builder.h"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <map>
#include <set>

#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/io/json.h"
#include "isoform/io/onnx_file.h"

namespace isoform::detail {

namespace {

constexpr std::int64_t kOnnxFormat = 7;  // IR version: that of the first release with set 13
constexpr const char* kBatch = "batch";

void describe_value(onnx::ValueInfoProto& value, const std::string& name, Index width) {
  value.set_name(name);
  onnx::TypeProto_Tensor& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx::TensorProto::FLOAT);
  tensor.mutable_shape()->add_dim()->set_dim_param(kBatch);
  tensor.mutable_shape()->add_dim()->set_dim_value(width);
}

}  // namespace

struct OnnxBuilder::Parts {
  onnx::ModelProto model;
  std::set<std::string> names;
  std::map<std::string, std::string> numbers;  // shared ones
};

OnnxBuilder::OnnxBuilder() : parts_(std::make_unique<Parts>()) {
  onnx::ModelProto& model = parts_->model;
  model.set_ir_version(kOnnxFormat);
  model.set_producer_name("isoform");
  model.set_producer_version(version());
  model.mutable_graph()->set_name("isoform");
  onnx::OperatorSetIdProto& operators = *model.add_opset_import();
  operators.set_domain("");
  operators.set_version(kOnnxOperators);
}

OnnxBuilder::~OnnxBuilder() = default;

std::string OnnxBuilder::reserve(const std::string& wanted) {
  const std::string base = wanted.empty() ? "value" : wanted;
  std::string name = base;
  for (int k = 2; !parts_->names.insert(name).second; ++k) name = fmt::format("{}_{}", base, k);
  return name;
}

void OnnxBuilder::input(const std::string& name, Index width) {
  describe_value(*parts_->model.mutable_graph()->add_input(), name, width);
}

void OnnxBuilder::output(const std::string& name, Index width) {
  onnx::GraphProto& graph = *parts_->model.mutable_graph();
  onnx::NodeProto& last = *graph.mutable_node(graph.node_size() - 1);
  last.set_output(0, name);
  last.set_name(name);
  describe_value(*graph.add_output(), name, width);
}

std::string OnnxBuilder::constant(const std::string& wanted, const std::vector<Index>& shape,
                                  const std::vector<float>& numbers) {
  for (const float number : numbers) {
    if (std::isfinite(number)) continue;
    throw UsageError(
        fmt::format("onnx: {} needs finite numbers in float32, got {}; has the training diverged?",
                    in_quotes(wanted), number));
  }
  onnx::TensorProto& tensor = *parts_->model.mutable_graph()->add_initializer();
  tensor.set_name(reserve(wanted));
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const Index extent : shape) tensor.add_dims(extent);
  tensor.set_raw_data(numbers.data(), numbers.size() * sizeof(float));
  return tensor.name();
}

std::string OnnxBuilder::number(const std::string& wanted, float value) {
  std::string& name = parts_->numbers[wanted];
  if (name.empty()) name = constant(wanted, {}, {value});
  return name;
}

std::string OnnxBuilder::integers(const std::string& wanted,
                                  const std::vector<std::int64_t>& numbers) {
  onnx::TensorProto& tensor = *parts_->model.mutable_graph()->add_initializer();
  tensor.set_name(reserve(wanted));
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<std::int64_t>(numbers.size()));
  tensor.set_raw_data(numbers.data(), numbers.size() * sizeof(std::int64_t));
  return tensor.name();
}

std::string OnnxBuilder::node(const std::string& type, const std::vector<std::string>& inputs,
                              const std::string& wanted,
                              const std::vector<OnnxAttribute>& attributes) {
  onnx::NodeProto& node = *parts_->model.mutable_graph()->add_node();
  node.set_op_type(type);
  std::string name = reserve(wanted);
  node.set_name(name);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(name);
  for (const auto& [key, value] : attributes) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(key);
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      attribute.set_type(onnx::AttributeProto::INT);
      attribute.set_i(*number);
    } else {
      attribute.set_type(onnx::AttributeProto::INTS);
      for (const std::int64_t entry : std::get<std::vector<std::int64_t>>(value)) {
        attribute.add_ints(entry);
      }
    }
  }
  return name;
}

void OnnxBuilder::metadata(const std::string& key, const std::string& text) {
  onnx::StringStringEntryProto& entry = *parts_->model.add_metadata_props();
  entry.set_key(key);
  entry.set_value(text);
}

std::string OnnxBuilder::serialise() const {
  require_onnx_size(parts_->model.ByteSizeLong());
  const google::protobuf::LogSilencer quiet;  // it prints what it finds, and a library does not
  try {
    onnx::checker::check_model(parts_->model);
  } catch (const std::exception& error) {
    throw InternalError(fmt::format("ONNX's checker refuses what was made: {}", error.what()));
  }
  std::string bytes;
  ISOFORM_ASSERT(parts_->model.SerializeToString(&bytes), "a message that is complete");
  return bytes;
}

void require_onnx_size(std::uint64_t bytes) {
  if (bytes <= kMaxOnnxBytes) return;
  throw UsageError(
      fmt::format("onnx: a file holds at most {} bytes, which is the limit of its encoding, and "
                  "this network needs {}; make it smaller (isoform shrink), or read the model file "
                  "itself",
                  kMaxOnnxBytes, bytes));
}

}  // namespace isoform::detail
