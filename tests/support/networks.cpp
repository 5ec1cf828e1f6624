#include "tests/support/networks.h"

#include <cstdio>
#include <utility>

#include "isoform/network/pass.h"

namespace isoform::testing {

void measured(const std::string& what, double value) {
  std::printf("[ measured ] %s: %.2e\n", what.c_str(), value);
  ::testing::Test::RecordProperty(what, fmt::format("{:.3e}", value));
}

double relative(const Matrix<double>& value, const Matrix<double>& truth) {
  const double scale = truth.norm();
  return scale > 0 ? (value - truth).norm() / scale : value.norm();
}

std::vector<Index> random_groups(Dice& dice, Index width) {
  switch (dice.between(0, 3)) {
    case 0:
      return {width};
    case 1:
      return std::vector<Index>(static_cast<std::size_t>(width), 1);
    case 2:
      return cut_groups(width, 8);
    default:
      break;
  }
  std::vector<Index> groups;
  for (Index left = width; left > 0; left -= groups.back()) {
    groups.push_back(dice.between(1, std::min<Index>(left, 12)));
  }
  return groups;
}

template <class T>
void randomise(Network<T>& network, Dice& dice) {
  for (const Map<T>& m : network.maps()) {
    Map<T>& map = network.map(m.id);
    map.bias() = dice.normals<T>(map.a.rows(), 1, 0.5);
    map.psi() = dice.normals<T>(map.a.rows(), map.psi().cols(), 0.3);
    map.chi() = dice.normals<T>(map.a.rows(), map.chi().cols(), 0.3);
  }
  for (const int id : network.hidden()) {
    Space<T>& space = network.space(id);
    for (Index g = 0; g < space.gates(); ++g) {
      space.set_o(g, dice.uniform(0.01, 1.5));
      if (space.length_mode == LengthMode::trainable && dice.coin()) space.length[g] *= T(-1);
    }
  }
}

Network<double> random_network(std::uint64_t seed, const NetworkChoice& choice) {
  Dice dice(seed, 1);
  ChainSettings settings;
  settings.widths.push_back(dice.between(1, choice.widest));
  const Index hidden = dice.between(1, choice.most_hidden);
  for (Index l = 0; l < hidden; ++l) {
    settings.widths.push_back(dice.between(1, choice.widest));
    settings.groups.push_back(random_groups(dice, settings.widths.back()));
  }
  settings.widths.push_back(dice.between(1, choice.widest));
  settings.radial = pick(dice, choice.radials);
  settings.length = pick(dice, choice.lengths);
  settings.psi = pick(dice, choice.psis);
  Dice apart(seed, 9);
  settings.norms = has_psi(settings.psi) && pick(apart, choice.norms);
  settings.initialiser = static_cast<Initialiser>(dice.between(0, 2));
  settings.seed = seed;
  auto network = Network<double>::chain(settings);
  randomise(network, dice);
  return network;
}

Network<double> graph_network(std::uint64_t seed, Radial radial, LengthMode length, PsiMode psi,
                              PsiMode skip_psi, bool norms) {
  Dice dice(seed, 2);
  const std::vector<Index> widths = {5, 7, 8, 6, 3};
  const std::vector<std::vector<Index>> groups = {{}, {4, 3}, {3, 1, 4}, {6}, {}};
  std::vector<Space<double>> spaces(5);
  for (int id = 0; id < 5; ++id) {
    Space<double>& space = spaces[id];
    space.id = id;
    space.name = fmt::format("space {}", id);
    space.dimension = widths[id];
    space.groups = groups[id];
    space.radial = radial;
    space.length_mode = length;
    space.length = Vector<double>::Zero(space.gates());
  }
  std::vector<Map<double>> maps;
  const auto add = [&](int from, int to, PsiMode mode) {
    Map<double> map;
    map.id = static_cast<int>(maps.size());
    map.from = from;
    map.to = to;
    map.psi_mode = from == 0 ? PsiMode::none : mode;
    map.inputs = widths[from];
    map.norms = norms && map.id % 2 == 1 && has_psi(map.psi_mode);
    map.a = dice.normals(widths[to], map.inputs + 1 + map.features_of(spaces[from].gates()), 0.5);
    maps.push_back(std::move(map));
  };
  add(0, 1, psi);
  add(1, 2, psi);
  add(0, 2, psi);
  add(2, 3, psi);
  add(1, 3, skip_psi);
  add(1, 4, psi);
  add(3, 4, psi);
  Network<double> network(std::move(spaces), std::move(maps));
  randomise(network, dice);
  return network;
}

template <class To, class From>
Network<To> cast_network(const Network<From>& network) {
  std::vector<Space<To>> spaces;
  for (const Space<From>& s : network.spaces()) {
    spaces.push_back({s.id, s.name, s.dimension, s.groups, s.radial, s.length_mode,
                      s.length.template cast<To>(), s.frozen});
  }
  std::vector<Map<To>> maps;
  for (const Map<From>& m : network.maps()) {
    maps.push_back(
        {m.id, m.from, m.to, m.psi_mode, m.a.template cast<To>(), m.inputs, m.factors, m.norms});
  }
  return Network<To>(std::move(spaces), std::move(maps));
}

template <class T>
std::string describe(const Network<T>& network, std::uint64_t seed) {
  const int any = network.hidden().empty() ? 0 : network.hidden().front();
  const Space<T>& space = network.space(any);
  std::vector<std::vector<Index>> groups;
  for (const int id : network.hidden()) groups.push_back(network.space(id).groups);
  return fmt::format(
      "seed {}, widths {}, groups {}, {}, length {}, psi {}{}", seed, network.widths(), groups,
      radial_name(space.radial), length_mode_name(space.length_mode),
      psi_mode_name(network.maps().back().psi_mode), network.maps().back().norms ? ", norms" : "");
}

template <class T>
Matrix<double> output_of(const Network<T>& network, Engine<T>& engine, const Matrix<double>& x) {
  Pass<T> pass;
  pass.prepare(network, x.cols());
  pass.input() = x.cast<T>();
  forward(network, engine, pass);
  return pass.output().template cast<double>();
}

#define ISOFORM_FOR(T)                                                 \
  template void randomise(Network<T>&, Dice&);                         \
  template Network<float> cast_network<float, T>(const Network<T>&);   \
  template Network<double> cast_network<double, T>(const Network<T>&); \
  template std::string describe(const Network<T>&, std::uint64_t);     \
  template Matrix<double> output_of(const Network<T>&, Engine<T>&, const Matrix<double>&);
ISOFORM_FOR(float)
ISOFORM_FOR(double)
#undef ISOFORM_FOR

}  // namespace isoform::testing
