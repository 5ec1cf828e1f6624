// The metrics against oracles that follow their definitions sample by sample, and at their edges.
#include "isoform/train/metrics.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "isoform/base/error.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using isoform::testing::Dice;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsNan;
using ::testing::Property;
using ::testing::ThrowsMessage;
using Real = long double;
using Values = std::vector<double>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Case {
  Matrix<double> p;
  std::vector<std::uint32_t> labels;
  Values weights;  // some of them 0
};

// Probabilities with many ties; classes may be absent.
Case random_case(Dice& dice) {
  const Index classes = dice.between(2, 5), samples = dice.between(1, 40);
  Case c{Matrix<double>(classes, samples), {}, {}};
  const Index used = dice.between(1, classes);
  for (Index j = 0; j < samples; ++j) {
    for (Index i = 0; i < classes; ++i) c.p(i, j) = static_cast<double>(dice.between(0, 4));
    c.p(dice.between(0, classes - 1), j) += 1;
    c.p.col(j) /= c.p.col(j).sum();
    c.labels.push_back(static_cast<std::uint32_t>(dice.between(0, used - 1)));
    c.weights.push_back(static_cast<double>(dice.between(0, 3)) / 2);
  }
  return c;
}

// Every pair.
double auc_by_pairs(const Values& s, const std::vector<std::uint8_t>& y, const Values& w) {
  Real won = 0, all = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    for (std::size_t j = 0; j < s.size(); ++j) {
      if (y[i] == 0 || y[j] == 1) continue;
      const Real pair = Real{w[i]} * w[j];
      all += pair;
      won += s[i] > s[j] ? pair : s[i] == s[j] ? pair / 2 : 0;
    }
  }
  return all > 0 ? static_cast<double>(won / all) : kNaN;
}

// Precision and recall at every sample's score, once for each of them, shared among equal scores.
double precision_by_thresholds(const Values& s, const std::vector<std::uint8_t>& y,
                               const Values& w) {
  Real sum = 0, positives = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (y[i] == 0) continue;
    Real found = 0, all = 0;
    for (std::size_t j = 0; j < s.size(); ++j) {
      if (s[j] < s[i]) continue;
      all += w[j];
      found += y[j] == 1 ? w[j] : 0;
    }
    positives += w[i];
    if (w[i] > 0) sum += w[i] * found / all;
  }
  return positives > 0 ? static_cast<double>(sum / positives) : kNaN;
}

void expect_same(double got, double wanted, double tolerance = 1e-14) {
  if (std::isnan(wanted)) {
    EXPECT_THAT(got, IsNan());
  } else {
    EXPECT_NEAR(got, wanted, tolerance);
  }
}

TEST(Ranking, IsWhatPairsAndThresholdsSay) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Dice dice(seed);
    const Index samples = dice.between(0, 60), levels = dice.between(1, 12);
    Values s, w;
    std::vector<std::uint8_t> y;
    for (Index i = 0; i < samples; ++i) {
      s.push_back(static_cast<double>(dice.between(0, levels)) / 7);
      y.push_back(dice.coin() ? 1 : 0);
      w.push_back(static_cast<double>(dice.between(0, 4)) * dice.uniform());
    }
    const Values ones(s.size(), 1);
    expect_same(roc_auc(s, y), auc_by_pairs(s, y, ones));
    expect_same(roc_auc(s, y, w), auc_by_pairs(s, y, w));
    expect_same(average_precision(s, y), precision_by_thresholds(s, y, ones));
    expect_same(average_precision(s, y, w), precision_by_thresholds(s, y, w));
  }
}

