// The state of somebody else's optimiser, while a model changes its shape: put in before the edits, taken out after them.
#include <fmt/format.h>

#include <optional>

#include "python/src/core.h"

namespace isoform::python {

namespace {

Role role_from_name(const std::string& name) {
  if (name == "weight") return Role::weight;
  if (name == "bias") return Role::bias;
  if (name == "psi") return Role::psi;
  if (name == "chi") return Role::chi;
  if (name == "length") return Role::length;
  throw UsageError(
      fmt::format("role: '{}' is unknown; known are weight, bias, psi, chi, length", name));
}

// [rows × columns], or a vector as one column.
template <class T>
Matrix<T> matrix_of(const py::object& object) {
  if (object.is_none()) return {};
  const auto array = py::array_t<T, py::array::f_style | py::array::forcecast>::ensure(object);
  if (!array || array.ndim() < 1 || array.ndim() > 2) {
    throw UsageError("state: needs an array of one or two dimensions");
  }
  const Index rows = array.shape(0), cols = array.ndim() == 2 ? array.shape(1) : 1;
  return Eigen::Map<const Matrix<T>>(array.data(), rows, cols);
}

template <class T>
py::object array_of(const Matrix<T>& m) {
  py::array_t<T, py::array::f_style> array({m.rows(), m.cols()});
  std::copy(m.data(), m.data() + m.size(), array.mutable_data());
  return array;
}

class Follower {
 public:
  Follower(Core& core, const std::string& method, const std::string& second_moment) {
    const OptimiserSettings settings{.method = method_from_name(method),
                                     .second_moment = second_moment_from_name(second_moment)};
    if (core.is_double()) {
      following_ = make<double>(core, settings);
    } else {
      following_ = make<float>(core, settings);
    }
  }

  void set(const std::string& role, int owner, const py::object& first, const py::object& second,
           std::int64_t steps) {
    std::visit(
        [&](const auto& following) {
          auto memory = following->optimiser.memory();
          auto& state = memory.parameters[{role_from_name(role), owner}];
          using T = typename std::decay_t<decltype(state.first)>::Scalar;
          state.first = matrix_of<T>(first);
          state.second = matrix_of<T>(second);
          state.steps = steps;
          following->optimiser.recall(std::move(memory));
        },
        following_);
  }

  /// (first, second, steps), second None where there is none; None without a state.
  [[nodiscard]] py::object get(const std::string& role, int owner) const {
    return std::visit(
        [&](const auto& following) -> py::object {
          const auto* state = following->optimiser.state({role_from_name(role), owner});
          if (state == nullptr) return py::none();
          const py::object second =
              state->second.size() > 0 ? array_of(state->second) : py::object(py::none());
          return py::make_tuple(array_of(state->first), second, state->steps);
        },
        following_);
  }

 private:
  template <class T>
  static std::shared_ptr<Following<T>> make(Core& core, const OptimiserSettings& settings) {
    auto following = std::make_shared<Following<T>>(Following<T>{Optimiser<T>(settings)});
    core.follow(following);
    return following;
  }

  Both<Following> following_;
};

}  // namespace

void bind_follower(py::module_& module) {
  py::class_<Follower>(module, "Follower")
      .def(py::init<Core&, const std::string&, const std::string&>(), py::keep_alive<1, 2>())
      .def("set", &Follower::set)
      .def("get", &Follower::get);
}

}  // namespace isoform::python
