// The table of what was measured: selections, means, and files that read back.
#include "isoform/experiment/measurements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace isoform {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Measurements example() {
  Measurements rows;
  rows.add({{{"arm", "a, \"first\""}, {"seed", "0"}}, "score", {1.5}});
  rows.add({{{"arm", "b"}, {"seed", "0"}}, "score", {2}});
  rows.add({{{"arm", "b"}, {"seed", "1"}}, "score", {4}});
  rows.add({{{"arm", "b"}, {"seed", "1"}, {"map", "2"}}, "values", {0.1, 1e-300, -0.0}});
  return rows;
}

TEST(Measurements, SelectsByLabels) {
  const Measurements rows = example();
  EXPECT_THAT(rows.values({{"arm", "b"}}, "score"), ElementsAre(2, 4));
  EXPECT_THAT(rows.values({{"arm", "b"}, {"seed", "1"}}, "score"), ElementsAre(4));
  EXPECT_THAT(rows.values({{"arm", "b"}, {"seed", "7"}}, "score"), IsEmpty());
  EXPECT_THAT(rows.values({{"layer", "1"}}, "score"), IsEmpty());
  EXPECT_THAT(rows.values({}, "values"), ElementsAre(0.1, 1e-300, -0.0));
  EXPECT_THAT(rows.levels("seed", {{"arm", "b"}}), ElementsAre("0", "1"));
  EXPECT_THAT(rows.levels("map"), ElementsAre("2"));
}

TEST(Measurements, MeansAndStandardErrors) {
  const Summary two = summarise({2, 4});
  EXPECT_DOUBLE_EQ(two.mean, 3);
  EXPECT_DOUBLE_EQ(two.error, 1);  // deviation √2, over √2
  const Summary four = summarise({1, 2, 3, 4});
  EXPECT_DOUBLE_EQ(four.error, std::sqrt((2.25 + 0.25 + 0.25 + 2.25) / 3 / 4));
  EXPECT_TRUE(std::isnan(summarise({5}).error));
  EXPECT_DOUBLE_EQ(summarise({5}).mean, 5);
  EXPECT_TRUE(std::isnan(summarise({}).mean));
}

TEST(Measurements, CsvQuotesAndKeepsEveryBit) {
  const std::string csv = example().csv();
  EXPECT_THAT(csv, ::testing::StartsWith("arm,seed,map,figure,index,value\n"));
  EXPECT_THAT(csv, HasSubstr("\"a, \"\"first\"\"\",0,,score,0,1.5\n"));
  EXPECT_THAT(csv, HasSubstr("b,1,2,values,1,1e-300\n"));
  Measurements third;
  third.add({{}, "x", {1.0 / 3}});
  const std::string text = third.csv();
  EXPECT_EQ(std::stod(text.substr(text.rfind(',') + 1)), 1.0 / 3);
}

TEST(Measurements, JsonReadsBack) {
  const Measurement row{
      {{"arm", "b"}}, "values", {1.0 / 3, std::numeric_limits<double>::quiet_NaN()}};
  const Measurement back = measurement_from_json(nlohmann::json::parse(to_json(row).dump()));
  EXPECT_EQ(back.at, row.at);
  EXPECT_EQ(back.figure, row.figure);
  EXPECT_EQ(back.values[0], row.values[0]);
  EXPECT_TRUE(std::isnan(back.values[1]));
  EXPECT_TRUE(example().json()[3].at("map") == "2");
}

TEST(Measurements, NamesTrials) {
  EXPECT_EQ(labels_text({{"data", "mnist"}, {"arm", "ours"}, {"seed", "3"}}),
            "mnist, ours, seed 3");
}

}  // namespace
}  // namespace isoform