TEST(Ranking, AtTheEdges) {
  const std::vector<std::uint8_t> y = {0, 1, 1}, same = {1, 1, 1}, none = {0, 0, 0};
  EXPECT_EQ(roc_auc(Values{1, 2, 3}, y), 1);
  EXPECT_EQ(roc_auc(Values{3, 2, 1}, y), 0);
  EXPECT_EQ(roc_auc(Values{5, 5, 5}, y), 0.5);
  EXPECT_EQ(roc_auc(Values{-INFINITY, 0, INFINITY}, y), 1);
  EXPECT_THAT(roc_auc(Values{1, 2, 3}, same), IsNan());
  EXPECT_THAT(roc_auc(Values{1, 2, 3}, none), IsNan());
  EXPECT_THAT(roc_auc(Values{1, kNaN, 3}, y), IsNan());
  EXPECT_EQ(average_precision(Values{1, 2, 3}, same), 1);
  EXPECT_THAT(average_precision(Values{1, 2, 3}, none), IsNan());
  const std::vector<std::uint8_t> two = {0, 2, 1};
  EXPECT_THROW((void)roc_auc(Values{1, 2, 3}, two), UsageError);
  EXPECT_THROW((void)roc_auc(Values{1, 2}, y), UsageError);
  EXPECT_THROW((void)roc_auc(Values{1, 2, 3}, y, Values{1, 1, -1}), UsageError);
  EXPECT_THROW((void)average_precision(Values{1, 2, 3}, y, Values{1}), UsageError);
}

// Integer weights mean as many copies of a sample.
TEST(Classification, AWeightIsAsManyCopies) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed, 1);
    Case c = random_case(dice);
    std::vector<Index> copies;
    std::vector<std::uint32_t> labels;
    for (std::size_t j = 0; j < c.labels.size(); ++j) {
      c.weights[j] *= 2;
      for (int k = 0; k < c.weights[j]; ++k) {
        copies.push_back(static_cast<Index>(j));
        labels.push_back(c.labels[j]);
      }
    }
    const Matrix<double> many = c.p(Eigen::all, copies);
    const ClassificationMetrics a = classification_metrics(c.p, c.labels, c.weights);
    const ClassificationMetrics b = classification_metrics(many, labels);
    for (const auto figure :
         {&ClassificationMetrics::accuracy, &ClassificationMetrics::balanced_accuracy,
          &ClassificationMetrics::macro_f1, &ClassificationMetrics::weighted_f1,
          &ClassificationMetrics::log_loss, &ClassificationMetrics::brier,
          &ClassificationMetrics::roc_auc, &ClassificationMetrics::average_precision,
          &ClassificationMetrics::calibration_error}) {
      expect_same(a.*figure, b.*figure, 1e-13);
    }
    EXPECT_EQ(a.confusion, b.confusion);
  }
}

TEST(Classification, FollowsTheDefinitions) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Dice dice(seed, 2);
    const Case c = random_case(dice);
    const Real total = std::accumulate(c.weights.begin(), c.weights.end(), Real{0});
    const ClassificationMetrics m = classification_metrics(c.p, c.labels, c.weights);
    EXPECT_EQ(m.samples, c.p.cols());
    if (total == 0) {
      EXPECT_THAT(m.accuracy, IsNan());
      continue;
    }
    Real error = 0;
    Index counted = 0;
    for (int b = 0; b < kReliabilityBins; ++b) {
      Real weight = 0, confidence = 0, right = 0;
      for (Index j = 0; j < c.p.cols(); ++j) {
        Index best = 0;
        const double top = c.p.col(j).maxCoeff(&best);
        if (top * 15 <= b || top * 15 > b + 1) continue;
        const double w = c.weights[static_cast<std::size_t>(j)];
        weight += w;
        confidence += w * top;
        right += best == c.labels[static_cast<std::size_t>(j)] ? w : 0;
      }
      const ReliabilityBin& bin = m.reliability[static_cast<std::size_t>(b)];
      EXPECT_EQ(bin.weight, static_cast<double>(weight));
      expect_same(bin.confidence, weight > 0 ? static_cast<double>(confidence / weight) : kNaN);
      expect_same(bin.accuracy, weight > 0 ? static_cast<double>(right / weight) : kNaN);
      if (weight > 0) error += std::abs(right / weight - confidence / weight) * weight / total;
      counted += bin.count;
    }
    EXPECT_NEAR(m.calibration_error, static_cast<double>(error), 1e-14);
    EXPECT_EQ(counted,
              std::count_if(c.weights.begin(), c.weights.end(), [](double w) { return w > 0; }));
    EXPECT_NEAR(m.confusion.sum(), static_cast<double>(total), 1e-12);
    EXPECT_NEAR(m.accuracy, m.confusion.diagonal().sum() / m.confusion.sum(), 1e-14);
  }
}

