#include "isoform/topology/shrink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/topology/verify.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"
#include "tests/support/truth.h"
#include "tests/topology/random_scores.h"

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

// A part of the decomposition and reflections do what all of it and a rotation do: the same function, however much goes.
TEST(RemoveLowest, IsReduceInAnotherBasis) {
  Worst worst;
  for (const std::uint64_t seed : {1, 2, 3}) {
    auto network = Network<double>::chain(
        {.widths = {30, 40, 24, 5}, .group_size = seed == 3 ? 8 : 0, .seed = seed});
    Dice dice(seed);
    randomise(network, dice);
    for (const auto& m : network.maps()) {  // an orthogonal start has no lowest direction
      network.map(m.id).weight() = dice.normals(m.a.rows(), m.inputs, 0.2);
    }
    const auto engine = create_engine<double>({.threads = 1});
    const auto x = dice.normals(30, 50);
    for (const int space : {1, 2}) {
      for (const Index count : {1, 3, 20}) {
        const auto scores = score_by_singular_value(network, space);
        auto rotated = network, reflected = network;
        const Edit edit = remove_lowest(network, space, count);
        rotated.apply(reduce(network, space, scores, keep_without_lowest(scores, count)));
        reflected.apply(edit);
        EXPECT_EQ(edit.record.removed, count);
        EXPECT_EQ(reflected.space(space).groups, rotated.space(space).groups);
        EXPECT_EQ(check_shapes(network, edit), "");
        EXPECT_TRUE(check_isometry(edit).holds());
        worst.add(
            relative(outputs<double>(reflected, *engine, x), outputs<double>(rotated, *engine, x)),
            fmt::format("seed {} space {} count {}", seed, space, count));
      }
    }
  }
  measured("reflected against rotated", worst.error);
  EXPECT_LE(worst.error, 1e-10) << worst.where;
}

TEST(RemoveLowest, RefusesToEmptyALayer) {
  const auto network = Network<double>::chain({.widths = {3, 16, 2}, .group_size = 0});
  EXPECT_THAT([&] { (void)remove_lowest(network, 1, 16); },
              ::testing::ThrowsMessage<UsageError>(HasSubstr("at least 1 must stay")));
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
    return m.size() == 0 ? 0.0 : singular_values(m)[0];
  };
  double closest = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto network = random_network(seed, {.most_hidden = 4,
                                               .widest = 16,
                                               .radials = {Radial::tanh},
                                               .lengths = {LengthMode::trainable},
                                               .psis = {PsiMode::decay},
                                               .norms = {false}});
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

// ẑ of the reduction lemma, from its definition: in the basis of the scores the last coordinates are replaced.
Vector<double> with_stand_ins(const GroupScores& scores, Index keep, const Vector<double>& z) {
  if (keep == z.size()) return z;
  Vector<double> u = scores.basis * z;
  u.tail(z.size() - keep) = scores.constant.tail(z.size() - keep);
  return scores.dual.size() == 0 ? Vector<double>(scores.basis.transpose() * u)
                                 : Vector<double>(scores.dual * u);
}

