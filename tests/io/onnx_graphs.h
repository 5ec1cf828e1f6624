// ONNX files as other programs write them.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "isoform/io/import.h"
#include "isoform/linalg/matrix.h"

namespace isoform::testing {

/// One node after the other; each reads the result of the one before and whatever else it names.
class OnnxGraph {
 public:
  explicit OnnxGraph(const std::vector<Index>& sample = {3}, std::int64_t operators = 13) {
    model.set_ir_version(7);
    auto* set = model.add_opset_import();
    set->set_domain("");
    set->set_version(operators);
    graph().set_name("net");
    last = "x";
    describe(*graph().add_input(), "x", sample);
  }
  onnx::GraphProto& graph() { return *model.mutable_graph(); }

  onnx::TensorProto& tensor(const std::string& name, const std::vector<Index>& dims,
                            const std::vector<float>& values) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const Index dim : dims) tensor.add_dims(dim);
    tensor.set_raw_data(values.data(), values.size() * sizeof(float));
    return tensor;
  }
  void integers(const std::string& name, const std::vector<std::int64_t>& values) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::INT64);
    tensor.add_dims(static_cast<Index>(values.size()));
    for (const std::int64_t value : values) tensor.add_int64_data(value);
  }
  onnx::NodeProto& node(const std::string& type, const std::vector<std::string>& others = {}) {
    auto& node = *graph().add_node();
    node.set_op_type(type);
    node.set_name(type + std::to_string(graph().node_size()));
    node.add_input(last);
    for (const std::string& other : others) node.add_input(other);
    last = "v" + std::to_string(graph().node_size());
    node.add_output(last);
    return node;
  }
  static void set(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
  }
  static void set(onnx::NodeProto& node, const std::string& name, float value) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::FLOAT);
    attribute.set_f(value);
  }
  /// A layer as PyTorch exports it: Gemm with transB, weight [out, in].
  onnx::NodeProto& linear(const std::string& name, Index out, Index in, float begin = 1) {
    tensor(name + ".weight", {out, in}, count(out * in, begin));
    tensor(name + ".bias", {out}, count(out, -begin));
    auto& gemm = node("Gemm", {name + ".weight", name + ".bias"});
    gemm.set_name(name);
    set(gemm, "transB", std::int64_t{1});
    return gemm;
  }
  /// begin/8, (begin + 1)/8, …
  static std::vector<float> count(Index n, float begin) {
    std::vector<float> values;
    for (Index i = 0; i < n; ++i) values.push_back((begin + static_cast<float>(i)) / 8);
    return values;
  }
  std::string bytes() {
    if (graph().output_size() == 0) describe(*graph().add_output(), last, {});
    return model.SerializeAsString();
  }
  Imported<float> read(const ImportSettings& settings = {}) {
    return import_onnx<float>(bytes(), "x", settings);
  }

  onnx::ModelProto model;
  std::string last;

 private:
  static void describe(onnx::ValueInfoProto& value, const std::string& name,
                       const std::vector<Index>& sample) {
    value.set_name(name);
    auto& tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(onnx::TensorProto::FLOAT);
    if (sample.empty()) return;
    tensor.mutable_shape()->add_dim()->set_dim_param("batch");
    for (const Index extent : sample) tensor.mutable_shape()->add_dim()->set_dim_value(extent);
  }
};

/// 3 → 2, tanh, 2 → 2.
inline OnnxGraph small_graph() {
  OnnxGraph graph;
  graph.linear("first", 2, 3);
  graph.node("Tanh");
  graph.linear("second", 2, 2, 5);
  return graph;
}

}  // namespace isoform::testing
