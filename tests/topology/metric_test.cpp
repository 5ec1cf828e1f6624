// Removal in a metric is the best there is in it.
#include "isoform/topology/metric.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "isoform/topology/shrink.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"
#include "tests/support/truth.h"

namespace isoform {
namespace {

using namespace isoform::testing;

// Samples of one group's z, with weights.
struct Samples {
  Matrix<double> z;
  Vector<double> weight;
};

Samples random_samples(Index n, Dice& dice) {
  const Matrix<double> mix = dice.normals(n, n);
  const Vector<double> mean = dice.normals(n, 1);
  Samples s{(mix * dice.normals(n, 80)).colwise() + mean, Vector<double>(80)};
  for (Index j = 0; j < 80; ++j) s.weight[j] = dice.uniform(0.1, 2);
  return s;
}

GroupMoments moments_of(const Samples& s, const Matrix<double>& gram) {
  GroupMoments of{Vector<double>::Zero(s.z.rows()), Matrix<double>::Zero(s.z.rows(), s.z.rows()),
                  s.weight.mean(), gram};
  for (Index j = 0; j < s.z.cols(); ++j) of.mean += s.weight[j] / s.weight.sum() * s.z.col(j);
  for (Index j = 0; j < s.z.cols(); ++j) {
    const Vector<double> off = s.z.col(j) - of.mean;
    of.covariance += s.weight[j] / s.weight.sum() * off * off.transpose();
  }
  return of;
}

// E w (z − ẑ)ᵀ H (z − ẑ) / E w for ẑ = map z + constant.
double loss(const Samples& s, const Matrix<double>& h, const Matrix<double>& map,
            const Vector<double>& constant) {
  double sum = 0;
  for (Index j = 0; j < s.z.cols(); ++j) {
    const Vector<double> off = s.z.col(j) - map * s.z.col(j) - constant;
    sum += s.weight[j] * off.dot(h * off);
  }
  return sum / s.weight.sum();
}

Network<double> one_space(std::vector<Index> groups, Index outputs, std::uint64_t seed) {
  Index width = 0;
  for (const Index n : groups) width += n;
  auto network = Network<double>::chain({.widths = {3, width, outputs},
                                         .groups = {std::move(groups)},
                                         .initialiser = Initialiser::kaiming,
                                         .seed = seed});
  Dice dice(seed);
  randomise(network, dice);
  return network;
}

Matrix<double> with_ridge(const Matrix<double>& h) {
  return h + 1e-7 * h.trace() / double(h.rows()) * Matrix<double>::Identity(h.rows(), h.rows());
}

void expect_optimal(const Samples& s, const Matrix<double>& h, const GroupScores& scores,
                    Dice& dice, Worst& worst, const std::string& where) {
  const Index n = s.z.rows();
  const GroupMoments of = moments_of(s, h);
  // τ² are the eigenvalues of ΣH, found without any root.
  Vector<double> truth = eigenvalues(of.covariance * h);
  std::sort(truth.data(), truth.data() + n, std::greater<>());
  worst.add(relative(scores.score.cwiseAbs2(), truth), where + ", eigenvalues");
  for (Index k = 0; k < n; ++k) {
    const GroupCut cut = cut_group(scores, k);
    const Matrix<double> e = cut.rows.transpose(), map = e * cut.project;
    const Vector<double> constant = e * cut.offset + cut.constant;
    const double value = loss(s, h, map, constant), best = scores.score.tail(n - k).squaredNorm();
    worst.add(std::abs(value - best) / truth.sum(), where + ", value");
    // Neither other affine maps of rank k, near or far, nor another stand-in.
    for (const double step : {1e-3, 1e-2, 0.1, 1.0}) {
      const Matrix<double> other =
          (e + step * dice.normals(n, k)) * (cut.project + step * dice.normals(k, n));
      ASSERT_GE(loss(s, h, other, of.mean - other * of.mean), best - 1e-12 * truth.sum()) << where;
      ASSERT_GE(loss(s, h, map, constant + step * dice.normals(n, 1)), best) << where;
    }
  }
}

TEST(Metric, JacobianKeepsWhatIsBestForItsGram) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Dice dice(seed, 50);
    const std::vector<Index> groups = {dice.between(1, 10), dice.between(1, 6)};
    const auto network = one_space(groups, 4, seed);
    std::vector<Samples> samples;
    std::vector<GroupMoments> moments;
    for (const Index n : groups) {
      const Matrix<double> root = dice.normals(n, n);
      samples.push_back(random_samples(n, dice));
      moments.push_back(moments_of(samples.back(),
                                   root * root.transpose() + 0.1 * Matrix<double>::Identity(n, n)));
    }
    const auto scores = score_in_metric(network, 1, Metric::jacobian, moments);
    for (std::size_t g = 0; g < 2; ++g) {
      expect_optimal(samples[g], with_ridge(moments[g].gram), scores[g], dice, worst,
                     fmt::format("seed {}", seed));
    }
  }
  measured("metric_optimum", worst.error);
  EXPECT_LE(worst.error, 1e-10) << worst.where;
}

