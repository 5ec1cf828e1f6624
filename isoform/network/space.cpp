#include "isoform/network/space.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "isoform/base/error.h"

namespace isoform {

namespace {

constexpr std::array<std::string_view, 4> kLengthModes = {"none", "constant", "trainable", "log"};
constexpr std::array<std::string_view, 5> kPsiModes = {"none", "constant", "trainable", "decay",
                                                       "expectation"};
constexpr double kSmallestLength = 1e-12;  // log o of a vanishing o

template <std::size_t N>
std::size_t find_name(std::string_view what, const std::array<std::string_view, N>& names,
                      std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw UsageError(
        fmt::format("{}: '{}' is unknown; known are {}", what, name, fmt::join(names, ", ")));
  }
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

std::string_view length_mode_name(LengthMode mode) {
  return kLengthModes[static_cast<std::size_t>(mode)];
}
LengthMode length_mode_from_name(std::string_view name) {
  return static_cast<LengthMode>(find_name("intrinsic length", kLengthModes, name));
}
std::string_view psi_mode_name(PsiMode mode) { return kPsiModes[static_cast<std::size_t>(mode)]; }
PsiMode psi_mode_from_name(std::string_view name) {
  return static_cast<PsiMode>(find_name("psi", kPsiModes, name));
}

template <class T>
void Space<T>::set_o(Index g, double o) {
  switch (length_mode) {
    case LengthMode::none:
      length[g] = T(0);
      break;
    case LengthMode::constant:
      length[g] = static_cast<T>(o);
      break;
    case LengthMode::trainable:
      length[g] = static_cast<T>(length[g] < T(0) ? -std::sqrt(o) : std::sqrt(o));
      break;
    case LengthMode::log:
      length[g] = static_cast<T>(std::log(std::max(o, kSmallestLength)));
      break;
  }
}

template <class T>
void Space<T>::set_frozen(Index part, bool value) {
  if (frozen.empty()) frozen.assign(parts().size(), 0);
  frozen[static_cast<std::size_t>(part)] = value ? 1 : 0;
  if (std::count(frozen.begin(), frozen.end(), 0) == static_cast<Index>(frozen.size())) {
    frozen.clear();
  }
}

template struct Space<float>;
template struct Space<double>;

std::vector<Index> cut_groups(Index width, Index size) {
  if (width < 1 || size < 0) {
    throw UsageError(fmt::format(
        "groups: needs a width of at least 1 and a group size of at least 0, got {} and {}", width,
        size));
  }
  if (size == 0 || width <= size) return {width};
  std::vector<Index> groups(static_cast<std::size_t>(width / size), size);
  if (width % size != 0) groups.push_back(width % size);
  return groups;
}

}  // namespace isoform
