# What run.cmake and package.cmake share: to run a command, and to build and run outside projects with an installation.
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}")
  endif()
  message(STATUS "${what}: done")
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect_version what)
  if(NOT output MATCHES "isoform ${VERSION}\n")
    message(FATAL_ERROR "${what} printed '${output}', not 'isoform ${VERSION}'")
  endif()
endfunction()

# Builds with what pkg-config says of a package.
function(build_by_pkg_config package compiler source program)
  run("asking pkg-config" pkg-config --cflags --libs ${package})
  string(STRIP "${output}" arguments)
  separate_arguments(arguments UNIX_COMMAND "${arguments}")
  separate_arguments(flags UNIX_COMMAND "${FLAGS}")
  run("building ${program} with pkg-config" ${compiler} ${ARGN} ${flags} ${source} -o ${WORK}/${program}
    ${arguments} -lm -Wl,-rpath,${PREFIX}/${LIBDIR})
endfunction()

# Projects outside the tree, by CMake and by pkg-config, in C++ and in C; all that they know is ${PREFIX}.
function(consume)
  run("configuring the outside project" ${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G ${GENERATOR}
    -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${FLAGS} -DCMAKE_C_FLAGS=${FLAGS} -DCMAKE_PREFIX_PATH=${PREFIX}
    -DCMAKE_BUILD_TYPE=Debug)
  run("building the outside project" ${CMAKE_COMMAND} --build ${WORK}/build)
  run("running the outside project" ${WORK}/build/consumer ${WORK}/model.safetensors)
  expect_version("the outside project")

  set(ENV{PKG_CONFIG_PATH} ${PREFIX}/${LIBDIR}/pkgconfig)
  build_by_pkg_config(isoform ${CXX} ${CONSUMER}/main.cpp by-pkg-config -std=c++20)
  run("running what was built with pkg-config" ${WORK}/by-pkg-config ${WORK}/model.safetensors)
  expect_version("what was built with pkg-config")

  if(NOT EXISTS ${PREFIX}/${LIBDIR}/pkgconfig/isoform-c.pc)
    return()
  endif()
  build_by_pkg_config(isoform-c cc ${CONSUMER}/client.c client-by-pkg-config -std=c99 -Wall -Wextra -pedantic -Werror)
  foreach(client ${WORK}/build/client ${WORK}/client-by-pkg-config)
    run("running the program in C" ${client} ${WORK}/model.safetensors)
    expect_version("the program in C")
  endforeach()
  run("configuring an outside project in C alone" ${CMAKE_COMMAND} -S ${CONSUMER}/../client_only -B ${WORK}/c-only
    -G ${GENERATOR} -DCMAKE_C_FLAGS=${FLAGS} -DCMAKE_PREFIX_PATH=${PREFIX})
  run("building it" ${CMAKE_COMMAND} --build ${WORK}/c-only)
endfunction()
