// Losses of numbers and labels, weights, and evaluation against targets.
#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/objective.h"
#include "isoform/train/trainer.h"
#include "monitor/folder.h"
#include "tests/support/blobs.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using testing::blob_model;
using testing::Dice;
using ::testing::HasSubstr;
using testing::message_of;
using Real = long double;

constexpr Loss kLosses[] = {Loss::squared, Loss::binary, Loss::huber};

// The formulas of model/model.h as they stand.
Real loss_of(Loss loss, Real y, Real t) {
  const Real e = std::abs(y - t);
  switch (loss) {
    case Loss::binary: {
      const Real p = 1 / (1 + std::exp(-y));
      return -t * std::log(p) - (1 - t) * std::log(1 - p);
    }
    case Loss::huber:
      return e <= 1 ? e * e / 2 : e - Real{0.5};
    default:
      return e * e / 2;
  }
}

struct Case {
  Matrix<double> y;
  Wanted<double> wanted;
  explicit Case(Dice& dice, Loss loss, bool weights) {
    const Index outputs = dice.between(1, 6), samples = dice.between(1, 8);
    y = dice.normals(outputs, samples, 2);
    wanted.targets =
        loss == Loss::binary ? Matrix<double>(outputs, samples) : dice.normals(outputs, samples, 2);
    if (loss == Loss::binary) {
      for (double& t : wanted.targets.reshaped()) t = dice.coin() ? 1 : 0;
    }
    for (Index j = 0; weights && j < samples; ++j)
      wanted.weights.push_back(0.5 * static_cast<double>(dice.between(0, 3)));
  }
};

TEST(TargetLosses, AreTheirFormulas) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Dice dice(seed, 120);
    for (const Loss loss : kLosses) {
      const Case c(dice, loss, seed % 2 == 1);
      const double smoothing = seed % 3 == 0 ? 0 : dice.uniform(0, 0.5);
      Real total = 0, weight = 0;
      Index correct = 0;
      for (Index j = 0; j < c.y.cols(); ++j) {
        const Real w = c.wanted.weights.empty() ? 1 : c.wanted.weights[static_cast<std::size_t>(j)];
        bool right = loss == Loss::binary;
        for (Index i = 0; i < c.y.rows(); ++i) {
          const double t = c.wanted.targets(i, j);
          right = right && (c.y(i, j) > 0) == (t == 1);
          total +=
              w *
              loss_of(loss, c.y(i, j),
                      loss == Loss::binary ? (1 - Real{smoothing}) * t + Real{smoothing} / 2 : t);
        }
        weight += w;
        correct += right ? 1 : 0;
      }
      const BatchScore score = score_batch<double>(loss, c.y, c.wanted, nullptr, smoothing);
      EXPECT_NEAR(score.loss, double(total), 1e-12 * std::max(1.0, double(total))) << seed;
      EXPECT_EQ(score.weight, double(weight));
      EXPECT_EQ(score.correct, correct);
      EXPECT_EQ(score.samples, c.y.cols());
    }
  }
}

TEST(TargetLosses, GradientsAreThoseOfDifferences) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed, 121);
    for (const Loss loss : kLosses) {
      const Case c(dice, loss, seed % 2 == 1);
      const double smoothing = seed % 3 == 0 ? 0 : 0.2, h = 1e-5;
      Matrix<double> gradient(c.y.rows(), c.y.cols());
      View<double> view = gradient;
      (void)score_batch<double>(loss, c.y, c.wanted, &view, smoothing);
      for (Index j = 0; j < c.y.cols(); ++j) {
        for (Index i = 0; i < c.y.rows(); ++i) {
          Matrix<double> up = c.y, down = c.y;
          up(i, j) += h;
          down(i, j) -= h;
          const double slope =
              (score_batch<double>(loss, up, c.wanted, nullptr, smoothing).loss -
               score_batch<double>(loss, down, c.wanted, nullptr, smoothing).loss) /
              (2 * h * double(c.y.cols()));
          EXPECT_NEAR(gradient(i, j), slope, 1e-5) << seed << " " << loss_name(loss);
        }
      }
    }
  }
}

