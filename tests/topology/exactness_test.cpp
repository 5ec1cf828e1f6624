// Edits that must not change the function, on a thousand random networks in both scalars.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/importance.h"
#include "isoform/topology/shrink.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;

constexpr std::uint64_t kNetworks = 1000;

template <class T>
constexpr double kTolerance = std::is_same_v<T, double> ? 1e-12 : 5e-6;

const NetworkChoice kFolding = {
    .lengths = {LengthMode::constant, LengthMode::trainable, LengthMode::log},
    .psis = {PsiMode::constant, PsiMode::trainable, PsiMode::decay}};

template <class T>
class Exactness : public ::testing::Test {
 protected:
  // ‖Δy‖ / ‖y‖ over the batch, in the network's own scalar.
  double change(const Network<T>& before, const Network<T>& after, const Matrix<double>& x) {
    return relative(output_of(after, *engine_, x), output_of(before, *engine_, x));
  }
  void add(const std::string& what, double error, const std::string& where) {
    worst_[what].add(error, where);
  }
  void TearDown() override {
    const std::string scalar = std::is_same_v<T, double> ? "double" : "float";
    for (const auto& [what, worst] : worst_) {
      measured(fmt::format("{}_{}", what, scalar), worst.error);
      EXPECT_LE(worst.error, kTolerance<T>) << what << ": " << worst.where;
    }
  }

  std::unique_ptr<Engine<T>> engine_ = create_engine<T>({.name = "cpu", .threads = 1});
  std::map<std::string, Worst> worst_;
};

using Scalars = ::testing::Types<float, double>;
class ScalarNames {
 public:
  template <class T>
  static std::string GetName(int) {
    return std::is_same_v<T, double> ? "double" : "float";
  }
};
TYPED_TEST_SUITE(Exactness, Scalars, ScalarNames);

TYPED_TEST(Exactness, OfRotations) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < kNetworks; ++seed) {
    const auto network = cast_network<T>(random_network(seed));
    const auto x = random_inputs(seed, network.widths().front());
    const std::string where = describe(network, seed);
    const auto all = [&](const std::string& what, const auto& compute) {
      auto rotated = network;
      for (const int id : network.hidden()) rotated.apply(compute(rotated, id));
      this->add(what, this->change(network, rotated, x), where);
    };
    all("left", [](const auto& n, int id) { return rotate_left(n, id); });
    all("right", [](const auto& n, int id) { return rotate_right(n, id); });
    all("random", [&](const auto& n, int id) { return rotate_random(n, id, seed); });
    auto rotated = network;
    for (const Map<T>& m : network.maps()) {
      if (!network.space(m.from).hidden() || !network.space(m.to).hidden()) continue;
      const auto [read, write] = rotate_full(rotated, m.id);
      rotated.apply(read);
      rotated.apply(write);
    }
    this->add("full", this->change(network, rotated, x), where);
  }
}

// Moments and probe of a batch with a random dL/dy.
template <class T>
Statistics statistics_of(Network<T>& network, Engine<T>& engine, const Matrix<double>& x,
                         std::uint64_t seed) {
  Pass<T> pass;
  pass.prepare(network, x.cols());
  pass.input() = x.cast<T>();
  forward(network, engine, pass);
  pass.output_gradient() = Dice(seed, 7).template normals<T>(pass.output().rows(), x.cols(), 1e-2);
  backward(network, engine, pass);
  Statistics statistics(network);
  statistics.gather(network, pass);
  return statistics;
}

TYPED_TEST(Exactness, OfGrowth) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < kNetworks; ++seed) {
    auto network = cast_network<T>(random_network(seed));
    const auto x = random_inputs(seed, network.widths().front());
    const std::string where = describe(network, seed);
    auto statistics = statistics_of(network, *this->engine_, x, seed);
    Dice dice(seed, 8);
    const auto all = [&](const std::string& what, bool into, bool groups, GrowSettings settings) {
      auto grown = network;
      Statistics follows = statistics;
      settings.statistics = &follows;
      settings.seed = seed;
      for (const int id : network.hidden()) {
        Growth growth{std::vector<Index>(network.space(id).groups.size(), 0), {}};
        if (into) {
          const Index last = static_cast<Index>(growth.into.size()) - 1;
          for (int k = 0; k < 2; ++k) growth.into[dice.between(0, last)] += dice.between(1, 2);
        }
        for (Index k = groups ? dice.between(1, 3) : 0; k > 0; --k) {
          growth.new_groups.push_back(dice.between(1, 9));
        }
        const Edit edit = grow(grown, id, growth, settings);
        follows.transport(grown, edit);
        grown.apply(edit);
        ASSERT_EQ(grown.space(id).dimension, network.space(id).dimension + growth.neurons());
      }
      this->add(what, this->change(network, grown, x), where);
    };
    all("into_groups", true, false, {.outgoing = Outgoing::random});
    all("into_groups_gradient", true, false, {.outgoing = Outgoing::gradient});
    all("new_groups_rows", false, true, {.group_start = GroupStart::rows});
    all("new_groups_columns", false, true, {.group_start = GroupStart::columns});
    all("both_gradient", true, true,
        {.outgoing = Outgoing::gradient, .group_start = GroupStart::columns});
  }
}

