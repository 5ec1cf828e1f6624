# The Debian package: everything that is installed, under /usr. cmake --build build/release --target package
if(NOT ISOFORM_INSTALL)
  return()
endif()
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME isoform)
set(CPACK_PACKAGE_VENDOR "The Isoform authors")
# Whoever makes a package answers for it: Debian's own variables say who that is. Without them nobody is named, by an address that
# cannot exist (RFC 2606).
if(DEFINED ENV{DEBEMAIL})
  set(isoform_maintainer "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
  string(STRIP "${isoform_maintainer}" isoform_maintainer)
else()
  set(isoform_maintainer "The Isoform authors <isoform@example.invalid>")
endif()
set(ISOFORM_MAINTAINER "${isoform_maintainer}" CACHE STRING "Maintainer of the Debian package: Name <address>")
if(NOT ISOFORM_MAINTAINER MATCHES "^[^<>]+ <[^<>@ ]+@[^<>@ ]+>$")
  message(FATAL_ERROR "ISOFORM_MAINTAINER needs the form 'Name <address>', got '${ISOFORM_MAINTAINER}'")
endif()
set(CPACK_PACKAGE_CONTACT "${ISOFORM_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION "Program and library for isotropic neural networks: they can be turned, grow and shrink without a change
of what they compute. With the libraries and headers for C++ and C.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What programs in C++ that use the static library are built with; programs in C need none of it.
string(CONCAT CPACK_DEBIAN_PACKAGE_RECOMMENDS
  "libeigen3-dev (>= 3.4), libfmt-dev, nlohmann-json3-dev (>= 3.10), libopenblas-dev, zlib1g-dev, libzip-dev, libcsv-dev, libonnx-dev, "
  "libprotobuf-dev, libcpp-httplib-dev, pkg-config")
if(TARGET isoform_c)
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
endif()
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/arrange-package.cmake)
include(CPack)
