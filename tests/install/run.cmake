# cmake -DBUILD=… -DCONSUMER=… -DWORK=… -DGENERATOR=… -DCXX=… -DVERSION=… -DLIBDIR=… -DBINDIR=… [-DFLAGS=…]
#   -P run.cmake
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

file(REMOVE_RECURSE ${WORK})
run("installing" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
# An installation can be moved: nothing in it knows where it was made.
file(RENAME ${WORK}/first ${WORK}/prefix)

run("configuring the outside project" ${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G ${GENERATOR}
  -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${FLAGS} -DCMAKE_PREFIX_PATH=${WORK}/prefix
  -DCMAKE_BUILD_TYPE=Debug)
run("building the outside project" ${CMAKE_COMMAND} --build ${WORK}/build)
run("running the outside project" ${WORK}/build/consumer)
expect_version("the outside project")

# The same through pkg-config.
set(ENV{PKG_CONFIG_PATH} ${WORK}/prefix/${LIBDIR}/pkgconfig)
run("asking pkg-config" pkg-config --cflags --libs isoform)
string(STRIP "${output}" arguments)
separate_arguments(arguments UNIX_COMMAND "${arguments}")
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
run("building with pkg-config" ${CXX} -std=c++20 ${flags} ${CONSUMER}/main.cpp -o ${WORK}/by-pkg-config
  ${arguments} -Wl,-rpath,${WORK}/prefix/${LIBDIR})
run("running what was built with pkg-config" ${WORK}/by-pkg-config)
expect_version("what was built with pkg-config")

if(EXISTS ${WORK}/prefix/${BINDIR}/isoform)
  run("running the installed program" ${WORK}/prefix/${BINDIR}/isoform --help)
  foreach(printed share/man/man1/isoform.1 share/bash-completion/completions/isoform share/zsh/site-functions/_isoform)
    file(READ ${WORK}/prefix/${printed} text LIMIT 4000)
    if(NOT text MATCHES "isoform ${VERSION}")
      message(FATAL_ERROR "${printed} is not of isoform ${VERSION}")
    endif()
  endforeach()
endif()
