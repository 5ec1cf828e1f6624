#include "isoform/network/symmetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/LU>
#include <map>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/network/initialise.h"
#include "isoform/network/statistics.h"
#include "isoform/train/optimiser.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Sizes = std::vector<Index>;

template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "not refused";
}

Symmetry mixed() {
  return Symmetry::product({Symmetry::permutation(3), Symmetry::orthogonal_product({2, 1}),
                            Symmetry::signed_permutation(2)});
}

TEST(Symmetry, HasANameADimensionAndAnOrder) {
  EXPECT_EQ(Symmetry::orthogonal_product({8, 8, 4}).name(), "O(8)×O(8)×O(4)");
  EXPECT_EQ(Symmetry::orthogonal_product(Sizes(64, 1)).name(), "O(1)^64");
  EXPECT_EQ(Symmetry::orthogonal_product({2, 8, 8, 8, 8, 2}).name(), "O(2)×O(8)^4×O(2)");
  EXPECT_EQ(mixed().name(), "S(3)×O(2)×O(1)×B(2)");
  EXPECT_EQ(mixed().dimension(), 8);
  EXPECT_EQ(Symmetry::permutation(5).order(), 120);
  EXPECT_EQ(Symmetry::signed_permutation(3).order(), 48);
  EXPECT_EQ(Symmetry::orthogonal_product({1, 1, 1}).order(), 8);
  EXPECT_TRUE(std::isinf(Symmetry::orthogonal(2).order()));
  EXPECT_EQ(Symmetry::orthogonal_product({3, 2}),
            Symmetry::product({Symmetry::orthogonal(3), Symmetry::orthogonal(2)}));
  EXPECT_FALSE(Symmetry::permutation(2) == Symmetry::signed_permutation(2));
}

TEST(Symmetry, RefusesWhatIsNone) {
  EXPECT_THAT(refusal([] { (void)Symmetry::orthogonal(0); }), HasSubstr("O(0)"));
  EXPECT_THAT(refusal([] { (void)Symmetry::orthogonal_product({4, -1}); }), HasSubstr("O(-1)"));
  EXPECT_THAT(refusal([] { (void)Symmetry::product({}); }), HasSubstr("at least one factor"));
  EXPECT_THAT(refusal([] { (void)Symmetry::permutation(3).element(6); }), HasSubstr("6 elements"));
  EXPECT_THAT(refusal([] { (void)Symmetry::orthogonal(3).element(0); }), HasSubstr("use sample"));
}

TEST(Symmetry, SamplesAreElementsKeyedBySeedAndIndex) {
  const Symmetry symmetry = mixed();
  for (std::uint32_t i = 0; i < 50; ++i) {
    const Matrix<double> r = symmetry.sample(1, i);
    EXPECT_TRUE(symmetry.contains(r, 1e-14)) << r;
    EXPECT_EQ(r, symmetry.sample(1, i));
    EXPECT_NE(r, symmetry.sample(2, i));
    EXPECT_NE(r, symmetry.sample(1, i + 1));
  }
  const Matrix<double> r = Symmetry::orthogonal_product({3, 3}).sample(4);
  EXPECT_GT((r.topLeftCorner(3, 3) - r.bottomRightCorner(3, 3)).norm(), 0.1)
      << "factors are independent";
}

TEST(Symmetry, ContainsItsElementsAndNoOthers) {
  const Matrix<double> swap{{0, 1}, {1, 0}}, flip{{-1, 0}, {0, 1}}, shear{{1, 0.1}, {0, 1}};
  const double c = std::cos(0.3), s = std::sin(0.3);
  const Matrix<double> turn{{c, -s}, {s, c}}, twice{{1, 0}, {1, 0}};
  EXPECT_TRUE(Symmetry::permutation(2).contains(swap));
  EXPECT_FALSE(Symmetry::permutation(2).contains(flip));
  EXPECT_TRUE(Symmetry::signed_permutation(2).contains(flip));
  EXPECT_FALSE(Symmetry::signed_permutation(2).contains(turn));
  EXPECT_FALSE(Symmetry::signed_permutation(2).contains(twice));
  EXPECT_TRUE(Symmetry::orthogonal(2).contains(turn));
  EXPECT_FALSE(Symmetry::orthogonal(2).contains(shear));
  EXPECT_FALSE(Symmetry::orthogonal_product({1, 1}).contains(swap));
  EXPECT_FALSE(Symmetry::orthogonal_product({1, 1}).contains(turn));
  EXPECT_FALSE(Symmetry::orthogonal(3).contains(turn));
  EXPECT_FALSE(Symmetry::orthogonal(2).contains(turn * NAN));
}

