#include "isoform/train/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/network/structure.h"
#include "tests/support/blobs.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

class EvaluateTest : public ::testing::Test {
 protected:
  // 1,300 samples: two whole batches and a part.
  Dataset data_ = blobs(3, 1300, 10, 4);
  Model<double> model_ = blob_model<double>(data_, {9, 7});
  std::unique_ptr<Engine<double>> engine_ = create_engine<double>({.threads = 1});
};

TEST_F(EvaluateTest, LogitsAreThoseOfTheStandardisedInputs) {
  std::vector<std::uint32_t> all(1300);
  std::iota(all.begin(), all.end(), 0U);
  Matrix<double> x(10, 1300);
  data_.gather(all, x);
  const FeatureStatistics of = feature_statistics(data_);
  for (Index j = 0; j < 1300; ++j) {
    for (Index i = 0; i < 10; ++i) x(i, j) = (x(i, j) - of.mean[i]) / of.standard_deviation[i];
  }
  EXPECT_LE(relative(logits(model_, data_, *engine_), oracle_output(model_.network, x)), 1e-13);
}

// Batches of 512 through the forward pass of training give the same bits.
TEST_F(EvaluateTest, LogitsAreTheBitsOfTheForwardPass) {
  const Matrix<double> y = logits(model_, data_, *engine_);
  for (Index first = 0; first < 1300; first += 512) {
    std::vector<std::uint32_t> samples(
        static_cast<std::size_t>(std::min<Index>(512, 1300 - first)));
    std::iota(samples.begin(), samples.end(), static_cast<std::uint32_t>(first));
    Matrix<double> x(10, static_cast<Index>(samples.size()));
    data_.gather(samples, x);
    model_.standardise(x);
    EXPECT_EQ(y.middleCols(first, x.cols()), outputs<double>(model_.network, *engine_, x));
  }
}

TEST_F(EvaluateTest, SparseMapsGiveTheSameAnswers) {
  impose_structure(model_.network, 1, Structure::diagonal);
  Matrix<double> x(10, 4);
  const std::vector<std::uint32_t> some = {0, 512, 1024, 1299};
  data_.gather(some, x);
  model_.standardise(x);
  const Matrix<double> y = logits(model_, data_, *engine_);
  const Matrix<double> truth = oracle_output(model_.network, x);
  for (Index j = 0; j < 4; ++j) EXPECT_LE((y.col(some[j]) - truth.col(j)).norm(), 1e-13);
}

TEST_F(EvaluateTest, ConfusionAccuracyAndLossAgreeWithTheLogits) {
  const Evaluation result = evaluate(model_, data_, *engine_);
  const Matrix<double> y = logits(model_, data_, *engine_);
  EXPECT_EQ(result.samples, 1300);
  EXPECT_EQ(result.confusion.sum(), 1300);
  EXPECT_NEAR(double(result.confusion.trace()) / 1300, result.accuracy, 1e-15);
  Matrix<Index> confusion = Matrix<Index>::Zero(4, 4);
  Real loss = 0;
  for (Index j = 0; j < 1300; ++j) {
    const Index label = data_.labels()[j];
    Index best = 0;
    Real sum = 0;
    for (Index i = 0; i < 4; ++i) {
      if (y(i, j) > y(best, j)) best = i;
      sum += std::exp(Real{y(i, j)});
    }
    ++confusion(label, best);
    loss += std::log(sum) - Real{y(label, j)};
  }
  EXPECT_EQ(result.confusion, confusion);
  EXPECT_NEAR(result.loss, double(loss / 1300), 1e-13);
  for (std::uint32_t c = 0; c < 4; ++c) {
    EXPECT_EQ(result.confusion.row(c).sum(),
              std::count(data_.labels().begin(), data_.labels().end(), c));
  }
}

TEST_F(EvaluateTest, OfASelectionUsesItsLabels) {
  const std::vector<std::uint32_t> some = {5, 900, 17, 17};
  const Dataset part = data_.subset(some);
  const Matrix<double> y = logits(model_, part, *engine_), all = logits(model_, data_, *engine_);
  for (Index j = 0; j < 4; ++j) EXPECT_LE((y.col(j) - all.col(some[j])).norm(), 1e-13);
  EXPECT_EQ(evaluate(model_, part, *engine_).confusion.sum(), 4);
}

TEST_F(EvaluateTest, OfNothingIsNotANumber) {
  const Evaluation result = evaluate(model_, data_.subset(std::vector<std::uint32_t>{}), *engine_);
  EXPECT_EQ(result.samples, 0);
  EXPECT_TRUE(std::isnan(result.loss));
  EXPECT_TRUE(std::isnan(result.accuracy));
}

TEST_F(EvaluateTest, RefusesOtherData) {
  const auto message = [&](const Dataset& data) -> std::string {
    try {
      evaluate(model_, data, *engine_);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message(blobs(1, 10, 11, 4)), HasSubstr("11 features"));
  EXPECT_THAT(message(blobs(1, 10, 10, 5)), HasSubstr("5 classes"));
  EXPECT_EQ(message(blobs(1, 10, 10, 3)), "accepted");
}

}  // namespace
}  // namespace isoform
