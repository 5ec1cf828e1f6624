// Making a whole model smaller, and what is known of it before and after.
#include <fmt/format.h>

#include <numeric>

#include "isoform/topology/reduction.h"
#include "isoform/train/evaluate.h"
#include "python/src/core.h"
#include "python/src/data.h"
#include "python/src/engines.h"

namespace isoform::python {

namespace {

template <class T>
Json maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json layer_json(const LayerReduction& layer) {
  const bool cut = layer.after < layer.before;
  return {{"layer", layer.space},
          {"before", layer.before},
          {"after", layer.after},
          {"groups_before", layer.groups_before},
          {"groups_after", layer.groups_after},
          {"score", layer.score},
          {"bound", layer.bound.holds() && cut ? Json(layer.bound.value) : Json()},
          {"why_no_bound", layer.bound.why_not},
          {"bound_on_samples", maybe(layer.on_samples)},
          {"predicted", maybe(layer.predicted)},
          {"note", layer.note}};
}

Json change_json(const Change& change) {
  return {{"mean", change.mean},
          {"largest", change.largest},
          {"rms", change.rms},
          {"largest_absolute", change.largest_absolute},
          {"output_rms", change.output_rms}};
}

struct Request {
  std::optional<double> tolerance;
  std::optional<Index> parameters;
  std::vector<Index> widths;
  ReductionSettings settings;
  int threads = 0;
};

template <class T>
Json shrink(Model<T>& model, const BeforeApply& follow, const Request& request, Matrix<T> x) {
  EngineLease<T> engine({"cpu", request.threads});
  const Network<T> original = model.network;
  const bool measured = x.cols() > 0;
  Reducer<T> reducer(original, *engine, std::move(x), request.settings);
  const Reduction<T> reduction = request.tolerance    ? reducer.to_tolerance(*request.tolerance)
                                 : request.parameters ? reducer.to_parameters(*request.parameters)
                                                      : reducer.to_widths(request.widths);
  Json records = Json::array(), layers = Json::array();
  for (const Edit& edit : reduction.edits) {
    follow(edit);
    model.network.apply(edit);
    model.record(edit.record);
    records.push_back(record_json(edit.record));
  }
  for (const LayerReduction& layer : reduction.layers) layers.push_back(layer_json(layer));
  return {{"layers", layers},
          {"records", records},
          {"change", measured ? change_json(reduction.change) : Json()},
          {"parameters_before", original.parameter_count()},
          {"parameters", model.network.parameter_count()},
          {"cheapest", reduction.cheapest}};
}

py::object shrink_model(Core& core, std::optional<double> tolerance,
                        std::optional<Index> parameters, const std::vector<Index>& widths,
                        const std::string& metric, bool refit, bool below_need, Index min_width,
                        const std::optional<Dataset>& data, const std::string& task, int threads) {
  const Request request{tolerance,
                        parameters,
                        widths,
                        {rule_from_name(metric), refit, below_need, min_width},
                        threads};
  if (!data && (needs_data(request.settings.rule) || refit || tolerance)) {
    throw UsageError(
        fmt::format("shrink: {} looks at data; give X, samples of the kind that the "
                    "model was trained on",
                    tolerance ? std::string("tolerance")
                    : refit   ? std::string("refit")
                              : fmt::format("metric '{}'", metric)));
  }
  return to_python(core.change([&](auto& model, const BeforeApply& follow) {
    using T = std::decay_t<decltype(model.mean[0])>;
    if (model.network.hidden().empty()) {
      throw UsageError("shrink: this model has no hidden layer");
    }
    Matrix<T> x(model.network.widths().front(), 0);
    if (data) x = samples_of<T>(model, *data, task);
    return shrink<T>(model, follow, request, std::move(x));
  }));
}

}  // namespace

void bind_shrink(py::class_<Core>& core) { core.def("shrink", &shrink_model); }

}  // namespace isoform::python
