#include "isoform/io/model_file_layers.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoform/base/error.h"

namespace isoform::detail {

namespace {

// Whether the names of a model tell its inputs and heads apart.
template <class T>
bool names_tell(const Model<T>& model, std::size_t inputs, const std::vector<int>& outputs) {
  if (model.inputs.size() != inputs && !(model.inputs.empty() && inputs == 1)) return false;
  if (outputs.size() == 1) return true;
  if (outputs.size() != model.tasks.size()) return false;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const auto names = static_cast<Index>(model.tasks[k].outputs.size());
    if (model.network.space(outputs[k]).dimension != names) return false;
  }
  return true;
}

// The maps of a layer, empty where it is none.
template <class T>
std::vector<int> maps_of(const Network<T>& network, const Layer& layer) {
  std::vector<int> maps;
  for (const int target : layer.targets) {
    const std::vector<int> incoming = network.incoming(target);
    if (incoming.size() != layer.sources.size()) return {};
    for (std::size_t k = 0; k < incoming.size(); ++k) {
      const Map<T>& m = network.map(incoming[k]);
      if (m.from != layer.sources[k] || !m.factors.empty()) return {};
      if (k > 0 && !m.bias().isZero(0)) return {};
      maps.push_back(m.id);
    }
  }
  const auto as_first = [&](int id) {
    const Map<T>&m = network.map(id), &first = network.map(maps.front());
    return m.psi_mode == first.psi_mode && m.norms == first.norms;
  };
  const bool reads_gates = network.space(layer.sources.front()).hidden();
  if (reads_gates && !std::all_of(maps.begin(), maps.end(), as_first)) return {};
  return maps;
}

template <class T>
std::vector<Index> frozen_of(const Network<T>& network, const Space<T>& space) {
  std::vector<Index> frozen;
  if (network.is_given(space.id)) return frozen;
  for (Index part = 0; part < static_cast<Index>(space.parts().size()); ++part) {
    if (space.is_frozen(part)) frozen.push_back(part);
  }
  return frozen;
}

template <class T>
void describe_chain(const Model<T>& model, const std::vector<Layer>& layers, ModelDescription& d) {
  const Network<T>& network = model.network;
  d.widths = network.widths();
  for (std::size_t l = 0; l < layers.size(); ++l) {
    // What several maps make up is cut into them when it is read.
    const bool several =
        layers[l].maps.size() > 1 || (l + 1 == layers.size() && model.tasks.size() > 1);
    d.structures.push_back(several ? Structure::dense
                                   : structure_of(network, layers[l].maps.front()));
    if (l == 0) continue;
    const Space<T>& space = network.space(layers[l].sources.front());
    d.groups.push_back(space.groups);
    d.radials.push_back(space.radial);
    d.length_modes.push_back(space.length_mode);
    d.psi_modes.push_back(network.map(layers[l].maps.front()).psi_mode);
    d.frozen.push_back(frozen_of(network, space));
  }
  for (const int head : layers.back().targets) {
    d.frozen.push_back(frozen_of(network, network.space(head)));
  }
  if (!model.tasks.empty())
    d.frozen.resize(layers.size() - 1 + model.tasks.size(), d.frozen.back());
  if (std::all_of(d.frozen.begin(), d.frozen.end(), [](const auto& f) { return f.empty(); })) {
    d.frozen.clear();
  }
  for (EditRecord& record : d.history) {
    std::size_t l = 1;
    while (l < layers.size() && layers[l].sources.front() != record.space) ++l;
    if (l == layers.size()) {
      throw UsageError(
          fmt::format("model: history[{}]: needs a hidden space of the network, got space {}",
                      &record - d.history.data(), record.space));
    }
    record.space = static_cast<int>(l);
  }
}

template <class T>
void describe_graph(const Network<T>& network, ModelDescription& d) {
  d.architecture = Layout::graph;
  std::vector<Index> position(network.space_ids(), -1);
  for (const Space<T>& s : network.spaces()) {
    position[static_cast<std::size_t>(s.id)] = static_cast<Index>(d.spaces.size());
    d.spaces.push_back(
        {s.name, s.dimension, s.groups, s.radial, s.length_mode, frozen_of(network, s)});
  }
  const auto position_of = [&](int id) { return position[static_cast<std::size_t>(id)]; };
  for (const Map<T>& m : network.maps()) {
    MapDescription map{position_of(m.from), position_of(m.to), {}, m.psi_mode};
    for (const int factor : m.factors) map.factors.push_back(position_of(factor));
    d.maps.push_back(std::move(map));
    d.structures.push_back(structure_of(network, m.id));
  }
  for (EditRecord& record : d.history) {
    record.space =
        network.has_space(record.space) ? static_cast<int>(position_of(record.space)) : -1;
  }
}

}  // namespace

template <class T>
std::vector<Layer> layers_of(const Model<T>& model) {
  const Network<T>& network = model.network;
  const std::vector<int> inputs = network.inputs(), outputs = network.outputs();
  if (inputs.empty() || outputs.empty() || !names_tell(model, inputs.size(), outputs)) return {};
  std::vector<std::vector<int>> stages = {inputs};
  for (const int id : network.hidden()) stages.push_back({id});
  stages.push_back(outputs);
  std::size_t at = 0;
  for (const std::vector<int>& stage : stages) {
    for (const int id : stage) {
      if (at == network.spaces().size() || network.spaces()[at++].id != id) return {};
    }
  }
  if (at != network.spaces().size()) return {};
  std::vector<Layer> layers;
  for (std::size_t l = 0; l + 1 < stages.size(); ++l) {
    Layer layer{stages[l], stages[l + 1], {}};
    layer.maps = maps_of(network, layer);
    if (layer.maps.empty()) return {};
    layers.push_back(std::move(layer));
  }
  return layers;
}

template <class T>
ModelDescription describe(const Model<T>& model, const std::vector<Layer>& layers) {
  ModelDescription d;
  const std::vector<int> inputs = model.network.inputs();
  for (std::size_t k = 0; k < model.inputs.size(); ++k) {
    const Index size = k < inputs.size() ? model.network.space(inputs[k]).dimension : 0;
    d.inputs.push_back({size, model.inputs[k]});
  }
  d.tasks = model.tasks;
  d.image_rows = model.image_rows;
  d.schema = model.schema;
  d.image_cols = model.image_cols;
  d.history = model.history;
  if (layers.empty()) {
    describe_graph(model.network, d);
  } else {
    describe_chain(model, layers, d);
  }
  return d;
}

#define ISOFORM_FOR_SCALAR(T)                             \
  template std::vector<Layer> layers_of(const Model<T>&); \
  template ModelDescription describe(const Model<T>&, const std::vector<Layer>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform::detail