struct Planted {
  int space = 0;
  Index group = 0, neuron = 0;  // neuron is a coordinate of the space
};

// Zeroes the incoming rows [W ψ] of a neuron, and sets its bias; false if no group has two neurons.
template <class T>
bool plant(Network<T>& network, Dice& dice, double bias, Planted& planted) {
  std::vector<Planted> places;
  for (const int id : network.hidden()) {
    const Space<T>& s = network.space(id);
    for (Index g = 0; g < s.gates(); ++g) {
      if (s.groups[g] > 1) {
        places.push_back({id, g, s.begin(g) + dice.between(0, s.groups[g] - 1)});
      }
    }
  }
  if (places.empty()) return false;
  planted = pick(dice, places);
  for (const int id : network.incoming(planted.space)) {
    network.map(id).a.row(planted.neuron).setZero();
  }
  network.map(network.incoming(planted.space).front()).bias()[planted.neuron] = T(bias);
  return true;
}

template <class T>
std::vector<Index> all_but(const Network<T>& network, const Planted& planted) {
  std::vector<Index> kept(network.space(planted.space).dimension);
  std::iota(kept.begin(), kept.end(), Index{0});
  kept.erase(kept.begin() + planted.neuron);
  return kept;
}

TYPED_TEST(Exactness, OfRemovingARedundantNeuron) {
  using T = TypeParam;
  int cases = 0;
  for (std::uint64_t seed = 0; seed < kNetworks; ++seed) {
    auto network = cast_network<T>(random_network(seed, kFolding));
    Dice dice(seed, 9);
    Planted planted;
    if (!plant(network, dice, 0.5 * dice.normal(), planted)) continue;
    ++cases;
    const auto x = random_inputs(seed, network.widths().front());
    const std::string where = fmt::format("neuron {} of space {}, {}", planted.neuron,
                                          planted.space, describe(network, seed));
    ASSERT_TRUE(carries_fold(network, planted.space));
    auto selected = network;
    selected.apply(keep(network, planted.space, all_but(network, planted)));
    this->add("keep", this->change(network, selected, x), where);

    const auto drop_lowest = [&](const Network<T>& from) {
      const auto scores = score_by_singular_value(from, planted.space);
      std::vector<Index> counts = from.space(planted.space).groups;
      --counts[planted.group];
      auto reduced = from;
      reduced.apply(reduce(from, planted.space, scores, counts));
      return reduced;
    };
    this->add("reduce", this->change(network, drop_lowest(network), x), where);
    auto hidden = network;  // the redundant direction is no coordinate any more
    hidden.apply(rotate_random(network, planted.space, seed));
    this->add("reduce_rotated", this->change(network, drop_lowest(hidden), x), where);
  }
  EXPECT_GE(cases, 800);
}

// Without the fold into o, or without that into ψ, the function changes: the tests above can fail.
TEST(ExactnessNegative, RemovalNeedsBothFolds) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  std::vector<double> without_o, without_psi;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto network = random_network(seed, kFolding);
    Dice dice(seed, 9);
    Planted planted;
    if (!plant(network, dice, 0.7, planted)) continue;
    const auto x = random_inputs(seed, network.widths().front());
    const Matrix<double> y = output_of(network, *engine, x);
    const Edit edit = keep(network, planted.space, all_but(network, planted));
    Edit no_o = edit, no_psi = edit;
    no_o.length.setZero();
    for (MapCorrection& correction : no_psi.corrections) {
      correction.delta.rightCols(network.space(planted.space).gates()).setZero();
    }
    const auto error_of = [&](const Edit& changed) {
      auto after = network;
      after.apply(changed);
      return relative(output_of(after, *engine, x), y);
    };
    EXPECT_LE(error_of(edit), 1e-12);
    without_o.push_back(error_of(no_o));
    without_psi.push_back(error_of(no_psi));
  }
  for (auto* errors : {&without_o, &without_psi}) {
    std::sort(errors->begin(), errors->end());
    EXPECT_GE((*errors)[errors->size() / 10], 1e-6) << "nine tenths of the cases show it";
    EXPECT_GE((*errors)[errors->size() / 2], 1e-3);
  }
  measured("median_without_o", without_o[without_o.size() / 2]);
  measured("median_without_psi", without_psi[without_psi.size() / 2]);
}