TEST(Metric, NextKeepsWhatIsBestForTheMapsThatRead) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const auto network = graph_network(seed);  // maps 3 and 4 read space 1 and give 6 numbers each
    Dice dice(seed, 51);
    std::vector<Samples> samples;
    std::vector<GroupMoments> moments;
    for (const Index n : network.space(1).groups) {
      samples.push_back(random_samples(n, dice));
      moments.push_back(moments_of(samples.back(), {}));
    }
    const auto scores = score_in_metric(network, 1, Metric::next, moments);
    for (Index g = 0; g < 2; ++g) {
      const Index n = network.space(1).groups[g];
      Matrix<double> h = Matrix<double>::Zero(n, n);
      for (const int id : network.outgoing(1)) {
        const Matrix<double> w = network.map(id).weight().middleCols(network.space(1).begin(g), n);
        for (Index i = 0; i < w.rows(); ++i) h += w.row(i).transpose() * w.row(i);
      }
      // What a group sends on goes with its gates, so groups compare only with the mean of s² in H.
      expect_optimal(samples[g], with_ridge(samples[g].weight.mean() * h), scores[g], dice, worst,
                     fmt::format("seed {}", seed));
    }
  }
  measured("metric_optimum_next", worst.error);
  EXPECT_LE(worst.error, 1e-10) << worst.where;
}

TEST(Metric, CovarianceIsPrincipalComponents) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Dice dice(seed, 52);
    const Index n = dice.between(1, 12);
    Samples samples = random_samples(n, dice);
    const GroupMoments of = moments_of(samples, {});
    const auto scores = score_in_metric(one_space({n}, 2, seed), 1, Metric::covariance, {of});
    EXPECT_EQ(scores[0].dual.size(), 0) << "the basis is orthogonal";
    EXPECT_LE(
        (scores[0].basis * scores[0].basis.transpose() - Matrix<double>::Identity(n, n)).norm(),
        1e-13);
    const Matrix<double> turned = scores[0].basis * of.covariance * scores[0].basis.transpose();
    const Matrix<double> expected = scores[0].score.cwiseAbs2().asDiagonal();
    worst.add(relative(turned, expected), "turned");
    expect_optimal(samples, Matrix<double>::Identity(n, n), scores[0], dice, worst,
                   fmt::format("seed {}", seed));
  }
  measured("metric_optimum_covariance", worst.error);
  EXPECT_LE(worst.error, 1e-10) << worst.where;
}

TEST(Metric, SuitsWeights) {
  EXPECT_EQ(weighting_for(Metric::covariance), Weighting::none);
  EXPECT_EQ(weighting_for(Metric::next), Weighting::gate);
  EXPECT_EQ(weighting_for(Metric::jacobian), Weighting::jacobian);
}

