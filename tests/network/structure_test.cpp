// The sparse forms of a weight: which numbers they keep, and that they are read off the zeros.
#include "isoform/network/structure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "isoform/base/error.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

constexpr Structure kForms[] = {Structure::dense, Structure::diagonal, Structure::triangle};

// The definition, entry by entry.
bool keeps(Structure structure, const std::vector<Index>& groups, Index row, Index column) {
  if (structure == Structure::dense) return true;
  if (structure == Structure::diagonal) return row == column;
  Index begin = 0;
  std::size_t g = 0;
  while (row >= begin + groups[g]) begin += groups[g++];
  return column >= row - begin;
}

Index rows_of(const std::vector<Index>& groups) {
  Index rows = 0;
  for (const Index size : groups) rows += size;
  return rows;
}

// A map of random numbers, none of them zero, in the middle of a chain or to its output.
struct Case {
  explicit Case(std::uint64_t seed) {
    Dice dice(seed, 70);
    const Index columns = dice.between(1, 20), rows = dice.between(1, 20);
    const bool output = dice.coin();
    groups = output ? std::vector<Index>{rows} : random_groups(dice, rows);
    ChainSettings settings;
    settings.widths = {3, columns, rows};
    settings.groups = {{columns}};
    if (!output) {
      settings.widths.push_back(2);
      settings.groups.push_back(groups);
    }
    network = Network<double>::chain(settings);
    randomise(network, dice);
    network.map(1).weight() = dice.normals(rows, columns);
  }
  Network<double> network;
  std::vector<Index> groups;
};

TEST(Structure, KeepsWhatTheDefinitionSays) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Case c(seed);
    const Map<double>& m = c.network.map(1);
    EXPECT_EQ(row_groups(c.network, 1), c.groups);
    for (const Structure form : kForms) {
      std::vector<double> kept;
      Matrix<double> sparse = m.weight();
      double largest = 0;
      for (Index i = 0; i < m.a.rows(); ++i) {
        for (Index j = 0; j < m.inputs; ++j) {
          if (keeps(form, c.groups, i, j)) {
            kept.push_back(sparse(i, j));
          } else {
            largest = std::max(largest, std::abs(sparse(i, j)));
            sparse(i, j) = 0;
          }
        }
      }
      ASSERT_EQ(stored_weights(form, c.groups, m.inputs), static_cast<Index>(kept.size()))
          << seed << " " << structure_name(form);
      const Vector<double> packed = packed_weight(c.network, 1, form);
      EXPECT_EQ(std::vector<double>(packed.begin(), packed.end()), kept) << seed;
      EXPECT_EQ(unpacked_weight(packed, form, c.groups, m.inputs), sparse) << seed;

      Network<double> imposed = c.network;
      EXPECT_EQ(impose_structure(imposed, 1, form), largest) << seed;
      EXPECT_EQ(imposed.map(1).weight(), sparse);
      EXPECT_EQ(imposed.map(1).bias(), m.bias());
      EXPECT_EQ(imposed.map(1).psi(), m.psi());
      EXPECT_EQ(imposed.map(0).a, c.network.map(0).a);
      EXPECT_EQ(impose_structure(imposed, 1, form), 0);
    }
  }
}

TEST(Structure, IsTheFormThatKeepsFewest) {
  int found[3] = {};
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Case c(seed);
    const Index columns = c.network.map(1).inputs, dense = rows_of(c.groups) * columns;
    EXPECT_EQ(structure_of(c.network, 1), Structure::dense) << seed;
    for (const Structure form : kForms) {
      Network<double> imposed = c.network;
      impose_structure(imposed, 1, form);
      const Structure seen = structure_of(imposed, 1);
      ++found[static_cast<int>(seen)];
      EXPECT_LE(stored_weights(seen, c.groups, columns), stored_weights(form, c.groups, columns))
          << seed;
      if (seen == Structure::dense) {
        EXPECT_EQ(stored_weights(form, c.groups, columns), dense) << seed;
      } else {
        EXPECT_LT(stored_weights(seen, c.groups, columns), dense) << seed;
      }
      // Nothing that is not zero is lost.
      EXPECT_EQ(unpacked_weight(packed_weight(imposed, 1, seen), seen, c.groups, columns),
                imposed.map(1).weight());
      // One number in a place that the form does not keep, and it is that form no more.
      for (Index i = 0; i < rows_of(c.groups); ++i) {
        for (Index j = 0; j < columns; ++j) {
          if (keeps(form, c.groups, i, j)) continue;
          Network<double> filled = imposed;
          filled.map(1).a(i, j) = std::numeric_limits<double>::denorm_min();
          const Structure now = structure_of(filled, 1);
          EXPECT_TRUE(keeps(now, c.groups, i, j)) << seed;
        }
      }
    }
  }
  for (const int count : found) EXPECT_GT(count, 50);
}

TEST(Structure, TrianglesRestartInEveryGroup) {
  ChainSettings settings;
  settings.widths = {2, 3, 5, 2};
  settings.groups = {{3}, {4, 1}};
  auto network = Network<float>::chain(settings);
  network.map(1).weight().setOnes();
  impose_structure(network, 1, Structure::triangle);
  Matrix<float> expected(5, 3);
  expected << 1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 1;
  EXPECT_EQ(network.map(1).weight(), expected);
  EXPECT_EQ(stored_weights(Structure::triangle, {4, 1}, 3), 9);
  EXPECT_EQ(structure_of(network, 1), Structure::triangle);
}

TEST(Structure, ZerosOfEitherSignAreZero) {
  Case c(12);
  impose_structure(c.network, 1, Structure::diagonal);
  Map<double>& m = c.network.map(1);
  for (double& value : m.weight().reshaped()) value = value == 0 ? -0.0 : value;
  EXPECT_EQ(structure_of(c.network, 1), Structure::diagonal);
}

TEST(Structure, NumbersThatAreNoneAreNotDropped) {
  Case c(12);
  Map<double>& m = c.network.map(1);
  ASSERT_GT(m.a.rows(), 1);
  ASSERT_GT(m.inputs, 2);
  impose_structure(c.network, 1, Structure::diagonal);
  m.a(0, 1) = std::nan("");
  m.a(0, 2) = 5;
  EXPECT_NE(structure_of(c.network, 1), Structure::diagonal);
  EXPECT_TRUE(std::isnan(impose_structure(c.network, 1, Structure::diagonal)));
}

TEST(Structure, HasNames) {
  for (const Structure form : kForms) {
    EXPECT_EQ(structure_from_name(structure_name(form)), form);
  }
  try {
    structure_from_name("banded");
    FAIL() << "did not throw";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("'banded' is unknown; known are dense, diagonal, triangle"));
  }
  EXPECT_THROW(unpacked_weight<float>(Vector<float>::Zero(4), Structure::diagonal, {3}, 3),
               InternalError);
}

}  // namespace
}  // namespace isoform
