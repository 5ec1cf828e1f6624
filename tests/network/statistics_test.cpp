#include "isoform/network/statistics.h"

#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/importance.h"
#include "isoform/topology/shrink.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

class StatisticsTest : public ::testing::Test {
 protected:
  // Gathers `batches` batches of 20; dL/dy is a fixed linear function of y, so that it follows edits.
  Statistics gather(Network<double>& network, std::uint64_t seed, int batches = 2) {
    Statistics statistics(network);
    for (int i = 0; i < batches; ++i) {
      Pass<double> pass;
      pass.prepare(network, 20);
      pass.input() =
          random_inputs(seed + static_cast<std::uint64_t>(1000 * i), network.widths().front(), 20);
      forward(network, *engine_, pass);
      pass.output_gradient() = pass.output();
      backward(network, *engine_, pass);
      statistics.gather(network, pass);
    }
    return statistics;
  }
  // The largest relative difference of anything that two statistics of one network hold.
  static double difference(const Network<double>& network, const Statistics& a,
                           const Statistics& b) {
    double worst = 0;
    const auto see = [&](double error) {
      if (!(error <= worst)) worst = error;
    };
    for (const Space<double>& s : network.spaces()) {
      if (a.probe(s.id).rows() != b.probe(s.id).rows()) return INFINITY;
      see(relative(a.probe(s.id), b.probe(s.id)));
      if (s.id > 0) {
        see(relative(a.probe_delta(s.id), b.probe_delta(s.id)));
        // E|z|² − |E z|² cancels where the mean is far from 0.
        see(1e-3 * std::abs(a.z_variance(s.id) / b.z_variance(s.id) - 1));
      }
      for (Index g = 0; g < s.gates(); ++g) {
        see(relative(a.moment(s.id, g), b.moment(s.id, g)));
        see(std::abs(a.mean_gate(s.id, g) / b.mean_gate(s.id, g) - 1));
      }
    }
    return worst;
  }
  std::unique_ptr<Engine<double>> engine_ = create_engine<double>({.name = "cpu", .threads = 1});
};

TEST_F(StatisticsTest, AreTheMomentsOfTheirDefinition) {
  auto network = graph_network(1);
  const Statistics statistics = gather(network, 1, 1);
  Pass<double> pass;
  pass.prepare(network, 20);
  pass.input() = random_inputs(1, 5, 20);
  forward(network, *engine_, pass);
  EXPECT_EQ(statistics.samples(), 20);
  for (const int id : network.hidden()) {
    const Space<double>& s = network.space(id);
    double variance = 0;
    for (Index i = 0; i < s.dimension; ++i) {
      double mean = 0, square = 0;
      for (Index j = 0; j < 20; ++j) {
        mean += pass.z(id)(i, j) / 20;
        square += pass.z(id)(i, j) * pass.z(id)(i, j) / 20;
      }
      variance += square - mean * mean;
    }
    EXPECT_NEAR(statistics.z_variance(id), variance, 1e-13 * variance);
    for (Index g = 0; g < s.gates(); ++g) {
      const Index n = s.groups[g];
      Matrix<double> expected = Matrix<double>::Zero(n + 2, n + 2);
      for (Index j = 0; j < 20; ++j) {
        Vector<double> v(n + 2);
        v << pass.hidden(id).col(j).segment(s.begin(g), n), 1, pass.gates(id)(g, j);
        expected += v * v.transpose() / 20;
      }
      EXPECT_LE(relative(statistics.moment(id, g), expected), 1e-14);
      EXPECT_NEAR(statistics.mean_gate(id, g), pass.gates(id).row(g).mean(), 1e-14);
    }
  }
}

TEST_F(StatisticsTest, FollowRotations) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto network = seed % 5 == 0 ? graph_network(seed) : random_network(seed, {.widest = 24});
    Statistics statistics = gather(network, seed);
    for (const int id : network.hidden()) {
      const Edit edit = rotate_random(network, id, seed);
      statistics.transport(network, edit);
      network.apply(edit);
    }
    worst.add(difference(network, statistics, gather(network, seed)), describe(network, seed));
  }
  measured("statistics_rotation", worst.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
}

TEST_F(StatisticsTest, FollowGrowthBySilentNeurons) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto network = seed % 5 == 0 ? graph_network(seed) : random_network(seed, {.widest = 24});
    Statistics statistics = gather(network, seed);
    std::vector<Index> widths = network.widths();
    for (const int id : network.hidden()) {
      Growth growth{std::vector<Index>(network.space(id).groups.size(), 0), {2, 1}};
      growth.into.front() = 3;
      const Edit edit =
          grow(network, id, growth, {.group_start = GroupStart::columns, .seed = seed});
      statistics.transport(network, edit);
      network.apply(edit);
    }
    const Statistics fresh = gather(network, seed);
    // dL/dz of a silent neuron is what it will learn from: not 0, and not known before.
    for (const Space<double>& s : network.spaces()) {
      ASSERT_EQ(statistics.probe(s.id).rows(), fresh.probe(s.id).rows());
      double error = relative(statistics.probe(s.id), fresh.probe(s.id));
      for (Index g = 0; g < s.gates(); ++g) {
        error = std::max(error, relative(statistics.moment(s.id, g), fresh.moment(s.id, g)));
      }
      if (s.id > 0) {
        const double ratio = statistics.z_variance(s.id) / fresh.z_variance(s.id);
        error = std::max(error, 1e-3 * std::abs(ratio - 1));
      }
      worst.add(error, fmt::format("space {}, {}", s.id, describe(network, seed)));
    }
  }
  measured("statistics_growth", worst.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
}

// What a space's scores are measured in does not change while neighbours are edited.
TEST_F(StatisticsTest, KeepTheVarianceOfASpaceThroughEveryEdit) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    auto network = random_network(seed, {.widest = 24});
    Statistics statistics = gather(network, seed);
    for (const int id : network.hidden()) {
      const double variance = statistics.z_variance(id);
      // E|z|² − |E z|² cancels where the mean is far from 0: rounding is that of E|z|².
      const Statistics::OfStage& of = statistics.stages()[static_cast<std::size_t>(id)];
      const double square = of.z_squares / static_cast<double>(of.samples);
      std::vector<Index> half = network.space(id).groups;
      for (Index& count : half) count = (count + 1) / 2;
      const Edit edit =
          reduce(network, id, score_by_effect(network, id, statistics), half, &statistics);
      statistics.transport(network, edit);
      network.apply(edit);
      EXPECT_NEAR(statistics.z_variance(id), variance, 1e-14 * square) << describe(network, seed);
    }
  }
}

TEST_F(StatisticsTest, OfNothingAreNotRead) {
  const auto network = graph_network(2);
  const Statistics statistics(network);
  EXPECT_EQ(statistics.samples(), 0);
  EXPECT_THROW((void)statistics.moment(1, 0), InternalError);
  EXPECT_THROW((void)statistics.z_variance(1), InternalError);
}

}  // namespace
}  // namespace isoform
