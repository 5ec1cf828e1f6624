// A model as Python holds it: of either precision, and always whole.
//
// A Core points to a model. What changes the shape works on a copy, which takes the model's place when all went well: a change that fails
// leaves the model as it was, arrays that look at its weights keep the memory that they look at, and predictions under way on
// other threads go on with the model that they began with.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/model/blocks.h"
#include "isoform/model/model.h"
#include "isoform/train/optimiser.h"

namespace isoform::python {

namespace py = pybind11;
using Json = nlohmann::json;

/// What a learner (learner.cpp) keeps, and what has to follow edits.
template <class T>
struct Following {
  Optimiser<T> optimiser;
};

/// A sum of the two precisions of something.
template <template <class> class Of>
using Both = std::variant<std::shared_ptr<Of<float>>, std::shared_ptr<Of<double>>>;

class Core {
 public:
  template <class T>
  explicit Core(Model<T> model) : model_(std::make_shared<Model<T>>(std::move(model))) {}

  [[nodiscard]] bool is_double() const { return model_.index() == 1; }
  /// The model as it is now. Whoever keeps it keeps its memory.
  [[nodiscard]] const Both<Model>& model() const { return model_; }
  /// Optimisers that follow the edits of this model, while they live.
  void follow(const std::shared_ptr<Following<float>>& learner) { floats_.emplace_back(learner); }
  void follow(const std::shared_ptr<Following<double>>& learner) { doubles_.emplace_back(learner); }

  /// f(const Model<T>&), without the GIL.
  template <class F>
  auto read(const F& f) const {
    return std::visit(
        [&](const auto& held) {
          const auto kept = held;
          const py::gil_scoped_release free;
          return f(std::as_const(*kept));
        },
        model_);
  }

  /// f(Model<T>&, follow) → Json on a copy, without the GIL; the copy becomes the model. `follow` is to be called with every
  /// edit before the network applies it. UsageError while another change is under way.
  template <class F>
  Json change(const F& f) {
    const Turn turn(*this);
    return std::visit([&](auto& held) { return change_held(held, f); }, model_);
  }

  /// What trains the model by steps of its own (train.cpp) leaves the followers' moments behind, maybe in other shapes: they begin
  /// anew. Within a Turn.
  void forget_moments() {
    const auto forget = [](const auto& learners) {
      for (const auto& weak : learners) {
        if (const auto learner = weak.lock()) {
          auto memory = learner->optimiser.memory();
          memory.parameters.clear();
          learner->optimiser.recall(std::move(memory));
        }
      }
    };
    forget(floats_);
    forget(doubles_);
  }

  /// Marks that the model is being changed, for as long as it lives.
  class Turn {
   public:
    explicit Turn(Core& core) : core_(core) {
      if (core.changing_) {
        throw UsageError(
            "model: is being changed by another call (a training run, or another thread); wait for "
            "it, or work on model.copy()");
      }
      core.changing_ = true;
    }
    ~Turn() { core_.changing_ = false; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Core& core_;
  };

  /// Puts another model in the place of this one; within a Turn.
  template <class T>
  void replace(std::shared_ptr<Model<T>> model) {
    model_ = std::move(model);
  }

 private:
  template <class T>
  using Learners = std::vector<std::pair<std::shared_ptr<Following<T>>, Optimiser<T>>>;

  std::vector<std::weak_ptr<Following<float>>>& learners(float /*of*/) { return floats_; }
  std::vector<std::weak_ptr<Following<double>>>& learners(double /*of*/) { return doubles_; }

  template <class T, class F>
  Json change_held(std::shared_ptr<Model<T>>& held, const F& f) {
    Learners<T> following;
    std::erase_if(learners(T()), [](const auto& weak) { return weak.expired(); });
    for (const auto& weak : learners(T())) {
      if (auto learner = weak.lock()) following.emplace_back(learner, learner->optimiser);
    }
    const std::shared_ptr<Model<T>> before = held;
    std::shared_ptr<Model<T>> next;
    Json said;
    {
      const py::gil_scoped_release free;
      next = std::make_shared<Model<T>>(*before);
      said = f(*next, [&](const Edit& edit) {
        for (auto& entry : following) entry.second.transport(next->network, edit);
      });
    }
    held = std::move(next);
    for (auto& entry : following) entry.first->optimiser = std::move(entry.second);
    return said;
  }

  Both<Model> model_;
  std::vector<std::weak_ptr<Following<float>>> floats_;
  std::vector<std::weak_ptr<Following<double>>> doubles_;
  bool changing_ = false;  // under the GIL
};

/// The same model in the other precision.
template <class To, class From>
Model<To> converted(const Model<From>& model);

/// JSON as None, bool, int, float, str, list and dict.
py::object to_python(const Json& json);
/// A record of an edit.
Json record_json(const EditRecord& record);

/// "[5, 28, 28]".
std::string shape_text(const py::array& array);
/// An array of [samples, columns] as it is needed; UsageError saying what came. `what`: "predict: X".
template <class T>
using Rows = py::array_t<T, py::array::c_style | py::array::forcecast>;
template <class T>
Rows<T> rows_of(const py::object& object, Index columns, const std::string& what);

void bind_errors(py::module_& module);
void bind_model(py::module_& module, py::class_<Core>& core);
void bind_predict(py::module_& module, py::class_<Core>& core);
void bind_edits(py::module_& module, py::class_<Core>& core);
void bind_shrink(py::class_<Core>& core);
void bind_blocks(py::class_<Core>& core);
void bind_data(py::module_& module);
void bind_settings(py::module_& module);
void bind_train(py::module_& module);
void bind_learner(py::module_& module);
void bind_follower(py::module_& module);

}  // namespace isoform::python
