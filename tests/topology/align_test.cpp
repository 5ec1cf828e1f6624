#include "isoform/topology/align.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/network/initialise.h"
#include "isoform/topology/grow.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

// The same function in another basis, by dense matrices and no edit: every group turned, groups in another order.
template <class T>
Network<T> disguised(const Network<T>& network, std::uint64_t seed, bool permute = true) {
  std::vector<Space<T>> spaces = network.spaces();
  std::vector<Map<T>> maps = network.maps();
  for (Space<T>& space : spaces) {
    if (!space.hidden()) continue;
    const Space<T> old = space;
    Dice dice(seed, 100 + static_cast<std::uint64_t>(space.id));
    std::vector<Index> order(old.groups.size());
    std::iota(order.begin(), order.end(), Index{0});
    for (std::size_t i = order.size(); permute && i-- > 1;) {
      std::swap(order[i], order[static_cast<std::size_t>(dice.between(0, static_cast<Index>(i)))]);
    }
    Matrix<double> q = Matrix<double>::Zero(old.dimension, old.dimension);
    Matrix<double> p = Matrix<double>::Zero(old.gates(), old.gates());
    Index row = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Index g = order[i], size = old.groups[g];
      q.block(row, old.begin(g), size, size) = orthogonal_matrix(
          size, size, Random(seed, Purpose::test, i, 200 + static_cast<std::uint64_t>(space.id)));
      p(static_cast<Index>(i), g) = 1;
      space.groups[i] = size;
      space.length[static_cast<Index>(i)] = old.length[g];
      row += size;
    }
    for (Map<T>& m : maps) {
      const Matrix<double> a = m.a.template cast<double>();
      if (m.to == space.id) m.a = (q * a).template cast<T>();
      if (m.from != space.id) continue;
      m.weight() = (a.leftCols(m.inputs) * q.transpose()).template cast<T>();
      if (m.psi().cols() > 0) {
        m.psi() = (a.middleCols(m.inputs + 1, old.gates()) * p.transpose()).template cast<T>();
      }
      if (m.norms) {
        m.chi() = (a.rightCols(old.gates()) * p.transpose()).template cast<T>();
      }
    }
  }
  return Network<T>(std::move(spaces), std::move(maps));
}

// Entry by entry, for networks of one shape: {‖A − B‖, ‖B‖}.
template <class T>
std::pair<double, double> apart(const Network<T>& a, const Network<T>& b) {
  double difference = 0, norm = 0;
  const auto add = [&](double x, double y) {
    difference += (x - y) * (x - y);
    norm += y * y;
  };
  for (const Map<T>& m : b.maps()) {
    const Map<T>& other = a.map(m.id);
    EXPECT_EQ(other.inputs, m.inputs);
    EXPECT_EQ(other.a.rows(), m.a.rows());
    const Index most = std::max(m.a.cols(), other.a.cols());
    for (Index j = 0; j < most; ++j) {
      for (Index i = 0; i < m.a.rows(); ++i) {
        add(j < other.a.cols() ? static_cast<double>(other.a(i, j)) : 0,
            j < m.a.cols() ? static_cast<double>(m.a(i, j)) : 0);
      }
    }
  }
  for (const int id : b.hidden()) {
    EXPECT_EQ(a.space(id).groups, b.space(id).groups);
    for (Index g = 0; g < b.space(id).gates(); ++g) {
      add(std::sqrt(static_cast<double>(a.space(id).o(g))),
          std::sqrt(static_cast<double>(b.space(id).o(g))));
    }
  }
  return {std::sqrt(difference), std::sqrt(norm)};
}

template <class T>
Network<T> applied(Network<T> network, const std::vector<Edit>& edits) {
  for (const Edit& edit : edits) network.apply(edit);
  return network;
}

