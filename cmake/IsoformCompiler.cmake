# Warnings, optimisation and sanitizers, for our own targets only (linked PRIVATE, never exported).
add_library(isoform_warnings INTERFACE)
target_compile_options(isoform_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wno-sign-conversion
  # False positives in GCC 12's own <string> (its bug 105329 and kin).
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-stringop-overflow;-Wno-array-bounds;-Wno-restrict>"
  -fno-math-errno -fno-trapping-math -fno-semantic-interposition $<$<CONFIG:Release>:-O3>)
if(ISOFORM_WERROR)
  target_compile_options(isoform_warnings INTERFACE -Werror)
endif()
if(ISOFORM_SANITIZE)
  add_compile_options(-fsanitize=${ISOFORM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ISOFORM_SANITIZE})
endif()

# ccache when it is there. Clones share what they compiled: paths are relative to the clone, what a debugger shows as the
# folder may be another's. No precompiled headers, which every clone makes anew: they save a tenth.
option(ISOFORM_CCACHE "Compile through ccache where it is installed" ${PROJECT_IS_TOP_LEVEL})
if(ISOFORM_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(ISOFORM_CCACHE_PROGRAM ccache)
  mark_as_advanced(ISOFORM_CCACHE_PROGRAM)
  if(ISOFORM_CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${ISOFORM_CCACHE_PROGRAM})
  endif()
endif()
