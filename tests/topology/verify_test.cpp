// The checks pass what is right, and each catches what it is for: edits that are wrong in one place only, bounds that
// are too small, activations that do not commute.
#include "isoform/topology/verify.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/shrink.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Sizes = std::vector<Index>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
std::unique_ptr<Engine<T>> one_thread() {
  return create_engine<T>({.name = "cpu", .threads = 1});
}

// Passing what is right -------------------------------------------------------------------------------------------

// One neuron of a layer of several hears nothing: it can be taken out exactly. False where there is none.
template <class T>
bool silence(Network<T>& network, int id, Index neuron) {
  if (network.space(id).dimension < 2) return false;
  for (const int m : network.incoming(id)) {
    network.map(m).weight().row(neuron).setZero();
    network.map(m).psi().row(neuron).setZero();
    network.map(m).chi().row(neuron).setZero();
  }
  return true;
}

Sizes all_but(Index n, Index neuron) {
  Sizes kept(static_cast<std::size_t>(n));
  std::iota(kept.begin(), kept.end(), Index{0});
  kept.erase(kept.begin() + neuron);
  return kept;
}

template <class T>
void expect_right_edits_pass() {
  const auto engine = one_thread<T>();
  double worst = 0, isometry = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    auto network = cast_network<T>(
        seed % 8 == 0 ? graph_network(seed)
                      : random_network(seed, {.psis = {PsiMode::trainable, PsiMode::decay}}));
    Dice dice(seed, 30);
    const int id = pick(dice, network.hidden());
    const Matrix<T> x = random_inputs(seed, network.widths().front()).template cast<T>();
    const auto expect_kept = [&](const Edit& edit, Index dropped) {
      ASSERT_EQ(check_shapes(network, edit), "") << describe(network, seed);
      const IsometryCheck of_t = check_isometry(edit);
      ASSERT_TRUE(of_t.holds()) << of_t.text() << describe(network, seed);
      ASSERT_EQ(std::accumulate(of_t.dropped.begin(), of_t.dropped.end(), Index{0}), dropped);
      const FunctionCheck check = check_function(network, edit, *engine, x);
      ASSERT_TRUE(check.holds()) << check.text() << describe(network, seed);
      worst = std::max(worst, check.error);
      isometry = std::max(isometry, of_t.largest());
    };
    expect_kept(rotate_left(network, id), 0);
    expect_kept(rotate_right(network, id), 0);
    expect_kept(rotate_random(network, id, seed), 0);
    expect_kept(grow(network, id, 9, {.group_start = GroupStart::columns, .seed = seed}), 0);
    expect_kept(act(network, id, symmetry_of(network.space(id)).sample(seed)), 0);
    const Index neuron = dice.between(0, network.space(id).dimension - 1);
    if (silence(network, id, neuron) && carries_fold(network, id)) {
      const Edit edit = keep(network, id, all_but(network.space(id).dimension, neuron));
      const bool group = edit.groups.size() < network.space(id).groups.size();
      expect_kept(edit, group ? 0 : 1);
    }
  }
  measured("largest error that is rounding", worst);
  measured("largest deviation of T", isometry);
}

TEST(VerifyRight, EditsPassInDouble) { expect_right_edits_pass<double>(); }
TEST(VerifyRight, EditsPassInFloat) { expect_right_edits_pass<float>(); }

// What check_function says is what the oracle says.
TEST(VerifyRight, MeasuresTheChangeOfTheOracle) {
  const auto engine = one_thread<double>();
  const auto network = graph_network(3);
  const auto x = random_inputs(3, 5);
  const Edit edit = keep(network, 2, Sizes{0, 1, 3, 4, 5, 6, 7});
  const FunctionCheck check = check_function(network, edit, *engine, x);
  auto after = network;
  after.apply(edit);
  const Matrix<double> y = oracle_output(network, x), delta = oracle_output(after, x) - y;
  const double rms = y.norm() / std::sqrt(64.0);
  double error = 0;
  for (Index j = 0; j < 64; ++j) {
    error = std::max(error, delta.col(j).norm() / std::max(y.col(j).norm(), rms));
  }
  EXPECT_NEAR(check.error, error, 1e-13);
  EXPECT_NEAR(check.change.rms, delta.norm() / 8, 1e-13);
  EXPECT_EQ(check.samples, 64);
  EXPECT_FALSE(check.holds()) << "that neuron was used";
  EXPECT_THAT(check.text(), HasSubstr("is not kept: on 64 samples"));
  EXPECT_TRUE(check_function(network, edit, *engine, x, 2 * error).holds());
}

