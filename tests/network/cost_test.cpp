// What a network costs, counted entry by entry.
#include "isoform/network/cost.h"

#include <gtest/gtest.h>

#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

TEST(Cost, OfDenseNetworksIsTheirParameterCount) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto network = random_network(seed);
    for (const Map<double>& m : network.maps()) {
      network.map(m.id).weight().array() += 10;  // no zeros
    }
    const Cost cost = cost_of(network);
    EXPECT_EQ(cost.parameters, network.parameter_count()) << describe(network, seed);
    EXPECT_EQ(cost.bytes, 8 * cost.parameters);
    EXPECT_EQ(cost_of(cast_network<float>(network)).bytes, 4 * cost.parameters);
    Index products = 0, hidden = 0;
    for (const Map<double>& m : network.maps()) products += m.a.size();
    for (const int id : network.hidden()) hidden += network.space(id).dimension;
    EXPECT_EQ(cost.multiply_adds, products + 2 * hidden);
  }
}

// docs/mathematics.md 5.1: K of L maps of a square net keep n numbers each.
TEST(Cost, OfAlternatingDiagonalsIsThePapersCount) {
  const Index n = 30, dense = 6 * n * n;
  ChainSettings settings;
  settings.widths = std::vector<Index>(7, n);
  settings.group_size = 0;
  settings.length = LengthMode::none;
  auto network = Network<double>::chain(settings);
  const Cost before = cost_of(network);
  EXPECT_EQ(before.parameters, dense + 6 * n + 5 * n);  // b and ψ
  EXPECT_EQ(before.multiply_adds, before.parameters + 2 * 5 * n);
  for (const int map : {1, 3}) impose_structure(network, map, Structure::diagonal);
  const Cost after = cost_of(network);
  EXPECT_EQ(before.parameters - after.parameters, 2 * n * (n - 1));
  EXPECT_EQ(before.multiply_adds - after.multiply_adds, 2 * n * (n - 1));
  impose_structure(network, 4, Structure::triangle);
  EXPECT_EQ(after.parameters - cost_of(network).parameters, n * (n - 1) / 2);
}

TEST(Cost, OfGraphsAndGroupsCountsEveryMap) {
  auto network = graph_network(2);
  EXPECT_EQ(cost_of(network).parameters, network.parameter_count());
  // Map 1 → 2 reads 7, writes groups of 3, 1 and 4: 7 + 6 + 5, 7, 7 + 6 + 5 + 4.
  impose_structure(network, 1, Structure::triangle);
  EXPECT_EQ(cost_of(network).parameters, network.parameter_count() - 8 * 7 + 18 + 7 + 22);
  EXPECT_EQ(cost_of(network, 1, Structure::triangle).parameters, 18 + 7 + 22 + 8 + 8 * 2);
  EXPECT_EQ(cost_of(network, 1, Structure::diagonal).multiply_adds, 7 + 8 + 8 * 2);
}

}  // namespace
}  // namespace isoform
