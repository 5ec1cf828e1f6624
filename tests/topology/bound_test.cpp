// The bound on a removal is a proof, so no case may pass it: thousands of random networks, every mode,
// profile and grouping, both scalars, several ways to choose what goes.
#include "isoform/topology/bound.h"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>

#include "isoform/network/pass.h"
#include "isoform/network/statistics.h"
#include "isoform/topology/diagonalise.h"
#include "support/networks.h"
#include "support/oracle.h"

namespace isoform {
namespace {

using namespace testing;

// Scores in a random oblique basis, with random stand-ins: nothing in the bound may rely on a good choice.
std::vector<GroupScores> random_scores(const std::vector<Index>& groups, Dice& dice, bool oblique) {
  std::vector<GroupScores> all;
  for (const Index n : groups) {
    GroupScores scores;
    const Eigen::HouseholderQR<Matrix<double>> qr(dice.normals(n, n));
    scores.basis = qr.householderQ();
    if (oblique) {
      scores.basis = Matrix<double>(scores.basis + 0.3 * dice.normals(n, n));
      scores.dual = scores.basis.inverse();
    }
    scores.score = Vector<double>::LinSpaced(n, 2, 1);
    scores.constant = dice.normals(n, 1, 0.5);
    scores.spread =
        dice.coin() ? Vector<double>(dice.normals(n, 1, 0.3).cwiseAbs()) : Vector<double>::Zero(n);
    scores.counted = n;
    all.push_back(std::move(scores));
  }
  return all;
}

std::vector<Index> random_keep(const std::vector<Index>& groups, Dice& dice) {
  std::vector<Index> keep;
  Index left = 0;
  for (const Index n : groups) {
    keep.push_back(dice.between(0, n));
    left += keep.back();
  }
  if (left == 0) keep.front() = 1;
  return keep;
}

struct Looseness {
  std::vector<double> ratios;
  void add(double measured, double bound) {
    if (bound > 0) ratios.push_back(measured / bound);
  }
  double median() {
    std::nth_element(ratios.begin(), ratios.begin() + ratios.size() / 2, ratios.end());
    return ratios[ratios.size() / 2];
  }
};

template <class T>
void expect_bounds_hold(double rounding, std::uint64_t first_seed, int networks) {
  Looseness everywhere, on_samples;
  int bounded = 0, refused = 0;
  const auto engine = create_engine<T>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = first_seed; seed < first_seed + networks; ++seed) {
    const Network<double> exact =
        seed % 7 == 0 ? graph_network(seed) : random_network(seed, {.widest = 16});
    const auto network = cast_network<T>(exact);
    Dice dice(seed, 77);
    const auto x = random_inputs(seed, network.widths().front(), 24);
    const Matrix<double> before = oracle_output(network, x);
    for (const int id : network.hidden()) {
      const Space<T>& space = network.space(id);
      const auto scores = dice.coin() ? score_by_singular_value(network, id)
                                      : random_scores(space.groups, dice, dice.coin());
      const auto keep = random_keep(space.groups, dice);
      auto reduced = network;
      reduced.apply(reduce(network, id, scores, keep));
      const Matrix<double> after = oracle_output(reduced, x);
      Vector<double> moved = (after - before).colwise().norm();
      const double slack = rounding * (1 + before.colwise().norm().maxCoeff());
      const Bound bound = removal_bound(network, id, scores, keep);
      bounded += bound.holds() ? 1 : 0;
      refused += bound.holds() ? 0 : 1;
      if (bound.holds()) {
        ASSERT_LE(moved.maxCoeff(), bound.value + slack) << describe(network, seed) << " at " << id;
        everywhere.add(moved.maxCoeff(), bound.value);
      }
      Pass<T> pass;
      pass.prepare(network, x.cols());
      pass.input() = x.template cast<T>();
      forward(network, *engine, pass);
      const Bound here = removal_bound_on<T>(network, id, scores, keep, pass.z(id));
      ASSERT_TRUE(here.holds());
      ASSERT_LE(moved.maxCoeff(), here.value + slack) << describe(network, seed) << " at " << id;
      on_samples.add(moved.maxCoeff(), here.value);
    }
  }
  EXPECT_GT(bounded, networks / 2);
  EXPECT_GT(refused, networks / 2);
  std::printf("measured / bound, median of %zu: %.3f for any input, %.3f on the samples\n",
              everywhere.ratios.size(), everywhere.median(), on_samples.median());
}

TEST(Bound, HoldsInDouble) { expect_bounds_hold<double>(1e-12, 0, 1500); }
TEST(Bound, HoldsInFloat) { expect_bounds_hold<float>(1e-5, 5000, 1500); }

}  // namespace
}  // namespace isoform
