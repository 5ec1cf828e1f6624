// Figures computed by scikit-learn; metrics_known.py makes the data and prints the literals.
#include <gmock/gmock.h>

#include <cstdint>
#include <vector>

#include "isoform/train/metrics.h"

namespace isoform {
namespace {

using Values = std::vector<double>;
using ::testing::DoubleNear;
using ::testing::Pointwise;

constexpr Index kSamples = 200;
constexpr double kTolerance = 4e-15;

// The integers of metrics_known.py.
class Integers {
 public:
  explicit Integers(std::uint64_t seed) : x_(seed) {}
  Index operator()(std::uint64_t below) {
    x_ = (1103515245 * x_ + 12345) % (std::uint64_t{1} << 31U);
    return static_cast<Index>((x_ >> 16U) % below);
  }
  double real(std::uint64_t below) { return static_cast<double>((*this)(below)); }

 private:
  std::uint64_t x_;
};

struct Table {
  Matrix<double> p, y;
  std::vector<std::uint32_t> labels = std::vector<std::uint32_t>(kSamples);
  Values weights = Values(kSamples);
};

Table classes_table(Index classes, std::uint64_t seed) {
  Integers draw(seed);
  Table t{Matrix<double>(classes, kSamples), {}};
  for (Index j = 0; j < kSamples; ++j) {
    const auto k = static_cast<std::size_t>(j);
    for (Index i = 0; i < classes; ++i) t.p(i, j) = draw.real(6);
    t.labels[k] = static_cast<std::uint32_t>(draw(static_cast<std::uint64_t>(classes)));
    t.p(t.labels[k], j) += draw.real(4);
    if (t.p.col(j).sum() == 0) t.p(0, j) = 1;
    t.p.col(j) = (t.p.col(j) / t.p.col(j).sum()).eval();
    t.weights[k] = draw.real(4);
  }
  return t;
}

void expect_near(const Values& got, const Values& wanted) {
  EXPECT_THAT(got, Pointwise(DoubleNear(kTolerance), wanted));
}

Values figures(const ClassificationMetrics& m) {
  Values out = {m.accuracy, m.balanced_accuracy, m.macro_f1, m.weighted_f1, m.log_loss, m.brier,
                m.roc_auc};
  if (m.classes.size() == 2) out.push_back(m.average_precision);
  return out;
}

// Precision, recall, F1: of all classes each.
Values class_figures(const ClassificationMetrics& m) {
  Values out;
  for (const auto member : {&ClassFigures::precision, &ClassFigures::recall, &ClassFigures::f1}) {
    for (const ClassFigures& c : m.classes) out.push_back(c.*member);
  }
  return out;
}

TEST(MetricsKnown, TwoClasses) {
  const Table t = classes_table(2, 1);
  const ClassificationMetrics plain = classification_metrics(t.p, t.labels);
  expect_near(figures(plain),
              {0.67500000000000004, 0.68206854345165235, 0.67434053959267515, 0.67639219419324126,
               1.788800965216262, 0.21950342368208253, 0.72434720522235818, 0.78347302329313595});
  expect_near(class_figures(plain),
              {0.59999999999999998, 0.75789473684210529, 0.73255813953488369, 0.63157894736842102,
               0.65968586387434547, 0.68899521531100483});
  const ClassificationMetrics weighted = classification_metrics(t.p, t.labels, t.weights);
  expect_near(figures(weighted),
              {0.66431095406360419, 0.6704133064516129, 0.6643109540636043, 0.66431095406360419,
               1.4328829037193163, 0.21432340968080113, 0.73034274193548387, 0.793895301776395});
  expect_near(class_figures(weighted), {0.6064516129032258, 0.734375, 0.734375, 0.6064516129032258,
                                        0.6643109540636043, 0.6643109540636043});
}

TEST(MetricsKnown, FourClasses) {
  const Table t = classes_table(4, 2);
  const ClassificationMetrics plain = classification_metrics(t.p, t.labels);
  expect_near(figures(plain),
              {0.53500000000000003, 0.53205711685060864, 0.53300463635161965, 0.53387208505914852,
               2.4540880343614488, 0.62238789965378638, 0.76873844800571511});
  expect_near(class_figures(plain),
              {0.52238805970149249, 0.52173913043478259, 0.5, 0.61538461538461542,
               0.63636363636363635, 0.47058823529411764, 0.51063829787234039, 0.51063829787234039,
               0.57377049180327877, 0.49484536082474223, 0.50526315789473686, 0.55813953488372103});
  const ClassificationMetrics weighted = classification_metrics(t.p, t.labels, t.weights);
  expect_near(figures(weighted),
              {0.528052805280528, 0.52336757348408414, 0.5234942265928777, 0.52659415824820444,
               2.3543979136559723, 0.64206152971525188, 0.76201666791280176});
  expect_near(class_figures(weighted),
              {0.52293577981651373, 0.5757575757575758, 0.48648648648648651, 0.53703703703703709,
               0.6063829787234043, 0.45783132530120479, 0.55384615384615388, 0.47540983606557374,
               0.56157635467980294, 0.51006711409395977, 0.51798561151079137, 0.5043478260869565});
}

Values label_figures(const MultiLabelMetrics& m) {
  Values out = m.roc_auc;
  out.insert(out.end(), m.f1.begin(), m.f1.end());
  return out;
}

Values means(const MultiLabelMetrics& m) {
  return {m.macro_roc_auc, m.macro_f1, m.micro_f1, m.exact_match, m.hamming_loss, m.log_loss};
}

TEST(MetricsKnown, SeveralLabels) {
  Integers draw(7);
  Table t{Matrix<double>(3, kSamples), Matrix<double>(3, kSamples)};
  for (Index j = 0; j < kSamples; ++j) {
    for (Index i = 0; i < 3; ++i) {
      t.y(i, j) = draw(3) == 0 ? 1 : 0;
      t.p(i, j) = (draw.real(8) + 2 * t.y(i, j)) / 9;
    }
    t.weights[static_cast<std::size_t>(j)] = draw.real(4);
  }
  const MultiLabelMetrics plain = multi_label_metrics(t.p, t.y);
  expect_near(label_figures(plain), {0.73210031347962379, 0.72840073529411764, 0.68279761904761904,
                                     0.51034482758620692, 0.54794520547945202, 0.4370860927152318});
  expect_near(means(plain), {0.7144328892737869, 0.49845870859363028, 0.49773755656108609, 0.22,
                             0.37, 0.59123452876650184});
  const MultiLabelMetrics weighted = multi_label_metrics(t.p, t.y, t.weights);
  expect_near(label_figures(weighted),
              {0.7706642864870713, 0.69228468899521534, 0.68522296706499564, 0.52534562211981572,
               0.51694915254237295, 0.3964757709251101});
  expect_near(means(weighted), {0.71605731418242746, 0.47959018186243291, 0.47941176470588232,
                                0.2108626198083067, 0.3769968051118211, 0.58918903763119723});
}

// RMSE, MAE, R2 and, if asked, the median: of both outputs each.
Values output_figures(const RegressionMetrics& m, bool median) {
  Values out;
  for (const auto member : {&RegressionFigures::rmse, &RegressionFigures::mae,
                            &RegressionFigures::r2, &RegressionFigures::median_absolute_error}) {
    if (member == &RegressionFigures::median_absolute_error && !median) break;
    for (const RegressionFigures& f : m.outputs) out.push_back(f.*member);
  }
  return out;
}

TEST(MetricsKnown, Numbers) {
  Integers draw(9);
  Table t{Matrix<double>(2, kSamples), Matrix<double>(2, kSamples)};
  for (Index j = 0; j < kSamples; ++j) {
    for (Index i = 0; i < 2; ++i) {
      t.y(i, j) = draw.real(50) / 4;
      t.p(i, j) = t.y(i, j) + (draw.real(21) - 10) / 8;
    }
    t.weights[static_cast<std::size_t>(j)] = draw.real(4);
  }
  expect_near(output_figures(regression_metrics(t.p, t.y), true),
              {0.74916620318858484, 0.7722228467223694, 0.65000000000000002, 0.66562500000000002,
               0.95727723742628179, 0.95835652012613615, 0.625, 0.75});
  expect_near(output_figures(regression_metrics(t.p, t.y, t.weights), false),
              {0.74665201006756221, 0.76652063201869847, 0.64784482758620687, 0.65474137931034482,
               0.96022801739165842, 0.9605080001504529});
}

}  // namespace
}  // namespace isoform
