// Models: files, what they are, their numbers as arrays.
#include <fmt/format.h>

#include "isoform/io/model_file.h"
#include "isoform/linalg/engine.h"
#include "isoform/model/tasks.h"
#include "isoform/network/cost.h"
#include "isoform/topology/diagonalise.h"
#include "python/src/core.h"

namespace isoform::python {

namespace {

bool is_double(const std::string& dtype) {
  if (dtype == "float32" || dtype == "float64") return dtype == "float64";
  throw UsageError(fmt::format("dtype: needs float32 or float64, got '{}'", dtype));
}

std::unique_ptr<Core> load(const std::string& path, const std::string& dtype) {
  const bool wide = is_double(dtype);
  const py::gil_scoped_release free;
  if (wide) return std::make_unique<Core>(load_model<double>(path));
  return std::make_unique<Core>(load_model<float>(path));
}

std::unique_ptr<Core> parse(const py::bytes& bytes, const std::string& dtype) {
  const bool wide = is_double(dtype);
  const auto text = static_cast<std::string_view>(bytes);
  const py::gil_scoped_release free;
  if (wide) return std::make_unique<Core>(parse_model<double>(text, "bytes"));
  return std::make_unique<Core>(parse_model<float>(text, "bytes"));
}

template <class T>
Model<T> chain(const ChainSettings& settings, std::vector<std::string> outputs,
               std::vector<std::string> features, Loss loss) {
  Model<T> model;
  model.network = Network<T>::chain(settings);
  const Index inputs = settings.widths.front(), answers = settings.widths.back();
  model.set_transform(Vector<double>::Zero(inputs), Vector<double>::Ones(inputs));
  if (!features.empty() && static_cast<Index>(features.size()) != inputs) {
    throw UsageError(
        fmt::format("features: {} inputs need as many names, got {}", inputs, features.size()));
  }
  if (!outputs.empty() && static_cast<Index>(outputs.size()) != answers) {
    throw UsageError(
        fmt::format("outputs: {} outputs need as many names, got {}", answers, outputs.size()));
  }
  for (Index i = static_cast<Index>(outputs.size()); i < answers; ++i) {
    outputs.push_back(std::to_string(i));
  }
  model.inputs = {{"input", std::move(features)}};
  model.tasks = {{"task", std::move(outputs), loss, true, {"input"}}};
  return model;
}

std::unique_ptr<Core> make_chain(const std::vector<Index>& widths,
                                 const std::vector<std::vector<Index>>& groups, Index group_size,
                                 const std::string& radial, const std::string& length,
                                 const std::string& psi, bool norms, const std::string& initialiser,
                                 std::uint64_t seed, const std::string& dtype,
                                 const std::string& loss, std::vector<std::string> outputs,
                                 std::vector<std::string> features) {
  const ChainSettings settings{.widths = widths,
                               .groups = groups,
                               .group_size = group_size,
                               .radial = radial_from_name(radial),
                               .length = length_mode_from_name(length),
                               .psi = psi_mode_from_name(psi),
                               .norms = norms,
                               .initialiser = initialiser_from_name(initialiser),
                               .seed = seed};
  settings.validate();
  const Loss answers = loss_from_name(loss);
  const bool wide = is_double(dtype);
  const py::gil_scoped_release free;
  if (wide) {
    return std::make_unique<Core>(
        chain<double>(settings, std::move(outputs), std::move(features), answers));
  }
  return std::make_unique<Core>(
      chain<float>(settings, std::move(outputs), std::move(features), answers));
}

Json schema_json(const Schema& schema) {
  return {{"target", target_kind_name(schema.target)},
          {"targets", schema.targets},
          {"mean", schema.mean},
          {"scale", schema.scale}};
}

template <class T>
Json describe(const Model<T>& model) {
  const Network<T>& network = model.network;
  Json spaces = Json::array(), maps = Json::array(), tasks = Json::array(), inputs = Json::array();
  const std::vector<int> in = network.inputs(), out = network.outputs(), hidden = network.hidden();
  const auto has = [](const std::vector<int>& list, int id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  for (const Space<T>& space : network.spaces()) {
    std::vector<double> o;
    for (Index g = 0; g < space.gates(); ++g) o.push_back(static_cast<double>(space.o(g)));
    spaces.push_back({{"id", space.id},
                      {"name", space.name},
                      {"dimension", space.dimension},
                      {"kind", has(in, space.id)    ? "input"
                               : has(out, space.id) ? "output"
                               : space.hidden()     ? "hidden"
                                                    : "linear"},
                      {"groups", space.groups},
                      {"radial", radial_name(space.radial)},
                      {"length", length_mode_name(space.length_mode)},
                      {"o", o}});
  }
  for (const Map<T>& map : network.maps()) {
    maps.push_back({{"id", map.id},
                    {"source", map.from},
                    {"target", map.to},
                    {"psi", psi_mode_name(map.psi_mode)},
                    {"norms", map.norms},
                    {"factors", map.factors}});
  }
  for (std::size_t i = 0; i < model.tasks.size(); ++i) {
    const Task& task = model.tasks[i];
    std::vector<std::string> read = task.inputs;
    for (const Input& input : model.inputs) {
      if (task.inputs.empty()) read.push_back(input.name);
    }
    tasks.push_back({{"name", task.name},
                     {"outputs", task.outputs},
                     {"loss", loss_name(task.loss)},
                     {"active", task.active},
                     {"inputs", read},
                     {"weight", task.weight}});
  }
  for (std::size_t k = 0; k < in.size(); ++k) {
    const bool named = k < model.inputs.size();
    inputs.push_back({{"name", named ? model.inputs[k].name : ""},
                      {"size", network.space(in[k]).dimension},
                      {"features", named ? model.inputs[k].features : std::vector<std::string>()}});
  }
  Json groups = Json::array();
  for (const int id : hidden) groups.push_back(network.space(id).groups);
  return {{"widths", network.widths()},
          {"groups", groups},
          {"hidden", hidden},
          {"parameters", network.parameter_count()},
          {"stored", cost_of(network).parameters},
          {"multiply_adds", cost_of(network).multiply_adds},
          {"spaces", spaces},
          {"maps", maps},
          {"tasks", tasks},
          {"inputs", inputs},
          {"image", {model.image_rows, model.image_cols}},
          {"schema", model.schema ? schema_json(*model.schema) : Json()}};
}

// A window on numbers of a model, which lives as long as the array.
template <class T>
py::array window(const std::shared_ptr<Model<T>>& model, T* data, std::vector<py::ssize_t> shape,
                 std::vector<py::ssize_t> strides, bool writable) {
  const py::capsule owner(new std::shared_ptr<Model<T>>(model),
                          [](void* kept) { delete static_cast<std::shared_ptr<Model<T>>*>(kept); });
  py::array array(py::dtype::of<T>(), std::move(shape), std::move(strides), data, owner);
  if (!writable) array.attr("setflags")(py::arg("write") = false);
  return array;
}

template <class T>
py::array window(const std::shared_ptr<Model<T>>& model, const std::string& what, int id) {
  constexpr auto size = static_cast<py::ssize_t>(sizeof(T));
  if (what == "mean" || what == "scale") {
    Vector<T>& v = what == "mean" ? model->mean : model->scale;
    return window<T>(model, v.data(), {v.size()}, {size}, true);
  }
  Network<T>& network = model->network;
  if (what == "length") {
    if (!network.has_space(id)) throw UsageError(fmt::format("space: there is none of id {}", id));
    Vector<T>& v = network.space(id).length;
    return window<T>(model, v.data(), {v.size()}, {size}, true);
  }
  if (!network.has_map(id)) throw UsageError(fmt::format("map: there is none of id {}", id));
  Map<T>& map = network.map(id);
  const py::ssize_t rows = map.a.rows(), step = rows * size;
  if (what == "bias") {
    return window<T>(model, map.a.data() + map.inputs * rows, {rows}, {size},
                     network.carries_bias(id));
  }
  if (what == "psi" || what == "chi") {
    const Index columns = what == "psi" ? map.psi().cols() : map.chi().cols();
    const Index first = what == "psi" ? map.inputs + 1 : map.a.cols() - columns;
    return window<T>(model, map.a.data() + first * rows, {rows, columns}, {size, step}, true);
  }
  return window<T>(model, map.a.data(), {rows, map.inputs}, {size, step}, true);
}

void set_o(Core& core, int id, const std::vector<double>& o) {
  core.change([&](auto& model, const BeforeApply&) {
    auto& network = model.network;
    if (!network.has_space(id) || !network.space(id).hidden()) {
      throw UsageError(fmt::format("o: space {} has no gates", id));
    }
    auto& space = network.space(id);
    if (static_cast<Index>(o.size()) != space.gates()) {
      throw UsageError(fmt::format("o: space {} has {} groups, which need as many numbers, got {}",
                                   id, space.gates(), o.size()));
    }
    for (Index g = 0; g < space.gates(); ++g) {
      const double value = o[static_cast<std::size_t>(g)];
      if (!(value >= 0) || !std::isfinite(value)) {
        throw UsageError(fmt::format("o: is a squared length, 0 or more, got {}", value));
      }
      space.set_o(g, value);
    }
    return Json();
  });
}

}  // namespace

void bind_model(py::module_& module, py::class_<Core>& core) {
  module.def("load", &load);
  module.def("parse", &parse);
  module.def("chain", &make_chain);
  module.def("linear_algebra", &linear_algebra_library);
  core.def("copy", [](const Core& self) {
    return self.read([](const auto& model) { return std::make_unique<Core>(model); });
  });
  core.def("astype", [](const Core& self, const std::string& dtype) {
    const bool wide = is_double(dtype);
    return self.read([&](const auto& model) {
      if (wide) return std::make_unique<Core>(converted<double>(model));
      return std::make_unique<Core>(converted<float>(model));
    });
  });
  core.def("save", [](const Core& self, const std::string& path) {
    self.read([&](const auto& model) { save_model(model, path); });
  });
  core.def("serialise", [](const Core& self) {
    return py::bytes(self.read([](const auto& model) { return serialise_model(model); }));
  });
  core.def("is_double", &Core::is_double);
  core.def("describe", [](const Core& self) {
    return to_python(self.read([](const auto& model) { return describe(model); }));
  });
  core.def("history", [](const Core& self) {
    return to_python(self.read([](const auto& model) {
      Json all = Json::array();
      for (const EditRecord& record : model.history) all.push_back(record_json(record));
      return all;
    }));
  });
  core.def("window", [](const Core& self, const std::string& what, int id) {
    return std::visit([&](const auto& model) { return window(model, what, id); }, self.model());
  });
  core.def("set_o", &set_o);
  core.def("spectrum", [](const Core& self, int layer) {
    return self.read([&](const auto& model) {
      require_hidden(model.network, layer, "spectrum");
      const Vector<double> values = spectrum(model.network, layer);
      return std::vector<double>(values.begin(), values.end());
    });
  });
}

}  // namespace isoform::python
