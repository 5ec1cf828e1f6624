// What the Jacobian metric says beforehand of a removal, against the oracle before and after it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "isoform/topology/metric.h"
#include "isoform/topology/shrink.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;

double rms_change(const Network<double>& network, const Edit& edit, const Matrix<double>& x) {
  auto after = network;
  after.apply(edit);
  return (oracle_output(after, x) - oracle_output(network, x)).norm() / std::sqrt(double(x.cols()));
}

std::vector<GroupScores> jacobian_scores(const Network<double>& network, int space,
                                         const Matrix<double>& x) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  return score_in_metric(network, space, Metric::jacobian,
                         group_moments<double>(network, space, *engine, x, Weighting::jacobian));
}

// To first order E|Δy|² = E (u − a)²|J d|². τ² is E|J|²(u − a)² / E|J|² times E|J d|²: the same where |J d| is a
// fixed share of |J|, as in a group of one, and where u says nothing about J. There measured / τ → 1.
TEST(Metric, TauIsTheChangeOfRemovingAGroupOfOne) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto network = Network<double>::chain({.widths = {4, 6, 5, 4, 3},
                                           .groups = {{6}, {1, 1, 3}, {4}},
                                           .initialiser = Initialiser::kaiming,
                                           .seed = seed});
    Dice dice(seed, 55);
    randomise(network, dice);
    const Matrix<double> x = random_inputs(seed, 4, 200);
    const Vector<double> bias = network.map(1).bias();
    double departure = 0;
    for (const double factor : {1e-2, 1e-2}) {
      network.map(1).a.row(0) *= factor;
      network.map(1).bias() = bias;
      const auto scores = jacobian_scores(network, 2, x);
      const std::vector<Index> keep = {0, 1, 3};
      departure = std::abs(rms_change(network, reduce(network, 2, scores, keep), x) /
                               predicted_change(scores, keep) -
                           1);
    }
    EXPECT_LE(departure, 1e-3) << "seed " << seed;
  }
}

TEST(Metric, TauIsTheChangeOfRemovingWhatSaysNothingAboutTheSlope) {
  double worst = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    // Neuron 2 alone reads feature 0, which is ±1 for each of the other features' values.
    auto network = Network<double>::chain({.widths = {4, 6, 5, 6},
                                           .groups = {{4, 2}, {5}},
                                           .initialiser = Initialiser::kaiming,
                                           .seed = seed});
    Dice dice(seed, 56);
    randomise(network, dice);
    network.map(0).weight().col(0).setZero();
    network.map(0).weight().row(2) << 1e-4, 0, 0, 0;
    Matrix<double> x(4, 200);
    x.leftCols(100) = x.rightCols(100) = random_inputs(seed, 4, 100);
    x.row(0).head(100).setOnes();
    x.row(0).tail(100).setConstant(-1);
    const auto scores = jacobian_scores(network, 1, x);
    // The direction that goes is neuron 2, the way it goes oblique: what stays makes up for it.
    const Vector<double> last = scores[0].basis.row(3).transpose().normalized();
    EXPECT_NEAR(std::abs(last[2]), 1, 1e-6);
    EXPECT_GT((scores[0].dual.col(3).normalized().cwiseAbs() - last.cwiseAbs()).norm(), 1e-2);
    const std::vector<Index> keep = {3, 2};
    const double oblique = rms_change(network, reduce(network, 1, scores, keep), x);
    worst = std::max(worst, std::abs(oblique / predicted_change(scores, keep) - 1));
    // Better than taking the neuron out and leaving the others alone.
    auto plain = scores;
    plain[0].basis.setIdentity();
    plain[0].basis.row(2).swap(plain[0].basis.row(3));
    plain[0].dual.resize(0, 0);
    plain[0].constant[3] = network.map(0).bias()[2];
    plain[0].spread.setZero();
    EXPECT_LT(oblique, rms_change(network, reduce(network, 1, plain, keep), x));
  }
  measured("tau_of_an_independent_direction", worst);
  EXPECT_LE(worst, 1e-3);
}

struct Ratios {
  std::vector<double> all;
  double at(double share) {
    std::sort(all.begin(), all.end());
    return all[static_cast<std::size_t>(share * double(all.size() - 1))];
  }
  void tell(const std::string& name) {
    for (const double share : {0.0, 0.1, 0.5, 0.9, 1.0}) {
      measured(fmt::format("{}_quantile_{}", name, share), at(share));
    }
  }
};

// In general it holds within a factor, measured here: for the last direction of one group, and of every group,
// which need not add in quadrature.
TEST(Metric, TauPredictsTheChangeOfRemovingTheLastDirection) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  Ratios weighted, unweighted, of_groups;
  for (std::uint64_t seed = 0; weighted.all.size() < 200; ++seed) {
    const auto network = random_network(
        seed, {.most_hidden = 4,
               .widest = 12,
               .lengths = {LengthMode::constant, LengthMode::trainable, LengthMode::log},
               .psis = {PsiMode::constant, PsiMode::trainable, PsiMode::decay}});
    Dice dice(seed, 57);
    const int id = pick(dice, network.hidden());
    const Space<double>& s = network.space(id);
    const Index g = dice.between(0, s.gates() - 1);
    if (s.groups[g] < 2) continue;
    const Matrix<double> x = random_inputs(seed, network.widths().front(), 300);
    auto keep = s.groups, keep_all = s.groups;
    --keep[g];
    Index cut = 0;
    for (Index& k : keep_all) {
      if (k < 2) continue;
      --k;
      ++cut;
    }
    auto moments = group_moments<double>(network, id, *engine, x, Weighting::jacobian);
    const auto ratio = [&](const std::vector<Index>& of) {
      const auto scores = score_in_metric(network, id, Metric::jacobian, moments);
      return rms_change(network, reduce(network, id, scores, of), x) / predicted_change(scores, of);
    };
    const auto scores = score_in_metric(network, id, Metric::jacobian, moments);
    if (predicted_change(scores, keep) < 1e-4) continue;  // the output does not feel it
    weighted.all.push_back(ratio(keep));
    if (cut > 1) of_groups.all.push_back(ratio(keep_all));
    const auto alike = group_moments<double>(network, id, *engine, x, Weighting::none);
    for (std::size_t i = 0; i < moments.size(); ++i) {
      moments[i].mean = alike[i].mean;
      moments[i].covariance = alike[i].covariance;
    }
    unweighted.all.push_back(ratio(keep));
  }
  weighted.tell("tau_weighted");
  unweighted.tell("tau_unweighted");
  of_groups.tell("tau_of_groups");
  EXPECT_NEAR(weighted.at(0.5), 1, 0.05);
  EXPECT_GE(weighted.at(0), 0.5);
  EXPECT_LE(weighted.at(1), 2.5);
  EXPECT_GE(of_groups.at(0), 0.3);
  EXPECT_LE(of_groups.at(1), 2.5);
}

TEST(Metric, PredictionsAddInQuadrature) {
  GroupScores one, other;
  one.score = Vector<double>::LinSpaced(4, 4, 1);  // 4 3 2 1
  other.score = Vector<double>::LinSpaced(2, 6, 5);
  EXPECT_DOUBLE_EQ(predicted_change({one, other}, {2, 1}), std::sqrt(4.0 + 1 + 25));
  EXPECT_EQ(predicted_change({one, other}, {4, 2}), 0);
}

}  // namespace
}  // namespace isoform