// What is absent is NaN and counts in no mean.
TEST(Classification, OfClassesThatAreAbsent) {
  // Class 1 is never predicted, 2 is absent but predicted, 3 neither.
  Matrix<double> p(4, 3);
  p << 0.7, 0.6, 0.2, 0.1, 0.3, 0.2, 0.1, 0.1, 0.5, 0.1, 0, 0.1;
  const std::vector<std::uint32_t> labels = {0, 1, 0};
  const ClassificationMetrics m = classification_metrics(p, labels);
  EXPECT_EQ(m.classes[0].precision, 0.5);
  EXPECT_EQ(m.classes[0].recall, 0.5);
  EXPECT_THAT(m.classes[1].precision, IsNan());
  EXPECT_EQ(m.classes[1].recall, 0);
  EXPECT_EQ(m.classes[1].f1, 0);
  EXPECT_EQ(m.classes[2].precision, 0);
  EXPECT_THAT(m.classes[2].recall, IsNan());
  EXPECT_EQ(m.classes[2].f1, 0);
  EXPECT_THAT(m.classes[2].roc_auc, IsNan());
  EXPECT_THAT(m.classes[3].f1, IsNan());
  EXPECT_EQ(m.balanced_accuracy, 0.25);
  EXPECT_DOUBLE_EQ(m.macro_f1, 0.5 / 3);
  EXPECT_DOUBLE_EQ(m.weighted_f1, 1.0 / 3);
  EXPECT_EQ(m.roc_auc, (0.5 + 1) / 2);
  EXPECT_THAT(m.average_precision, IsNan());
}

TEST(Classification, AWrongCertaintyCostsWhatTheClipSays) {
  const Matrix<double> p = Matrix<double>{{1, 0}, {0, 1}};
  const ClassificationMetrics wrong = classification_metrics(p, std::vector<std::uint32_t>{1, 0});
  EXPECT_DOUBLE_EQ(wrong.log_loss, 52 * std::log(2));
  EXPECT_EQ(wrong.brier, 1);
  EXPECT_EQ(wrong.calibration_error, 1);
  EXPECT_EQ(wrong.reliability.back().count, 2);
  const ClassificationMetrics right = classification_metrics(p, std::vector<std::uint32_t>{0, 1});
  EXPECT_NEAR(right.log_loss, 0, 1e-15);
  EXPECT_EQ(right.average_precision, 1);
}

TEST(Classification, NothingAndNoNumberAreNaN) {
  const Matrix<double> p{{0.5, kNaN}, {0.5, 0.5}};
  for (const ClassificationMetrics& m :
       {classification_metrics(Matrix<double>(3, 0), {}),
        classification_metrics(p, std::vector<std::uint32_t>{0, 1}),
        classification_metrics(p.leftCols(1), std::vector<std::uint32_t>{0}, Values{0})}) {
    EXPECT_THAT((Values{m.accuracy, m.balanced_accuracy, m.macro_f1, m.weighted_f1, m.log_loss,
                        m.brier, m.roc_auc, m.average_precision, m.calibration_error}),
                Each(IsNan()));
    EXPECT_EQ(m.confusion.sum(), 0);
    EXPECT_EQ(m.reliability.size(), std::size_t{kReliabilityBins});
  }
}

template <class Call>
void expect_refused(const Call& call, const std::string& words) {
  EXPECT_THAT(call, ThrowsMessage<UsageError>(HasSubstr(words)));
}

