#include "isoform/network/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/topology/grow.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Sizes = std::vector<Index>;

std::string refusal(const ChainSettings& settings) {
  try {
    settings.validate();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CutGroups, TheLastTakesTheRemainder) {
  EXPECT_EQ(cut_groups(20, 8), (Sizes{8, 8, 4}));
  EXPECT_EQ(cut_groups(16, 8), (Sizes{8, 8}));
  EXPECT_EQ(cut_groups(8, 8), (Sizes{8}));
  EXPECT_EQ(cut_groups(5, 8), (Sizes{5}));
  EXPECT_EQ(cut_groups(128, 0), (Sizes{128}));
  EXPECT_EQ(cut_groups(3, 1), (Sizes{1, 1, 1}));
  EXPECT_THROW(cut_groups(0, 8), UsageError);
  EXPECT_THROW(cut_groups(8, -1), UsageError);
}

TEST(ChainSettings, RefusesWithWhatIsNeededAndWhatCame) {
  ChainSettings good;
  good.widths = {4, 12, 3};
  EXPECT_EQ(refusal(good), "accepted");
  good.groups = {{8, 4}};
  EXPECT_EQ(refusal(good), "accepted");
  ChainSettings bad = good;
  bad.widths = {4};
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("widths"), HasSubstr("got 1")));
  bad = good;
  bad.widths = {4, 0, 3};
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("width 1 is 0"), HasSubstr("at least 1")));
  bad = good;
  bad.group_size = -2;
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("group size"), HasSubstr("-2")));
  bad = good;
  bad.groups = {{8, 4}, {3}};
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("groups"), HasSubstr("1 hidden"), HasSubstr("got 2")));
  bad = good;
  bad.groups = {{8, 3}};
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("layer 1 is 12 wide"), HasSubstr("[8, 3]"),
                                  HasSubstr("add up to 11")));
  bad = good;
  bad.groups = {{12, 0}};
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("layer 1"), HasSubstr("group of 0")));
  EXPECT_THROW(Network<float>::chain(bad), UsageError);
}

TEST(Names, ComeBackAndUnknownOnesAreListed) {
  for (const auto mode :
       {LengthMode::none, LengthMode::constant, LengthMode::trainable, LengthMode::log}) {
    EXPECT_EQ(length_mode_from_name(length_mode_name(mode)), mode);
  }
  for (const auto mode : {PsiMode::none, PsiMode::constant, PsiMode::trainable, PsiMode::decay,
                          PsiMode::expectation}) {
    EXPECT_EQ(psi_mode_from_name(psi_mode_name(mode)), mode);
  }
  for (const auto i : {Initialiser::orthogonal, Initialiser::xavier, Initialiser::kaiming}) {
    EXPECT_EQ(initialiser_from_name(initialiser_name(i)), i);
  }
  EXPECT_THROW(length_mode_from_name("long"), UsageError);
  EXPECT_THROW(psi_mode_from_name(""), UsageError);
  EXPECT_THROW(initialiser_from_name("zeros"), UsageError);
}

TEST(Chain, HasTheShapesOfItsSettings) {
  ChainSettings settings;
  settings.widths = {5, 20, 7, 3};
  const auto network = Network<float>::chain(settings);
  EXPECT_THAT(network.widths(), ElementsAre(5, 20, 7, 3));
  EXPECT_THAT(network.hidden(), ElementsAre(1, 2));
  EXPECT_EQ(network.space(1).groups, (Sizes{8, 8, 4}));
  EXPECT_EQ(network.space(2).groups, (Sizes{7}));
  EXPECT_EQ(network.map(0).psi().cols(), 0) << "the input has no gates";
  EXPECT_EQ(network.map(1).psi().cols(), 3);
  EXPECT_EQ(network.map(2).psi().cols(), 1);
  EXPECT_TRUE(network.map(1).bias().isZero());
  EXPECT_TRUE(network.map(1).psi().isZero());
  EXPECT_NEAR(network.space(1).o(2), 1e-6, 1e-12);
  EXPECT_TRUE(network.all_finite());
}

TEST(ParameterCount, EqualsTheCountByHand) {
  ChainSettings settings;
  settings.widths = {5, 20, 7, 3};
  // maps 5→20, 20→7 with 3 gates, 7→3 with 1 gate; o: 3 + 1.
  EXPECT_EQ(Network<float>::chain(settings).parameter_count(),
            20 * (5 + 1) + 7 * (20 + 1 + 3) + 3 * (7 + 1 + 1) + 4);
  settings.psi = PsiMode::expectation;
  settings.length = LengthMode::none;
  EXPECT_EQ(Network<float>::chain(settings).parameter_count(),
            20 * (5 + 1) + 7 * (20 + 1) + 3 * (7 + 1));
}

