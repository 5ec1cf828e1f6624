# Whether the Python package is built: by default where what it takes is there. Debian's interpreter unless another is named
# (-DPython_EXECUTABLE=…), as other interpreters in the PATH seldom have headers. A sanitised module could not be loaded by an ordinary interpreter.
if(NOT DEFINED Python_EXECUTABLE AND EXISTS /usr/bin/python3)
  set(Python_EXECUTABLE /usr/bin/python3)
endif()
find_package(Python 3.9 COMPONENTS Interpreter Development.Module QUIET)
find_package(pybind11 2.10 CONFIG QUIET)
set(isoform_python_ready OFF)
if(Python_Development.Module_FOUND AND pybind11_FOUND AND NOT ISOFORM_SANITIZE)
  set(isoform_python_ready ${PROJECT_IS_TOP_LEVEL})
endif()
option(ISOFORM_BUILD_PYTHON "Build the Python package" ${isoform_python_ready})
if(ISOFORM_BUILD_PYTHON AND NOT (Python_Development.Module_FOUND AND pybind11_FOUND))
  message(FATAL_ERROR "ISOFORM_BUILD_PYTHON needs Python 3.9 with its headers and pybind11 2.10, of which something was not found. "
    "On Debian: apt install python3-dev pybind11-dev. Elsewhere: -DPython_EXECUTABLE=<interpreter> -Dpybind11_DIR=<folder of "
    "pybind11Config.cmake>; or -DISOFORM_BUILD_PYTHON=OFF.")
endif()
