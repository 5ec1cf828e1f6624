// Networks of other programs as models: multilayer perceptrons from ONNX files and from PyTorch's state dicts.
// docs/onnx.md.
//
//   h = tanh(W h + b), layer after layer, then y = W h + b
//
// Of a group of one with o = 0 the activation is σ(|z|)/|z| z = σ(z) for an odd σ, so a tanh (asinh) layer of n becomes a
// space of n groups of one with that profile, length mode none and ψ mode none, exactly (docs/mathematics.md 9): the model
// computes the same within rounding, its weights keep their bits, and it can be edited, grown, shrunk and trained like any other.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/io/safetensors.h"
#include "isoform/model/model.h"

namespace isoform {

struct ImportSettings {
  std::string name = {};                  // of the task; empty: what the file says, else "task"
  std::vector<std::string> classes = {};  // names of the outputs; empty: the file's, else 0, 1, …
  std::optional<Loss> loss = {};  // else the file's, else cross_entropy, squared of one output
  std::optional<std::string> activation = {};  // of a state dict: tanh, asinh, identity
  /// Of raw values, one for all inputs or one each; empty: 0 and 1, unless the graph says more.
  std::vector<double> mean = {}, deviation = {};
};

template <class T>
struct Imported {
  Model<T> model;
  std::vector<std::string> notes;  // what was left out or put together, a sentence each
};

/// A file by the ending of its name: .onnx or .safetensors. Nothing in a file is ever run.
/// Throws FileError, UsageError for settings that do not fit, and FormatError naming the node or the tensor for what is
/// malformed, and for what is no chain of fully connected layers between tanh and asinh.
template <class T>
Imported<T> import_model(const std::filesystem::path& path, const ImportSettings& settings = {});

/// The bytes of an ONNX file: Gemm, MatMul, Add, Sub, Mul and Div by constants, Tanh, Asinh, Flatten, Reshape, Identity,
/// Dropout. What the input is shifted and multiplied by before the first layer becomes the input transform. A Softmax,
/// LogSoftmax or Sigmoid at the end is left out, with a note: outputs are logits.
template <class T>
Imported<T> import_onnx(std::string_view bytes, const std::string& name_for_errors,
                        const ImportSettings& settings = {});

/// A state dict: NAME.weight [out × in] and NAME.bias [out] of layers in the order of their names, numbers in them by
/// value (2.weight before 10.weight). Needs `activation` where there are several layers, since the file does not say.
template <class T>
Imported<T> import_state_dict(const TensorFile& file, const std::string& name_for_errors,
                              const ImportSettings& settings = {});

}  // namespace isoform
