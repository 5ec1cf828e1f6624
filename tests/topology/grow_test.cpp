#include "isoform/topology/grow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "tests/support/networks.h"
#include "tests/support/truth.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;
using Sizes = std::vector<Index>;

TEST(FillGroups, FillsThenOpens) {
  const auto expect = [](const Growth& growth, const Sizes& into, const Sizes& fresh) {
    EXPECT_EQ(growth.into, into);
    EXPECT_EQ(growth.new_groups, fresh);
  };
  expect(fill_groups({8, 5}, 6, 8), {0, 3}, {3});
  expect(fill_groups({8, 8}, 17, 8), {0, 0}, {8, 8, 1});
  expect(fill_groups({3, 5}, 2, 8), {2, 0}, {});
  expect(fill_groups({12, 5}, 4, 8), {0, 3}, {1});
  expect(fill_groups({20}, 7, 0), {7}, {});
  expect(fill_groups({1, 1}, 2, 1), {0, 0}, {1, 1});
  for (Index count = 1; count < 40; ++count) {
    EXPECT_EQ(fill_groups({8, 3, 6}, count, 8).neurons(), count);
  }
}

TEST(Grow, RecordsWhatItDoes) {
  const auto network = graph_network(1);  // space 2: groups 3, 1, 4
  const Edit into = grow(network, 2, {{0, 2, 0}, {}}, {.step = 12});
  EXPECT_EQ(into.record.kind, EditKind::append);
  EXPECT_EQ(into.record.group, Index{1});
  EXPECT_EQ(into.record.before, 8);
  EXPECT_EQ(into.record.after, 10);
  EXPECT_EQ(into.record.born, 2);
  EXPECT_EQ(into.record.step, 12);
  const Edit groups = grow(network, 2, {{0, 2, 0}, {5}});
  EXPECT_EQ(groups.record.kind, EditKind::append_group);
  EXPECT_FALSE(groups.record.group.has_value());
  auto grown = network;
  grown.apply(groups);
  EXPECT_EQ(grown.space(2).groups, (Sizes{3, 3, 4, 5}));
  EXPECT_NEAR(grown.space(2).o(3), 1e-6, 1e-18);
}

// Inside a group: rows are zero, columns are not, so the rows learn at the first step. A new group has the
// one or the other. docs/mathematics.md 3.2 and 9.
TEST(Grow, WhatIsBornLearnsAtOnce) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (const GroupStart start : {GroupStart::rows, GroupStart::columns}) {
    auto network = graph_network(2);
    network.apply(grow(network, 2, {{1, 0, 0}, {2}}, {.group_start = start}));
    // Groups are now 4, 1, 4, 2; coordinate 3 is new, and so are 9 and 10.
    EXPECT_TRUE(network.map(1).a.row(3).isZero(0));
    EXPECT_GT(network.map(3).weight().col(3).norm(), 0);
    EXPECT_TRUE(network.map(3).psi().col(3).isZero(0));
    Pass<double> pass;
    pass.prepare(network, 20);
    pass.input() = random_inputs(2, 5, 20);
    forward(network, *engine, pass);
    pass.output_gradient() = pass.output();
    backward(network, *engine, pass);
    for (const auto& p : pass.parameters(network)) {
      if (p.key.role != Role::weight) continue;
      const Eigen::Map<const Matrix<double>> gradient(p.gradient, p.rows, p.cols);
      if (p.key.owner == 1) {
        EXPECT_GT(gradient.row(3).norm(), 0);
        EXPECT_EQ(gradient.bottomRows(2).isZero(0), start == GroupStart::rows);
        EXPECT_EQ(network.map(1).a.bottomRows(2).isZero(0), start == GroupStart::columns);
      } else if (p.key.owner == 3) {
        EXPECT_EQ(gradient.rightCols(2).isZero(0), start == GroupStart::columns);
        EXPECT_EQ(network.map(3).weight().rightCols(2).isZero(0), start == GroupStart::rows);
      }
    }
  }
}

TEST(Grow, RowsOfANewGroupHaveTheScaleOfTheOthers) {
  ChainSettings settings;
  settings.widths = {50, 64, 5};
  const auto network = Network<double>::chain(settings);
  auto grown = network;
  grown.apply(grow(network, 1, {Sizes(8, 0), {40}}));
  const double old_scale = network.map(0).weight().norm() / std::sqrt(64.0 * 50);
  const double new_scale = grown.map(0).weight().bottomRows(40).norm() / std::sqrt(40.0 * 50);
  EXPECT_NEAR(new_scale / old_scale, 1, 0.1);
}

TEST(Grow, RandomColumnsAreAsPublishedAndKeyed) {
  ChainSettings settings;
  settings.widths = {5, 8, 200};
  const auto network = Network<double>::chain(settings);
  const auto column_of = [&](const GrowSettings& how) {
    auto grown = network;
    grown.apply(grow(network, 1, {{4}, {}}, how));
    return Matrix<double>(grown.map(1).weight().rightCols(4));
  };
  const auto columns = column_of({.seed = 1, .step = 2});
  EXPECT_NEAR(columns.norm() / std::sqrt(800.0), 0.01, 0.001);
  EXPECT_EQ(columns, column_of({.seed = 1, .step = 2}));
  EXPECT_NE(columns, column_of({.seed = 2, .step = 2}));
  EXPECT_NE(columns, column_of({.seed = 1, .step = 3}));
}

