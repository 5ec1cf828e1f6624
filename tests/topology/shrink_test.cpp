#include "isoform/topology/shrink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/SVD>
#include <cmath>

#include "isoform/base/error.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;
using Sizes = std::vector<Index>;

GroupScores scores_of(const std::vector<double>& values, Index counted) {
  const auto n = static_cast<Index>(values.size());
  GroupScores scores;
  scores.basis = Matrix<double>::Identity(n, n);
  scores.score.resize(n);
  scores.constant = scores.spread = Vector<double>::Zero(n);
  scores.counted = counted;
  for (Index i = 0; i < n; ++i) scores.score[i] = values[i];
  return scores;
}

TEST(KeepWithoutLowest, TakesPaddingFirstThenTheLowest) {
  const std::vector<GroupScores> scores = {scores_of({5, 3, 0, 0}, 2), scores_of({4, 1}, 2)};
  EXPECT_EQ(keep_without_lowest(scores, 0), (Sizes{4, 2}));
  EXPECT_EQ(keep_without_lowest(scores, 1), (Sizes{3, 2}));
  EXPECT_EQ(keep_without_lowest(scores, 2), (Sizes{2, 2}));
  EXPECT_EQ(keep_without_lowest(scores, 3), (Sizes{2, 1}));
  EXPECT_EQ(keep_without_lowest(scores, 4), (Sizes{1, 1}));
  EXPECT_EQ(keep_without_lowest(scores, 5), (Sizes{1, 0}));
  EXPECT_EQ(keep_without_lowest(scores, 99), (Sizes{0, 0}));
}

TEST(CarriesFold, NeedsALengthAndPsiOnEveryMapThatReads) {
  EXPECT_TRUE(carries_fold(graph_network(1), 1));
  EXPECT_FALSE(carries_fold(graph_network(1, Radial::tanh, LengthMode::none), 1));
  const auto mixed =
      graph_network(1, Radial::tanh, LengthMode::log, PsiMode::decay, PsiMode::expectation);
  EXPECT_FALSE(carries_fold(mixed, 1)) << "map 4 reads space 1 and holds no ψ";
  EXPECT_TRUE(carries_fold(mixed, 2));
}

TEST(Reduce, RecordsAndShapes) {
  const auto network = graph_network(2);  // space 2: groups 3, 1, 4
  const auto scores = score_by_singular_value(network, 2);
  const Edit edit = reduce(network, 2, scores, {2, 0, 4});
  EXPECT_EQ(edit.record.kind, EditKind::remove_group);
  EXPECT_EQ(edit.record.before, 8);
  EXPECT_EQ(edit.record.after, 6);
  EXPECT_EQ(edit.record.removed, 2);
  EXPECT_DOUBLE_EQ(edit.record.score, std::max(scores[0].score[2], scores[1].score[0]));
  auto after = network;
  after.apply(edit);
  EXPECT_EQ(after.space(2).groups, (Sizes{2, 4}));
  EXPECT_EQ(after.map(3).a.cols(), 6 + 1 + 2);
  EXPECT_EQ(after.map(1).a.rows(), 6);
  EXPECT_NEAR(after.space(2).o(0), network.space(2).o(0) + std::pow(scores[0].constant[2], 2),
              1e-14);
  EXPECT_EQ(after.space(2).o(1), network.space(2).o(2));
  EXPECT_EQ(reduce(network, 2, scores, {2, 1, 4}).record.kind, EditKind::reduce);
}

// Mode expectation: the removed bias goes into the next bias with the mean gate, and the next
// pre-activation errs by |b| |W_i| std(s), exactly. docs/mathematics.md 4.1.
TEST(Reduce, ExpectationErrsByTheFluctuationOfTheGate) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    ChainSettings settings;
    settings.widths = {6, 9, 4};
    settings.groups = {{5, 4}};
    settings.psi = PsiMode::expectation;
    settings.seed = seed;
    auto network = Network<double>::chain(settings);
    Dice dice(seed);
    randomise(network, dice);
    network.map(0).weight().row(2).setZero();
    network.map(0).bias()[2] = 0.8;
    EXPECT_FALSE(carries_fold(network, 1));
    Pass<double> pass;
    pass.prepare(network, 100);
    pass.input() = random_inputs(seed, 6, 100);
    forward(network, *engine, pass);
    pass.output_gradient().setZero();
    backward(network, *engine, pass);
    Statistics statistics(network);
    statistics.gather(network, pass);
    auto after = network;
    after.apply(reduce(network, 1, score_by_singular_value(network, 1), {4, 4}, &statistics));
    const Matrix<double> x = pass.input(), y = pass.output();
    const double rms = (output_of(after, *engine, x) - y).norm() / 10;
    const Vector<double> s = pass.gates(1).row(0);
    const double deviation = std::sqrt((s.array() - s.mean()).square().mean());
    EXPECT_NEAR(rms, 0.8 * network.map(1).weight().col(2).norm() * deviation, 1e-12);
  }
}