// Aligns, and checks whatever holds for every pair of networks. The relative distance left.
template <class T>
double aligned(const Network<T>& a, const Network<T>& b, const std::string& where) {
  const double rounding = std::is_same_v<T, double> ? 1e-13 : 1e-6;
  const Alignment alignment = align(a, b);
  const Network<T> turned = applied(a, alignment.edits), filled = applied(b, alignment.padding);
  const auto [difference, norm] = apart(turned, filled);
  EXPECT_NEAR(alignment.norm, norm, 1e-6 * norm) << where;
  EXPECT_NEAR(alignment.after, difference, rounding * norm) << where;
  EXPECT_LE(alignment.after, alignment.before) << where;
  double after = 0, before = 0;
  for (const MapDistance& map : alignment.maps) {
    after += map.after * map.after;
    before += map.before * map.before;
    EXPECT_NEAR(
        map.after * map.after,
        map.weight * map.weight + map.bias * map.bias + map.psi * map.psi + map.length * map.length,
        1e-12 * norm * norm);
  }
  EXPECT_NEAR(std::sqrt(after), alignment.after, 1e-13 * norm);
  EXPECT_NEAR(std::sqrt(before), alignment.before, 1e-13 * norm);
  EXPECT_EQ(alignment.sweeps, static_cast<int>(alignment.course.size()));
  for (std::size_t i = 1; i < alignment.course.size(); ++i) {
    EXPECT_LE(alignment.course[i], alignment.course[i - 1]) << "sweep " << i << ", " << where;
  }
  if (!alignment.course.empty()) {
    EXPECT_NEAR(alignment.course.back(), alignment.after, 1e-13 * norm);
  }
  const Matrix<double> x = random_inputs(1, a.widths().front(), 8);
  const double tolerance = std::is_same_v<T, double> ? 1e-11 : 1e-4;
  EXPECT_LE(relative(oracle_output(turned, x), oracle_output(a, x)), tolerance) << where;
  EXPECT_LE(relative(oracle_output(filled, x), oracle_output(b, x)), tolerance) << where;
  return difference / norm;
}

template <class T>
class AlignScalar : public ::testing::Test {
 public:
  static constexpr double kTolerance = std::is_same_v<T, double> ? 1e-12 : 1e-5;
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(AlignScalar, Scalars);

TYPED_TEST(AlignScalar, FindsTheBasisOfRandomNetworks) {
  Worst worst;
  int disguises = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const auto a = cast_network<TypeParam>(seed % 10 == 9 ? graph_network(seed)
                                                          : random_network(seed, {.widest = 32}));
    const std::string where = describe(a, seed);
    const auto b = disguised(a, seed);
    worst.add(aligned(a, b, where), where);
    const Alignment alignment = align(a, b);
    disguises += alignment.before > 0.3 * alignment.norm ? 1 : 0;
  }
  measured(std::is_same_v<TypeParam, double> ? "double" : "float", worst.error);
  EXPECT_LE(worst.error, this->kTolerance) << worst.where;
  EXPECT_GE(disguises, 140) << "or there is nothing to find";
}

// widths, group size (0: whole layer, 1: signs and an order)
TYPED_TEST(AlignScalar, FindsTheBasisOfEveryShape) {
  struct Shape {
    std::vector<Index> widths;
    Index group_size;
  };
  const std::vector<Shape> shapes = {{{20, 16, 12, 5}, 0},      {{20, 16, 12, 5}, 1},
                                     {{20, 16, 12, 5}, 4},      {{3, 2}, 0},
                                     {{3, 24, 24, 2}, 0},       {{3, 24, 24, 2}, 8},
                                     {{2, 8, 30, 30, 9, 3}, 0}, {{1, 20, 1, 20, 1}, 5},
                                     {{2, 40, 40, 40, 1}, 0},   {{2, 40, 40, 40, 1}, 10},
                                     {{1, 12, 12, 1}, 1},       {{4, 64, 3}, 8}};
  Worst worst;
  for (const Shape& shape : shapes) {
    for (int k = 0; k < 12; ++k) {
      ChainSettings settings;
      settings.widths = shape.widths;
      settings.group_size = shape.group_size;
      settings.initialiser = static_cast<Initialiser>(k % 3);
      settings.psi = k % 2 == 0 ? PsiMode::decay : PsiMode::none;
      settings.length = k % 4 < 2 ? LengthMode::trainable : LengthMode::none;
      settings.seed = static_cast<std::uint64_t>(k);
      auto network = Network<double>::chain(settings);
      Dice dice(settings.seed, 12);
      randomise(network, dice);
      const auto a = cast_network<TypeParam>(network);
      const std::string where =
          fmt::format("{}, group size {}", describe(a, settings.seed), shape.group_size);
      worst.add(aligned(a, disguised(a, settings.seed), where), where);
    }
  }
  measured(std::is_same_v<TypeParam, double> ? "double" : "float", worst.error);
  EXPECT_LE(worst.error, this->kTolerance) << worst.where;
}