TEST(CutGroup, IsAProjectionInCoordinatesOfItsOwn) {
  double worst = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Dice dice(seed, 30);
    const Index n = dice.between(1, 12);
    const auto scores = random_group_scores(n, dice, seed % 3 == 0 ? 0 : 0.3);
    for (Index k = 0; k <= n; ++k) {
      const GroupCut cut = cut_group(scores, k);
      ASSERT_EQ(cut.rows.rows(), k);
      ASSERT_EQ(cut.rows.cols(), n);
      ASSERT_EQ(cut.project.rows(), k);
      ASSERT_EQ(cut.project.cols(), n);
      ASSERT_EQ(cut.offset.size(), k);
      ASSERT_EQ(cut.constant.size(), n);
      EXPECT_NEAR(cut.spread, scores.spread.tail(n - k).sum(), 1e-15);
      const double condition =  // of the basis, which rounding is multiplied by
          scores.dual.size() == 0 ? 1 : std::max(1.0, scores.basis.norm() * scores.dual.norm());
      const auto add = [&](const auto& zero) {
        if (zero.size() > 0) worst = std::max(worst, zero.cwiseAbs().maxCoeff() / condition);
      };
      add((cut.rows * cut.rows.transpose() - Matrix<double>::Identity(k, k)).eval());
      add((cut.rows * cut.constant).eval());
      const Matrix<double> oblique = cut.rows.transpose() * cut.project;  // Π
      add((oblique * oblique - oblique).eval());
      for (int repeat = 0; repeat < 3; ++repeat) {
        const Vector<double> z = dice.normals(n, 1);
        const Vector<double> hat =
            cut.rows.transpose() * (cut.project * z + cut.offset) + cut.constant;
        add((hat - with_stand_ins(scores, k, z)).eval());
      }
      if (scores.dual.size() == 0) {
        EXPECT_EQ(cut.rows, cut.project);
        EXPECT_TRUE(cut.offset.isZero(0));
      }
      if (k == n) {
        EXPECT_EQ(cut.project, (Matrix<double>::Identity(n, n))) << "nothing goes, nothing turns";
        EXPECT_TRUE(cut.constant.isZero(0));
      }
    }
  }
  measured("cut_group", worst);
  EXPECT_LE(worst, 1e-13);
}

// docs/mathematics.md 4.4: the reduced network is the old one with z replaced by ẑ and o raised by the spread,
// whatever goes and whatever stands in for it. On the right the oracle overwrites z; nothing is shared.
TEST(Reduce, IsTheOldNetworkWithZReplaced) {
  const NetworkChoice folding = {
      .most_hidden = 4,
      .widest = 16,
      .lengths = {LengthMode::constant, LengthMode::trainable, LengthMode::log},
      .psis = {PsiMode::constant, PsiMode::trainable, PsiMode::decay}};
  Worst worst, in_float;
  int vanished = 0, oblique = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const auto network = seed % 5 == 0 ? graph_network(seed) : random_network(seed, folding);
    const auto x = random_inputs(seed, network.widths().front(), 8);
    Dice dice(seed, 31);
    const int id = pick(dice, network.hidden());
    const Space<double>& s = network.space(id);
    const bool skewed = dice.coin();
    const auto scores = random_scores(s.groups, dice, skewed ? 0.3 : 0);
    const auto keep = random_keep(s.groups, dice);
    auto replaced = network;
    for (Index g = 0; g < s.gates(); ++g) {
      const double spread = scores[g].spread.tail(s.groups[g] - keep[g]).sum();
      replaced.space(id).set_o(g, s.o(g) + spread);
      vanished += keep[g] == 0 ? 1 : 0;
    }
    oblique += skewed ? 1 : 0;
    const Matrix<double> truth =
        oracle_run(replaced, x, [&](int at, Index, std::vector<Real>& z) {
          for (Index g = 0; at == id && g < s.gates(); ++g) {
            Vector<double> part(s.groups[g]);
            for (Index i = 0; i < part.size(); ++i) {
              part[i] = static_cast<double>(z[static_cast<std::size_t>(s.begin(g) + i)]);
            }
            part = with_stand_ins(scores[g], keep[g], part);
            for (Index i = 0; i < part.size(); ++i) {
              z[static_cast<std::size_t>(s.begin(g) + i)] = part[i];
            }
          }
        }).y;
    auto reduced = network;
    reduced.apply(reduce(network, id, scores, keep));
    worst.add(relative(oracle_output(reduced, x), truth), describe(network, seed));
    auto single = cast_network<float>(network);
    single.apply(reduce(single, id, scores, keep));
    in_float.add(relative(oracle_output(single, x), truth), describe(network, seed));
  }
  measured("reduction_lemma", worst.error);
  measured("reduction_lemma_float", in_float.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
  EXPECT_LE(in_float.error, 1e-5) << in_float.where;
  EXPECT_GE(vanished, 100);
  EXPECT_GE(oblique, 100);
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
