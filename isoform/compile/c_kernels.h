// The functions that every header written by c_header() is made of, as C. Private to compile.
#pragma once

#include <set>
#include <string>

#include "isoform/activation/radial.h"

namespace isoform::detail {

enum class CKernel { dot, add, shift, diagonal, triangle, standardise, zero, norms };

/// Source of the kernels, and of a gate for each profile. @ stands for the name, $ for the same in upper case.
std::string c_kernels(std::set<CKernel> kernels, const std::set<Radial>& radials);

}  // namespace isoform::detail
