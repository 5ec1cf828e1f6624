// Changes of one hidden layer, and exact sparsification.
#include <fmt/format.h>

#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/shrink.h"
#include "isoform/topology/sparsify.h"
#include "python/src/core.h"

namespace isoform::python {

namespace {

template <class T>
Json apply(Model<T>& model, const BeforeApply& follow, const Edit& edit) {
  follow(edit);
  model.network.apply(edit);
  model.record(edit.record);
  return record_json(edit.record);
}

template <class T>
std::vector<Edit> rotation(const Network<T>& network, int layer, const std::string& kind,
                           std::uint64_t seed) {
  if (kind == "left") return {rotate_left(network, layer)};
  if (kind == "right") return {rotate_right(network, layer)};
  if (kind == "random") return {rotate_random(network, layer, seed)};
  if (kind == "full") {
    require_hidden(network, layer, "rotate");
    auto [read, write] = rotate_full(network, network.incoming(layer).front());
    return {std::move(read), std::move(write)};
  }
  throw UsageError(
      fmt::format("rotate: '{}' is unknown; known are left, right, full, random", kind));
}

py::object rotate(Core& core, int layer, const std::string& kind, std::uint64_t seed) {
  return to_python(core.change([&](auto& model, const BeforeApply& follow) {
    Json records = Json::array();
    for (const Edit& edit : rotation(model.network, layer, kind, seed)) {
      records.push_back(apply(model, follow, edit));
    }
    return records;
  }));
}

py::object grow_layer(Core& core, int layer, Index count, std::optional<Index> into,
                      const std::vector<Index>& new_groups, Index group_size, std::uint64_t seed) {
  return to_python(core.change([&](auto& model, const BeforeApply& follow) {
    const auto& network = model.network;
    require_hidden(network, layer, "grow");
    GrowSettings settings;
    settings.seed = seed;
    settings.group_size = group_size;
    if (!into && new_groups.empty()) {
      return apply(model, follow, grow(network, layer, count, settings));
    }
    const std::size_t groups = network.space(layer).groups.size();
    if (into && (*into < 0 || *into >= static_cast<Index>(groups))) {
      throw UsageError(fmt::format("into: group {} is out of range; layer {} has groups 0 to {}",
                                   *into, layer, groups - 1));
    }
    Growth growth{std::vector<Index>(groups, 0), new_groups};
    if (into) growth.into[static_cast<std::size_t>(*into)] = count;
    return apply(model, follow, grow(network, layer, growth, settings));
  }));
}

py::object keep_neurons(Core& core, int layer, const std::vector<Index>& kept) {
  return to_python(core.change([&](auto& model, const BeforeApply& follow) {
    require_hidden(model.network, layer, "keep");
    const bool folds = carries_fold(model.network, layer);
    Json record = apply(model, follow, keep(model.network, layer, kept));
    record["folds"] = folds;
    return record;
  }));
}

py::object drop_groups(Core& core, int layer, const std::vector<Index>& groups) {
  return to_python(core.change([&](auto& model, const BeforeApply& follow) {
    require_hidden(model.network, layer, "remove_groups");
    const bool folds = carries_fold(model.network, layer);
    Json record = apply(model, follow, remove_groups(model.network, layer, groups));
    record["folds"] = folds;
    return record;
  }));
}

Json plan_json(const SparsePlan& plan) {
  Json maps = Json::array();
  for (std::size_t l = 0; l < plan.forms.size(); ++l) {
    maps.push_back({{"map", l + 1},
                    {"form", structure_name(plan.forms[l])},
                    {"weights_before", plan.before.widths[l + 1] * plan.before.widths[l]},
                    {"weights", plan.kept_of(static_cast<int>(l))}});
  }
  return {{"maps", maps},          {"widths_before", plan.before.widths},
          {"widths", plan.widths}, {"weights_before", plan.weights},
          {"weights", plan.kept},  {"ceiling", plan.ceiling}};
}

py::object sparsify_model(Core& core, const std::string& method, const std::vector<int>& diagonal,
                          bool dry_run) {
  const SparseSettings settings{sparse_method_from_name(method), diagonal};
  if (dry_run) {
    return to_python(core.read([&](const auto& model) {
      return plan_json(plan_sparsity(sparse_shape(model.network), settings));
    }));
  }
  return to_python(core.change([&](auto& model, const BeforeApply& follow) {
    const SparsePlan plan = plan_sparsity(sparse_shape(model.network), settings);
    SparseObserver observer;
    observer.edit = follow;
    const Sparsified done = sparsify(model.network, plan, observer);
    Json json = plan_json(plan);
    json["records"] = Json::array();
    for (const EditRecord& record : done.records) {
      model.record(record);
      json["records"].push_back(record_json(record));
    }
    json["largest_zeroed"] = done.largest_zeroed;
    return json;
  }));
}

}  // namespace

void bind_edits(py::class_<Core>& core) {
  core.def("rotate", &rotate);
  core.def("grow", &grow_layer);
  core.def("keep", &keep_neurons);
  core.def("remove_groups", &drop_groups);
  core.def("sparsify", &sparsify_model);
}

}  // namespace isoform::python
