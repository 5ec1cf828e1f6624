// The extension module isoform._isoform: what the Python files of the package are made of. Not an interface of its own.
#include "python/src/core.h"

PYBIND11_MODULE(_isoform, module) {
  using namespace isoform::python;
  bind_errors(module);
  py::class_<Core> core(module, "Core");
  bind_data(module);
  bind_settings(module);
  bind_model(module, core);
  bind_predict(module, core);
  bind_edits(module, core);
  bind_shrink(core);
  bind_blocks(core);
  bind_train(module);
  bind_learner(module);
  bind_follower(module);
}
