# cmake -DBUILD=… -DCONSUMER=… -DWORK=… -DGENERATOR=… -DCXX=… -DVERSION=… -DLIBDIR=… -DBINDIR=… [-DFLAGS=…]
#   -P run.cmake
include(${CMAKE_CURRENT_LIST_DIR}/consume.cmake)

file(REMOVE_RECURSE ${WORK})
run("installing" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
# An installation can be moved: nothing in it knows where it was made.
set(PREFIX ${WORK}/prefix)
file(RENAME ${WORK}/first ${PREFIX})
consume()

if(EXISTS ${PREFIX}/${BINDIR}/isoform)
  run("running the installed program" ${PREFIX}/${BINDIR}/isoform --help)
  foreach(printed share/man/man1/isoform.1 share/bash-completion/completions/isoform share/zsh/site-functions/_isoform)
    file(READ ${PREFIX}/${printed} text LIMIT 4000)
    if(NOT text MATCHES "isoform ${VERSION}")
      message(FATAL_ERROR "${printed} is not of isoform ${VERSION}")
    endif()
  endforeach()
endif()

if(EXISTS ${PREFIX}/${BINDIR}/isoform AND EXISTS ${PREFIX}/include/isoform/c/isoform.h AND NOT FLAGS)
  run("running what pages about installations show" /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/../docs/run.py
    ${PREFIX}/${BINDIR}/isoform ${WORK}/pages --prefix ${PREFIX})
endif()