// A network turned and then changed by ε is at most ε away, and less: part of the change is a turn.
TEST(Align, SeesHowMuchWasChanged) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto a = random_network(seed, {.widest = 24});
    auto b = disguised(a, seed);
    const double share = std::pow(10.0, -1.0 - static_cast<double>(seed % 8));
    Dice dice(seed, 13);
    const double norm = apart(b, b).second;
    double squares = 0;
    for (const Map<double>& m : a.maps()) {
      Matrix<double> change = dice.normals(m.a.rows(), m.a.cols());
      change *= share * m.a.norm() / change.norm();
      b.map(m.id).a += change;
      squares += change.squaredNorm();
    }
    const double epsilon = std::sqrt(squares);
    const std::string where = fmt::format("change {}, {}", share, describe(a, seed));
    const double left = aligned(a, b, where) * align(a, b).norm;
    EXPECT_LE(left, epsilon * (1 + 1e-6) + 1e-13 * norm) << where;
    EXPECT_GE(left, 0.05 * epsilon) << where;
    worst.add(left / epsilon, where);
    const double back = aligned(b, a, where) * align(b, a).norm;
    EXPECT_NEAR(left, back, 1e-4 * left) << "there and back, " << where;
  }
  measured("share_of_the_change", worst.error);
}

// Whatever two networks are: see aligned(). The distance is the same from both sides up to where the sweeps end.
TEST(Align, OfUnrelatedNetworksFallsAndIsSymmetric) {
  Worst fall, asymmetry;
  int falling = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto a = random_network(seed, {.widest = 16});
    ChainSettings settings;
    settings.widths = a.widths();
    settings.seed = seed + 500;
    for (const int id : a.hidden()) settings.groups.push_back(a.space(id).groups);
    auto b =
        Network<double>::chain(settings);  // o trainable, ψ decay, tanh: often other modes than A's
    Dice dice(seed, 14);
    randomise(b, dice);
    const std::string where = describe(a, seed);
    const double there = aligned(a, b, where), norm = align(a, b).norm;
    const double back = aligned(b, a, where) * align(b, a).norm / norm;
    asymmetry.add(std::abs(there - back) / there, where);
    falling += there < 0.999 * align(a, b).before / norm ? 1 : 0;
  }
  measured("asymmetry", asymmetry.error);
  EXPECT_LE(asymmetry.error, 1e-2) << asymmetry.where;
  EXPECT_GE(falling, 38);
}

Network<double> small(std::vector<Index> widths, std::vector<std::vector<Index>> groups,
                      std::uint64_t seed) {
  ChainSettings settings;
  settings.widths = std::move(widths);
  settings.groups = std::move(groups);
  settings.initialiser = Initialiser::kaiming;
  settings.seed = seed;
  auto network = Network<double>::chain(settings);
  Dice dice(seed, 15);
  randomise(network, dice);
  return network;
}

Edit by_hand(int space, std::vector<GroupEdit> groups) {
  Edit edit;
  edit.space = space;
  edit.groups = std::move(groups);
  return edit;
}

Matrix<double> plane_turn(double angle, bool mirror) {
  Matrix<double> q(2, 2);
  q << std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle);
  if (mirror) q.col(1) *= -1;
  return q;
}

// All rotations and reflections of one hidden space of two neurons, on a fine grid.
TEST(Align, OfOneHiddenSpaceIsTheOptimum) {
  constexpr int kAngles = 3600;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto a = small({3, 2, 2}, {{2}}, seed), b = small({3, 2, 2}, {{2}}, seed + 100);
    double least = INFINITY;
    for (int k = 0; k < 2 * kAngles; ++k) {
      const Matrix<double> q = plane_turn(M_PI * (k - k % 2) / kAngles, k % 2 == 1);
      least = std::min(least, apart(applied(a, {by_hand(1, {{0, 2, q}})}), b).first);
    }
    const double found = align(a, b).after;
    EXPECT_LE(found, least * (1 + 1e-12));
    EXPECT_GE(found, least * (1 - 1e-6)) << "half a step of the grid costs a few parts in 10⁷";
  }
}

// All 48 signed orders of three groups of one; all orders of groups of sizes 1 and 2, among equals.
TEST(Align, OfOneHiddenSpaceFindsTheBestOrder) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const auto a = small({2, 3, 2}, {{1, 1, 1}}, seed),
               b = small({2, 3, 2}, {{1, 1, 1}}, seed + 100);
    double least = INFINITY;
    std::vector<Index> order = {0, 1, 2};
    do {
      for (int signs = 0; signs < 8; ++signs) {
        std::vector<GroupEdit> groups;
        for (int g = 0; g < 3; ++g) {
          groups.push_back({order[static_cast<std::size_t>(g)], 1,
                            Matrix<double>::Constant(1, 1, (signs >> g) % 2 == 0 ? 1 : -1)});
        }
        least = std::min(least, apart(applied(a, {by_hand(1, groups)}), b).first);
      }
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_NEAR(align(a, b).after, least, 1e-12 * least);
  }
}

