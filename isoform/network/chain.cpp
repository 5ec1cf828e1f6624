// Layers in a row.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <numeric>

#include "isoform/base/error.h"
#include "isoform/network/initialise.h"
#include "isoform/network/network.h"

namespace isoform {

void ChainSettings::validate() const {
  if (widths.size() < 2) {
    throw UsageError(
        fmt::format("widths: needs at least an input and an output, got {} widths", widths.size()));
  }
  for (std::size_t l = 0; l < widths.size(); ++l) {
    if (widths[l] < 1) {
      throw UsageError(fmt::format("widths: width {} is {}, needs at least 1", l, widths[l]));
    }
  }
  if (group_size < 0) {
    throw UsageError(fmt::format("group size: needs 0 (whole layer) or more, got {}", group_size));
  }
  if (norms && !has_psi(psi)) {
    throw UsageError(fmt::format(
        "norms: need a psi beside them (constant, trainable or decay), got {}; name another psi, "
        "or go without norms",
        psi_mode_name(psi)));
  }
  if (groups.empty()) return;
  if (groups.size() != widths.size() - 2) {
    throw UsageError(fmt::format("groups: needs a list for each of the {} hidden layers, got {}",
                                 widths.size() - 2, groups.size()));
  }
  for (std::size_t l = 0; l < groups.size(); ++l) {
    const Index sum = std::accumulate(groups[l].begin(), groups[l].end(), Index{0});
    for (const Index size : groups[l]) {
      if (size < 1) {
        throw UsageError(
            fmt::format("groups: layer {} has a group of {}, needs at least 1", l + 1, size));
      }
    }
    if (sum != widths[l + 1]) {
      throw UsageError(fmt::format(
          "groups: layer {} is {} wide but its groups [{}] add up to {}; change the width or the "
          "groups",
          l + 1, widths[l + 1], fmt::join(groups[l], ", "), sum));
    }
  }
}

template <class T>
Network<T> Network<T>::chain(const ChainSettings& settings) {
  settings.validate();
  const auto last = static_cast<int>(settings.widths.size()) - 1;
  std::vector<Space<T>> spaces(last + 1);
  std::vector<Map<T>> maps(last);
  for (int l = 0; l <= last; ++l) {
    Space<T>& s = spaces[l];
    s.id = l;
    s.name = l == 0 ? "input" : l == last ? "output" : fmt::format("hidden {}", l);
    s.dimension = settings.widths[l];
    if (l == 0 || l == last) continue;
    s.groups = settings.groups.empty() ? cut_groups(s.dimension, settings.group_size)
                                       : settings.groups[l - 1];
    s.radial = settings.radial;
    s.length_mode = settings.length;
    s.length = Vector<T>::Zero(s.gates());
    for (Index g = 0; g < s.gates(); ++g) s.set_o(g, kInitialLength);
  }
  for (int l = 0; l < last; ++l) {
    Map<T>& m = maps[l];
    m.id = l;
    m.from = l;
    m.to = l + 1;
    m.inputs = spaces[l].dimension;
    m.psi_mode = l == 0 ? PsiMode::none : settings.psi;
    m.norms = l > 0 && settings.norms;
    m.a = Matrix<T>::Zero(spaces[l + 1].dimension, m.inputs + 1 + m.features_of(spaces[l].gates()));
    m.weight() =
        initial_weights(settings.initialiser, spaces[l + 1].dimension, m.inputs, settings.seed, l)
            .template cast<T>();
  }
  return Network(std::move(spaces), std::move(maps));
}

template Network<float> Network<float>::chain(const ChainSettings&);
template Network<double> Network<double>::chain(const ChainSettings&);

}  // namespace isoform
