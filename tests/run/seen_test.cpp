#include "isoform/run/seen.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "tests/support/dice.h"

namespace isoform {
namespace {

using testing::Dice;

// Features named a, b, c; classes p and q, or one number to be answered.
Dataset table(std::uint64_t seed, std::uint32_t rows, bool numbers, bool wider = false) {
  Dice dice(seed, 140);
  Dataset::Contents c{.name = "t", .features = wider ? 4 : 3, .classes = {"p", "q"}};
  c.feature_names = {"a", "b", "c"};
  if (wider) c.feature_names.insert(c.feature_names.begin() + 1, "new");
  if (numbers) c.classes = {"y"};
  std::vector<float> values;
  for (std::uint32_t i = 0; i < rows; ++i) {
    for (int f = 0; f < 3; ++f) {
      values.push_back(static_cast<float>(dice.normal()));
      if (wider && f == 0) values.push_back(7);
    }
    c.labels.push_back(numbers ? 0 : static_cast<std::uint32_t>(dice.between(0, 1)));
    if (numbers) c.targets.push_back(static_cast<float>(dice.normal()));
  }
  c.values = std::move(values);
  return Dataset(std::move(c));
}

std::vector<bool> seen_in(const Dataset& learned, const Dataset& asked) {
  return are_seen({seen_rows(std::array{learned}, learned.feature_names())}, asked);
}

TEST(Seen, RowsAreKnownAgainInAnyOrderAndBesideOthers) {
  for (const bool numbers : {false, true}) {
    const Dataset all = table(1, 60, numbers);
    std::vector<std::uint32_t> some = {41, 3, 17, 59};
    const Dataset part = all.subset(some);
    const std::vector<bool> known = seen_in(part, all);
    for (std::uint32_t i = 0; i < 60; ++i) {
      EXPECT_EQ(known[i], std::find(some.begin(), some.end(), i) != some.end()) << i;
    }
    EXPECT_EQ(seen_in(table(2, 60, numbers), all), std::vector<bool>(60, false));
  }
}

TEST(Seen, AnotherAnswerIsAnotherRow) {
  const Dataset all = table(1, 20, false);
  Dataset::Contents c = contents_without_values(all);
  for (std::uint32_t& label : c.labels) label = 1 - label;
  std::vector<std::uint32_t> rows(20);
  std::iota(rows.begin(), rows.end(), 0U);
  Matrix<float> values(3, 20);
  all.gather(rows, View<float>(values));
  c.values = std::vector<float>(values.data(), values.data() + values.size());
  EXPECT_EQ(seen_in(all, Dataset(std::move(c))), std::vector<bool>(20, false));
}

// Columns that came since say nothing; columns that are missing make a row another.
TEST(Seen, ColumnsThatCame) {
  const Dataset narrow = table(3, 20, false), wide = table(3, 20, false, true);
  EXPECT_EQ(seen_in(narrow, wide), std::vector<bool>(20, true));
  EXPECT_EQ(seen_in(wide, narrow), std::vector<bool>(20, false));
  const SeenRows one = seen_rows(std::array{narrow}, narrow.feature_names()),
                 two = seen_rows(std::array{wide}, wide.feature_names());
  EXPECT_EQ(are_seen({two, one}, narrow), std::vector<bool>(20, true));
}

TEST(Seen, TheSameRowTwiceIsOne) {
  const Dataset data = table(4, 20, false);
  EXPECT_EQ(seen_rows(std::array{data, data, data.subset({})}, data.feature_names()).rows.size(),
            20U);
}

}  // namespace
}  // namespace isoform
