// Removing features: what is folded where, how well, and what is known beforehand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "isoform/base/error.h"
#include "isoform/network/change.h"
#include "tests/model/models.h"
#include "tests/support/truth.h"

namespace isoform {
namespace {

using testing::answer;
using testing::Dice;
using ::testing::HasSubstr;
using testing::model_of_three;
using testing::random_model;
using testing::random_samples;
using testing::refusal;
using testing::relative;
using testing::Worst;

std::vector<Index> all_but(Index n, const std::vector<Index>& gone) {
  std::vector<Index> kept;
  for (Index i = 0; i < n; ++i) {
    if (std::find(gone.begin(), gone.end(), i) == gone.end()) kept.push_back(i);
  }
  return kept;
}

// Some positions of n, not all.
std::vector<Index> some_of(Dice& dice, Index n) {
  std::vector<Index> some;
  for (Index i = 0; i + 1 < n; ++i) {
    if (dice.between(0, 2) == 0) some.push_back(i);
  }
  if (some.empty()) some.push_back(n - 1);
  return some;
}

// A chain with one input of many features and data in which few causes lie behind them.
Model<double> wide_model(std::uint64_t seed, Index features) {
  ChainSettings settings;
  settings.widths = {features, 24, 16, 6};
  settings.seed = seed;
  Model<double> model;
  model.network = Network<double>::chain(settings);
  Dice dice(seed, 90);
  testing::randomise(model.network, dice);
  model.set_transform(Vector<double>::Zero(features), Vector<double>::Ones(features));
  name_parts(model, "first");
  return model;
}

Matrix<double> correlated(std::uint64_t seed, Index features, Index samples, double noise) {
  const Matrix<double> causes = Dice(1, 91).normals(features, 5, 1 / std::sqrt(5.0));
  Dice dice(seed, 92);
  Matrix<double> x = causes * dice.normals(5, samples);
  x += dice.normals(features, samples, noise);
  return x;
}

TEST(FeaturePrediction, IsThatOfALeastSquaresSolver) {
  const Matrix<double> x = correlated(2, 12, 400, 0.3).array() + 0.7;
  const std::vector<Index> gone = {9, 2, 5}, kept = all_but(12, gone);
  for (const bool constant : {true, false}) {
    const FeaturePrediction p = predict_features<double>(x, kept, gone, constant);
    Matrix<double> design(400, 9 + (constant ? 1 : 0));
    design.leftCols(9) = x(kept, Eigen::all).transpose();
    if (constant) design.col(9).setOnes();
    const Matrix<double> target = x(gone, Eigen::all).transpose();
    const Matrix<double> truth = testing::least_squares(design, target).transpose();
    EXPECT_LT(relative(p.b, truth.leftCols(9)), 1e-10);
    if (constant) {
      EXPECT_LT(relative(p.constant, truth.col(9)), 1e-10);
    } else {
      EXPECT_TRUE(p.constant.isZero(0));
    }
  }
}

TEST(FeatureRemoval, ARegressionSavesWhatDeletionLoses) {
  double deleted = 0, folded = 0;
  constexpr int kSeeds = 5;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Matrix<double> x = correlated(seed, 40, 1000, 0.02),
                         fresh = correlated(99, 40, 500, 0.02);
    const Model<double> before = wide_model(seed, 40);
    const std::vector<Index> gone = {0, 7, 13, 21}, kept = all_but(40, gone);
    const Matrix<double> left = fresh(kept, Eigen::all);
    const Matrix<double> truth = answer(before, "first", fresh);
    Model<double> plain = before, regressed = before;
    remove_features<double>(plain, "first", gone, Matrix<double>(40, 0));
    const FeatureRemoval removal = remove_features<double>(regressed, "first", gone, x);
    EXPECT_LT(removal.unexplained, 0.01);
    deleted += measure_change<double>(truth, answer(plain, "first", left)).mean / kSeeds;
    folded += measure_change<double>(truth, answer(regressed, "first", left)).mean / kSeeds;
  }
  testing::measured("change by deletion", deleted);
  testing::measured("change with the regression", folded);
  EXPECT_LT(folded, deleted / 10);
}

TEST(FeatureRemoval, IsExactWhereThePredictionIs) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Model<double> model = random_model<double>(seed, {3, 24});
    const Index n = model.network.widths().front();
    if (n < 3) continue;
    Dice dice(seed, 93);
    const std::vector<Index> gone = some_of(dice, n), kept = all_but(n, gone);
    Matrix<double> x = dice.normals(n, 300);
    for (const Index i : gone) {
      switch (dice.between(0, 2)) {
        case 0:
          x.row(i).setConstant(dice.normal());
          break;
        case 1:
          x.row(i).setZero();
          break;
        default:
          x.row(i) = dice.normals(1, static_cast<Index>(kept.size())) * x(kept, Eigen::all);
          x.row(i).array() += dice.normal();
      }
    }
    const Matrix<double> before = answer(model, "first", x);
    const FeatureRemoval removal = remove_features<double>(model, "first", gone, x);
    EXPECT_LT(removal.unexplained, 1e-18);
    worst.add(relative(answer(model, "first", Matrix<double>(x(kept, Eigen::all))), before),
              testing::describe(model.network, seed));
  }
  testing::measured("change where the prediction is exact", worst.error);
  EXPECT_LE(worst.error, 1e-10) << worst.where;
}