// Two hidden spaces: the sweeps end in a local optimum. How often in the best on a grid is measured.
TEST(Align, OfTwoHiddenSpacesIsRarelyFarFromTheOptimum) {
  constexpr int kAngles = 24;
  int reached = 0;
  Worst worst;
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    const auto a = small({3, 2, 2, 2}, {{2}, {2}}, seed),
               b = small({3, 2, 2, 2}, {{2}, {2}}, seed + 100);
    double least = INFINITY;
    for (int j = 0; j < 2 * kAngles; ++j) {
      for (int k = 0; k < 2 * kAngles; ++k) {
        const Matrix<double> q = plane_turn(M_PI * (j - j % 2) / kAngles, j % 2 == 1);
        const Matrix<double> r = plane_turn(M_PI * (k - k % 2) / kAngles, k % 2 == 1);
        least = std::min(
            least, apart(applied(a, {by_hand(1, {{0, 2, q}}), by_hand(2, {{0, 2, r}})}), b).first);
      }
    }
    const double found = align(a, b).after;
    reached += found <= least ? 1 : 0;
    worst.add(found / least, describe(a, seed));
  }
  measured("cases_at_the_best_of_the_grid_of_25", reached);
  measured("worst_ratio", worst.error);
  EXPECT_GE(reached, 20);
  EXPECT_LE(worst.error, 1.2) << worst.where;
}

// B is A, grown: the shapes are made equal, and what is left are the outgoing columns of the new neurons.
TEST(Align, FillsTheSmallerUpWithInertNeurons) {
  const auto a = small({4, 6, 5, 3}, {{4, 2}, {5}}, 1);
  auto b = disguised(a, 1);
  b.apply(grow(b, 1, Growth{{1, 2}, {3}}, {.seed = 5}));
  b.apply(grow(b, 2, Growth{{2}, {}}, {.seed = 6}));
  const double left = aligned(a, b, "grown") * align(a, b).norm;
  const Alignment there = align(a, b), back = align(b, a);
  EXPECT_TRUE(there.padded && there.padding.empty()) << "B has room for all of A";
  EXPECT_EQ(applied(a, there.edits).widths(), b.widths());
  EXPECT_GT(left, 0);
  EXPECT_NEAR(there.after, back.after, 1e-6 * there.after);
  EXPECT_EQ(applied(a, back.padding).widths(), applied(b, back.edits).widths());
  // The truth written down: A turned as B was, then the same empty places.
  auto truth = disguised(a, 1);
  truth.apply(by_hand(1, {{0, 5, Matrix<double>::Identity(5, 4)},
                          {1, 4, Matrix<double>::Identity(4, 2)},
                          {GroupEdit::kNew, 3, {}}}));
  truth.apply(by_hand(2, {{0, 7, Matrix<double>::Identity(7, 5)}}));
  EXPECT_EQ(b.space(1).groups, (std::vector<Index>{5, 4, 3}));
  EXPECT_LE(left, apart(truth, b).first * (1 + 1e-9));
}

TEST(Align, OfGroupsOfOtherSizesAndNumbers) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto a = small({4, 9, 6, 3}, {{4, 4, 1}, {3, 3}}, seed);
    const auto b = small({4, 7, 8, 3}, {{7}, {2, 2, 2, 2}}, seed + 100);
    aligned(a, b, fmt::format("seed {}", seed));
    aligned(b, a, fmt::format("seed {}, back", seed));
    const Alignment alignment = align(a, b);
    EXPECT_TRUE(alignment.padded);
    EXPECT_FALSE(alignment.padding.empty());
  }
}

TEST(Align, OfANetworkWithItselfIsNothing) {
  const auto network = random_network(3);
  const Alignment alignment = align(network, network);
  EXPECT_EQ(alignment.after, 0);
  EXPECT_EQ(alignment.before, 0);
  EXPECT_EQ(alignment.sweeps, 0);
  EXPECT_FALSE(alignment.padded);
  EXPECT_EQ(alignment.relative(), 0);
}

TEST(Align, SaysWhatCannotBeCompared) {
  const auto message = [](const Network<double>& a, const Network<double>& b) -> std::string {
    try {
      align(a, b);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  const auto network = small({4, 6, 3}, {{6}}, 1);
  EXPECT_THAT(message(network, small({5, 6, 3}, {{6}}, 1)), HasSubstr("4 → 3 and 5 → 3"));
  EXPECT_THAT(message(network, small({4, 6, 2}, {{6}}, 1)), HasSubstr("same inputs and outputs"));
  EXPECT_THAT(message(network, small({4, 6, 6, 3}, {{6}, {6}}, 1)),
              HasSubstr("1 and 2 hidden layers"));
  auto diverged = network;
  diverged.map(0).a(0, 0) = NAN;
  EXPECT_THAT(message(network, diverged), HasSubstr("diverged"));
}

}  // namespace
}  // namespace isoform