TEST(TargetLosses, DoNotOverflow) {
  Matrix<float> y(2, 2), gradient(2, 2);
  y << 3e38F, -3e38F, -3e38F, 3e38F;
  Wanted<float> wanted;
  wanted.targets = Matrix<float>::Zero(2, 2);
  wanted.targets(0, 0) = wanted.targets(1, 1) = 1;
  View<float> view = gradient;
  EXPECT_EQ(score_batch<float>(Loss::binary, y, wanted, &view).loss, 0);
  EXPECT_EQ(gradient.norm(), 0);
  EXPECT_TRUE(std::isfinite(score_batch<float>(Loss::huber, y, wanted, &view).loss));
  EXPECT_TRUE(gradient.allFinite());
}

TEST(TargetLosses, NamesComeBack) {
  for (const Loss loss : kLosses) EXPECT_EQ(loss_from_name(loss_name(loss)), loss);
}

// A sample of weight n is n samples, up to the number that the batch is divided by.
TEST(Weights, AreCopies) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed, 122);
    const Index classes = dice.between(2, 5), samples = dice.between(1, 8);
    const Matrix<double> y = dice.normals(classes, samples, 2);
    Wanted<double> wanted, copies;
    std::vector<Index> of;
    for (Index j = 0; j < samples; ++j) {
      const auto label = static_cast<std::uint32_t>(dice.between(0, classes - 1));
      const Index weight = dice.between(0, 3);
      wanted.labels.push_back(label);
      wanted.weights.push_back(static_cast<double>(weight));
      for (Index k = 0; k < weight; ++k) {
        copies.labels.push_back(label);
        of.push_back(j);
      }
    }
    if (of.empty()) continue;
    Matrix<double> many(classes, std::ssize(of)), gradient(classes, samples),
        gradients(classes, std::ssize(of));
    for (std::size_t k = 0; k < of.size(); ++k) many.col(static_cast<Index>(k)) = y.col(of[k]);
    for (const Loss loss : {Loss::cross_entropy, Loss::squared, Loss::binary, Loss::huber}) {
      View<double> one = gradient, other = gradients;
      const BatchScore a = score_batch<double>(loss, y, wanted, &one, 0.1);
      const BatchScore b = score_batch<double>(loss, many, copies, &other, 0.1);
      EXPECT_NEAR(a.loss, b.loss, 1e-12 * std::max(1.0, b.loss));
      EXPECT_EQ(a.weight, b.weight);
      EXPECT_EQ(b.weight, static_cast<double>(b.samples));
      Matrix<double> sum = Matrix<double>::Zero(classes, samples);
      for (std::size_t k = 0; k < of.size(); ++k)
        sum.col(of[k]) += gradients.col(static_cast<Index>(k));
      EXPECT_LE((gradient * double(samples) - sum * double(of.size())).norm(),
                1e-12 * (1 + sum.norm() * double(of.size())));
    }
  }
}

// Two outputs that depend on the features; weights 1, 2, 3, 1, …
Dataset numbers(std::uint64_t seed, bool labels) {
  Dice dice(seed, 123);
  Dataset::Contents c{
      .name = "blobs", .features = 3, .classes = {"u", "v"}, .feature_names = {"a", "b", "c"}};
  std::vector<float> values;
  for (int i = 0; i < 700; ++i) {
    float x[3];
    for (float& v : x) values.push_back(v = static_cast<float>(dice.normal()));
    const float u = x[0] - 2 * x[1], v = x[2];
    c.targets.insert(c.targets.end(),
                     {labels ? (u > 0 ? 1.0F : 0.0F) : u, labels ? (v > 0 ? 1.0F : 0.0F) : v});
    c.labels.push_back(0);
    c.weights.push_back(static_cast<float>(1 + i % 3));
  }
  c.values = std::move(values);
  return Dataset(std::move(c));
}

