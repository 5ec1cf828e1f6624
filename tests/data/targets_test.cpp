// Sets with numbers to be answered, weights, and names of features.
#include <gmock/gmock.h>

#include <array>
#include <limits>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/data/checksum.h"
#include "isoform/data/combine.h"
#include "isoform/data/dataset.h"
#include "isoform/data/replay.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

// Sample i: features i, i + ½; targets 10 i, −i; weight i + 1.
Dataset::Contents contents(std::uint32_t samples = 5) {
  Dataset::Contents c{
      .name = "numbers", .features = 2, .classes = {"u", "v"}, .feature_names = {"a", "b"}};
  std::vector<float> values;
  for (std::uint32_t i = 0; i < samples; ++i) {
    const auto x = static_cast<float>(i);
    values.insert(values.end(), {x, x + 0.5F});
    c.targets.insert(c.targets.end(), {10 * x, -x});
    c.weights.push_back(x + 1);
    c.labels.push_back(0);
  }
  c.values = std::move(values);
  return c;
}

std::string refusal(const std::function<void(Dataset::Contents&)>& change) {
  Dataset::Contents c = contents();
  change(c);
  return message_of<UsageError>([&] { Dataset data(std::move(c)); });
}

TEST(DatasetTargets, FollowTheSelection) {
  const Dataset data(contents());
  EXPECT_TRUE(data.has_targets() && data.has_weights());
  const std::array<std::uint32_t, 3> pick = {4, 1, 1};
  const std::array<std::uint32_t, 2> again = {2, 0};
  const Dataset part = data.subset(pick).subset(again);
  EXPECT_THAT(part.targets(0), ElementsAre(10, -1));
  EXPECT_THAT(part.targets(1), ElementsAre(40, -4));
  EXPECT_EQ(part.weight(0), 2);
  EXPECT_EQ(part.weight(1), 5);
  EXPECT_THAT(part.feature_names(), ElementsAre("a", "b"));
  const Dataset other = part.with_weights({7, 0});
  EXPECT_EQ(other.weight(1), 0);
  EXPECT_THAT(other.targets(1), ElementsAre(40, -4));
  EXPECT_FALSE(other.with_weights({}).has_weights());
  EXPECT_EQ(other.with_weights({}).weight(1), 1);
  EXPECT_TRUE(data.subset({}).empty());
  EXPECT_THROW((void)data.with_classes({"w"}, 0), UsageError);
}

TEST(DatasetTargets, AreCopiedWithTheRest) {
  const Dataset data = Dataset(contents()).subset(std::array<std::uint32_t, 3>{3, 0, 2});
  Dataset::Contents own = contents_without_values(data);
  EXPECT_THAT(own.targets, ElementsAre(30, -3, 0, 0, 20, -2));
  EXPECT_THAT(own.weights, ElementsAre(4, 1, 3));
  const Dataset second = select_features(data, std::array<Index, 1>{1});
  EXPECT_THAT(second.feature_names(), ElementsAre("b"));
  EXPECT_THAT(second.targets(2), ElementsAre(20, -2));
  EXPECT_EQ(second.weight(2), 3);
}

TEST(DatasetTargets, WhatDoesNotFit) {
  EXPECT_THAT(refusal([](auto& c) { c.targets.pop_back(); }), HasSubstr("need as many targets"));
  EXPECT_THAT(refusal([](auto& c) { c.targets[3] = std::numeric_limits<float>::infinity(); }),
              HasSubstr("target 1 of sample 1"));
  EXPECT_THAT(refusal([](auto& c) { c.labels[2] = 1; }), HasSubstr("every label needs to be 0"));
  EXPECT_THAT(refusal([](auto& c) { c.weights.pop_back(); }), HasSubstr("need as many weights"));
  EXPECT_THAT(refusal([](auto& c) { c.weights[1] = -1; }), HasSubstr("weight of sample 1"));
  EXPECT_THAT(refusal([](auto& c) { c.weights[1] = std::numeric_limits<float>::quiet_NaN(); }),
              HasSubstr("weight of sample 1"));
  EXPECT_THAT(refusal([](auto& c) { c.weights.assign(5, 0); }), HasSubstr("all weights are 0"));
  EXPECT_THAT(refusal([](auto& c) { c.feature_names.pop_back(); }), HasSubstr("names"));
  EXPECT_THAT(message_of<UsageError>([] { (void)Dataset(contents()).with_weights({1}); }),
              HasSubstr("as many weights"));
}

TEST(DatasetTargets, AreJoined) {
  const Dataset data(contents());
  const std::array<std::uint32_t, 2> pick = {4, 1};
  const std::array<Dataset, 3> parts = {data.subset(pick), data.subset({}), data};
  const Dataset all = joined(parts);
  ASSERT_EQ(all.samples(), 7);
  EXPECT_THAT(all.targets(0), ElementsAre(40, -4));
  EXPECT_THAT(all.targets(6), ElementsAre(40, -4));
  EXPECT_EQ(all.weight(1), 2);
  EXPECT_THAT(all.feature_names(), ElementsAre("a", "b"));
  EXPECT_THAT(message_of<UsageError>([&] {
                (void)joined(std::array<Dataset, 2>{data, data.with_weights({})});
              }),
              HasSubstr("both or neither"));
  Dataset::Contents bare = contents();
  bare.targets.clear();
  EXPECT_THAT(message_of<UsageError>([&] {
                (void)joined(std::array<Dataset, 2>{data, Dataset(bare)});
              }),
              HasSubstr("both or neither"));
}

TEST(DatasetTargets, AreSeenByTheChecksum) {
  const std::uint32_t sum = checksum(Dataset(contents()));
  EXPECT_EQ(checksum(Dataset(contents())), sum);
  const auto changed = [&](const auto& change) {
    Dataset::Contents c = contents();
    change(c);
    return checksum(Dataset(std::move(c)));
  };
  EXPECT_NE(changed([](auto& c) { c.targets[4] += 1; }), sum);
  EXPECT_NE(changed([](auto& c) { c.weights[4] += 1; }), sum);
  EXPECT_NE(changed([](auto& c) { c.weights.clear(); }), sum);
  EXPECT_NE(changed([](auto& c) { c.targets.clear(); }), sum);
  const Dataset part = Dataset(contents()).subset(std::array<std::uint32_t, 2>{3, 1});
  const std::array<Dataset, 1> alone = {part};
  EXPECT_EQ(checksum(part), checksum(joined(alone)));
}

TEST(DatasetTargets, AreKeptByAReplayBuffer) {
  ReplayBuffer buffer(3, 1);
  const Dataset data = Dataset(contents(50)).with_weights({});
  buffer.add(data);
  ASSERT_EQ(buffer.contents().samples(), 3);
  for (Index i = 0; i < 3; ++i) {
    Matrix<float> x(2, 1);
    const auto sample = static_cast<std::uint32_t>(i);
    buffer.contents().gather(std::span(&sample, 1), View<float>(x));
    EXPECT_THAT(buffer.contents().targets(i), ElementsAre(10 * x(0, 0), -x(0, 0)));
  }
  EXPECT_THAT(buffer.contents().feature_names(), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace isoform
