// Between the library's values and Python's, and between the two precisions.
#include <fmt/format.h>

#include "isoform/train/run_events.h"
#include "python/src/core.h"

namespace isoform::python {

py::object to_python(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return py::bool_(json.get<bool>());
    case Json::value_t::number_integer:
      return py::int_(json.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      return py::int_(json.get<std::uint64_t>());
    case Json::value_t::number_float:
      return py::float_(json.get<double>());
    case Json::value_t::string:
      return py::str(json.get<std::string>());
    case Json::value_t::array: {
      py::list list;
      for (const Json& item : json) list.append(to_python(item));
      return list;
    }
    case Json::value_t::object: {
      py::dict dict;
      for (const auto& [key, value] : json.items()) dict[py::str(key)] = to_python(value);
      return dict;
    }
    default:
      return py::none();
  }
}

Json record_json(const EditRecord& record) {
  Json json = edit_json(record);
  json["step"] = record.step;
  return json;
}

std::string shape_text(const py::array& array) {
  std::string text = "[";
  for (py::ssize_t i = 0; i < array.ndim(); ++i) {
    text += fmt::format("{}{}", i > 0 ? ", " : "", array.shape(i));
  }
  return text + "]";
}

template <class T>
Rows<T> rows_of(const py::object& object, Index columns, const std::string& what) {
  const py::array any = py::array::ensure(object);
  if (!any) {
    PyErr_Clear();
    throw UsageError(fmt::format("{}: needs an array of numbers, got {}", what,
                                 std::string(py::str(py::type::of(object).attr("__name__")))));
  }
  if (any.ndim() != 2 || any.shape(1) != columns) {
    throw UsageError(fmt::format(
        "{}: needs the shape [samples, {}], got {}{}", what, columns, shape_text(any),
        any.ndim() == 1 && any.shape(0) == columns ? "; a single sample is X[None, :]" : ""));
  }
  if (any.dtype().kind() == 'c') {
    throw UsageError(fmt::format("{}: needs real numbers, got complex ones", what));
  }
  Rows<T> rows = Rows<T>::ensure(any);
  if (!rows) {
    PyErr_Clear();
    throw UsageError(fmt::format("{}: needs numbers, got an array of {}", what,
                                 std::string(py::str(any.dtype()))));
  }
  return rows;
}

template <class To, class From>
Model<To> converted(const Model<From>& model) {
  std::vector<Space<To>> spaces;
  for (const Space<From>& s : model.network.spaces()) {
    spaces.push_back({s.id, s.name, s.dimension, s.groups, s.radial, s.length_mode,
                      s.length.template cast<To>(), s.frozen});
    // o counts, as files have it, and not the β that it is the square of.
    for (Index g = 0; g < s.gates(); ++g) spaces.back().set_o(g, static_cast<double>(s.o(g)));
  }
  std::vector<Map<To>> maps;
  for (const Map<From>& m : model.network.maps()) {
    maps.push_back(
        {m.id, m.from, m.to, m.psi_mode, m.a.template cast<To>(), m.inputs, m.factors, m.norms});
  }
  const Network<From>& network = model.network;
  return {Network<To>(std::move(spaces), std::move(maps), network.space_ids(), network.map_ids()),
          model.mean.template cast<To>(),
          model.scale.template cast<To>(),
          model.tasks,
          model.inputs,
          model.image_rows,
          model.image_cols,
          model.history,
          model.schema};
}

template Rows<float> rows_of<float>(const py::object&, Index, const std::string&);
template Rows<double> rows_of<double>(const py::object&, Index, const std::string&);
template Model<float> converted(const Model<double>&);
template Model<double> converted(const Model<float>&);
template Model<float> converted(const Model<float>&);
template Model<double> converted(const Model<double>&);

}  // namespace isoform::python
