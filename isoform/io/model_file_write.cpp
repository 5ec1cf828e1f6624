#include <fmt/format.h>

#include <utility>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/io/description.h"
#include "isoform/io/model_file.h"
#include "isoform/io/model_values.h"
#include "isoform/io/safetensors.h"

namespace isoform {

using detail::layer_name;
using detail::Values;
using detail::weight_name;

namespace {

template <class T>
bool is_chain(const Network<T>& network) {
  const auto& spaces = network.spaces();
  if (spaces.size() < 2 || network.maps().size() + 1 != spaces.size()) return false;
  for (const Map<T>& m : network.maps()) {
    if (m.from != m.id || m.to != m.id + 1) return false;
  }
  for (std::size_t l = 0; l < spaces.size(); ++l) {
    if (spaces[l].hidden() != (l > 0 && l + 1 < spaces.size())) return false;
  }
  return true;
}

template <class T>
ModelDescription describe(const Model<T>& model) {
  ModelDescription d;
  d.widths = model.network.widths();
  for (const int id : model.network.hidden()) {
    const Space<T>& space = model.network.space(id);
    d.groups.push_back(space.groups);
    d.radials.push_back(space.radial);
    d.length_modes.push_back(space.length_mode);
    d.psi_modes.push_back(model.network.map(id).psi_mode);  // in a chain, map id + 1 reads space id
  }
  for (const Map<T>& m : model.network.maps()) {
    d.structures.push_back(structure_of(model.network, m.id));
  }
  d.tasks = model.tasks;
  d.image_rows = model.image_rows;
  d.image_cols = model.image_cols;
  d.history = model.history;
  return d;
}

template <class T, class Derived>
Tensor make_tensor(const std::string& name, const Eigen::MatrixBase<Derived>& m, Values rule) {
  std::vector<T> numbers;
  numbers.reserve(static_cast<std::size_t>(m.size()));
  for (Index i = 0; i < m.rows(); ++i) {
    for (Index j = 0; j < m.cols(); ++j) {
      if (const char* needs = detail::value_fault(rule, m(i, j))) {
        throw UsageError(
            fmt::format("model: {} needs {}, got {} at [{}, {}]; a model whose training "
                        "diverged is not written",
                        name, needs, m(i, j), i, j));
      }
      numbers.push_back(m(i, j));
    }
  }
  Tensor tensor{{m.rows()}, std::move(numbers)};
  if (Derived::ColsAtCompileTime != 1) tensor.shape.push_back(m.cols());
  return tensor;
}

}  // namespace

template <class T>
std::string serialise_model(const Model<T>& model) {
  const Network<T>& network = model.network;
  if (!is_chain(network)) {
    throw UsageError(
        "model: the file format holds chains of layers only, and this network is none");
  }
  ModelDescription description = describe(model);
  if (const std::string fault = description_fault(description); !fault.empty()) {
    throw UsageError("model: " + fault);
  }
  const Index inputs = description.widths.front();
  if (model.mean.size() != inputs || model.scale.size() != inputs) {
    throw UsageError(
        fmt::format("model: mean and scale need {} numbers each, got {} and {}; call "
                    "set_transform first",
                    inputs, model.mean.size(), model.scale.size()));
  }
  TensorFile file;
  const auto add = [&](const std::string& name, const auto& m, Values rule) {
    file.tensors[name] = make_tensor<T>(name, m, rule);
  };
  add("input.mean", model.mean, Values::finite);
  add("input.scale", model.scale, Values::positive);
  for (const Map<T>& m : network.maps()) {
    const auto i = static_cast<std::size_t>(m.id);
    const Structure structure = description.structures[i];
    const std::string weight = weight_name(i, structure);
    if (structure == Structure::dense) {
      add(weight, m.weight(), Values::finite);
    } else {
      add(weight, packed_weight(network, m.id, structure), Values::finite);
    }
    add(layer_name(i, "bias"), m.bias(), Values::finite);
    const Space<T>& from = network.space(m.from);
    if (from.hidden() && has_psi(m.psi_mode)) add(layer_name(i, "psi"), m.psi(), Values::finite);
    const Space<T>& to = network.space(m.to);
    if (!to.hidden()) continue;
    Vector<T> o(to.gates());
    for (Index g = 0; g < to.gates(); ++g) o[g] = to.o(g);
    add(layer_name(i, "intrinsic_length"), o, Values::nonnegative);
  }
  file.metadata[kModelKey] = description_json(description);
  return serialise(file);
}

template <class T>
void save_model(const Model<T>& model, const std::filesystem::path& path) {
  write_file_atomically(path, serialise_model(model));
}

template std::string serialise_model(const Model<float>&);
template std::string serialise_model(const Model<double>&);
template void save_model(const Model<float>&, const std::filesystem::path&);
template void save_model(const Model<double>&, const std::filesystem::path&);

}  // namespace isoform