// A group with constant rows has a constant gate: every mode can fold it.
TYPED_TEST(Exactness, OfRemovingAConstantGroupInEveryMode) {
  using T = TypeParam;
  int cases = 0;
  for (std::uint64_t seed = 0; seed < kNetworks; ++seed) {
    auto network = cast_network<T>(random_network(seed));
    Dice dice(seed, 10);
    const int id = pick(dice, network.hidden());
    const Space<T>& space = network.space(id);
    if (space.gates() < 2) continue;
    ++cases;
    const Index g = dice.between(0, space.gates() - 1);
    for (const int m : network.incoming(id)) {
      Map<T>& map = network.map(m);
      map.weight().middleRows(space.begin(g), space.groups[g]).setZero();
      map.psi().middleRows(space.begin(g), space.groups[g]).setZero();
      map.chi().middleRows(space.begin(g), space.groups[g]).setZero();
    }
    const auto x = random_inputs(seed, network.widths().front());
    auto after = network;
    after.apply(remove_groups(network, id, std::vector<Index>{g}));
    ASSERT_EQ(after.space(id).gates(), network.space(id).gates() - 1);
    const std::string where =
        fmt::format("group {} of space {}, {}", g, id, describe(network, seed));
    this->add("remove_group", this->change(network, after, x), where);

    std::vector<Index> counts = space.groups;
    counts[g] = 0;
    auto reduced = network;
    reduced.apply(reduce(network, id, score_by_singular_value(network, id), counts));
    this->add("reduce_group", this->change(network, reduced, x), where);
  }
  EXPECT_GE(cases, 400);
}

// The same on a network that is no chain: the space in question is read and written by several maps.
TEST(ExactnessOnGraphs, OfEveryEdit) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (const Radial radial : {Radial::tanh, Radial::log}) {
    auto network = graph_network(11, radial, LengthMode::trainable, PsiMode::decay);
    const auto x = random_inputs(11, 5);
    const Matrix<double> y = oracle_output(network, x);
    auto statistics = statistics_of(network, *engine, x, 11);
    for (const int id : network.hidden()) {
      const auto expect_same = [&](const Network<double>& from, const Edit& edit) {
        auto after = from;
        after.apply(edit);
        EXPECT_LE(relative(oracle_output(after, x), y), 1e-12)
            << edit_kind_name(edit.record.kind) << " of space " << id;
        EXPECT_LE(relative(output_of(after, *engine, x), y), 1e-12);
      };
      expect_same(network, rotate_left(network, id));
      expect_same(network, rotate_right(network, id));
      expect_same(network, rotate_random(network, id, 5));
      Growth growth{std::vector<Index>(network.space(id).groups.size(), 2), {3, 1}};
      for (const GroupStart start : {GroupStart::rows, GroupStart::columns}) {
        for (const Outgoing outgoing : {Outgoing::random, Outgoing::gradient}) {
          expect_same(
              network,
              grow(network, id, growth,
                   {.outgoing = outgoing, .group_start = start, .statistics = &statistics}));
        }
      }
      auto planted = network;
      for (const int m : network.incoming(id)) {
        planted.map(m).weight().row(1).setZero();
        planted.map(m).psi().row(1).setZero();
      }
      const Matrix<double> y_planted = oracle_output(planted, x);
      std::vector<Index> kept(planted.space(id).dimension);
      std::iota(kept.begin(), kept.end(), Index{0});
      kept.erase(kept.begin() + 1);
      std::vector<Index> counts = planted.space(id).groups;
      --counts[0];
      for (const Edit& edit : {keep(planted, id, kept),
                               reduce(planted, id, score_by_singular_value(planted, id), counts)}) {
        auto after = planted;
        after.apply(edit);
        EXPECT_LE(relative(oracle_output(after, x), y_planted), 1e-12);
      }
    }
    const auto [read, write] = rotate_full(network, 1);
    auto after = network;
    after.apply(read);
    after.apply(write);
    EXPECT_LE(relative(oracle_output(after, x), y), 1e-12);
  }
}

}  // namespace
}  // namespace isoform
