// What a model answers. NumPy's rows are the library's columns: samples are read where they lie, and answers written where they stay.
#include <fmt/format.h>

#include "isoform/compile/predictor.h"
#include "isoform/run/table_scores.h"
#include "python/src/core.h"
#include "python/src/engines.h"

namespace isoform::python {

namespace {

constexpr Index kBatch = 512;  // as the library's own logits(), so that bits are the same

template <class T>
std::size_t task_of(const Model<T>& model, const std::string& name) {
  if (!name.empty()) return model.task_index(name);
  if (model.tasks.size() <= 1) return 0;
  std::string names;
  for (const Task& task : model.tasks) names += (names.empty() ? "" : ", ") + task.name;
  throw UsageError(fmt::format("task: the model has {}; say which one", names));
}

template <class T>
struct Plan {
  Route route;
  std::vector<int> inputs;
  Index features = 0, outputs = 0;
};

template <class T>
Plan<T> plan_of(const Model<T>& model, std::size_t task) {
  Plan<T> plan;
  plan.route = model.route(task);
  plan.inputs = plan.route.inputs.empty() ? model.network.inputs() : plan.route.inputs;
  for (const int id : plan.inputs) plan.features += model.network.space(id).dimension;
  plan.outputs = plan.route.outputs.empty()
                     ? model.network.widths().back()
                     : model.network.space(plan.route.outputs.front()).dimension;
  return plan;
}

template <class T>
void run(const Model<T>& model, const Plan<T>& plan, Eigen::Map<const Matrix<T>> x,
         Eigen::Map<Matrix<T>> y, int threads) {
  EngineLease<T> engine({"cpu", threads});
  Predictor<T> predictor(model.network, plan.route);
  for (Index first = 0; first < x.cols(); first += kBatch) {
    const Index count = std::min(kBatch, x.cols() - first);
    predictor.prepare(count);
    Index row = 0;
    for (std::size_t k = 0; k < plan.inputs.size(); ++k) {
      View<T> to = predictor.input(k);
      to = x.middleRows(row, to.rows()).middleCols(first, count);
      row += to.rows();
      model.standardise(to, plan.inputs[k]);
    }
    predictor.run(*engine);
    y.middleCols(first, count) = predictor.output();
  }
}

template <class T>
py::array_t<T> logits(const std::shared_ptr<Model<T>>& model, const py::object& x, std::size_t task,
                      int threads) {
  const Plan<T> plan = plan_of(*model, task);
  const Rows<T> rows = rows_of<T>(x, plan.features, "predict: X");
  py::array_t<T> y({rows.shape(0), static_cast<py::ssize_t>(plan.outputs)});
  const Eigen::Map<const Matrix<T>> in(rows.data(), plan.features, rows.shape(0));
  const Eigen::Map<Matrix<T>> out(y.mutable_data(), plan.outputs, rows.shape(0));
  const py::gil_scoped_release free;
  run<T>(*model, plan, in, out, threads);
  return y;
}

py::array predict(const Core& core, const py::object& x, const std::string& task, int threads) {
  return std::visit(
      [&](const auto& held) -> py::array {
        const auto model = held;
        return logits(model, x, task_of(*model, task), threads);
      },
      core.model());
}

// In double, so that what a sample gets does not depend on those beside it beyond 1e-15.
py::array answers(const Core& core, const py::object& x, const std::string& name, int threads) {
  std::shared_ptr<Model<double>> model;
  if (core.is_double()) {
    model = std::get<1>(core.model());
  } else {
    model = core.read(
        [](const auto& m) { return std::make_shared<Model<double>>(converted<double>(m)); });
  }
  const std::size_t task = task_of(*model, name);
  py::array_t<double> y = logits(model, x, task, threads);
  Eigen::Map<Matrix<double>> columns(y.mutable_data(), y.shape(1), y.shape(0));
  const py::gil_scoped_release free;
  columns = answers_of_logits(*model, Matrix<double>(columns), task);
  return y;
}

}  // namespace

void bind_predict(py::module_& module, py::class_<Core>& core) {
  core.def("predict", &predict);
  core.def("answers", &answers);
  module.def("forget_engines", &forget_engines);
}

}  // namespace isoform::python
