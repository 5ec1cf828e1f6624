// Changes of one hidden layer, and exact sparsification.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/shrink.h"
#include "isoform/topology/sparsify.h"
#include "isoform/topology/undo.h"
#include "isoform/topology/verify.h"
#include "python/src/core.h"

namespace isoform::python {

namespace {

// What a change is: edits, one after the other, each of the network that the one before leaves.
struct Made {
  std::vector<Edit> edits;
  std::optional<bool> folds = {};  // of removals: what was constant is folded exactly
  // Groups of each edit's space before it, where it is kept as a value: those of another network may have other ones.
  std::vector<std::vector<Index>> groups = {};
};

Json records_of(const Made& made) {
  Json records = Json::array();
  for (const Edit& edit : made.edits) {
    records.push_back(record_json(edit.record));
    if (made.folds) records.back()["folds"] = *made.folds;
  }
  return records;
}

// Makers: from the numbers of a call to a function of a network.
auto rotation(int layer, std::string kind, std::uint64_t seed) {
  return [=](const auto& network) -> Made {
    require_hidden(network, layer, "rotate");
    if (kind == "left") return {{rotate_left(network, layer)}};
    if (kind == "right") return {{rotate_right(network, layer)}};
    if (kind == "random") return {{rotate_random(network, layer, seed)}};
    if (kind == "full") {
      auto [read, write] = rotate_full(network, network.incoming(layer).front());
      return {{std::move(read), std::move(write)}};
    }
    throw UsageError(
        fmt::format("rotate: '{}' is unknown; known are left, right, full, random", kind));
  };
}

auto growth(int layer, Index count, std::optional<Index> into, std::vector<Index> new_groups,
            Index group_size, std::uint64_t seed) {
  return [=](const auto& network) -> Made {
    require_hidden(network, layer, "grow");
    GrowSettings settings;
    settings.seed = seed;
    settings.group_size = group_size;
    if (!into && new_groups.empty()) return {{grow(network, layer, count, settings)}};
    const std::size_t groups = network.space(layer).groups.size();
    if (into && (*into < 0 || *into >= static_cast<Index>(groups))) {
      throw UsageError(fmt::format("into: group {} is out of range; layer {} has groups 0 to {}",
                                   *into, layer, groups - 1));
    }
    Growth growth{std::vector<Index>(groups, 0), new_groups};
    if (into) growth.into[static_cast<std::size_t>(*into)] = count;
    return {{grow(network, layer, growth, settings)}};
  };
}

auto selection(int layer, std::vector<Index> kept) {
  return [=](const auto& network) -> Made {
    require_hidden(network, layer, "keep");
    return {{keep(network, layer, kept)}, carries_fold(network, layer)};
  };
}

auto removal(int layer, std::vector<Index> groups) {
  return [=](const auto& network) -> Made {
    require_hidden(network, layer, "remove_groups");
    return {{remove_groups(network, layer, groups)}, carries_fold(network, layer)};
  };
}

// What does not fit ends in an InternalError, or unseen; who hands us an edit has only mistaken the model.
void require_fitting(const auto& network, const Made& made, std::size_t i, const char* what) {
  const Edit& edit = made.edits[i];
  std::string misfit;
  if (!network.has_space(edit.space)) {
    misfit = fmt::format("there is no layer {}", edit.space);
  } else if (i < made.groups.size() && network.space(edit.space).groups != made.groups[i]) {
    misfit = fmt::format("layer {} has the groups {}, the edit is of {}", edit.space,
                         network.space(edit.space).groups, made.groups[i]);
  } else {
    misfit = check_shapes(network, edit);
  }
  if (misfit.empty()) return;
  throw UsageError(fmt::format(
      "{}: {}; an edit is of the model that it was computed from, as that was then", what, misfit));
}

Json apply_all(auto& model, const BeforeApply& follow, const Made& made) {
  for (std::size_t i = 0; i < made.edits.size(); ++i) {
    const Edit& edit = made.edits[i];
    require_fitting(model.network, made, i, "apply");
    follow(edit);
    model.network.apply(edit);
    model.record(edit.record);
  }
  return records_of(made);
}

// Computed and applied in one change.
template <class Make>
py::object now(Core& core, const Make& make) {
  return to_python(core.change([&](auto& model, const BeforeApply& follow) {
    return apply_all(model, follow, make(model.network));
  }));
}

// Computed alone.
template <class Make>
Made plan(const Core& core, const Make& make) {
  return core.read([&](const auto& model) {
    Made made = make(model.network);
    for (const Edit& edit : made.edits) {  // of different spaces, so that each is as it was
      made.groups.push_back(model.network.space(edit.space).groups);
    }
    return made;
  });
}

Made undone(const Core& before, const Made& made) {
  return before.read([&](const auto& model) {
    auto network = model.network;
    Made back;
    for (std::size_t i = 0; i < made.edits.size(); ++i) {
      const Edit& edit = made.edits[i];
      require_fitting(network, made, i, "undo");
      back.edits.insert(back.edits.begin(), undo(network, edit));
      network.apply(edit);
      back.groups.insert(back.groups.begin(), network.space(edit.space).groups);
    }
    return back;
  });
}

// One kind of change by its name, and the same as a value by "plan_" and its name.
template <class... Words>
void bind_kind(py::class_<Core>& core, const std::string& name, auto(*make)(Words...)) {
  core.def(name.c_str(),
           [make](Core& self, Words... words) { return now(self, make(std::move(words)...)); });
  core.def(("plan_" + name).c_str(), [make](const Core& self, Words... words) {
    return plan(self, make(std::move(words)...));
  });
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

void bind_edits(py::module_& module, py::class_<Core>& core) {
  py::class_<Made>(module, "Edit")
      .def("records", [](const Made& self) { return to_python(records_of(self)); })
      .def("undo", [](const Made& self, const Core& before) { return undone(before, self); });
  bind_kind(core, "rotate", &rotation);
  bind_kind(core, "grow", &growth);
  bind_kind(core, "keep", &selection);
  bind_kind(core, "remove_groups", &removal);
  core.def("apply", [](Core& self, const Made& made) {
    return now(self, [&](const auto&) -> const Made& { return made; });
  });
  core.def("sparsify", &sparsify_model);
}

}  // namespace isoform::python