// Catching wrong edits --------------------------------------------------------------------------------------------

// Edits that would be right but for one mistake, on random networks: how many of `cases` are caught.
struct Caught {
  int cases = 0, caught = 0;
  double least = kInfinity;  // the smallest error among them
};

template <class T>
Caught caught_by_function(const std::function<bool(Network<T>&, int, Dice&, Edit&)>& make) {
  const auto engine = one_thread<T>();
  Caught result;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto network = cast_network<T>(random_network(
        seed, {.most_hidden = 3,
               .widest = 24,
               .lengths = {LengthMode::constant, LengthMode::trainable, LengthMode::log},
               .psis = {PsiMode::constant, PsiMode::trainable, PsiMode::decay}}));
    Dice dice(seed, 31);
    const int id = pick(dice, network.hidden());
    Edit edit;
    if (!make(network, id, dice, edit)) continue;
    const Matrix<T> x = random_inputs(seed, network.widths().front()).template cast<T>();
    const FunctionCheck check = check_function(network, edit, *engine, x);
    EXPECT_EQ(check.misfit, "");
    ++result.cases;
    result.caught += check.holds() ? 0 : 1;
    result.least = std::min(result.least, check.error);
  }
  return result;
}

// Removing a neuron that hears nothing but its bias, which is at least 0.3; the right edit first.
template <class T>
bool removal(Network<T>& network, int id, Dice& dice, Edit& edit) {
  const Space<T>& space = network.space(id);
  Index g = 0;
  while (g < space.gates() && space.groups[g] < 2) ++g;
  if (g == space.gates()) return false;
  const Index neuron = space.begin(g) + dice.between(0, space.groups[g] - 1);
  silence(network, id, neuron);
  for (const int m : network.incoming(id)) {
    network.map(m).bias()[neuron] = static_cast<T>(dice.uniform(0.3, 1));
  }
  edit = keep(network, id, all_but(space.dimension, neuron));
  return true;
}

template <class T>
void expect_forgotten_folds_are_caught() {
  const auto right = caught_by_function<T>(removal<T>);
  EXPECT_GE(right.cases, 100);
  EXPECT_EQ(right.caught, 0) << "the removal itself is exact";
  const auto no_o = caught_by_function<T>([](auto& network, int id, Dice& dice, Edit& edit) {
    if (!removal(network, id, dice, edit)) return false;
    edit.length.setZero();
    return true;
  });
  const auto no_psi = caught_by_function<T>([](auto& network, int id, Dice& dice, Edit& edit) {
    if (!removal(network, id, dice, edit)) return false;
    edit.corrections.clear();
    return true;
  });
  for (const Caught& wrong : {no_o, no_psi}) {
    EXPECT_EQ(wrong.caught, wrong.cases);
    measured("least error of a forgotten fold", wrong.least);
  }
}

TEST(VerifyWrong, ForgottenFoldsInDouble) { expect_forgotten_folds_are_caught<double>(); }
TEST(VerifyWrong, ForgottenFoldsInFloat) { expect_forgotten_folds_are_caught<float>(); }

TEST(VerifyWrong, CorrectionsOffByAMillionth) {
  const auto wrong = caught_by_function<double>([](auto& network, int id, Dice& dice, Edit& edit) {
    edit = grow(network, id, Growth{Sizes(network.space(id).groups.size(), 1), {}});
    MapCorrection& correction = edit.corrections.front();
    const auto& m = network.map(correction.map);
    correction = {m.id, correction.whole(m.a.rows(), m.a.cols() - m.inputs + edit.dimension())};
    Matrix<double>& delta = correction.delta;
    // The new neurons' columns may be what they like; a column of ψ, or the bias, may not.
    delta(dice.between(0, delta.rows() - 1), dice.between(edit.dimension(), delta.cols() - 1)) +=
        1e-6;
    return true;
  });
  EXPECT_GE(wrong.cases, 150);
  EXPECT_EQ(wrong.caught, wrong.cases);
}

