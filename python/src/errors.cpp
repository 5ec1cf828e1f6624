// The library's exceptions as Python's, with the same words.
#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "python/src/core.h"

namespace isoform::python {

namespace {

// Kept for the life of the process: translators outlive the module.
struct Errors {
  PyObject* base = nullptr;
  PyObject* usage = nullptr;
  PyObject* file = nullptr;
  PyObject* format = nullptr;
  PyObject* internal = nullptr;
};

Errors& errors() {
  static Errors all;
  return all;
}

PyObject* make(py::module_& module, const char* name, const char* doc, const py::tuple& bases) {
  PyObject* made = PyErr_NewExceptionWithDoc((std::string("isoform.") + name).c_str(), doc,
                                             bases.ptr(), nullptr);
  if (made == nullptr) throw py::error_already_set();
  module.add_object(name, py::reinterpret_borrow<py::object>(made));
  return made;
}

}  // namespace

void bind_errors(py::module_& module) {
  const auto handle = [](PyObject* type) { return py::reinterpret_borrow<py::object>(type); };
  Errors& all = errors();
  all.base = make(module, "Error", "Base of everything that Isoform raises on purpose.",
                  py::make_tuple(handle(PyExc_Exception)));
  all.usage = make(module, "UsageError",
                   "A value or request that cannot be served: what was needed, what came, how to "
                   "mend it.",
                   py::make_tuple(handle(all.base), handle(PyExc_ValueError)));
  all.file = make(module, "FileError", "A file that cannot be opened, read, written or renamed.",
                  py::make_tuple(handle(all.base), handle(PyExc_OSError)));
  all.format = make(module, "FormatError",
                    "Contents of a file that are malformed, cut short or of another format.",
                    py::make_tuple(handle(all.base), handle(PyExc_ValueError)));
  all.internal = make(module, "InternalError", "A bug in Isoform; please report it.",
                      py::make_tuple(handle(PyExc_RuntimeError)));
  py::register_exception_translator([](std::exception_ptr raised) {
    if (!raised) return;
    try {
      std::rethrow_exception(raised);
    } catch (const UsageError& error) {
      PyErr_SetString(errors().usage, error.what());
    } catch (const FileError& error) {
      PyErr_SetString(errors().file, error.what());
    } catch (const FormatError& error) {
      PyErr_SetString(errors().format, error.what());
    } catch (const Error& error) {
      PyErr_SetString(errors().base, error.what());
    } catch (const InternalError& error) {
      PyErr_SetString(errors().internal, error.what());
    }
  });
  module.attr("version") = version();
  module.attr("compiler") = compiler();
}

}  // namespace isoform::python