// docs/mathematics.md 4.2: the change of the output is bounded beforehand, for every input there is:
// |Δy| ≤ 1.0881 √H σ P.
TEST(Reduce, KeepsTheBoundOnTheOutput) {
  const auto norm2 = [](const Matrix<double>& m) {
    return m.size() == 0 ? 0.0 : Eigen::JacobiSVD<Matrix<double>>(m).singularValues()[0];
  };
  double closest = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto network = random_network(seed, {.most_hidden = 4,
                                               .widest = 16,
                                               .radials = {Radial::tanh},
                                               .lengths = {LengthMode::trainable},
                                               .psis = {PsiMode::decay}});
    const int id = network.hidden().back();
    if (id < 2 || network.space(id).dimension < 2) continue;
    const auto scores = score_by_singular_value(network, id);
    const Sizes kept = keep_without_lowest(scores, 1);
    const Edit edit = reduce(network, id, scores, kept);
    if (edit.record.kind == EditKind::remove_group) continue;
    auto after = network;
    after.apply(edit);
    const Map<double>& next = network.map(id);
    const double bound = 1.0881 * std::sqrt(double(network.space(id - 1).gates())) *
                         edit.record.score * (norm2(next.weight()) + 0.34343 * norm2(next.psi()));
    const Matrix<double> x = 10 * random_inputs(seed, network.widths().front());
    const Matrix<double> change = oracle_output(after, x) - oracle_output(network, x);
    EXPECT_LE(change.colwise().norm().maxCoeff(), bound * (1 + 1e-12) + 1e-13)
        << describe(network, seed);
    if (bound > 1e-9) closest = std::max(closest, change.colwise().norm().maxCoeff() / bound);
  }
  measured("largest_share_of_the_bound", closest);
  EXPECT_GT(closest, 0.05) << "the bound says something";
}

TEST(Keep, SelectsCoordinatesInTheirOrder) {
  const auto network = graph_network(3);
  auto after = network;
  const Sizes kept = {0, 2, 3, 5, 7};
  after.apply(keep(network, 2, kept));
  EXPECT_EQ(after.space(2).groups, (Sizes{2, 1, 2}));
  for (Index i = 0; i < 5; ++i) {
    EXPECT_EQ(after.map(1).a.row(i), network.map(1).a.row(kept[i]));
    EXPECT_EQ(after.map(3).weight().col(i), network.map(3).weight().col(kept[i]));
  }
  const double bias = incoming_bias(network, 2)[1];
  EXPECT_NEAR(after.space(2).o(0), network.space(2).o(0) + bias * bias, 1e-14);
  EXPECT_LE((after.map(3).psi().col(0) - network.map(3).psi().col(0) -
             bias * network.map(3).weight().col(1))
                .norm(),
            1e-14);
}

TEST(Keep, OfEverythingChangesNothing) {
  const auto network = random_network(8);
  const int id = network.hidden().back();
  Sizes all;
  for (Index i = 0; i < network.space(id).dimension; ++i) all.push_back(i);
  auto after = network;
  after.apply(keep(network, id, all));
  for (const auto& m : network.maps()) EXPECT_EQ(after.map(m.id).a, m.a);
  EXPECT_EQ(after.space(id).length, network.space(id).length);
}

TEST(Shrink, RefusesWithWhatIsPossible) {
  const auto network = graph_network(4);
  const auto message = [&](const auto& call) -> std::string {
    try {
      call();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message([&] { keep(network, 2, Sizes{}); }), HasSubstr("remove at most 7"));
  EXPECT_THAT(message([&] { keep(network, 2, Sizes{8}); }), HasSubstr("neurons 0 to 7"));
  EXPECT_THAT(message([&] { keep(network, 2, Sizes{-1}); }), HasSubstr("out of range"));
  EXPECT_THAT(message([&] { keep(network, 4, Sizes{0}); }), HasSubstr("hidden layers are 1 to 3"));
  EXPECT_THAT(message([&] { remove_groups(network, 2, Sizes{3}); }), HasSubstr("groups 0 to 2"));
  EXPECT_THAT(message([&] {
                remove_groups(network, 2, Sizes{0, 1, 2});
              }),
              HasSubstr("at least 1 must stay"));
}

}  // namespace
}  // namespace isoform
