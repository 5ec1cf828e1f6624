// What an ONNX file says in words beside its graph (metadata_props), so that whoever reads one knows what inputs and
// outputs mean. docs/onnx.md.
#pragma once

#include <string>
#include <vector>

#include "isoform/model/model.h"

namespace isoform::detail {

inline constexpr const char* kOnnxVersionKey = "isoform_version";
/// [{"name", "input", "features": [names]}, …] and [{"name", "output", "classes": [names], "loss", "inputs": [names]}, …];
/// "input" and "output" are names in the graph.
inline constexpr const char* kOnnxInputsKey = "isoform_inputs";
inline constexpr const char* kOnnxTasksKey = "isoform_tasks";

/// Names in the graph, in the order of the network.
struct OnnxNames {
  std::vector<std::string> inputs, outputs;
};

/// As JSON on one line; bytes that are not UTF-8 become U+FFFD. A model without names gets [].
template <class T>
std::string onnx_inputs_json(const Model<T>& model, const OnnxNames& names);
template <class T>
std::string onnx_tasks_json(const Model<T>& model, const OnnxNames& names);

/// The inverse, without the names in the graph. Throws FormatError naming `file`.
std::vector<Input> parse_onnx_inputs(const std::string& json, const std::string& file);
std::vector<Task> parse_onnx_tasks(const std::string& json, const std::string& file);

}  // namespace isoform::detail
