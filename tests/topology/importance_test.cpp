#include "isoform/topology/importance.h"

#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/topology/shrink.h"
#include "tests/support/networks.h"
#include "tests/support/truth.h"

namespace isoform {
namespace {

using namespace isoform::testing;

// Inputs whose directions differ in size, as those of data do.
Matrix<double> uneven_inputs(std::uint64_t seed, Index features, Index samples) {
  Dice dice(seed, 30);
  Matrix<double> x = dice.normals(features, samples);
  for (Index i = 0; i < features; ++i) x.row(i) *= std::pow(0.8, double(i));
  return dice.normals(features, features, 1 / std::sqrt(double(features))) * x;
}

class Importance : public ::testing::Test {
 protected:
  Statistics gather(Network<double>& network, const Matrix<double>& x) {
    pass_.prepare(network, x.cols());
    pass_.input() = x;
    forward(network, *engine_, pass_);
    pass_.output_gradient().setZero();
    backward(network, *engine_, pass_);
    Statistics statistics(network);
    statistics.gather(network, pass_);
    return statistics;
  }
  std::unique_ptr<Engine<double>> engine_ = create_engine<double>({.name = "cpu", .threads = 1});
  Pass<double> pass_;
};

void expect_valid(const GroupScores& scores, Index n, const std::string& where) {
  ASSERT_EQ(scores.basis.rows(), n);
  EXPECT_LE((scores.basis * scores.basis.transpose() - Matrix<double>::Identity(n, n)).norm(),
            1e-12)
      << where;
  for (Index i = 0; i < n; ++i) {
    EXPECT_GE(scores.score[i], 0) << where;
    EXPECT_TRUE(i == 0 || scores.score[i] <= scores.score[i - 1]) << where;
    EXPECT_GE(scores.spread[i], 0) << where;
  }
}

TEST_F(Importance, OfSingularValuesIsThatOfTheIncomingMatrix) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto network = seed % 5 == 0 ? graph_network(seed) : random_network(seed, {.widest = 24});
    for (const int id : network.hidden()) {
      const Space<double>& s = network.space(id);
      const Matrix<double> incoming = incoming_matrix(network, id);
      const auto all = score_by_singular_value(network, id);
      const auto paper = score_by_paper(network, id);
      for (Index g = 0; g < s.gates(); ++g) {
        const Index n = s.groups[g];
        const std::string where = describe(network, seed);
        expect_valid(all[g], n, where);
        expect_valid(paper[g], n, where);
        EXPECT_EQ(all[g].counted, n);
        const Matrix<double> rows = incoming.middleRows(s.begin(g), n);
        EXPECT_LE(((all[g].basis * rows).rowwise().norm() - all[g].score).norm(),
                  1e-7 * std::max(1.0, rows.norm()));
        const Vector<double> bias = incoming_bias(network, id).segment(s.begin(g), n);
        EXPECT_LE((all[g].constant - all[g].basis * bias).norm(), 1e-13);
        EXPECT_EQ(all[g].spread.norm(), 0);
      }
    }
  }
}

TEST_F(Importance, OfThePaperLeavesPsiAndPaddingOut) {
  ChainSettings settings;
  settings.widths = {3, 8, 12, 2};
  settings.group_size = 0;
  auto network = Network<double>::chain(settings);
  Dice dice(1);
  randomise(network, dice);
  const auto first = score_by_paper(network, 1), second = score_by_paper(network, 2);
  EXPECT_EQ(first[0].counted, 3);
  EXPECT_EQ(second[0].counted, 8);
  const Vector<double> truth = singular_values(network.map(1).weight());
  EXPECT_LE((second[0].score.head(8) - truth).norm(), 1e-13);
  EXPECT_EQ(count_at_most(first, 10.0), 3);
  EXPECT_EQ(count_at_most(first, -1.0), 0);
  EXPECT_EQ(count_at_most(score_by_singular_value(network, 1), 10.0), 8);
}