TEST(EvaluateTargets, AgreesWithTheLogits) {
  const auto engine = create_engine<double>({.threads = 1});
  for (const Loss loss : kLosses) {
    const Dataset data = numbers(1, loss == Loss::binary);
    Model<double> model = blob_model<double>(data, {5});
    model.tasks.front().loss = loss;
    const Evaluation e = evaluate(model, data, *engine);
    const Matrix<double> y = logits(model, data, *engine);
    Real total = 0, weight = 0, right = 0;
    for (Index j = 0; j < data.samples(); ++j) {
      const auto t = data.targets(j);
      for (std::size_t i = 0; i < 2; ++i)
        total += Real{data.weight(j)} * loss_of(loss, y(static_cast<Index>(i), j), t[i]);
      weight += Real{data.weight(j)};
      right += (y(0, j) > 0) == (t[0] == 1) && (y(1, j) > 0) == (t[1] == 1) ? 1 : 0;
    }
    EXPECT_NEAR(e.loss, double(total / weight), 1e-9);
    EXPECT_EQ(e.confusion.size(), 0);
    if (loss == Loss::binary) {
      EXPECT_NEAR(e.accuracy, double(right) / 700, 1e-12);
    } else {
      EXPECT_TRUE(std::isnan(e.accuracy));
    }
  }
}

TEST(EvaluateTargets, RefusesWhatDoesNotFit) {
  const auto engine = create_engine<double>({.threads = 1});
  const Dataset data = numbers(1, false);
  Model<double> model = blob_model<double>(data, {5});
  EXPECT_THAT(message_of<UsageError>([&] { (void)evaluate(model, data, *engine); }),
              HasSubstr("cross_entropy"));
  Dataset::Contents one = contents_without_values(data);
  one.classes = {"u"};
  one.targets.assign(one.labels.size(), 1);
  one.values = std::vector<float>(one.labels.size() * 3, 1);
  model.tasks.front().loss = Loss::squared;
  EXPECT_THAT(message_of<UsageError>([&] { (void)evaluate(model, Dataset(one), *engine); }),
              HasSubstr("1 targets"));
}

TEST(EvaluateTargets, AreLearned) {
  const auto engine = create_engine<float>({.threads = 1});
  for (const Loss loss : kLosses) {
    const Dataset data = numbers(1, loss == Loss::binary), fresh = numbers(2, loss == Loss::binary);
    Model<float> model = blob_model<float>(data, {12});
    model.tasks.front().loss = loss;
    TrainSettings settings;
    settings.epochs = 40;
    settings.batch_size = 20;
    const double before = evaluate(model, fresh, *engine).loss;
    EXPECT_EQ(train(model, {{"blobs", data, fresh}}, settings, *engine).reason,
              StopReason::finished);
    EXPECT_LT(evaluate(model, fresh, *engine).loss, 0.25 * before) << loss_name(loss);
  }
}

// Features that are named are found by their names.
TEST(AsRead, FollowsNames) {
  const Dataset data = numbers(3, false);
  Model<double> model = blob_model<double>(select_features(data, std::array<Index, 2>{2, 0}), {4});
  model.inputs = {{"blobs", {"c", "a"}}};
  const Dataset read = as_read(model, data);
  EXPECT_THAT(read.feature_names(), ::testing::ElementsAre("c", "a"));
  EXPECT_EQ(read.targets(5)[0], data.targets(5)[0]);
  EXPECT_EQ(read.weight(5), data.weight(5));
  Matrix<float> x(2, 1), all(3, 1);
  const std::uint32_t sample = 9;
  read.gather(std::span(&sample, 1), View<float>(x));
  data.gather(std::span(&sample, 1), View<float>(all));
  EXPECT_EQ(x(0, 0), all(2, 0));
  EXPECT_EQ(x(1, 0), all(0, 0));
}

}  // namespace
}  // namespace isoform
