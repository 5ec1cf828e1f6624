#include "isoform/io/onnx_parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <bit>
#include <cstring>
#include <set>

#include "isoform/base/error.h"
#include "isoform/io/json.h"
#include "isoform/io/onnx_file.h"

namespace isoform::detail {

static_assert(std::endian::native == std::endian::little, "raw data are copied as they are");

namespace {

class OnnxParser {
 public:
  explicit OnnxParser(std::string file) : file_(std::move(file)) {}

  OnnxParts parse(std::string_view bytes) {
    if (bytes.size() > kMaxOnnxBytes) {
      fail(fmt::format("needs at most {} bytes, got {}", kMaxOnnxBytes, bytes.size()));
    }
    const google::protobuf::LogSilencer quiet;  // it prints what it finds, and a library does not
    onnx::ModelProto model;
    if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph()) {
      fail("not an ONNX file, or cut short; is it the right file, copied whole?");
    }
    OnnxParts parts;
    parts.producer = model.producer_name();
    for (const onnx::OperatorSetIdProto& set : model.opset_import()) {
      if (set.domain().empty() || set.domain() == "ai.onnx") parts.operators = set.version();
    }
    if (parts.operators < 7) {
      fail(fmt::format("needs the standard operators of set 7 or later, got {}",
                       parts.operators == 0 ? "none" : std::to_string(parts.operators)));
    }
    for (const onnx::StringStringEntryProto& entry : model.metadata_props()) {
      parts.metadata[entry.key()] = entry.value();
    }
    add_graph(model.graph(), parts);
    return parts;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(fmt::format("'{}': {}", file_, what));
  }

  // Every value has one origin.
  void give(const std::string& value) {
    if (value.empty() || !values_.insert(value).second) {
      fail(fmt::format("value {} has no name of its own; the graph is damaged", in_quotes(value)));
    }
  }

  void add_graph(const onnx::GraphProto& graph, OnnxParts& parts) {
    if (graph.sparse_initializer_size() > 0) fail("sparse tensors are not read; make them dense");
    for (const onnx::TensorProto& tensor : graph.initializer()) {
      give(tensor.name());
      parts.tensors[tensor.name()] = tensor_of(tensor, tensor.name());
    }
    for (const onnx::ValueInfoProto& value : graph.input()) {
      if (parts.tensors.contains(value.name())) continue;  // a default, which IR 3 lists here too
      give(value.name());
      parts.inputs.push_back(value_of(value));
    }
    for (const onnx::NodeProto& node : graph.node()) {
      for (const std::string& output : node.output()) {
        if (!output.empty()) give(output);
      }
      if (node.op_type() == "Constant" && node.domain().empty()) {
        add_constant(node, parts);
      } else {
        parts.nodes.push_back(node_of(node));
      }
    }
    for (const onnx::ValueInfoProto& value : graph.output()) {
      parts.outputs.push_back(value_of(value));
    }
  }

  OnnxValue value_of(const onnx::ValueInfoProto& value) const {
    OnnxValue parsed{value.name(), {}};
    if (!value.type().has_tensor_type()) {
      fail(fmt::format("{} is no tensor; only tensors are read", in_quotes(value.name())));
    }
    const onnx::TypeProto_Tensor& tensor = value.type().tensor_type();
    if (tensor.elem_type() != onnx::TensorProto::FLOAT &&
        tensor.elem_type() != onnx::TensorProto::DOUBLE) {
      fail(fmt::format("{} needs to be of type float or double, got {}", in_quotes(value.name()),
                       type_name(tensor.elem_type())));
    }
    for (const onnx::TensorShapeProto_Dimension& dim : tensor.shape().dim()) {
      if (dim.has_dim_value() && dim.dim_value() < 1) {
        fail(fmt::format("{} needs dimensions of at least 1, got {}", in_quotes(value.name()),
                         dim.dim_value()));
      }
      parsed.dimensions.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
    }
    return parsed;
  }

  static std::string type_name(int type) {
    const std::string& name =
        onnx::TensorProto::DataType_Name(static_cast<onnx::TensorProto::DataType>(type));
    return name.empty() ? fmt::format("type {}", type) : name;
  }

  static std::string label_of(const onnx::NodeProto& node) {
    const std::string name =
        node.name().empty() && node.output_size() > 0 ? node.output(0) : node.name();
    return fmt::format("node {} ({})", in_quotes(name), in_quotes(node.op_type()));
  }

  static OnnxNode node_of(const onnx::NodeProto& node) {
    OnnxNode parsed;
    parsed.label = label_of(node);
    parsed.type = node.op_type();
    parsed.domain = node.domain() == "ai.onnx" ? "" : node.domain();
    parsed.inputs.assign(node.input().begin(), node.input().end());
    parsed.outputs.assign(node.output().begin(), node.output().end());
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (attribute.type() == onnx::AttributeProto::INT) {
        parsed.integers[attribute.name()] = attribute.i();
      } else if (attribute.type() == onnx::AttributeProto::FLOAT) {
        parsed.floats[attribute.name()] = attribute.f();
      }
    }
    return parsed;
  }