TEST(VerifyWrong, NewNeuronsThatHearSomething) {
  const auto wrong = caught_by_function<double>([](auto& network, int id, Dice&, Edit& edit) {
    edit = grow(network, id, Growth{Sizes(network.space(id).groups.size(), 1), {}});
    const int m = network.incoming(id).front();
    Matrix<double> delta = Matrix<double>::Zero(edit.dimension(), network.map(m).a.cols());
    delta(edit.groups[0].size - 1, network.map(m).inputs) = 0.1;
    edit.corrections.push_back({m, delta});
    return true;
  });
  EXPECT_EQ(wrong.caught, wrong.cases);
}

// Outputs that are no numbers, and outputs that were 0, where a relative change is not defined.
TEST(VerifyWrong, WhatHasNoRelativeChange) {
  const auto engine = one_thread<double>();
  auto network = graph_network(6);
  const auto x = random_inputs(6, 5);
  Edit edit = rotate_left(network, 3);
  Matrix<double> delta = Matrix<double>::Zero(3, 6 + 1 + network.map(6).psi().cols());
  delta(0, 6) = std::numeric_limits<double>::quiet_NaN();
  edit.corrections.push_back({6, delta});
  EXPECT_FALSE(check_function(network, edit, *engine, x).holds());
  for (const int m : network.incoming(4)) network.map(m).a.setZero();
  EXPECT_TRUE(check_function(network, rotate_left(network, 3), *engine, x).holds());
  edit = identity_edit(3, network.space(3).groups);
  delta.setZero();
  delta(0, 6) = 1e-30;
  edit.corrections = {{6, delta}};
  EXPECT_EQ(check_function(network, edit, *engine, x).error, kInfinity);
}

TEST(VerifyWrong, SamplesThatAreNone) {
  const auto engine = one_thread<double>();
  const auto network = graph_network(6);
  const Edit edit = rotate_left(network, 1);
  EXPECT_THROW((void)check_function(network, edit, *engine, Matrix<double>(5, 0)), UsageError);
  EXPECT_THROW((void)check_function(network, edit, *engine, Matrix<double>(4, 3)), UsageError);
  EXPECT_FALSE(FunctionCheck{}.holds()) << "nothing was checked";
  EXPECT_FALSE(BoundCheck{}.holds());
}

// Bounds -------------------------------------------------------------------------------------------------------------

template <class T>
void expect_bounds_checked() {
  const auto engine = one_thread<T>();
  int on_samples_only = 0, wrong_bounds = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const auto network = cast_network<T>(random_network(seed, {.most_hidden = 4, .widest = 16}));
    Dice dice(seed, 32);
    const int id = pick(dice, network.hidden());
    if (network.space(id).dimension < 2) continue;
    const auto scores = score_by_singular_value(network, id);
    const Sizes keep = keep_without_lowest(scores, 1);
    const Matrix<T> x = random_inputs(seed, network.widths().front()).template cast<T>();
    const BoundCheck check = check_bound(network, id, scores, keep, *engine, x);
    ASSERT_TRUE(check.holds()) << check.text() << describe(network, seed);
    ASSERT_EQ(check.claims.size(), 2U);
    on_samples_only += check.claims[0].bound.holds() ? 0 : 1;
    EXPECT_EQ(check.claims[0].bound.value, removal_bound(network, id, scores, keep).value);

    // The same edit by hand; a bound just below what is measured is caught, just above it is not.
    const Edit edit = reduce(network, id, scores, keep);
    auto after = network;
    after.apply(edit);
    const Matrix<double> moved = output_of(after, *engine, x.template cast<double>()) -
                                 output_of(network, *engine, x.template cast<double>());
    const double largest = moved.colwise().norm().maxCoeff();
    ASSERT_NEAR(check.measured, largest, 1e-12 * (1 + largest));
    ASSERT_TRUE(check_bound(network, edit, {largest + check.allowance, {}}, *engine, x).holds());
    if (largest < 10 * check.allowance) continue;
    const BoundCheck wrong = check_bound(network, edit, {0.8 * largest, {}}, *engine, x);
    ++wrong_bounds;
    ASSERT_FALSE(wrong.holds());
    ASSERT_THAT(wrong.text(), HasSubstr("exceeded"));
  }
  EXPECT_GE(wrong_bounds, 80);
  EXPECT_GE(on_samples_only, 30) << "first layers and unbounded profiles";
}

