# Warnings, optimisation and sanitizers, for our own targets only (linked PRIVATE, never exported).
add_library(isoform_warnings INTERFACE)
target_compile_options(isoform_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wno-sign-conversion -fno-math-errno -fno-trapping-math $<$<CONFIG:Release>:-O3>)
if(ISOFORM_WERROR)
  target_compile_options(isoform_warnings INTERFACE -Werror)
endif()
if(ISOFORM_SANITIZE)
  add_compile_options(-fsanitize=${ISOFORM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ISOFORM_SANITIZE})
endif()