TEST(Symmetry, EnumeratesEveryElementOnceFromTheIdentity) {
  for (const Symmetry& symmetry :
       {Symmetry::permutation(4), Symmetry::signed_permutation(3),
        Symmetry::product({Symmetry::orthogonal_product({1, 1}), Symmetry::permutation(3)})}) {
    std::map<std::vector<double>, int> seen;
    const auto key = [](const Matrix<double>& r) {
      return std::vector<double>(r.data(), r.data() + r.size());
    };
    const auto count = static_cast<std::uint64_t>(symmetry.order());
    for (std::uint64_t i = 0; i < count; ++i) {
      EXPECT_TRUE(symmetry.contains(symmetry.element(i), 0));
      ++seen[key(symmetry.element(i))];
    }
    EXPECT_EQ(seen.size(), count) << symmetry.name();
    EXPECT_TRUE(symmetry.element(0).isIdentity(0));
    EXPECT_EQ(seen.count(key(symmetry.element(1) * symmetry.element(count - 1))), 1) << "a group";
  }
}

TEST(Symmetry, SamplesAreUniform) {
  // Every element of B(2)×S(3) equally often: χ² with 47 degrees of freedom, mean 47, deviation 9.7.
  const Symmetry finite =
      Symmetry::product({Symmetry::signed_permutation(2), Symmetry::permutation(3)});
  constexpr int kDraws = 9600, kOf = 48;
  std::map<std::vector<double>, int> seen;
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const Matrix<double> r = finite.sample(3, i);
    ++seen[std::vector<double>(r.data(), r.data() + r.size())];
  }
  ASSERT_EQ(seen.size(), kOf);
  double chi = 0;
  for (const auto& entry : seen) chi += std::pow(entry.second - kDraws / kOf, 2) * kOf / kDraws;
  EXPECT_LT(chi, 47 + 5 * 9.7);

  // Moments of Haar measure on O(3): E R₁₁² = 1/3, E R₁₁⁴ = 1/5, E R₁₁R₂₂R₁₂R₂₁ = −1/30, E tr R = 0, E det R = 0.
  const Symmetry rotations = Symmetry::orthogonal(3);
  constexpr int kMoments = 5;
  Vector<double> sum = Vector<double>::Zero(kMoments), squares = sum;
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const Matrix<double> r = rotations.sample(5, i);
    Vector<double> m(kMoments);
    m << r(0, 0) * r(0, 0), std::pow(r(0, 0), 4), r(0, 0) * r(1, 1) * r(0, 1) * r(1, 0), r.trace(),
        Eigen::Matrix3d(r).determinant();
    sum += m;
    squares += m.cwiseAbs2();
  }
  const Vector<double> mean = sum / kDraws;
  const Vector<double> expected{{1.0 / 3, 1.0 / 5, -1.0 / 30, 0, 0}};
  for (int k = 0; k < kMoments; ++k) {
    const double deviation = std::sqrt((squares[k] / kDraws - mean[k] * mean[k]) / kDraws);
    EXPECT_NEAR(mean[k], expected[k], 4 * deviation) << k;
  }
}

TEST(SymmetryOf, IsTheProductOverTheGroups) {
  const auto network = graph_network(3);
  EXPECT_EQ(symmetry_of(network.space(2)).name(), "O(3)×O(1)×O(4)");
  EXPECT_EQ(symmetry_of(network.space(3)), Symmetry::orthogonal(6));
  EXPECT_THAT(refusal([&] { (void)symmetry_of(network.space(0)); }), HasSubstr("no gates"));
}

// Orders the groups of a space by chance, as a permutation matrix that moves them whole.
Matrix<double> reorder(const Sizes& groups, std::uint64_t seed, Sizes* order_out = nullptr) {
  const auto order =
      Random(seed, Purpose::test).permutation(static_cast<std::uint32_t>(groups.size()));
  const Index n = std::accumulate(groups.begin(), groups.end(), Index{0});
  Matrix<double> p = Matrix<double>::Zero(n, n);
  Index row = 0;
  for (const auto g : order) {
    const Index begin = std::accumulate(groups.begin(), groups.begin() + g, Index{0});
    p.block(row, begin, groups[g], groups[g]).setIdentity();
    row += groups[g];
    if (order_out != nullptr) order_out->push_back(static_cast<Index>(g));
  }
  return p;
}

