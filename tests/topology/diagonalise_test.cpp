#include "isoform/topology/diagonalise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

// Largest |off-diagonal| of a Gram matrix, and the largest step upwards on its diagonal.
struct Order {
  double off = 0, rise = 0;
};
Order order_of(const Matrix<double>& gram) {
  Order order;
  for (Index i = 0; i < gram.rows(); ++i) {
    for (Index j = 0; j < i; ++j) order.off = std::max(order.off, std::abs(gram(i, j)));
    if (i > 0) order.rise = std::max(order.rise, gram(i, i) - gram(i - 1, i - 1));
  }
  return order;
}

TEST(RotateLeft, MakesIncomingRowsOrthogonalAndDescendingInEveryGroup) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto network = seed % 5 == 0 ? graph_network(seed) : random_network(seed, {.widest = 32});
    for (const int id : network.hidden()) {
      const auto spectra = group_spectra(network, id);
      network.apply(rotate_left(network, id));
      const Space<double>& s = network.space(id);
      const Matrix<double> incoming = incoming_matrix(network, id);
      for (Index g = 0; g < s.gates(); ++g) {
        const Matrix<double> rows = incoming.middleRows(s.begin(g), s.groups[g]);
        const Order order = order_of(rows * rows.transpose());
        const double scale = 1e-13 * std::max(1.0, rows.squaredNorm());
        EXPECT_LE(order.off, scale) << describe(network, seed);
        EXPECT_LE(order.rise, scale) << describe(network, seed);
        EXPECT_LE((rows.rowwise().norm() - spectra[g]).norm(), 1e-7 * std::max(1.0, rows.norm()))
            << "row lengths are the singular values, " << describe(network, seed);
      }
    }
  }
}

TEST(RotateRight, MakesOutgoingColumnsOrthogonalAndDescendingInEveryGroup) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto network = seed % 5 == 0 ? graph_network(seed) : random_network(seed, {.widest = 32});
    for (const int id : network.hidden()) {
      network.apply(rotate_right(network, id));
      const Space<double>& s = network.space(id);
      const Matrix<double> outgoing = outgoing_matrix(network, id);
      for (Index g = 0; g < s.gates(); ++g) {
        const Matrix<double> columns = outgoing.middleCols(s.begin(g), s.groups[g]);
        const Order order = order_of(columns.transpose() * columns);
        const double scale = 1e-13 * std::max(1.0, columns.squaredNorm());
        EXPECT_LE(order.off, scale) << describe(network, seed);
        EXPECT_LE(order.rise, scale) << describe(network, seed);
      }
    }
  }
}

// The number of blocks W[g, h] of a map that are diagonal, every group used once.
Index diagonal_blocks(const Network<double>& network, int map) {
  const Map<double>& m = network.map(map);
  const Space<double>&from = network.space(m.from), &to = network.space(m.to);
  std::vector<bool> used(from.groups.size(), false);
  Index count = 0;
  for (Index g = 0; g < to.gates(); ++g) {
    for (Index h = 0; h < from.gates(); ++h) {
      if (used[h]) continue;
      Matrix<double> block =
          m.weight().block(to.begin(g), from.begin(h), to.groups[g], from.groups[h]);
      const double scale = block.norm();
      const Vector<double> diagonal = block.diagonal();
      bool descending = diagonal.minCoeff() >= -1e-12;
      for (Index i = 1; i < diagonal.size(); ++i) {
        descending = descending && diagonal[i] <= diagonal[i - 1] + 1e-12;
      }
      block.diagonal().setZero();
      if (descending && block.norm() <= 1e-13 * scale) {
        used[h] = true;
        ++count;
        break;
      }
    }
  }
  return count;
}