// Features that nobody hears go without a trace, in whatever data.
TEST(FeatureRemoval, IsExactForZeroColumns) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Model<float> model = random_model<float>(seed);
    const Index n = model.network.widths().front();
    if (n < 2) continue;
    Dice dice(seed, 94);
    const std::vector<Index> gone = some_of(dice, n), kept = all_but(n, gone);
    for (const Index i : gone) model.network.map(0).a.col(i).setZero();
    const Matrix<float> a = model.network.map(0).a, x = random_samples(model, seed, 64);
    remove_features<float>(model, "first", gone, x);
    EXPECT_EQ(model.network.map(0).weight(), a(Eigen::all, kept)) << "seed " << seed;
    EXPECT_EQ(model.network.map(0).bias(), a.rightCols(1)) << "seed " << seed;
  }
}

TEST(FeatureRemoval, NoChangeIsAboveItsBound) {
  Worst worst, mean;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Model<double> model = model_of_three<double>(seed);
    Dice dice(seed, 95);
    const std::string input = dice.coin() ? "first" : "second";
    const int space = model.network.inputs()[model.input_index(input)];
    const RowRange rows = model.rows_of_input(space);
    const Index n = rows.end - rows.begin;
    if (n < 2) continue;
    const std::vector<Index> gone = some_of(dice, n);
    const Matrix<double> x = dice.normals(model.mean.size(), dice.between(2, 40)),
                         before = answer(model, "shared", x);
    const FeatureRemoval removal = remove_features<double>(model, input, gone, x);
    ASSERT_TRUE(removal.bound && removal.largest_bound) << removal.why_not;
    std::vector<Index> left;
    for (Index i = 0; i < x.rows(); ++i) {
      const bool goes = std::find(gone.begin(), gone.end(), i - rows.begin) != gone.end();
      if (!goes) left.push_back(i);
    }
    const Matrix<double> after = answer(model, "shared", Matrix<double>(x(left, Eigen::all)));
    const Change change = measure_change<double>(before, after);
    // What fewer samples than features leave is rounding.
    const double rounding = 1e-9 * change.output_rms;
    const std::string where = testing::describe(model.network, seed);
    mean.add(change.rms / (*removal.bound + rounding), where);
    worst.add(change.largest_absolute / (*removal.largest_bound + rounding), where);
  }
  testing::measured("rms change / bound", mean.error);
  testing::measured("largest change / bound", worst.error);
  EXPECT_LE(mean.error, 1) << mean.where;
  EXPECT_LE(worst.error, 1) << worst.where;
  EXPECT_GT(mean.error, 0.01);
}

