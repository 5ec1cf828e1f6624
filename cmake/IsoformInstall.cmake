# Installation: library, headers, CMake package, pkg-config file, program, pages.
option(ISOFORM_INSTALL "Make rules that install Isoform" ${PROJECT_IS_TOP_LEVEL})
if(NOT ISOFORM_INSTALL)
  return()
endif()
include(CMakePackageConfigHelpers)

get_target_property(isoform_library_type isoform TYPE)
set(isoform_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/isoform)

install(TARGETS isoform EXPORT isoformTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT isoformTargets NAMESPACE isoform:: DESTINATION ${isoform_package_dir})

# A set of its own: who uses the library for C needs nothing of what the other one needs.
if(TARGET isoform_c)
  install(TARGETS isoform_c EXPORT isoformCTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT isoformCTargets NAMESPACE isoform:: DESTINATION ${isoform_package_dir})
  if(NOT isoform_library_type STREQUAL "STATIC_LIBRARY")
    set_target_properties(isoform_c PROPERTIES INSTALL_RPATH "$ORIGIN")
  endif()
endif()

# Every header of every room but the program's, in the folders they are included by.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/isoform/
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/isoform
  FILES_MATCHING PATTERN "*.h" PATTERN "cli" EXCLUDE PATTERN "handle.h" EXCLUDE)

# A static library hands its own dependencies on to whoever links it; a shared one keeps them.
if(isoform_library_type STREQUAL "STATIC_LIBRARY")
  set(ISOFORM_LIBRARY_IS_STATIC ON)
  set(ISOFORM_PC_REQUIRES "eigen3, fmt, nlohmann_json, openblas, zlib, libzip")
  set(ISOFORM_PC_LIBS "-lisoform -lcsv -lonnx -lonnx_proto -lprotobuf -lcpp-httplib -lstdc++ -lm -pthread")
else()
  set(ISOFORM_LIBRARY_IS_STATIC OFF)
  set(ISOFORM_PC_REQUIRES "eigen3, fmt, nlohmann_json")
  set(ISOFORM_PC_LIBS "-lisoform")
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/isoformConfig.cmake.in
  ${PROJECT_BINARY_DIR}/isoformConfig.cmake INSTALL_DESTINATION ${isoform_package_dir})
# Below 1.0 a minor version may break what uses the library.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/isoformConfigVersion.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/isoformConfig.cmake
  ${PROJECT_BINARY_DIR}/isoformConfigVersion.cmake DESTINATION ${isoform_package_dir})

# The file finds its prefix from where it lies, so that an installation can be moved.
file(RELATIVE_PATH ISOFORM_PC_PREFIX
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" ISOFORM_PC_PREFIX "${ISOFORM_PC_PREFIX}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/isoform.pc.in ${PROJECT_BINARY_DIR}/isoform.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/isoform.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET isoform_c)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/isoform-c.pc.in ${PROJECT_BINARY_DIR}/isoform-c.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/isoform-c.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

if(TARGET isoform_cli)
  if(NOT ISOFORM_LIBRARY_IS_STATIC)
    file(RELATIVE_PATH isoform_rpath ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
    set_target_properties(isoform_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${isoform_rpath}")
  endif()
  install(TARGETS isoform_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # The program prints its manual page and what shells complete, so that these cannot go stale. Where what is built does
  # not run, there are none.
  if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
    function(isoform_print file folder name)
      set(printed ${PROJECT_BINARY_DIR}/printed/${file})
      add_custom_command(OUTPUT ${printed} COMMAND isoform_cli ${ARGN} > ${printed}
        DEPENDS isoform_cli COMMENT "Printing ${file}" VERBATIM)
      set_property(GLOBAL APPEND PROPERTY isoform_printed ${printed})
      # Optional: whoever builds the program alone can install it alone.
      install(FILES ${printed} DESTINATION ${folder} RENAME ${name} OPTIONAL)
    endfunction()
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/printed)
    isoform_print(isoform.1 ${CMAKE_INSTALL_MANDIR}/man1 isoform.1 manual)
    isoform_print(isoform.bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions isoform completion bash)
    isoform_print(_isoform ${CMAKE_INSTALL_DATADIR}/zsh/site-functions _isoform completion zsh)
    get_property(isoform_printed GLOBAL PROPERTY isoform_printed)
    add_custom_target(isoform_printed ALL DEPENDS ${isoform_printed})
  endif()
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}
  FILES_MATCHING PATTERN "*.md")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