  void add_constant(const onnx::NodeProto& node, OnnxParts& parts) const {
    if (node.output_size() != 1) fail(label_of(node) + " needs one result");
    OnnxTensor& tensor = parts.tensors[node.output(0)];
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      const auto count = [&](int n) { return std::vector<Index>{n}; };
      if (attribute.name() == "value" && attribute.has_t()) {
        tensor = tensor_of(attribute.t(), node.output(0));
      } else if (attribute.name() == "value_float") {
        tensor = {{}, std::vector<float>{attribute.f()}};
      } else if (attribute.name() == "value_int") {
        tensor = {{}, std::vector<std::int64_t>{attribute.i()}};
      } else if (attribute.name() == "value_floats" && attribute.floats_size() > 0) {
        tensor = {count(attribute.floats_size()),
                  std::vector<float>(attribute.floats().begin(), attribute.floats().end())};
      } else if (attribute.name() == "value_ints" && attribute.ints_size() > 0) {
        tensor = {count(attribute.ints_size()),
                  std::vector<std::int64_t>(attribute.ints().begin(), attribute.ints().end())};
      } else {
        fail(fmt::format("{}: the attribute {} is not read", label_of(node),
                         in_quotes(attribute.name())));
      }
      return;
    }
    fail(label_of(node) + " has no value");
  }

  OnnxTensor tensor_of(const onnx::TensorProto& tensor, const std::string& name) const {
    const std::string where = fmt::format("tensor {}", in_quotes(name));
    if (tensor.data_location() == onnx::TensorProto::EXTERNAL || tensor.external_data_size() > 0) {
      fail(where +
           ": its numbers lie in another file, which is not read; save the model with all "
           "of them in one file");
    }
    if (tensor.has_segment()) fail(where + " is a part of another; such files are not read");
    OnnxTensor parsed;
    std::uint64_t count = 1;
    for (const std::int64_t extent : tensor.dims()) {
      if (extent < 1 || static_cast<std::uint64_t>(extent) > kMaxOnnxBytes / count) {
        fail(
            fmt::format("{}: needs dimensions of at least 1 and numbers that fit into a file, got "
                        "[{}]",
                        where, fmt::join(tensor.dims(), ", ")));
      }
      count *= static_cast<std::uint64_t>(extent);
      parsed.dimensions.push_back(extent);
    }
    switch (tensor.data_type()) {
      case onnx::TensorProto::FLOAT:
        parsed.numbers = numbers_of<float>(tensor, tensor.float_data(), count, where);
        break;
      case onnx::TensorProto::DOUBLE:
        parsed.numbers = numbers_of<double>(tensor, tensor.double_data(), count, where);
        break;
      case onnx::TensorProto::INT64:
        parsed.numbers = numbers_of<std::int64_t>(tensor, tensor.int64_data(), count, where);
        break;
      default:
        fail(fmt::format("{}: needs the type float or double, got {}; convert it", where,
                         type_name(tensor.data_type())));
    }
    return parsed;
  }

  template <class T>
  std::vector<T> numbers_of(const onnx::TensorProto& tensor, const auto& listed,
                            std::uint64_t count, const std::string& where) const {
    const std::string& raw = tensor.raw_data();
    const bool is_raw = tensor.has_raw_data();
    const std::uint64_t there =
        is_raw ? raw.size() / sizeof(T) : static_cast<std::uint64_t>(listed.size());
    if (there != count || (is_raw && (raw.size() % sizeof(T) != 0 || listed.size() > 0))) {
      fail(fmt::format("{}: [{}] needs {} numbers of {} bytes, got {}", where,
                       fmt::join(tensor.dims(), ", "), count, sizeof(T),
                       is_raw ? fmt::format("{} bytes", raw.size()) : std::to_string(there)));
    }
    if (!is_raw) return {listed.begin(), listed.end()};
    std::vector<T> numbers(count);
    std::memcpy(numbers.data(), raw.data(), raw.size());
    return numbers;
  }

  std::string file_;
  std::set<std::string> values_;
};

}  // namespace

std::int64_t OnnxNode::integer(const std::string& attribute, std::int64_t otherwise) const {
  const auto at = integers.find(attribute);
  return at == integers.end() ? otherwise : at->second;
}

float OnnxNode::number(const std::string& attribute, float otherwise) const {
  const auto at = floats.find(attribute);
  return at == floats.end() ? otherwise : at->second;
}

OnnxParts parse_onnx(std::string_view bytes, const std::string& file) {
  return OnnxParser(file).parse(bytes);
}

}  // namespace isoform::detail
