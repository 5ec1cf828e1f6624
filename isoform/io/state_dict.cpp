// PyTorch's state dicts in safetensors: what a torch.nn.Sequential of Linear layers saves.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/data/file_bytes.h"
#include "isoform/io/description.h"
#include "isoform/io/import_layers.h"
#include "isoform/io/json.h"
#include "isoform/io/onnx_file.h"

namespace isoform {

namespace {

using detail::ImportedLayer;
using detail::ImportedLayers;

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// Numbers in names by value: 2 before 10.
struct NaturalOrder {
  bool operator()(const std::string& a, const std::string& b) const {
    std::size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
      if (!is_digit(a[i]) || !is_digit(b[j])) {
        if (a[i] != b[j]) return a[i] < b[j];
        ++i, ++j;
        continue;
      }
      const std::string m = number_at(a, i), n = number_at(b, j);
      if (m.size() != n.size()) return m.size() < n.size();
      if (m != n) return m < n;
    }
    if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
    return a < b;  // 01 and 1
  }

 private:
  // Without leading zeros; moves on.
  static std::string number_at(const std::string& text, std::size_t& at) {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    const std::size_t first = std::min(text.find_first_not_of('0', begin), at);
    return text.substr(first, at - first);
  }
};

struct LayerTensors {
  const Tensor *weight = nullptr, *bias = nullptr;
};
using LayerList = std::map<std::string, LayerTensors, NaturalOrder>;

// "net.0.weight" is the weight of "net.0"; "weight" that of "".
LayerList layers_of(const TensorFile& file, const std::string& name) {
  LayerList layers;
  for (const auto& [key, tensor] : file.tensors) {
    const std::size_t dot = key.rfind('.');
    const std::string stem = dot == key.npos ? "" : key.substr(0, dot);
    const std::string last = dot == key.npos ? key : key.substr(dot + 1);
    const std::size_t rank = last == "weight" ? 2 : 1;
    if ((last != "weight" && last != "bias") || tensor.shape.size() != rank) {
      throw FormatError(fmt::format(
          "'{}': tensor {} {} is no part of a fully connected layer; needs weights [outputs, "
          "inputs] and biases [outputs] alone{}",
          name, in_quotes(key), shape_text(tensor.shape),
          last.starts_with("running_") || last == "num_batches_tracked"
              ? "; fold the normalisation into the layer before it "
                "(torch.nn.utils.fusion.fuse_linear_bn_eval)"
              : ""));
    }
    (last == "weight" ? layers[stem].weight : layers[stem].bias) = &tensor;
  }
  if (layers.empty()) throw FormatError(fmt::format("'{}': there is no tensor in it", name));
  return layers;
}

Vector<double> numbers_of(const Tensor& tensor) {
  return std::visit(
      [](const auto& list) {
        Vector<double> values(static_cast<Index>(list.size()));
        std::copy(list.begin(), list.end(), values.data());
        return values;
      },
      tensor.data);
}

ImportedLayer layer_of(const std::string& stem, const LayerTensors& tensors,
                       const std::string& file) {
  const std::string label =
      fmt::format("layer {}", in_quotes(stem.empty() ? "weight" : stem + ".weight"));
  if (tensors.weight == nullptr) {
    throw FormatError(fmt::format("'{}': {} is missing, its bias is there", file, label));
  }
  const Index rows = tensors.weight->shape[0], cols = tensors.weight->shape[1];
  if (rows < 1 || cols < 1) {
    throw FormatError(fmt::format("'{}': {} needs a width of at least 1, got {}", file, label,
                                  shape_text(tensors.weight->shape)));
  }
  const Vector<double> stored = numbers_of(*tensors.weight);
  ImportedLayer layer{label,
                      Eigen::Map<const Matrix<double>>(stored.data(), cols, rows).transpose(),
                      Vector<double>::Zero(rows)};
  if (tensors.bias == nullptr) return layer;
  if (tensors.bias->shape[0] != rows) {
    throw FormatError(fmt::format("'{}': {} has {} rows and a bias of {}", file, label, rows,
                                  tensors.bias->shape[0]));
  }
  layer.bias = numbers_of(*tensors.bias);
  return layer;
}

// None: the identity.
std::optional<Radial> activation_of(const ImportSettings& settings, std::size_t layers) {
  const std::vector<std::string> known = {"tanh", "asinh", "identity"};
  if (!settings.activation) {
    if (layers == 1) return {};
    throw UsageError(
        "activation: a state dict does not say what stands between its layers; add --activation "
        "tanh, asinh or identity");
  }
  const std::string& name = *settings.activation;
  if (name == "identity") return {};
  if (name == "tanh") return Radial::tanh;
  if (name == "asinh") return Radial::asinh;
  throw UsageError(fmt::format(
      "activation: '{}' cannot be imported; of elementwise activations only odd ones are gates of "
      "a length, and known are {}{}",
      name, fmt::join(known, ", "), did_you_mean(name, known)));
}

}  // namespace

template <class T>
Imported<T> import_state_dict(const TensorFile& file, const std::string& name,
                              const ImportSettings& settings) {
  if (file.metadata.contains(kModelKey)) {
    throw UsageError(
        fmt::format("'{}': is a model file of Isoform already; use it as it is", name));
  }
  const LayerList layers = layers_of(file, name);
  const std::optional<Radial> activation = activation_of(settings, layers.size());
  ImportedLayers read;
  for (const auto& [stem, tensors] : layers) {
    read.layers.push_back(layer_of(stem, tensors, name));
    if (read.layers.size() < layers.size()) read.layers.back().activation = activation;
  }
  return detail::model_of<T>(std::move(read), name, settings);
}

template <class T>
Imported<T> import_model(const std::filesystem::path& path, const ImportSettings& settings) {
  const std::string name = path.string(), ending = path.extension().string();
  if (ending == ".onnx") {
    const std::vector<std::uint8_t> bytes = file_bytes(path, kMaxOnnxBytes);
    return import_onnx<T>({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name,
                          settings);
  }
  if (ending == ".safetensors") return import_state_dict<T>(read_tensors(path), name, settings);
  const bool pickled = ending == ".pt" || ending == ".pth" || ending == ".bin" || ending == ".pkl";
  throw UsageError(fmt::format(
      "'{}': needs a name that ends in .onnx or .safetensors{}", name,
      pickled ? "; a pickled file can run code when it is opened and is not read: in PyTorch, "
                "safetensors.torch.save_file(network.state_dict(), 'network.safetensors')"
              : ""));
}

#define ISOFORM_FOR_SCALAR(T)                                                   \
  template Imported<T> import_state_dict(const TensorFile&, const std::string&, \
                                         const ImportSettings&);                \
  template Imported<T> import_model(const std::filesystem::path&, const ImportSettings&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
