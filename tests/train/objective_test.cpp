#include "isoform/train/objective.h"

#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using isoform::testing::Dice;
using Real = long double;

struct Truth {
  Real loss = 0;
  Matrix<double> gradient;
  Index correct = 0;
};

// The formulas as they stand, without any guard against overflow: long double has room to 11356.
Truth truth(Loss loss, const Matrix<double>& y, const std::vector<std::uint32_t>& labels,
            double smoothing) {
  Truth t{0, Matrix<double>(y.rows(), y.cols()), 0};
  for (Index j = 0; j < y.cols(); ++j) {
    Real sum = 0;
    Index best = 0;
    for (Index i = 0; i < y.rows(); ++i) {
      sum += std::exp(Real{y(i, j)});
      if (y(i, j) > y(best, j)) best = i;
    }
    t.correct += best == labels[j] ? 1 : 0;
    for (Index i = 0; i < y.rows(); ++i) {
      const Real target = (i == labels[j] ? 1 - Real{smoothing} : 0) +
                          Real{smoothing} / static_cast<Real>(y.rows());
      Real slope = 0;
      if (loss == Loss::cross_entropy) {
        t.loss += target * (std::log(sum) - Real{y(i, j)});
        slope = std::exp(Real{y(i, j)}) / sum - target;
      } else {
        slope = Real{y(i, j)} - target;
        t.loss += slope * slope / 2;
      }
      t.gradient(i, j) = static_cast<double>(slope / static_cast<Real>(y.cols()));
    }
  }
  return t;
}

template <class T>
void compare(double tolerance) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Dice dice(seed);
    const Index classes = dice.between(1, 12), samples = dice.between(1, 20);
    const double size = std::pow(10.0, dice.uniform(-3, 3));
    const Matrix<T> y = dice.normals<T>(classes, samples, size);
    std::vector<std::uint32_t> labels;
    for (Index j = 0; j < samples; ++j) {
      labels.push_back(static_cast<std::uint32_t>(dice.between(0, classes - 1)));
    }
    const double smoothing = seed % 2 == 0 ? 0 : dice.uniform(0, 0.5);
    for (const Loss loss : {Loss::cross_entropy, Loss::squared}) {
      const Truth t = truth(loss, y.template cast<double>(), labels, smoothing);
      Matrix<T> gradient(classes, samples);
      View<T> view = gradient;
      const BatchScore score = score_batch<T>(loss, y, labels, &view, smoothing);
      const double scale = std::max(1.0, size) * double(samples);
      EXPECT_NEAR(score.loss, double(t.loss), tolerance * std::max(double(t.loss), scale)) << seed;
      EXPECT_LE((gradient.template cast<double>() - t.gradient).norm(),
                tolerance * std::max(1.0, t.gradient.norm()) * std::max(1.0, size))
          << seed;
      EXPECT_EQ(score.correct, t.correct);
      EXPECT_EQ(score.samples, samples);
      EXPECT_EQ(score.loss, score_batch<T>(loss, y, labels, nullptr, smoothing).loss);
    }
  }
}

TEST(Objective, AgreesWithTheFormulasInLongDouble) {
  compare<double>(1e-15);
  compare<float>(5e-7);
}

TEST(Objective, DoesNotOverflow) {
  Matrix<float> y(3, 2);
  y << 3e38F, -3e38F, 0, 0, -3e38F, 1000;
  const std::vector<std::uint32_t> labels = {0, 2};
  Matrix<float> gradient(3, 2);
  View<float> view = gradient;
  const BatchScore score = score_batch<float>(Loss::cross_entropy, y, labels, &view);
  EXPECT_EQ(score.loss, 0);
  EXPECT_EQ(score.correct, 2);
  EXPECT_TRUE(gradient.allFinite());
}

TEST(Objective, TiesGoToTheFirst) {
  const Matrix<double> y = Matrix<double>::Zero(4, 2);
  const std::vector<std::uint32_t> labels = {0, 1};
  EXPECT_EQ(score_batch<double>(Loss::squared, y, labels, nullptr).correct, 1);
}

TEST(Objective, WantsLabelsThatAreClasses) {
  const Matrix<double> y = Matrix<double>::Zero(3, 1);
  const std::vector<std::uint32_t> labels = {3};
  EXPECT_THROW(score_batch<double>(Loss::squared, y, labels, nullptr), InternalError);
}

TEST(Loss, NamesComeBack) {
  for (const Loss loss : {Loss::cross_entropy, Loss::squared}) {
    EXPECT_EQ(loss_from_name(loss_name(loss)), loss);
  }
  EXPECT_THROW(loss_from_name("hinge"), UsageError);
}

}  // namespace
}  // namespace isoform