template <class T>
void expect_act_keeps_the_function(double tolerance) {
  const auto engine = create_engine<T>({.name = "cpu", .threads = 1});
  Worst worst;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    auto network = cast_network<T>(random_network(seed));
    const auto x = random_inputs(seed, network.widths().front(), 16);
    const Matrix<double> before = output_of(network, *engine, x);
    for (const int id : network.hidden()) {
      const auto element = symmetry_of(network.space(id)).sample(seed, 7);
      const auto moved = reorder(network.space(id).groups, seed);
      network.apply(act(network, id, moved * element));
    }
    worst.add(relative(output_of(network, *engine, x), before), describe(network, seed));
  }
  measured(std::is_same_v<T, float> ? "act, float" : "act, double", worst.error);
  EXPECT_LE(worst.error, tolerance) << worst.where;
}

TEST(Act, KeepsTheFunctionOfRandomNetworks) {
  expect_act_keeps_the_function<double>(2e-14);
  expect_act_keeps_the_function<float>(5e-6);
}

TEST(Act, KeepsTheFunctionWhereMapsShareASpace) {
  for (const PsiMode psi : {PsiMode::decay, PsiMode::none, PsiMode::expectation}) {
    auto network = graph_network(5, Radial::tanh, LengthMode::log, psi);
    const auto x = random_inputs(5, 5);
    const Matrix<double> before = oracle_output(network, x);
    for (const int id : network.hidden()) {
      const auto& groups = network.space(id).groups;
      network.apply(
          act(network, id, reorder(groups, 9) * symmetry_of(network.space(id)).sample(2)));
    }
    EXPECT_LE(relative(oracle_output(network, x), before), 1e-13);
  }
}

TEST(Act, IsTheElementOnRowsAndColumnsAndTakesLengthsAndPsiAlong) {
  auto network = graph_network(6);
  const auto before = network;
  const Sizes groups = before.space(2).groups;  // 3, 1, 4
  Sizes order;
  const Matrix<double> moved = reorder(groups, 12, &order);
  ASSERT_NE(order, (Sizes{0, 1, 2}));
  const Matrix<double> r = moved * symmetry_of(before.space(2)).sample(8);
  const Edit edit = act(network, 2, r);
  EXPECT_EQ(edit.record.kind, EditKind::rotate);
  EXPECT_THAT(edit.record.why, AllOf(HasSubstr("O(3)×O(1)×O(4)"), HasSubstr("exchange")));
  network.apply(edit);
  for (const int m : {1, 2}) EXPECT_LE((network.map(m).a - r * before.map(m).a).norm(), 1e-14);
  EXPECT_LE((network.map(3).weight() - before.map(3).weight() * r.transpose()).norm(), 1e-14);
  for (Index g = 0; g < 3; ++g) {
    EXPECT_EQ(network.space(2).groups[g], groups[order[g]]);
    EXPECT_EQ(network.space(2).length[g], before.space(2).length[order[g]]);
    EXPECT_EQ(network.map(3).psi().col(g), before.map(3).psi().col(order[g]));
  }
}

TEST(Act, RelabelsNeuronsBitForBit) {
  auto settings = ChainSettings{.widths = {4, 9, 3}, .group_size = 1};
  auto network = Network<float>::chain(settings);
  Dice dice(4);
  randomise(network, dice);
  const auto before = network;
  const Matrix<double> p = Symmetry::permutation(9).sample(3);
  network.apply(act(network, 1, p));
  EXPECT_NE(network.map(0).a, before.map(0).a);
  network.apply(act(network, 1, p.transpose()));
  for (const int m : {0, 1}) EXPECT_EQ(network.map(m).a, before.map(m).a);
  EXPECT_EQ(network.space(1).length, before.space(1).length);
}

TEST(Act, ComposesAsTheGroupDoes) {
  const auto network = graph_network(8);
  const Symmetry symmetry = symmetry_of(network.space(1));
  const Matrix<double> a = symmetry.sample(1), b = reorder({4, 3}, 1) * symmetry.sample(2);
  auto stepwise = network, once = network;
  stepwise.apply(act(stepwise, 1, a));
  stepwise.apply(act(stepwise, 1, b));
  once.apply(act(once, 1, b * a));
  for (const auto& m : once.maps()) EXPECT_LE(relative(stepwise.map(m.id).a, m.a), 1e-14);
  EXPECT_EQ(stepwise.space(1).length, once.space(1).length);
}