TEST(Classification, RefusesWhatDoesNotFit) {
  const Matrix<double> p = Matrix<double>::Constant(2, 2, 0.5);
  const std::vector<std::uint32_t> labels = {0, 1};
  const auto of = [](const Matrix<double>& q, std::vector<std::uint32_t> l, Values w = {}) {
    return [=] { (void)classification_metrics(q, l, w); };
  };
  expect_refused(of(p, {0}), "2 samples need as many labels, got 1");
  expect_refused(of(p, {0, 2}), "below the number of classes, 2, got 2 at sample 1");
  expect_refused(of(p.topRows(1), labels), "at least 2 classes, got 1");
  expect_refused(of(p * 2, labels), "need the sum 1, got 2 at sample 0");
  expect_refused(of(p * 4, labels), "in [0, 1], got 2 in row 0 of sample 0");
  expect_refused(of(p, labels, {1}), "2 samples need as many weights, got 1");
  expect_refused(of(p, labels, {1, kNaN}), "weights need to be finite and at least 0");
}

TEST(MultiLabel, FollowsTheDefinitions) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed, 3);
    const Index rows = dice.between(1, 4), samples = dice.between(1, 30);
    Matrix<double> p(rows, samples), y(rows, samples);
    Values w;
    for (Index j = 0; j < samples; ++j) {
      for (Index i = 0; i < rows; ++i) {
        p(i, j) = static_cast<double>(dice.between(0, 8)) / 8;
        y(i, j) = dice.between(0, 3) == 0 ? 1 : 0;
      }
      w.push_back(dice.uniform());
    }
    const MultiLabelMetrics m = multi_label_metrics(p, y, w);
    Real total = 0, exact = 0, wrong = 0, loss = 0, hit = 0, size = 0;
    for (Index j = 0; j < samples; ++j) {
      const Real weight = w[static_cast<std::size_t>(j)];
      total += weight;
      bool all = true;
      for (Index i = 0; i < rows; ++i) {
        const bool on = y(i, j) == 1, predicted = p(i, j) > 0.5;
        all = all && on == predicted;
        wrong += on != predicted ? weight : 0;
        hit += on && predicted ? 2 * weight : 0;
        size += weight * ((on ? 1 : 0) + (predicted ? 1 : 0));
        const Real chance = on ? Real{p(i, j)} : 1 - Real{p(i, j)};
        loss -= weight * std::log(std::clamp(chance, 0x1p-52L, 1 - 0x1p-52L));
      }
      exact += all ? weight : 0;
    }
    expect_same(m.exact_match, static_cast<double>(exact / total));
    expect_same(m.hamming_loss, static_cast<double>(wrong / total / rows));
    expect_same(m.log_loss, static_cast<double>(loss / total / rows), 1e-12);
    expect_same(m.micro_f1, size > 0 ? static_cast<double>(hit / size) : kNaN);
  }
}

TEST(MultiLabel, AtTheEdges) {
  const Matrix<double> p{{0.5, 0.25}, {0.75, 1}}, y{{0, 0}, {1, 1}};
  const MultiLabelMetrics m = multi_label_metrics(p, y);
  EXPECT_THAT(m.roc_auc, Each(IsNan()));
  EXPECT_THAT(m.f1[0], IsNan());  // 0.5 is not above 0.5
  EXPECT_EQ(m.f1[1], 1);
  EXPECT_EQ(m.macro_f1, 1);
  EXPECT_EQ(m.micro_f1, 1);
  EXPECT_EQ(m.exact_match, 1);
  EXPECT_EQ(m.hamming_loss, 0);
  EXPECT_THAT(m.macro_roc_auc, IsNan());
  EXPECT_THAT(multi_label_metrics(p * kNaN, y).log_loss, IsNan());
  EXPECT_THAT(multi_label_metrics(p.leftCols(0), y.leftCols(0)).exact_match, IsNan());
  expect_refused([&] { (void)multi_label_metrics(p, p); }, "targets need to be 0 or 1, got 0.5");
  expect_refused([&] { (void)multi_label_metrics(p, y.leftCols(1)); }, "2 × 2, got 2 × 1");
  expect_refused([&] { (void)multi_label_metrics(p.topRows(0), y.topRows(0)); }, "at least 1 row");
}

