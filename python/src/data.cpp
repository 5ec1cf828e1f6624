#include "python/src/data.h"

#include <fmt/format.h>

#include <cstring>
#include <numeric>

#include "isoform/data/split.h"
#include "isoform/run/tables.h"
#include "isoform/train/evaluate.h"
#include "python/src/core.h"

namespace isoform::python {

template <class T>
Matrix<T> samples_of(const Model<T>& model, const Dataset& data, const std::string& task) {
  const std::size_t index = task_for(model, data, task);
  require_fitting(model, data, false, index);
  std::vector<std::uint32_t> all(static_cast<std::size_t>(data.samples()));
  std::iota(all.begin(), all.end(), 0U);
  return stacked_samples<T>(model, index, data, all);
}

template Matrix<float> samples_of(const Model<float>&, const Dataset&, const std::string&);
template Matrix<double> samples_of(const Model<double>&, const Dataset&, const std::string&);

namespace {

template <class T>
std::vector<T> copied(const py::array& array) {
  const auto flat = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(array);
  if (!flat) {
    PyErr_Clear();
    throw UsageError(
        fmt::format("data: need numbers, got an array of {}", std::string(py::str(array.dtype()))));
  }
  std::vector<T> values(static_cast<std::size_t>(flat.size()));
  if (!values.empty()) std::memcpy(values.data(), flat.data(), values.size() * sizeof(T));
  return values;
}

// x [samples, features] of uint8, which stays, or of what becomes float32; labels [samples] or targets [samples, outputs].
Dataset make_dataset(const std::string& name, const py::array& x, const py::object& labels,
                     const py::object& targets, const py::object& weights,
                     std::vector<std::string> classes, std::vector<std::string> features,
                     const std::vector<Index>& image) {
  if (x.ndim() != 2) {
    throw UsageError(fmt::format("X: needs the shape [samples, features], got {}", shape_text(x)));
  }
  Dataset::Contents contents{.name = name, .features = x.shape(1)};
  if (py::isinstance<py::array_t<std::uint8_t>>(x)) {
    contents.values = copied<std::uint8_t>(x);
  } else {
    contents.values = copied<float>(x);
  }
  contents.labels = labels.is_none()
                        ? std::vector<std::uint32_t>(static_cast<std::size_t>(x.shape(0)), 0U)
                        : copied<std::uint32_t>(labels);
  if (!targets.is_none()) contents.targets = copied<float>(targets);
  if (!weights.is_none()) contents.weights = copied<float>(weights);
  contents.classes = std::move(classes);
  contents.feature_names = std::move(features);
  if (!image.empty()) contents.image = ImageShape{image.at(0), image.at(1), image.at(2)};
  const py::gil_scoped_release free;
  return Dataset(std::move(contents));
}

std::pair<Dataset, Dataset> split_in_two(const Dataset& data, double share, std::uint64_t seed,
                                         bool stratified) {
  const TrainValidation parts =
      stratified ? stratified_split(data, share, seed) : split(data, share, seed);
  return {parts.train, parts.validation};
}

}  // namespace

void bind_data(py::module_& module) {
  py::class_<Dataset>(module, "Dataset")
      .def(py::init(&make_dataset))
      .def("split", &split_in_two)
      .def("samples", &Dataset::samples)
      .def("features", &Dataset::features)
      .def("weighted", [](const Dataset& data, const std::string& class_weights) {
        return weighted(data, class_weights_from_name(class_weights));
      });
}

}  // namespace isoform::python
