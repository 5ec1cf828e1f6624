# Installation: library, headers, CMake package, pkg-config file, program, pages.
option(ISOFORM_INSTALL "Make rules that install Isoform" ${PROJECT_IS_TOP_LEVEL})
if(NOT ISOFORM_INSTALL)
  return()
endif()
include(CMakePackageConfigHelpers)

set(isoform_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/isoform)

install(TARGETS isoform EXPORT isoformTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT isoformTargets NAMESPACE isoform:: DESTINATION ${isoform_package_dir})

# Every header of every room but the program's, in the folders they are included by.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/isoform/
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/isoform
  FILES_MATCHING PATTERN "*.h" PATTERN "cli" EXCLUDE)

# A static library hands its own dependencies on to whoever links it; a shared one keeps them.
get_target_property(isoform_library_type isoform TYPE)
if(isoform_library_type STREQUAL "STATIC_LIBRARY")
  set(ISOFORM_LIBRARY_IS_STATIC ON)
  set(ISOFORM_PC_REQUIRES "eigen3, fmt, nlohmann_json, openblas, zlib, libzip")
  set(ISOFORM_PC_LIBS "-lisoform -lstdc++ -lm -pthread")
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

if(TARGET isoform_cli)
  if(NOT ISOFORM_LIBRARY_IS_STATIC)
    file(RELATIVE_PATH isoform_rpath ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
    set_target_properties(isoform_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${isoform_rpath}")
  endif()
  install(TARGETS isoform_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/isoform.1.in ${PROJECT_BINARY_DIR}/isoform.1 @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/isoform.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}
  FILES_MATCHING PATTERN "*.md")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
