// Parts in which every class has its share.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/data/split.h"
#include "monitor/folder.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using testing::Dice;
using ::testing::HasSubstr;
using testing::message_of;

// One feature: the number of the sample; some classes are rare.
Dataset random_set(std::uint64_t seed, bool targets = false) {
  Dice dice(seed, 110);
  const Index samples = dice.between(2, 300), classes = dice.between(1, 6);
  Dataset::Contents c{.name = "numbered", .features = 1};
  std::vector<float> values(static_cast<std::size_t>(samples));
  std::iota(values.begin(), values.end(), 0.0F);
  c.values = std::move(values);
  for (Index k = 0; k < classes; ++k) c.classes.push_back(std::to_string(k));
  for (Index i = 0; i < samples; ++i) {
    const auto label = static_cast<std::uint32_t>(
        std::min(dice.between(0, classes - 1), dice.between(0, classes - 1)));
    c.labels.push_back(targets ? 0 : label);
    for (Index k = 0; targets && k < classes; ++k)
      c.targets.push_back(static_cast<float>(dice.normal()));
    c.weights.push_back(static_cast<float>(1 + i));
  }
  return Dataset(std::move(c));
}

std::vector<float> numbers(const Dataset& data) {
  std::vector<std::uint32_t> all(static_cast<std::size_t>(data.samples()));
  std::iota(all.begin(), all.end(), 0U);
  Matrix<float> out(1, data.samples());
  data.gather(all, View<float>(out));
  return {out.data(), out.data() + out.size()};
}

std::vector<double> counts(const std::vector<std::uint32_t>& labels, std::size_t classes) {
  std::vector<double> of(classes, 0);
  for (const std::uint32_t label : labels) ++of[label];
  return of;
}

TEST(StratifiedSplit, TakesItsShareOfEveryClass) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Dataset data = random_set(seed, seed % 5 == 0);
    const double fraction = Dice(seed, 111).uniform(0.01, 0.9);
    const TrainValidation parts = stratified_split(data, fraction, seed);
    const double samples = static_cast<double>(data.samples());
    const auto own = counts(data.labels(), data.classes().size());
    // But for one sample of each class that would have none to be learned from.
    const auto left = counts(parts.train.labels(), data.classes().size());
    const auto saved = static_cast<double>(std::count(left.begin(), left.end(), 1.0));
    const double wanted = std::clamp(std::round(fraction * samples), 1.0, samples - 1);
    const auto aside = static_cast<double>(parts.validation.samples());
    EXPECT_LE(aside, wanted);
    EXPECT_GE(aside, wanted - saved);
    for (std::size_t k = 0; k < left.size() && aside < wanted; ++k) {
      EXPECT_EQ(left[k] > 0, own[k] > 0) << seed;
    }
    std::vector<float> all = numbers(parts.train);
    const std::vector<float> kept = numbers(parts.validation);
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()) && std::is_sorted(kept.begin(), kept.end()));
    for (Index i = 0; i < parts.validation.samples(); ++i) {
      EXPECT_EQ(parts.validation.weight(i), 1 + kept[static_cast<std::size_t>(i)]);
    }
    all.insert(all.end(), kept.begin(), kept.end());
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all, numbers(data));
    const auto there = counts(parts.validation.labels(), data.classes().size());
    const double share = wanted / samples;
    for (std::size_t k = 0; k < own.size(); ++k)
      EXPECT_LT(std::abs(there[k] - share * own[k]), 1) << seed;
    EXPECT_EQ(numbers(stratified_split(data, fraction, seed).validation), kept);
  }
  const Dataset data = random_set(2);
  EXPECT_NE(numbers(stratified_split(data, 0.3, 1).validation),
            numbers(stratified_split(data, 0.3, 2).validation));
  EXPECT_TRUE(stratified_split(data, 0, 1).validation.empty());
  EXPECT_THROW((void)stratified_split(data, 0.95, 1), UsageError);
}

TEST(Folds, AreEvenInAllAndInEveryClass) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Dataset data = random_set(seed, seed % 5 == 0);
    const int count =
        static_cast<int>(Dice(seed, 112).between(2, std::min<Index>(12, data.samples())));
    const std::vector<std::uint32_t> fold = folds(data, count, seed);
    ASSERT_EQ(std::ssize(fold), data.samples());
    const std::size_t classes = data.classes().size();
    std::vector<std::vector<double>> there(static_cast<std::size_t>(count),
                                           std::vector<double>(classes + 1, 0));
    for (std::size_t i = 0; i < fold.size(); ++i) {
      ASSERT_LT(fold[i], static_cast<std::uint32_t>(count));
      ++there[fold[i]][data.labels()[i]];
      ++there[fold[i]][classes];
    }
    for (std::size_t k = 0; k <= classes; ++k) {
      const auto [least, most] = std::minmax_element(
          there.begin(), there.end(), [&](const auto& a, const auto& b) { return a[k] < b[k]; });
      EXPECT_LE((*most)[k] - (*least)[k], 1) << seed << " " << k;
    }
    EXPECT_EQ(folds(data, count, seed), fold);
  }
  const Dataset data = random_set(2);
  EXPECT_NE(folds(data, 2, 1), folds(data, 2, 2));
}

TEST(Folds, NeedASampleEach) {
  const Dataset data = random_set(3);
  for (const int bad : {-1, 0, 1, static_cast<int>(data.samples()) + 1}) {
    EXPECT_THAT(message_of<UsageError>([&] { (void)folds(data, bad, 0); }),
                HasSubstr("folds: needs 2 to"));
  }
}

}  // namespace
}  // namespace isoform