// E w t is what it was: on samples alone, and in a network that is cut, with the gates it had as weights.
TEST(Metric, SpreadKeepsTheWeightedMeanOfTheLength) {
  Worst worst, singular;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Dice dice(seed, 53);
    const Index n = dice.between(1, 10), rank = dice.between(1, n);
    const Samples s = random_samples(n, dice);
    const Matrix<double> root = dice.normals(n, rank);
    const auto scores = score_in_metric(one_space({n}, 3, seed), 1, Metric::jacobian,
                                        {moments_of(s, root * root.transpose())});
    double truth = 0;
    for (Index j = 0; j < s.z.cols(); ++j) truth += s.weight[j] * s.z.col(j).squaredNorm();
    for (Index k = 0; k < n; ++k) {
      const GroupCut cut = cut_group(scores[0], k);
      double sum = 0;
      for (Index j = 0; j < s.z.cols(); ++j) {
        sum += s.weight[j] * ((cut.project * s.z.col(j) + cut.offset).squaredNorm() +
                              cut.constant.squaredNorm() + cut.spread);
      }
      (rank < n ? singular : worst)
          .add(std::abs(sum / truth - 1), fmt::format("seed {}, {} of {}", seed, k, n));
      EXPECT_GE(cut.spread, 0);
    }
  }
  measured("mean_length_of_samples", worst.error);
  measured("mean_length_of_samples_singular", singular.error);
  EXPECT_LE(worst.error, 1e-11) << worst.where;
  // Rounding of τ² meets |dual|² of up to 1e7, the inverse of the ridge.
  EXPECT_LE(singular.error, 1e-7) << singular.where;

  Worst applied;
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto network = graph_network(seed, Radial::tanh, LengthMode::log);
    const Matrix<double> x = random_inputs(seed, 5, 50);
    for (const Metric metric : {Metric::covariance, Metric::next}) {
      const auto scores = score_in_metric(
          network, 2, metric, group_moments<double>(network, 2, *engine, x, weighting_for(metric)));
      auto reduced = network;
      reduced.apply(reduce(network, 2, scores, {2, 1, 1}));
      const Matrix<double> z = oracle_z(network, 2, x), after = oracle_z(reduced, 2, x);
      const Matrix<double> gates = oracle_gates(network.space(2), z);
      for (Index g = 0; g < 3; ++g) {
        const auto mean = [&](const Space<double>& s, const Matrix<double>& of) {
          double sum = 0;
          for (Index j = 0; j < 50; ++j) {
            const double w = metric == Metric::next ? std::pow(gates(g, j), 2) : 1;
            sum += w * (s.o(g) + of.col(j).segment(s.begin(g), s.groups[g]).squaredNorm());
          }
          return sum;
        };
        applied.add(std::abs(mean(reduced.space(2), after) / mean(network.space(2), z) - 1),
                    fmt::format("seed {}, group {}", seed, g));
      }
    }
  }
  measured("mean_length_in_a_network", applied.error);
  EXPECT_LE(applied.error, 1e-10) << applied.where;
}

TEST(Metric, OfWhatIsSingularIsStillABasis) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Dice dice(seed, 54);
    const Matrix<double> one = dice.normals(6, 1);
    const Samples s = random_samples(6, dice);
    Samples constant = s;
    constant.z.colwise() = s.z.col(0).eval();
    for (const Matrix<double>& gram :
         {Matrix<double>(one * one.transpose()), Matrix<double>(Matrix<double>::Zero(6, 6))}) {
      for (const Samples& of : {s, constant}) {
        const auto scores =
            score_in_metric(one_space({6}, 1, seed), 1, Metric::jacobian, {moments_of(of, gram)});
        EXPECT_LE((scores[0].dual * scores[0].basis - Matrix<double>::Identity(6, 6)).norm(), 1e-9);
        EXPECT_TRUE(scores[0].constant.allFinite() && scores[0].spread.allFinite());
        EXPECT_GE(scores[0].score.minCoeff(), 0);
        EXPECT_EQ(scores[0].counted, 6);
      }
    }
  }
}

}  // namespace
}  // namespace isoform
