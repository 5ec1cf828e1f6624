#include "isoform/model/feature_importance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/model/tasks.h"
#include "tests/support/networks.h"
#include "tests/support/truth.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

template <class T>
Model<T> model_of(Index features, std::uint64_t seed) {
  Model<T> model;
  model.network = Network<T>::chain({.widths = {features, 12, 3}, .group_size = 4, .seed = seed});
  model.set_transform(Vector<double>::Zero(features), Vector<double>::Ones(features));
  model.tasks.push_back({"task", {"a", "b", "c"}});
  name_parts(model, "task");
  return model;
}

// Every step by brute force: each candidate leaves, is predicted by least squares from those that stay, and z is measured on the
// samples, with weights that have taken over what went before.
TEST(FeatureImportance, IsThatOfEliminationByHand) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    constexpr Index kFeatures = 7, kSamples = 200;
    const auto model = model_of<double>(kFeatures, seed);
    const Matrix<double> mix = Dice(seed, 1).normals(kFeatures, kFeatures, 1);
    const Matrix<double> x = mix * random_inputs(seed, kFeatures, kSamples);
    const FeatureOrder order =
        least_important_features<double>(model, "task", kFeatures - 1, ConstView<double>(x));
    std::vector<Index> left = {0, 1, 2, 3, 4, 5, 6};
    Matrix<double> w = model.network.maps().front().weight();
    for (std::size_t step = 0; step + 1 < kFeatures; ++step) {
      double lowest = 0;
      std::size_t least = left.size();
      Matrix<double> best;
      for (std::size_t k = 0; k < left.size(); ++k) {
        std::vector<Index> others = left;
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
        const Matrix<double> rest = x(others, Eigen::all);
        const Matrix<double> gone = x.row(left[k]);
        const Matrix<double> b = gone * rest.transpose() * inverse(rest * rest.transpose());
        const Matrix<double> error = w.col(static_cast<Index>(k)) * (gone - b * rest);
        const double moved = std::sqrt(error.squaredNorm() / kSamples);
        if (least < left.size() && moved >= lowest) continue;
        least = k;
        lowest = moved;
        std::vector<Index> columns;
        for (std::size_t c = 0; c < left.size(); ++c) {
          if (c != k) columns.push_back(static_cast<Index>(c));
        }
        best = w(Eigen::all, columns) + w.col(static_cast<Index>(k)) * b;
      }
      EXPECT_EQ(order.positions[step], left[least]) << "seed " << seed << ", step " << step;
      EXPECT_NEAR(order.moved[step], lowest, 1e-3 * lowest);
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(least));
      w = best;
    }
  }
}

// Features that are constant, or copies of others, go first, and nothing moves.
TEST(FeatureImportance, FindsWhatOthersKnow) {
  const auto model = model_of<float>(6, 4);
  Matrix<float> x = random_inputs(4, 6, 300).cast<float>();
  x.row(2).setZero();
  x.row(5) = x.row(0) - x.row(3);
  const FeatureOrder order = least_important_features<float>(model, "task", 2, ConstView<float>(x));
  EXPECT_EQ(order.positions.front(), 2);
  EXPECT_THAT(order.positions.back(), ::testing::AnyOf(0, 3, 5));
  EXPECT_LT(order.moved.back(), 1e-2);
}

TEST(FeatureImportance, RefusesWhatCannotBe) {
  const auto model = model_of<double>(4, 0);
  const Matrix<double> x = random_inputs(0, 4, 9), none(4, 0);
  const auto refused = [&](std::string_view input, Index count, const Matrix<double>& samples) {
    try {
      (void)least_important_features<double>(model, input, count, ConstView<double>(samples));
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refused("other", 1, x), HasSubstr("other"));
  EXPECT_THAT(refused("task", 4, x), HasSubstr("0 to 3 can go, got 4"));
  EXPECT_THAT(refused("task", -1, x), HasSubstr("got -1"));
  EXPECT_THAT(refused("task", 1, none), HasSubstr("needs samples"));
}

}  // namespace
}  // namespace isoform
