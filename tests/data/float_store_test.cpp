// Numbers in memory and in a file are the same numbers.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/data/checksum.h"
#include "isoform/data/combine.h"
#include "isoform/data/dataset.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using isoform::testing::Dice;

std::vector<float> some_numbers(std::size_t count) {
  Dice dice(7, 1);
  std::vector<float> numbers(count);
  for (float& number : numbers) number = static_cast<float>(dice.uniform(-3, 3));
  return numbers;
}

Dataset set_of(const std::vector<float>& numbers, std::uint64_t most_bytes, Index features) {
  FloatStore store(most_bytes);
  const auto width = static_cast<std::size_t>(features);
  for (std::size_t at = 0; at < numbers.size(); at += width) {
    store.append(std::span(numbers).subspan(at, width));
  }
  EXPECT_EQ(store.size(), numbers.size());
  Dataset::Contents contents{.name = "numbers", .features = features, .classes = {"a"}};
  contents.labels.assign(numbers.size() / width, 0);
  std::visit([&](auto values) { contents.values = std::move(values); }, store.take());
  return Dataset(std::move(contents));
}

TEST(FloatStore, AFileHoldsWhatMemoryHolds) {
  // Beyond a block of what is written at a time, and not a multiple of it.
  const std::vector<float> numbers = some_numbers(3 * 200'001);
  const Dataset memory = set_of(numbers, 1U << 30, 3), file = set_of(numbers, 4000, 3);
  ASSERT_TRUE(std::holds_alternative<std::vector<float>>(memory.stored_values()));
  ASSERT_TRUE(std::holds_alternative<MappedFloats>(file.stored_values()));
  EXPECT_EQ(checksum(file), checksum(memory));
  const FeatureStatistics a = feature_statistics(memory), b = feature_statistics(file);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.standard_deviation, b.standard_deviation);
  const std::vector<std::uint32_t> samples = {5, 200'000, 0};
  Matrix<float> x(3, 3), y(3, 3);
  memory.gather(samples, View<float>(x));
  file.gather(samples, View<float>(y));
  EXPECT_EQ(x, y);
  EXPECT_EQ(y(2, 1), numbers.back());
  const std::vector<Index> kept = {2, 0};
  EXPECT_EQ(checksum(select_features(file, kept)), checksum(select_features(memory, kept)));
  const std::vector<Dataset> parts = {file.subset(samples), memory.subset(samples)};
  EXPECT_EQ(joined(parts).samples(), 6);
}

TEST(FloatStore, TheFileHasNoNameAndGoesWithTheSet) {
  const auto folder = std::filesystem::temp_directory_path();
  const auto count = [&] {
    std::size_t named = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      named += entry.path().filename().string().starts_with("isoform-values-") ? 1 : 0;
    }
    return named;
  };
  const std::size_t before = count();
  const Dataset file = set_of(some_numbers(3000), 100, 3);
  EXPECT_EQ(count(), before);
}

TEST(FloatStore, SaysWhereThereIsNoRoom) {
  const char* const before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  FloatStore store(8);
  // A folder that can be named and holds no files.
  ::setenv("TMPDIR", "/proc", 1);
  const std::vector<float> numbers(100, 1.0F);
  EXPECT_THROW(store.append(numbers), FileError);
  before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
}

TEST(FloatStore, ValuesThatAreNoNumbersAreFoundThereToo) {
  std::vector<float> numbers = some_numbers(300);
  numbers[123] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW((void)set_of(numbers, 100, 3), UsageError);
}

}  // namespace
}  // namespace isoform