TEST(Act, RefusesWhatTheGatesDoNotCommuteWith) {
  auto network = graph_network(7);  // space 2: groups 3, 1, 4
  const auto said = [&](const Matrix<double>& r, int space = 2) {
    return refusal([&] { (void)act(network, space, r); });
  };
  const Matrix<double> one = Matrix<double>::Identity(8, 8);
  Matrix<double> turn = one;  // a plane across groups 0 and 2
  turn(2, 2) = turn(5, 5) = std::cos(0.1);
  turn(2, 5) = std::sin(0.1);
  turn(5, 2) = -turn(2, 5);
  EXPECT_THAT(said(turn), AllOf(HasSubstr("row 2"), HasSubstr("groups 0 and 2 of space 2"),
                                HasSubstr("O(3)×O(1)×O(4)")));
  Matrix<double> torn = one;  // exchanges neurons of groups 0 and 2
  torn.row(2).swap(torn.row(4));
  EXPECT_THAT(said(torn), HasSubstr("group 0 of space 2 are not next to each other"));
  EXPECT_THAT(said(2 * one), HasSubstr("orthogonal"));
  EXPECT_THAT(said(one * NAN), HasSubstr("orthogonal"));
  EXPECT_THAT(said(Matrix<double>::Identity(7, 7)), HasSubstr("[8 × 8], got [7 × 7]"));
  EXPECT_THAT(said(one, 0), HasSubstr("no gates"));
  EXPECT_THAT(said(one, 9), HasSubstr("0 to 4"));
  turn(2, 5) = turn(5, 2) = 0;
  EXPECT_THAT(said(one + 1e-13 * Matrix<double>::Ones(8, 8)), HasSubstr("not refused"));
  EXPECT_NE(said(turn), "not refused") << "cos 0.1 twice on the diagonal is not orthogonal";
}

// Training with momentum commutes with an exchange of groups and rotations inside them.
TEST(Act, OptimisersFollow) {
  const auto engine = create_engine<double>({.name = "reference", .threads = 1});
  auto straight = graph_network(10);
  auto acted = straight;
  const OptimiserSettings settings{.method = Method::nesterov, .learning_rate = 0.02};
  Optimiser<double> of_straight(settings), of_acted(settings);
  const auto train = [&](Network<double>& network, Optimiser<double>& optimiser) {
    Pass<double> pass;
    for (std::uint64_t k = 0; k < 5; ++k) {
      pass.prepare(network, 12);
      pass.input() = random_inputs(k, 5, 12);
      forward(network, *engine, pass);
      pass.output_gradient() = pass.output() - random_inputs(k + 100, 3, 12);
      backward(network, *engine, pass);
      optimiser.step(pass.parameters(network), *engine, settings.rate());
    }
  };
  train(straight, of_straight);
  train(acted, of_acted);
  for (const int id : acted.hidden()) {
    const Matrix<double> r =
        reorder(acted.space(id).groups, 12) * symmetry_of(acted.space(id)).sample(4);
    const Edit edit = act(acted, id, r);
    of_acted.transport(acted, edit);
    acted.apply(edit);
  }
  train(straight, of_straight);
  train(acted, of_acted);
  const auto x = random_inputs(77, 5);
  EXPECT_LE(relative(oracle_output(acted, x), oracle_output(straight, x)), 1e-12);
}

TEST(Act, StatisticsFollow) {
  const auto engine = create_engine<double>({.name = "reference", .threads = 1});
  auto network = graph_network(11);
  Pass<double> pass;
  const auto gather = [&](Statistics& statistics) {
    pass.prepare(network, 40);
    pass.input() = random_inputs(3, 5, 40);
    forward(network, *engine, pass);
    statistics.gather(network, pass);
  };
  Statistics followed(network);
  gather(followed);
  const Edit edit =
      act(network, 2, reorder({3, 1, 4}, 12) * symmetry_of(network.space(2)).sample(6));
  followed.transport(network, edit);
  network.apply(edit);
  Statistics fresh(network);
  gather(fresh);
  for (Index g = 0; g < 3; ++g) {
    EXPECT_LE(relative(followed.moment(2, g), fresh.moment(2, g)), 1e-13);
  }
  EXPECT_LE(relative(followed.probe(2), fresh.probe(2)), 1e-13);
}

}  // namespace
}  // namespace isoform
