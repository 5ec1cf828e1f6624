// The one list of settings as Python keywords, and models that begin by it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/text.h"
#include "isoform/run/changes.h"
#include "isoform/run/tables.h"
#include "isoform/run/unused.h"
#include "python/src/core.h"

namespace isoform::python {

namespace {

std::string keyword(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// What train is told; `caller` begins what is said of unknown names, as Python would.
void set(RunSettings& settings, const std::string& caller, const std::string& name,
         const std::string& text, const std::vector<std::string>& others) {
  std::vector<std::string> known = others;
  for (const Setting& setting : list_settings(settings)) {
    known.push_back(keyword(setting.name));
    if (known.back() == name) return setting.set(text);
  }
  throw py::type_error(fmt::format("{}() got an unexpected keyword argument '{}'{}", caller, name,
                                   did_you_mean(name, known)));
}

py::object list() {
  RunSettings settings;
  Json all = Json::array();
  for (const Setting& setting : list_settings(settings)) {
    all.push_back({{"name", keyword(setting.name)},
                   {"section", setting.section},
                   {"default", setting.get()},
                   {"choices", setting.choices ? setting.choices() : std::vector<std::string>()},
                   {"help", setting.help}});
  }
  return to_python(all);
}

// Mean and deviation as those of a table's columns are found (Welford 1962), so that models are the same to the last bit.
std::pair<double, double> statistics(const double* first, Index samples, Index step) {
  double mean = 0, squares = 0;
  for (Index i = 0; i < samples; ++i) {
    const double from_mean = first[i * step] - mean;
    mean += from_mean / static_cast<double>(i + 1);
    squares += from_mean * (first[i * step] - mean);
  }
  return {mean, std::sqrt(squares / static_cast<double>(std::max<Index>(samples, 1)))};
}

// Columns of numbers. Targets [samples, outputs] of numbers are standardised; a constant one has the scale 1.
Schema make_schema(const Rows<double>& x, const std::vector<std::string>& features,
                   const std::string& target, const std::vector<std::string>& targets,
                   const std::optional<Rows<double>>& y) {
  Schema schema;
  for (std::size_t f = 0; f < features.size(); ++f) {
    Column column{features[f]};
    column.fill = statistics(x.data() + f, x.shape(0), x.shape(1)).first;
    schema.columns.push_back(column);
  }
  schema.target = target_kind_from_name(target);
  schema.targets = targets;
  for (std::size_t k = 0; schema.target == TargetKind::numbers && k < targets.size(); ++k) {
    const auto [mean, deviation] = statistics(y->data() + k, y->shape(0), y->shape(1));
    schema.mean.push_back(mean);
    schema.scale.push_back(deviation > 0 ? deviation : 1);
  }
  return schema;
}

template <class T>
std::unique_ptr<Core> create(const RunSettings& settings, const Dataset& training,
                             const std::optional<Schema>& schema) {
  const py::gil_scoped_release free;
  if (schema) return std::make_unique<Core>(create_table_model<T>(settings, *schema, training));
  return std::make_unique<Core>(create_model<T>(settings, training));
}

}  // namespace

void bind_settings(py::module_& module) {
  module.def("settings", &list);
  py::class_<Schema>(module, "Schema")
      .def(py::init(&make_schema))
      .def("mean", [](const Schema& schema) { return schema.mean; })
      .def("scale", [](const Schema& schema) { return schema.scale; });
  py::class_<RunSettings>(module, "Settings")
      .def(py::init([](const std::string& name) {
        RunSettings settings;
        settings.data = name;
        return settings;
      }))
      .def("set", &set)
      .def("set_changes",
           [](RunSettings& settings, const std::vector<std::string>& changes) {
             settings.training.changes.clear();
             for (const std::string& text : changes) {
               settings.training.changes.push_back(parse_change(text));
             }
           })
      .def("unused", &unused_settings)
      .def("finish", [](RunSettings& settings) { settings.finish(); })
      .def("finish_table", [](const RunSettings& settings, const Schema& schema,
                              Index samples) { return table_settings(settings, schema, samples); })
      .def("finish_samples", [](RunSettings& settings, Index samples) { settings.finish(samples); })
      .def("get", [](RunSettings& settings) {
        Json all = Json::object();
        for (const Setting& setting : list_settings(settings)) {
          all[keyword(setting.name)] = setting.get();
        }
        return to_python(all);
      });
  module.def("create", [](const RunSettings& settings, const Dataset& training,
                          const std::optional<Schema>& schema, const std::string& dtype) {
    if (dtype != "float32" && dtype != "float64") {
      throw UsageError(fmt::format("dtype: needs float32 or float64, got '{}'", dtype));
    }
    return dtype == "float64" ? create<double>(settings, training, schema)
                              : create<float>(settings, training, schema);
  });
}

}  // namespace isoform::python