TEST(Regression, AWeightIsAsManyCopies) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed, 4);
    const Index outputs = dice.between(1, 3), samples = dice.between(2, 30);
    const Matrix<double> y = dice.normals(outputs, samples);
    const Matrix<double> p = y + dice.normals(outputs, samples, 0.3);
    Values w;
    std::vector<Index> copies;
    for (Index j = 0; j < samples; ++j) {
      w.push_back(static_cast<double>(dice.between(0, 3)));
      copies.insert(copies.end(), static_cast<std::size_t>(w.back()), j);
    }
    const Matrix<double> q = p(Eigen::all, copies), z = y(Eigen::all, copies);
    const RegressionMetrics a = regression_metrics(p, y, w), b = regression_metrics(q, z);
    for (const auto figure : {&RegressionFigures::rmse, &RegressionFigures::mae,
                              &RegressionFigures::r2, &RegressionFigures::median_absolute_error}) {
      double sum = 0;
      for (std::size_t i = 0; i < a.outputs.size(); ++i) {
        const double wanted = b.outputs[i].*figure;
        expect_same(a.outputs[i].*figure, wanted, 1e-12 * (1 + std::abs(wanted)));
        sum += a.outputs[i].*figure;
      }
      const double mean = sum / static_cast<double>(a.outputs.size());
      expect_same(a.mean.*figure, mean, 1e-12 * (1 + std::abs(mean)));
    }
    // The median is the middle of the sorted errors.
    Values errors;
    for (Index j = 0; j < q.cols(); ++j) errors.push_back(std::abs(q(0, j) - z(0, j)));
    if (errors.empty()) continue;
    std::sort(errors.begin(), errors.end());
    const std::size_t n = errors.size();
    EXPECT_EQ(b.outputs[0].median_absolute_error, (errors[(n - 1) / 2] + errors[n / 2]) / 2);
  }
}

TEST(Regression, AtTheEdges) {
  const Matrix<double> y{{0.1, 0.1, 0.1}, {1, 2, 3}}, p{{0.1, 0.1, 0.4}, {1, 2, 3}};
  const RegressionMetrics m = regression_metrics(p, y);
  EXPECT_THAT(m.outputs[0].r2, IsNan());  // all targets equal
  EXPECT_EQ(m.outputs[0].median_absolute_error, 0);
  EXPECT_EQ(m.outputs[1].r2, 1);
  EXPECT_EQ(m.mean.r2, 1);
  EXPECT_NEAR(m.mean.mae, 0.05, 1e-16);
  EXPECT_THAT(regression_metrics(p.leftCols(0), y.leftCols(0)).mean.rmse, IsNan());
  EXPECT_THAT(regression_metrics(p * kNaN, y).mean.mae, IsNan());
  EXPECT_THAT(regression_metrics(p, y, Values{0, 0, 0}).mean.mae, IsNan());
  expect_refused([&] { (void)regression_metrics(p, y * kNaN); }, "targets need to be finite");
  expect_refused([&] { (void)regression_metrics(p, y.topRows(1)); }, "2 × 3, got 1 × 3");
}

TEST(Folds, MeanAndStandardError) {
  const MeanWithError m = mean_and_standard_error(Values{1, 2, 3, 6});
  EXPECT_EQ(m.mean, 3);
  EXPECT_DOUBLE_EQ(m.error, std::sqrt(14.0 / 3 / 4));
  EXPECT_EQ(m.count, 4U);
  EXPECT_THAT(mean_and_standard_error(Values{5}).error, IsNan());
  EXPECT_THAT(mean_and_standard_error({}).mean, IsNan());
}

}  // namespace
}  // namespace isoform