// docs/mathematics.md 10: with the gates held, removing natural neurons of a group changes the next
// pre-activations by exactly the sum of their effects. Computed here from the samples.
TEST_F(Importance, OfEffectIsWhatRemovalChangesWithTheGatesHeld) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto network = seed % 5 == 0 ? graph_network(seed)
                                 : random_network(seed, {.widest = 20, .norms = {false}});
    const auto x = uneven_inputs(seed, network.widths().front(), 50);
    const Statistics statistics = gather(network, x);
    for (const int id : network.hidden()) {
      const Space<double>& s = network.space(id);
      const auto all = score_by_effect(network, id, statistics);
      double variance = 0;
      for (const int m : network.outgoing(id)) {
        const Matrix<double> z = pass_.z(network.map(m).to);
        variance += (z.colwise() - z.rowwise().mean()).squaredNorm() / 50;
      }
      Dice dice(seed, 31);
      for (Index g = 0; g < s.gates(); ++g) {
        const Index n = s.groups[g];
        const std::string where = fmt::format("space {}, {}", id, describe(network, seed));
        expect_valid(all[g], n, where);
        const Index gone = dice.between(1, n);
        double promised = 0;
        Matrix<double> left = Matrix<double>::Zero(n, 50);  // Σ s (u − a) q
        for (Index i = n - gone; i < n; ++i) {
          promised += all[g].score[i] * variance;
          const Vector<double> q = all[g].basis.row(i);
          for (Index j = 0; j < 50; ++j) {
            const double u = q.dot(pass_.z(id).col(j).segment(s.begin(g), n));
            left.col(j) += pass_.gates(id)(g, j) * (u - all[g].constant[i]) * q;
          }
        }
        const Matrix<double> changed =
            outgoing_matrix(network, id).middleCols(s.begin(g), n) * left;
        const double actual = changed.squaredNorm() / 50;
        const double scale = outgoing_matrix(network, id).squaredNorm() *
                             pass_.hidden(id).middleRows(s.begin(g), n).squaredNorm() / 50;
        worst.add(std::abs(actual - promised) / std::max(actual, 1e-3 * scale), where);
      }
    }
  }
  measured("effect", worst.error);
  EXPECT_LE(worst.error, 1e-9) << worst.where;
}

// A neuron that is heard through norms alone, docs/mathematics.md 14: what its removal does to them, for normal inputs.
TEST_F(Importance, OfEffectCountsWhatNormsCarry) {
  for (const Radial radial : {Radial::algebraic, Radial::tanh}) {
    Network<double> network = Network<double>::chain(
        {.widths = {8, 8, 3}, .group_size = 8, .radial = radial, .norms = true, .seed = 5});
    Dice dice(5, 34);
    Map<double>&first = network.map(0), &last = network.map(1);
    first.weight().row(7) *= 0.3;
    first.bias()[7] = 0.2;
    last.a.setZero();
    last.chi() = dice.normals(3, 1);
    const Matrix<double> x = dice.normals(8, 4000);
    const Statistics statistics = gather(network, x);
    const auto scores = score_by_effect(network, 1, statistics);
    const double promised = scores[0].score[7] * statistics.z_variance(2);
    auto after = network;
    after.apply(reduce(network, 1, scores, {7}, &statistics));
    const double changed =
        (output_of(after, *engine_, x) - output_of(network, *engine_, x)).squaredNorm() / 4000;
    EXPECT_GT(promised, 0);
    measured(fmt::format("norms_{}", radial_name(radial)), changed / promised);
    EXPECT_GT(changed, 0.4 * promised) << radial_name(radial);
    EXPECT_LT(changed, 1.6 * promised) << radial_name(radial);
  }
}

// Ours against the paper's on data: both remove half of the neurons of one layer.
TEST_F(Importance, OfEffectRemovesWithLessErrorThanThePapersOnAverage) {
  double log_ratio = 0, by_effect = 0, by_paper = 0;
  int cases = 0, better = 0;
  const NetworkChoice choice = {.most_hidden = 3,
                                .widest = 32,
                                .radials = {Radial::tanh},
                                .lengths = {LengthMode::trainable},
                                .psis = {PsiMode::decay}};
  for (std::uint64_t seed = 0; cases < 150; ++seed) {
    auto network = random_network(seed, choice);
    const int id =
        Dice(seed, 32).between(0, 1) == 0 ? network.hidden().front() : network.hidden().back();
    const Index n = network.space(id).dimension;
    if (n < 8) continue;
    ++cases;
    const auto x = uneven_inputs(seed, network.widths().front(), 256);
    const auto statistics = gather(network, x.leftCols(128));
    const Matrix<double> unseen = x.rightCols(128);
    const Matrix<double> y = output_of(network, *engine_, unseen);
    const auto error_of = [&](const std::vector<GroupScores>& scores) {
      auto after = network;
      after.apply(reduce(network, id, scores, keep_without_lowest(scores, n / 2), &statistics));
      EXPECT_EQ(after.space(id).dimension, n - n / 2);
      return relative(output_of(after, *engine_, unseen), y);
    };
    const double ours = error_of(score_by_effect(network, id, statistics));
    const double theirs = error_of(score_by_paper(network, id));
    by_effect += ours / 150;
    by_paper += theirs / 150;
    log_ratio += std::log(std::max(ours, 1e-12) / std::max(theirs, 1e-12)) / 150;
    better += ours < theirs ? 1 : 0;
  }
  measured("mean_error_by_effect", by_effect);
  measured("mean_error_by_paper", by_paper);
  measured("geometric_mean_of_ratios", std::exp(log_ratio));
  measured("share_where_effect_is_better", better / 150.0);
  EXPECT_LT(by_effect, 0.8 * by_paper);
  EXPECT_LT(std::exp(log_ratio), 0.8);
}

}  // namespace
}  // namespace isoform
