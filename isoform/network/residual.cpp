#include "isoform/network/residual.h"

#include <fmt/format.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/network/initialise.h"

namespace isoform {

template <class T>
Network<T> residual(const ChainSettings& settings, Index stream) {
  settings.validate();
  const std::size_t branches = settings.widths.size() - 2;
  if (branches == 0) {
    throw UsageError("residual: needs a hidden width for each branch, got none");
  }
  if (stream < 0) {
    throw UsageError(fmt::format(
        "stream: needs a width of 1 or more (0: as wide as the first branch), got {}", stream));
  }
  // Spaces and maps of the branches come from the chain; maps that touch the stream are made here.
  const Network<T> chain = Network<T>::chain(settings);
  std::vector<Space<T>> spaces = chain.spaces();
  Space<T> x;
  x.name = "stream";
  x.dimension = stream > 0 ? stream : settings.widths[1];
  spaces.insert(spaces.begin() + 1, std::move(x));
  for (std::size_t i = 0; i < spaces.size(); ++i) {
    spaces[i].id = static_cast<int>(i);
    if (spaces[i].hidden()) spaces[i].name = fmt::format("hidden {}", i);
  }
  std::vector<Map<T>> maps;
  const auto add = [&](int from, int to, double scale) {
    const Space<T>& source = spaces[static_cast<std::size_t>(from)];
    const Index rows = spaces[static_cast<std::size_t>(to)].dimension;
    Map<T> m;
    m.id = static_cast<int>(maps.size());
    m.from = from;
    m.to = to;
    m.inputs = source.dimension;
    if (source.hidden()) m.psi_mode = settings.psi;
    m.norms = source.hidden() && settings.norms;
    m.a = Matrix<T>::Zero(rows, m.inputs + 1 + m.features_of(source.gates()));
    m.weight() =
        (scale * initial_weights(settings.initialiser, rows, m.inputs, settings.seed, m.id))
            .template cast<T>();
    maps.push_back(std::move(m));
  };
  constexpr int kStream = 1;
  const double share = 1 / std::sqrt(static_cast<double>(branches));
  const auto output = static_cast<int>(spaces.size()) - 1;
  add(0, kStream, 1);
  for (int branch = kStream + 1; branch < output; ++branch) {
    add(kStream, branch, 1);
    add(branch, kStream, share);
  }
  add(kStream, output, 1);
  return Network<T>(std::move(spaces), std::move(maps));
}

template Network<float> residual(const ChainSettings&, Index);
template Network<double> residual(const ChainSettings&, Index);

}  // namespace isoform