// docs/mathematics.md 3.4: for columns of a given length the first gradient of the new rows is largest.
TEST(Grow, GradientColumnsMaximiseTheFirstGradient) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto network = graph_network(seed);
    const int id = 2;
    const auto pass_of = [&](Network<double>& n, Pass<double>& pass) {
      pass.prepare(n, 30);
      pass.input() = random_inputs(seed, 5, 30);
      forward(n, *engine, pass);
      pass.output_gradient() = Dice(seed).normals(3, 30);
      backward(n, *engine, pass);
    };
    Pass<double> pass;
    pass_of(network, pass);
    Statistics statistics(network);
    statistics.gather(network, pass);
    // M = Σ s δ (h; 1; s)ᵀ over the maps that end in the space, for the gate of group 0.
    const Matrix<double> weighted =
        pass.delta(3) * pass.gates(2).row(0).asDiagonal();  // map 3 alone reads space 2
    Matrix<double> m(6, 10 + 6);
    m << weighted * pass.augmented(1).transpose(), weighted * pass.augmented(0).transpose();
    const Vector<double> sigma = singular_values(m);

    auto grown = network;
    grown.apply(grow(network, id, {{2, 0, 0}, {}},
                     {.outgoing = Outgoing::gradient, .statistics = &statistics}));
    const double length = kOutgoingScale * std::sqrt(6.0);
    for (Index i = 0; i < 2; ++i) {
      const Vector<double> column = grown.map(3).weight().col(3 + i);
      EXPECT_NEAR(column.norm(), length, 1e-12);
      EXPECT_NEAR((m.transpose() * column).norm(), length * sigma[i], 1e-9 * sigma[i]);
    }
    Pass<double> after;
    pass_of(grown, after);
    double squares = 0;
    for (const auto& p : after.parameters(grown)) {
      if (p.key.role == Role::length || (p.key.owner != 1 && p.key.owner != 2)) continue;
      squares += Eigen::Map<const Matrix<double>>(p.gradient, p.rows, p.cols).row(3).squaredNorm();
    }
    EXPECT_NEAR(std::sqrt(squares), length * sigma[0], 1e-9 * sigma[0]) << "seed " << seed;
  }
}

// The same for a group that begins unheard: its outgoing columns learn at once, and fastest.
TEST(Grow, GradientRowsOfNewGroupsLearnFasterThanRandomOnes) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  double logs = 0;
  int better = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const auto network =
        Network<double>::chain({.widths = {20, 12, 12, 4}, .group_size = 4, .seed = seed});
    const Matrix<double> x = random_inputs(seed, 20, 60), wanted = Dice(seed).normals(4, 60);
    const auto pass_of = [&](const Network<double>& n, Pass<double>& pass) {
      pass.prepare(n, 60);
      pass.input() = x;
      forward(n, *engine, pass);
      pass.output_gradient() = pass.output() - wanted;
      backward(n, *engine, pass);
    };
    Pass<double> pass;
    pass_of(network, pass);
    Statistics statistics(network);
    statistics.gather(network, pass);
    const auto first_gradient = [&](Outgoing outgoing) {
      auto grown = network;
      grown.apply(
          grow(network, 1, 4,
               {.outgoing = outgoing, .group_size = 4, .statistics = &statistics, .seed = seed}));
      EXPECT_LT((outputs<double>(grown, *engine, x) - pass.output()).cwiseAbs().maxCoeff(), 1e-12);
      Pass<double> after;
      pass_of(grown, after);
      for (const auto& p : after.parameters(grown)) {
        if (p.key.role != Role::weight || p.key.owner != 1) continue;
        return Eigen::Map<const Matrix<double>>(p.gradient, p.rows, p.cols).rightCols(4).norm();
      }
      return 0.0;
    };
    const double ratio = first_gradient(Outgoing::gradient) / first_gradient(Outgoing::random);
    better += ratio > 1 ? 1 : 0;
    logs += std::log(ratio) / 30;
  }
  EXPECT_GE(better, 28);
  EXPECT_GT(std::exp(logs), 1.3);
  measured("first_gradient_of_new_groups", std::exp(logs));
}

TEST(Grow, RefusesWithWhatIsPossible) {
  const auto network = graph_network(3);
  const auto message = [&](int space, const Growth& growth) -> std::string {
    try {
      grow(network, space, growth);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message(2, {{0, 0, 0}, {}}), HasSubstr("at least 1"));
  EXPECT_THAT(message(0, {{1}, {}}), HasSubstr("out of range"));
  EXPECT_THAT(message(2, {{0, 0, 0}, {kMaxWidth}}), HasSubstr("at most 65528"));
}

}  // namespace
}  // namespace isoform
