#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/io/description.h"
#include "isoform/io/model_file.h"
#include "isoform/io/model_file_layers.h"
#include "isoform/io/model_values.h"
#include "isoform/io/safetensors.h"

namespace isoform {

using detail::Layer;
using detail::owner_name;
using detail::Values;

namespace {

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

// The tensors of a model.
template <class T>
class Tensors {
 public:
  explicit Tensors(const Model<T>& model) : network_(model.network) {
    add("input.mean", model.mean, Values::finite);
    add("input.scale", model.scale, Values::positive);
  }

  void add_chain(const std::vector<Layer>& layers, const std::vector<Structure>& structures) {
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const std::string owner = owner_name("layers", l);
      if (layers[l].maps.size() == 1) {
        add_map(network_.map(layers[l].maps.front()), owner, structures[l]);
      } else {
        add_map(stacked(layers[l]), owner, Structure::dense);
      }
      if (l + 1 < layers.size()) add_length(network_.space(layers[l].targets.front()), owner);
    }
  }

  void add_graph(const std::vector<Structure>& structures) {
    for (std::size_t i = 0; i < network_.maps().size(); ++i) {
      add_map(network_.maps()[i], owner_name("maps", i), structures[i]);
    }
    for (std::size_t i = 0; i < network_.spaces().size(); ++i) {
      const Space<T>& space = network_.spaces()[i];
      if (space.hidden()) add_length(space, owner_name("spaces", i));
    }
  }

  [[nodiscard]] TensorFile take() && { return std::move(file_); }

 private:
  template <class Derived>
  void add(const std::string& name, const Eigen::MatrixBase<Derived>& m, Values rule) {
    file_.tensors[name] = make_tensor<T>(name, m, rule);
  }

  void add_map(const Map<T>& m, const std::string& owner, Structure structure) {
    const std::string weight = detail::weight_name(owner, structure);
    if (structure != Structure::dense) {
      add(weight, packed_weight(network_, m.id, structure), Values::finite);
    } else if (m.inputs > 0) {
      add(weight, m.weight(), Values::finite);
    }
    add(owner + ".bias", m.bias(), Values::finite);
    if (m.psi().cols() > 0) add(owner + ".psi", m.psi(), Values::finite);
    if (m.norms) add(owner + ".chi", m.chi(), Values::finite);
  }

  void add_length(const Space<T>& space, const std::string& owner) {
    Vector<T> o(space.gates());
    for (Index g = 0; g < space.gates(); ++g) o[g] = space.o(g);
    add(owner + ".intrinsic_length", o, Values::nonnegative);
  }

  // The maps of a layer as one: sources side by side, targets one below the other.
  Map<T> stacked(const Layer& layer) const {
    const auto total = [&](const std::vector<int>& spaces) {
      return std::accumulate(spaces.begin(), spaces.end(), Index{0},
                             [&](Index sum, int id) { return sum + network_.space(id).dimension; });
    };
    Map<T> whole;
    whole.inputs = total(layer.sources);
    const Map<T>& first = network_.map(layer.maps.front());
    whole.norms = first.norms;
    whole.a = Matrix<T>::Zero(total(layer.targets), whole.inputs + 1 + first.features().cols());
    Index row = 0;
    auto map = layer.maps.begin();
    for (const int target : layer.targets) {
      const Index rows = network_.space(target).dimension;
      whole.bias().segment(row, rows) = network_.map(*map).bias();
      whole.psi().middleRows(row, rows) = network_.map(*map).psi();
      whole.chi().middleRows(row, rows) = network_.map(*map).chi();
      Index column = 0;
      for (std::size_t k = 0; k < layer.sources.size(); ++k, ++map) {
        const Map<T>& m = network_.map(*map);
        whole.weight().block(row, column, rows, m.inputs) = m.weight();
        column += m.inputs;
      }
      row += rows;
    }
    return whole;
  }

  const Network<T>& network_;
  TensorFile file_;
};

}  // namespace

template <class T>
std::string serialise_model(const Model<T>& model) {
  const std::vector<Layer> layers = detail::layers_of(model);
  const ModelDescription d = detail::describe(model, layers);
  if (const std::string fault = description_fault(d); !fault.empty()) {
    throw UsageError("model: " + fault);
  }
  const std::vector<Index> sizes = d.input_sizes();
  const Index inputs = std::accumulate(sizes.begin(), sizes.end(), Index{0});
  if (model.mean.size() != inputs || model.scale.size() != inputs) {
    throw UsageError(
        fmt::format("model: mean and scale need {} numbers each, got {} and {}; call "
                    "set_transform first",
                    inputs, model.mean.size(), model.scale.size()));
  }
  Tensors<T> tensors(model);
  if (layers.empty()) {
    tensors.add_graph(d.structures);
  } else {
    tensors.add_chain(layers, d.structures);
  }
  TensorFile file = std::move(tensors).take();
  file.metadata[kModelKey] = description_json(d);
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