TEST(VerifyBound, InDouble) { expect_bounds_checked<double>(); }
TEST(VerifyBound, InFloat) { expect_bounds_checked<float>(); }

TEST(VerifyBound, NoBoundIsNoVerdictAndBadScoresAreRefused) {
  const auto engine = one_thread<double>();
  const auto network = graph_network(8);
  const auto x = random_inputs(8, 5);
  const Edit edit = rotate_left(network, 2);
  const BoundCheck none = check_bound(network, edit, {0, "nobody knows"}, *engine, x);
  EXPECT_FALSE(none.holds());
  EXPECT_THAT(none.text(), HasSubstr("none, as nobody knows"));
  EXPECT_FALSE(check_bound(network, edit, {std::nan(""), {}}, *engine, x).holds());
  EXPECT_TRUE(check_bound(network, edit, {0, {}}, *engine, x).holds()) << "rounding is allowed for";
  auto scores = score_by_singular_value(network, 2);
  const auto check = [&](int space, const Sizes& keep) {
    (void)check_bound(network, space, scores, keep, *engine, x);
  };
  EXPECT_NO_THROW(check(2, {3, 1, 2}));
  EXPECT_THROW(check(2, {3, 1}), UsageError);
  EXPECT_THROW(check(2, {3, 1, 5}), UsageError);
  EXPECT_THROW(check(2, {3, -1, 4}), UsageError);
  EXPECT_THROW(check(1, {4, 3}), UsageError) << "scores of another space";
  EXPECT_THROW(check(0, {3, 1, 4}), UsageError);
  scores[2].constant.conservativeResize(2);
  EXPECT_THROW(check(2, {3, 1, 2}), UsageError);
}

// Activations --------------------------------------------------------------------------------------------------------

TEST(VerifyActivation, GatesKeepTheirPrescription) {
  const auto network = graph_network(9);
  const auto engine = one_thread<double>();
  const auto in_float = cast_network<float>(network);
  const auto of_float = one_thread<float>();
  for (const int id : network.hidden()) {
    const ActivationCheck check = check_activation(network.space(id), *engine);
    EXPECT_TRUE(check.holds()) << check.text();
    EXPECT_EQ(check.symmetry, symmetry_of(network.space(id)).name());
    EXPECT_TRUE(check_activation(in_float.space(id), *of_float).holds());
  }
  // Not what it did not promise: rotations across groups.
  const ActivationCheck more = check_activation(network.space(1), *engine, Symmetry::orthogonal(7));
  EXPECT_FALSE(more.holds());
  EXPECT_THAT(more.text(), StartsWith("the activation does not commute with O(7)"));
}

TEST(VerifyActivation, CatchesElementwiseTanhInThePlane) {
  const VectorFunction tanh_of = [](const Matrix<double>& z) -> Matrix<double> {
    return z.array().tanh();
  };
  const ActivationCheck wrong = check_activation(tanh_of, Symmetry::orthogonal(2));
  EXPECT_FALSE(wrong.holds());
  EXPECT_GE(wrong.error, 0.1);
  EXPECT_EQ(wrong.elements, 32);
  const ActivationCheck right = check_activation(tanh_of, Symmetry::signed_permutation(2));
  EXPECT_TRUE(right.holds()) << right.text();
  EXPECT_EQ(right.elements, 8) << "all there are";
  const VectorFunction broken = [](const Matrix<double>& z) -> Matrix<double> {
    return z * std::numeric_limits<double>::quiet_NaN();
  };
  EXPECT_FALSE(check_activation(broken, Symmetry::orthogonal(2)).holds());
}

}  // namespace
}  // namespace isoform
