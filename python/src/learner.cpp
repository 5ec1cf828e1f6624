// Steps by hand: logits out, any gradient in. For losses and sources of batches of one's own; the optimiser follows the model's edits.
#include <fmt/format.h>

#include <cmath>

#include "isoform/network/pass.h"
#include "python/src/core.h"
#include "python/src/engines.h"

namespace isoform::python {

namespace {

template <class T>
struct Learner {
  explicit Learner(const OptimiserSettings& settings)
      : follow(std::make_shared<Following<T>>(Following<T>{Optimiser<T>(settings)})) {}
  std::shared_ptr<Following<T>> follow;
  Pass<T> pass;
  std::shared_ptr<Model<T>> ready;  // whose forward pass the buffers hold; null: nobody's
  int head = 0;
};

class PyLearner {
 public:
  PyLearner(py::object core, const OptimiserSettings& settings, int threads)
      : core_(std::move(core)), settings_(settings), threads_(threads) {
    settings.validate();
    if (held().is_double()) {
      auto learner = std::make_shared<Learner<double>>(settings);
      held().follow(learner->follow);
      learner_ = learner;
    } else {
      auto learner = std::make_shared<Learner<float>>(settings);
      held().follow(learner->follow);
      learner_ = learner;
    }
  }

  py::array forward(const py::object& x, const std::string& task, double dropout,
                    double input_dropout, std::uint64_t seed) {
    const Core::Turn turn(held());
    return with_model([&](auto& learner, const auto& model) -> py::array {
      using T = std::decay_t<decltype(model->mean[0])>;
      return forward_of<T>(learner, model, x, task, {input_dropout, dropout, seed, steps()});
    });
  }

  void step(const py::object& gradient, std::optional<double> rate) {
    const Core::Turn turn(held());
    with_model([&](auto& learner, const auto& model) -> py::array {
      using T = std::decay_t<decltype(model->mean[0])>;
      step_of<T>(learner, model, gradient, rate.value_or(settings_.rate()));
      return {};
    });
  }

  [[nodiscard]] std::uint64_t steps() const {
    return std::visit(
        [](const auto& learner) {
          return static_cast<std::uint64_t>(learner->follow->optimiser.steps());
        },
        learner_);
  }

 private:
  Core& held() { return core_.cast<Core&>(); }

  template <class F>
  py::array with_model(const F& f) {
    if (held().is_double()) return f(*std::get<1>(learner_), std::get<1>(held().model()));
    return f(*std::get<0>(learner_), std::get<0>(held().model()));
  }

  template <class T>
  py::array forward_of(Learner<T>& learner, const std::shared_ptr<Model<T>>& model,
                       const py::object& x, const std::string& task, const Dropout& dropout) {
    const std::size_t index =
        task.empty() && model->tasks.size() == 1 ? 0 : model->task_index(task);
    const Route route = model->route(index);
    Index features = 0;
    for (const int id : route.inputs) features += model->network.space(id).dimension;
    const Rows<T> rows = rows_of<T>(x, features, "forward: X");
    const Index samples = rows.shape(0);
    learner.head = route.outputs.front();
    const Index outputs = model->network.space(learner.head).dimension;
    py::array_t<T> y({samples, outputs});
    const Eigen::Map<const Matrix<T>> in(rows.data(), features, samples);
    Eigen::Map<Matrix<T>> out(y.mutable_data(), outputs, samples);
    const py::gil_scoped_release free;
    EngineLease<T> engine({"cpu", threads_});
    learner.pass.prepare(model->network, samples, route);
    Index row = 0;
    for (const int id : route.inputs) {
      View<T> to = learner.pass.input(id);
      to = in.middleRows(row, to.rows());
      row += to.rows();
      model->standardise(to, id);
    }
    learner.pass.drop(dropout);
    isoform::forward(model->network, *engine, learner.pass);
    out = learner.pass.z(learner.head);
    learner.ready = model;
    return y;
  }

  template <class T>
  void step_of(Learner<T>& learner, const std::shared_ptr<Model<T>>& model,
               const py::object& gradient, double rate) {
    if (learner.ready != model) {
      throw UsageError(
          "step: needs a forward pass of the model as it is now; call forward(X) first, once for "
          "each step and after each edit");
    }
    const Rows<T> rows = rows_of<T>(gradient, model->network.space(learner.head).dimension,
                                    "step: the gradient by the logits");
    if (rows.shape(0) != learner.pass.samples()) {
      throw UsageError(
          fmt::format("step: the gradient by the logits needs {} samples, as forward had, got {}",
                      learner.pass.samples(), rows.shape(0)));
    }
    const Eigen::Map<const Matrix<T>> in(rows.data(), rows.shape(1), rows.shape(0));
    if (!in.allFinite()) {
      throw UsageError(
          "step: the gradient by the logits has numbers that are not finite; the model is as it "
          "was");
    }
    if (!(rate > 0) || !std::isfinite(rate)) {
      throw UsageError(fmt::format("learning_rate: needs a number above 0, got {}", rate));
    }
    const py::gil_scoped_release free;
    EngineLease<T> engine({"cpu", threads_});
    learner.pass.delta(learner.head) = in;
    learner.ready.reset();
    backward_and_step(model->network, *engine, learner.pass, Gradients::replace,
                      learner.follow->optimiser, rate);
  }

  py::object core_;
  OptimiserSettings settings_;
  int threads_;
  Both<Learner> learner_;
};

}  // namespace

void bind_learner(py::module_& module) {
  module.def("default_rate",
             [](const std::string& method) { return default_rate(method_from_name(method)); });
  py::class_<PyLearner>(module, "Learner")
      .def(py::init([](py::object core, const std::string& method, std::optional<double> rate,
                       double weight_decay, double momentum, double beta1, double beta2,
                       double epsilon, const std::string& second_moment, int threads) {
        const OptimiserSettings settings{.method = method_from_name(method),
                                         .learning_rate = rate,
                                         .momentum = momentum,
                                         .beta1 = beta1,
                                         .beta2 = beta2,
                                         .epsilon = epsilon,
                                         .weight_decay = weight_decay,
                                         .second_moment = second_moment_from_name(second_moment)};
        return std::make_unique<PyLearner>(std::move(core), settings, threads);
      }))
      .def("forward", &PyLearner::forward)
      .def("step", &PyLearner::step)
      .def("steps", &PyLearner::steps);
}

}  // namespace isoform::python