TEST(FeatureRemoval, ThoseThatDoNotReadTheInputKeepTheirBits) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Model<double> model = model_of_three<double>(seed);
    if (model.network.space(model.network.inputs()[0]).dimension < 2) continue;
    Dice dice(seed, 96);
    const Matrix<double> x = dice.normals(model.mean.size(), 200).array() + 1;  // means that matter
    const Matrix<double> before = answer(model, "second", x);
    remove_features<double>(model, "first", {0}, x);
    EXPECT_EQ(answer(model, "second", Matrix<double>(x.bottomRows(x.rows() - 1))), before);
  }
}

// The second input's map into a space does not carry its bias: the constant goes into the first's.
TEST(FeatureRemoval, TheConstantGoesWhereTheBiasIs) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Model<double> model = model_of_three<double>(seed);
    remove_task(model, "first");
    remove_task(model, "second");
    const RowRange rows = model.rows_of_input(model.network.inputs()[1]);
    if (rows.end - rows.begin < 2) continue;
    Dice dice(seed, 97);
    Matrix<double> x = dice.normals(model.mean.size(), 100);
    x.row(rows.begin).setConstant(1.5);
    const Matrix<double> before = answer(model, "shared", x);
    int edits = 0;
    remove_features<double>(model, "second", {0}, x, [&](const Edit& edit) {
      ++edits;
      EXPECT_EQ(edit.groups.size(), 1u);
    });
    EXPECT_EQ(edits, 1);
    const std::vector<Index> left = all_but(x.rows(), {rows.begin});
    EXPECT_LT(relative(answer(model, "shared", Matrix<double>(x(left, Eigen::all))), before),
              1e-12);
    const int own = model.network.outgoing(model.network.inputs()[1]).front();
    EXPECT_FALSE(model.network.carries_bias(own));
    EXPECT_TRUE(model.network.map(own).bias().isZero(0));
  }
}

TEST(FeatureRemoval, NamesAndTransformFollow) {
  Model<double> model = model_of_three<double>(3);
  append_features(model, "first", {"a", "b", "c"}, Vector<double>::LinSpaced(3, 1, 3),
                  Vector<double>::Ones(3));
  const Vector<double> mean = model.mean, scale = model.scale;
  const Index a = feature_positions(model, "first", {"a"}).front();
  model.image_rows = model.image_cols = 4;
  const FeatureRemoval removal =
      remove_features<double>(model, "first", {a + 2, a}, Matrix<double>());
  const std::vector<Index> left = all_but(mean.size(), {a, a + 2});
  EXPECT_EQ(model.mean, mean(left));
  EXPECT_EQ(model.scale, scale(left));
  EXPECT_EQ(model.inputs[0].features.back(), "b");
  EXPECT_EQ(static_cast<Index>(model.inputs[0].features.size()), a + 1);
  EXPECT_EQ(model.image_rows, 0);
  EXPECT_EQ(removal.moved, 0);  // nobody had learnt to hear them
  EXPECT_FALSE(removal.bound);
  EXPECT_THAT(removal.why_not, HasSubstr("samples"));
}

TEST(FeatureRemoval, WhatCannotBe) {
  Model<double> model = wide_model(1, 4);
  const Matrix<double> a = model.network.map(0).a, none(4, 0);
  const auto says = [&](const std::vector<Index>& gone, const char* what) {
    EXPECT_THAT(refusal([&] { remove_features<double>(model, "first", gone, none); }),
                HasSubstr(what));
  };
  says({}, "at least one");
  says({4}, "0 to 3");
  says({-1}, "0 to 3");
  says({1, 1}, "twice");
  says({0, 1, 2, 3}, "one must stay");
  EXPECT_THAT(refusal([&] { remove_features<double>(model, "x", {0}, none); }), HasSubstr("first"));
  freeze_trunk(model, true);
  says({1}, "thaw");
  EXPECT_EQ(model.network.map(0).a, a);
  model.network.map(0).a.col(1).setZero();  // what is frozen does not hear it
  remove_features<double>(model, "first", {1}, none);
  EXPECT_EQ(model.network.widths().front(), 3);
}

}  // namespace
}  // namespace isoform