TEST(RotateFull, MakesMatchedBlocksDiagonal) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Dice dice(seed);
    ChainSettings settings;
    settings.widths = {4, dice.between(4, 30), dice.between(4, 30), 3};
    // Groups of at least 2, so that no block is diagonal by itself.
    settings.groups = {cut_groups(settings.widths[1], 0), cut_groups(settings.widths[2], 0)};
    if (seed % 2 == 0) {
      settings.widths[1] = 2 * dice.between(2, 8);
      settings.widths[2] = 3 * dice.between(2, 6);
      settings.groups = {cut_groups(settings.widths[1], 2), cut_groups(settings.widths[2], 3)};
    }
    settings.initialiser = seed % 3 == 0 ? Initialiser::orthogonal : Initialiser::kaiming;
    settings.seed = seed;
    auto network = Network<double>::chain(settings);
    randomise(network, dice);
    const auto [read, write] = rotate_full(network, 1);
    EXPECT_EQ(read.space, 1);
    EXPECT_EQ(write.space, 2);
    network.apply(read);
    network.apply(write);
    EXPECT_EQ(diagonal_blocks(network, 1),
              std::min(network.space(1).gates(), network.space(2).gates()))
        << describe(network, seed);
  }
}

TEST(RotateFull, PairsTheLargestBlocksFirst) {
  ChainSettings settings;
  settings.widths = {3, 4, 4, 2};
  settings.groups = {{2, 2}, {2, 2}};
  auto network = Network<double>::chain(settings);
  network.map(1).weight() = Dice(1).normals(4, 4, 0.1);
  network.map(1).weight().topRightCorner(2, 2) *= 100;
  const auto [read, write] = rotate_full(network, 1);
  network.apply(read);
  network.apply(write);
  Matrix<double> large = network.map(1).weight().topRightCorner(2, 2);
  EXPECT_LE(std::abs(large(0, 1)) + std::abs(large(1, 0)), 1e-13 * large.norm());
  Matrix<double> other = network.map(1).weight().bottomLeftCorner(2, 2);
  EXPECT_LE(std::abs(other(0, 1)) + std::abs(other(1, 0)), 1e-13 * other.norm());
}

TEST(RotateRandom, IsKeyedAndOrthogonal) {
  const auto network = random_network(4);
  const int id = network.hidden().front();
  const Edit edit = rotate_random(network, id, 5);
  const Edit same = rotate_random(network, id, 5);
  for (std::size_t g = 0; g < edit.groups.size(); ++g) {
    const Matrix<double>& t = edit.groups[g].t;
    EXPECT_EQ(t, same.groups[g].t);
    EXPECT_LE((t * t.transpose() - Matrix<double>::Identity(t.rows(), t.rows())).norm(), 1e-13);
  }
  EXPECT_NE(edit.groups[0].t, rotate_random(network, id, 6).groups[0].t);
}

TEST(Spectrum, IsTheSortedUnionOfThePaddedGroups) {
  ChainSettings settings;
  settings.widths = {3, 12, 2};
  settings.groups = {{8, 4}};
  const auto network = Network<double>::chain(settings);
  const auto groups = group_spectra(network, 1);
  ASSERT_EQ(groups.size(), 2u);
  ASSERT_EQ(groups[0].size(), 8);
  EXPECT_TRUE(groups[0].tail(5).isZero(0)) << "rank 3";
  const Vector<double> all = spectrum(network, 1);
  ASSERT_EQ(all.size(), 12);
  for (Index i = 1; i < 12; ++i) EXPECT_LE(all[i], all[i - 1]);
  EXPECT_NEAR(all.sum(), groups[0].sum() + groups[1].sum(), 1e-14);
}

TEST(Rotate, SaysWhichLayersThereAre) {
  const auto network = random_network(1);
  const auto message = [&](const auto& call) -> std::string {
    try {
      call();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message([&] { rotate_left(network, 0); }), HasSubstr("layer 0 is out of range"));
  EXPECT_THAT(message([&] { rotate_right(network, 99); }), HasSubstr("hidden layers are 1 to"));
  EXPECT_THAT(message([&] { rotate_random(network, -1, 0); }), HasSubstr("out of range"));
  EXPECT_THAT(message([&] { rotate_full(network, 0); }), HasSubstr("fixed by the task"));
  EXPECT_THAT(message([&] { rotate_full(network, 99); }), HasSubstr("out of range"));
  ChainSettings linear;
  linear.widths = {3, 2};
  EXPECT_THAT(message([&] { rotate_left(Network<double>::chain(linear), 1); }),
              HasSubstr("no hidden layer"));
}

}  // namespace
}  // namespace isoform