TEST(ParameterCount, AfterGrowthIsForeseen) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto network = seed % 4 == 0
                             ? graph_network(seed, Radial::tanh, LengthMode::log, PsiMode::none)
                             : random_network(seed, {.most_hidden = 3, .widest = 20});
    for (const int id : network.hidden()) {
      Dice dice(seed, 20 + static_cast<std::uint64_t>(id));
      Growth growth{Sizes(network.space(id).groups.size(), 0), {}};
      growth.into.back() = dice.between(1, 4);
      for (Index k = dice.between(0, 3); k > 0; --k)
        growth.new_groups.push_back(dice.between(1, 5));
      auto grown = network;
      grown.apply(grow(network, id, growth));
      EXPECT_EQ(network.parameter_count_after(id, growth.neurons(),
                                              static_cast<Index>(growth.new_groups.size())),
                grown.parameter_count())
          << describe(network, seed);
    }
  }
}

TEST(Space, SetOKeepsTheSignOfBetaAndItsValue) {
  Space<double> space;
  space.groups = {1, 1};
  space.length = Vector<double>{{-0.5, 0.0}};
  space.set_o(0, 4);
  space.set_o(1, 4);
  EXPECT_EQ(space.length, (Vector<double>{{-2, 2}}));
  space.length_mode = LengthMode::log;
  space.set_o(0, 0.25);
  EXPECT_NEAR(space.o(0), 0.25, 1e-16);
  space.set_o(1, 0);
  EXPECT_TRUE(space.length.allFinite());
  EXPECT_LE(space.o(1), 1e-11);
  space.length_mode = LengthMode::none;
  space.set_o(0, 3);
  EXPECT_EQ(space.o(0), 0);
}

TEST(Penalty, IsATenthOfTheSquaresOfPsiWhereItDecays) {
  auto network =
      graph_network(1, Radial::tanh, LengthMode::none, PsiMode::decay, PsiMode::constant);
  double squares = 0;
  for (const auto& m : network.maps()) {
    if (m.id == 4) continue;  // the map that holds ψ constant
    for (const double value : m.psi().reshaped()) squares += value * value;
  }
  EXPECT_NEAR(network.penalty(), 0.1 * squares, 1e-14);
}

TEST(Assembly, RefusesWhatIsNoNetwork) {
  const auto network = graph_network(2);
  auto spaces = network.spaces();
  auto maps = network.maps();
  maps[1].from = 3;  // backwards
  EXPECT_THROW(Network<double>(spaces, maps), InternalError);
  maps = network.maps();
  maps[2].a.conservativeResize(Eigen::NoChange, 4);
  EXPECT_THROW(Network<double>(spaces, maps), InternalError);
  spaces[1].id = 7;
  EXPECT_THROW(Network<double>(spaces, network.maps()), InternalError);
}

TEST(Incoming, StacksEveryMapThatEndsThere) {
  const auto network = graph_network(4);
  const auto in = incoming_matrix(network, 2);  // maps 1 (7 inputs, 2 gates) and 2 (5 inputs)
  ASSERT_EQ(in.cols(), 7 + 2 + 5);
  EXPECT_EQ(in.leftCols(7), network.map(1).weight());
  EXPECT_EQ(in.middleCols(7, 2), network.map(1).psi());
  EXPECT_EQ(in.rightCols(5), network.map(2).weight());
  EXPECT_EQ(incoming_bias(network, 2), network.map(1).bias() + network.map(2).bias());
  const auto out = outgoing_matrix(network, 1);
  ASSERT_EQ(out.rows(), 8 + 6 + 3);
  EXPECT_EQ(out.topRows(8), network.map(1).weight());
  EXPECT_EQ(out.bottomRows(3), network.map(5).weight());
}

TEST(AllFinite, SeesEveryNumber) {
  auto network = graph_network(5);
  EXPECT_TRUE(network.all_finite());
  auto broken = network;
  broken.map(6).psi()(0, 0) = std::nan("");
  EXPECT_FALSE(broken.all_finite());
  broken = network;
  broken.space(2).length[1] = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(broken.all_finite());
}

}  // namespace
}  // namespace isoform
