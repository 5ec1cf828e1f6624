#include "isoform/data/split.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "data/idx_files.h"
#include "isoform/base/error.h"

namespace isoform {
namespace {

using ::testing::HasSubstr;
using testing_data::message_of;

// One feature: the number of the sample.
Dataset numbered(std::uint32_t samples) {
  Dataset::Contents c{.name = "numbered", .features = 1, .classes = {"a"}};
  std::vector<float> values(samples);
  std::iota(values.begin(), values.end(), 0.0F);
  c.values = std::move(values);
  c.labels.assign(samples, 0);
  return Dataset(std::move(c));
}

std::vector<float> numbers(const Dataset& data) {
  std::vector<std::uint32_t> all(static_cast<std::size_t>(data.samples()));
  std::iota(all.begin(), all.end(), 0U);
  Matrix<float> out(1, data.samples());
  data.gather(all, out);
  return {out.data(), out.data() + out.size()};
}

TEST(Split, IsDisjointCompleteAndInOrder) {
  for (const double fraction : {0.1, 0.25, 0.5, 0.9}) {
    const Dataset data = numbered(1000);
    const TrainValidation parts = split(data, fraction, 3);
    EXPECT_EQ(parts.validation.samples(), std::lround(fraction * 1000));
    std::vector<float> all = numbers(parts.train);
    const std::vector<float> kept = numbers(parts.validation);
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
    all.insert(all.end(), kept.begin(), kept.end());
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all, numbers(data));
    EXPECT_EQ(&parts.validation.stored_values(), &data.stored_values());
  }
}

TEST(Split, DependsOnTheSeedAlone) {
  const Dataset data = numbered(500);
  EXPECT_EQ(numbers(split(data, 0.1, 1).validation), numbers(split(data, 0.1, 1).validation));
  EXPECT_NE(numbers(split(data, 0.1, 1).validation), numbers(split(data, 0.1, 2).validation));
}

TEST(Split, DrawsFromEverywhere) {
  const std::vector<float> kept = numbers(split(numbered(1000), 0.1, 4).validation);
  const double mean = std::accumulate(kept.begin(), kept.end(), 0.0) / 100;
  EXPECT_NEAR(mean, 500, 5 * 289 / 10.0);
}

TEST(Split, ZeroKeepsEverythingForTraining) {
  const TrainValidation parts = split(numbered(7), 0, 1);
  EXPECT_EQ(numbers(parts.train), numbers(numbered(7)));
  EXPECT_TRUE(parts.validation.empty());
  EXPECT_EQ(parts.validation.features(), 1);
}

TEST(Split, LeavesOneSampleOnEachSide) {
  EXPECT_EQ(split(numbered(3), 0.01, 1).validation.samples(), 1);
  EXPECT_EQ(split(numbered(2), 0.9, 1).train.samples(), 1);
}

TEST(Split, RefusesFractionsOutOfRange) {
  for (const double bad : {-0.1, 0.91, 1.0, 10.0, std::numeric_limits<double>::quiet_NaN()}) {
    const std::string text = message_of<UsageError>([&] { (void)split(numbered(10), bad, 1); });
    EXPECT_THAT(text, HasSubstr("from 0 (none) to 0.9"));
  }
  EXPECT_THAT(message_of<UsageError>([&] { (void)split(numbered(10), 0.91, 1); }),
              HasSubstr("got 0.91"));
  EXPECT_THAT(message_of<UsageError>([&] { (void)split(numbered(1), 0.5, 1); }),
              HasSubstr("at least 2 samples"));
}

TEST(EpochOrder, IsAPermutationOfItsOwnForEachSeedAndEpoch) {
  const auto order = epoch_order(1000, 1, 0);
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(sorted[i], i);
  EXPECT_EQ(order, epoch_order(1000, 1, 0));
  EXPECT_NE(order, epoch_order(1000, 1, 1));
  EXPECT_NE(order, epoch_order(1000, 2, 0));
}

// What can't be learned can't be measured either.
TEST(StratifiedSplit, LeavesEachClassASample) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Dataset::Contents c{.name = "rare", .features = 1, .classes = {"a", "b", "one", "two"}};
    for (std::uint32_t i = 0; i < 103; ++i) c.labels.push_back(i < 100 ? i % 2 : i == 100 ? 2 : 3);
    c.values = std::vector<float>(103, 1.0F);
    const TrainValidation parts = stratified_split(Dataset(std::move(c)), 0.8, seed);
    std::vector<int> of(4, 0);
    for (const std::uint32_t label : parts.train.labels()) ++of[label];
    for (const int n : of) EXPECT_GE(n, 1);
    EXPECT_GE(parts.validation.samples(), 78);
  }
  // All of them rare: something is set aside all the same.
  Dataset::Contents c{.name = "all", .features = 1, .classes = {"a", "b", "c"}};
  c.labels = {0, 1, 2};
  c.values = std::vector<float>(3, 1.0F);
  EXPECT_EQ(stratified_split(Dataset(std::move(c)), 0.3, 1).validation.samples(), 1);
}

}  // namespace
}  // namespace isoform
