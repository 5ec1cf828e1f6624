// Sets made of others, the replay buffer, and guessing domains.
#include "isoform/data/combine.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/data/domains.h"
#include "isoform/data/replay.h"

namespace isoform {
namespace {

// Sample i: features i, i + 0.25, …; label by rule.
template <class Label>
Dataset numbered(Index samples, Index features, std::uint32_t classes, const Label& label) {
  Dataset::Contents c{.name = "numbered", .features = features};
  std::vector<float> values;
  for (Index i = 0; i < samples; ++i) {
    for (Index f = 0; f < features; ++f) {
      values.push_back(static_cast<float>(i) + 0.25F * static_cast<float>(f));
    }
    c.labels.push_back(label(static_cast<std::uint32_t>(i)));
  }
  c.values = std::move(values);
  for (std::uint32_t k = 0; k < classes; ++k) c.classes.push_back(std::to_string(k));
  return Dataset(std::move(c));
}

Matrix<double> values_of(const Dataset& data) {
  std::vector<std::uint32_t> all(static_cast<std::size_t>(data.samples()));
  std::iota(all.begin(), all.end(), 0U);
  Matrix<double> out(data.features(), data.samples());
  data.gather(all, out);
  return out;
}

std::map<std::uint32_t, int> counts(const Dataset& data) {
  std::map<std::uint32_t, int> of;
  for (const std::uint32_t label : data.labels()) ++of[label];
  return of;
}

TEST(Combine, ClassesAreThoseOfTheRange) {
  const Dataset data = numbered(60, 2, 6, [](std::uint32_t i) { return i % 6; });
  const Dataset range = class_range(data, 2, 3), task = class_task(data, 2, 3);
  ASSERT_EQ(range.samples(), 20);
  EXPECT_EQ(range.classes(), (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(task.classes(), (std::vector<std::string>{"2", "3"}));
  const Matrix<double> x = values_of(task);
  EXPECT_EQ(x, values_of(range));
  for (Index i = 0; i < 20; ++i) {
    const auto sample = static_cast<std::uint32_t>(x(0, i));
    EXPECT_EQ(range.labels()[static_cast<std::size_t>(i)], sample % 6);
    EXPECT_EQ(task.labels()[static_cast<std::size_t>(i)], sample % 6 - 2);
  }
  EXPECT_EQ(task.subset(std::array<std::uint32_t, 1>{3}).classes(), task.classes());
  EXPECT_THROW(static_cast<void>(class_range(data, 3, 2)), UsageError);
  EXPECT_THROW(static_cast<void>(class_task(data, 0, 6)), UsageError);
  EXPECT_THROW(static_cast<void>(data.with_classes({"a", "b"}, 0)), UsageError);
}

TEST(Combine, JoinsPartsOneAfterTheOther) {
  const auto parity = [](std::uint32_t i) { return i % 2; };
  const Dataset a = numbered(7, 3, 2, parity);
  const std::array<Dataset, 2> parts = {a.subset(std::array<std::uint32_t, 2>{5, 1}), a};
  const Dataset all = joined(parts);
  Matrix<double> expected(3, 9);
  expected << values_of(parts[0]), values_of(a);
  EXPECT_EQ(values_of(all), expected);
  EXPECT_EQ(all.labels()[0], 1U);
  EXPECT_EQ(all.labels()[2], 0U);
  const std::array<Dataset, 2> unlike = {a, numbered(7, 2, 2, parity)};
  EXPECT_THROW(static_cast<void>(joined(unlike)), UsageError);
  EXPECT_THROW(static_cast<void>(joined({})), UsageError);
}

TEST(Combine, KeepsBytesAsBytes) {
  Dataset::Contents c{.name = "bytes", .features = 1, .labels = {0, 0}, .classes = {"a"}};
  c.values = std::vector<std::uint8_t>{3, 250};
  const std::array<Dataset, 2> bytes = {Dataset(c), Dataset(c)};
  EXPECT_TRUE(std::holds_alternative<std::vector<std::uint8_t>>(joined(bytes).stored_values()));
  c.values = std::vector<float>{0.5F, 1};
  const std::array<Dataset, 2> mixed = {bytes[0], Dataset(c)};
  Matrix<double> expected(1, 4);
  expected << 3, 250, 0.5, 1;
  EXPECT_EQ(values_of(joined(mixed)), expected);
}

TEST(Combine, BalancingRepeatsSmallerClasses) {
  // 1 of class 0, 3 of class 1, 16 of class 2, none of class 3.
  const Dataset data = numbered(20, 1, 4, [](std::uint32_t i) {
    return i < 1 ? 0U : i < 4 ? 1U : 2U;
  });
  const Dataset even = balanced(data);
  EXPECT_EQ(counts(even), (std::map<std::uint32_t, int>{{0, 16}, {1, 16}, {2, 16}}));
  std::map<double, int> of_class_1;
  const Matrix<double> x = values_of(even);
  for (Index i = 0; i < even.samples(); ++i) {
    if (even.labels()[static_cast<std::size_t>(i)] == 1) ++of_class_1[x(0, i)];
  }
  EXPECT_EQ(of_class_1, (std::map<double, int>{{1, 6}, {2, 5}, {3, 5}}));
}

TEST(Combine, FeaturesInAnotherOrder) {
  const Dataset data = numbered(5, 4, 1, [](std::uint32_t) { return 0U; });
  const std::vector<std::uint32_t> order = {2, 0, 3, 1};
  const Matrix<double> x = values_of(data), y = values_of(with_features_permuted(data, order));
  for (Index i = 0; i < 4; ++i) EXPECT_EQ(y.row(i), x.row(order[static_cast<std::size_t>(i)]));
  for (const std::vector<std::uint32_t>& wrong :
       {std::vector<std::uint32_t>{0, 1, 2}, {0, 1, 2, 2}, {0, 1, 2, 4}}) {
    EXPECT_THROW(static_cast<void>(with_features_permuted(data, wrong)), UsageError);
  }
}

TEST(ReplayBuffer, NeverHoldsMoreThanItMayAndStaysBalanced) {
  ReplayBuffer buffer(50, 3);
  EXPECT_TRUE(buffer.contents().empty());
  const Dataset data = numbered(900, 2, 9, [](std::uint32_t i) { return i / 100; });
  for (std::uint32_t k = 0; k < 9; ++k) {
    buffer.add(class_range(data, k, k).with_classes(data.classes(), 0));
    const std::map<std::uint32_t, int> of = counts(buffer.contents());
    ASSERT_EQ(of.size(), k + 1);
    EXPECT_EQ(buffer.contents().samples(), 50);
    int least = 50, most = 0;
    for (const auto& [label, count] : of) {
      least = std::min(least, count);
      most = std::max(most, count);
    }
    EXPECT_LE(most - least, 1);
  }
  EXPECT_EQ(buffer.bytes(), 50 * (2 * sizeof(float) + sizeof(std::uint32_t) + sizeof(double)));
  const Matrix<double> x = values_of(buffer.contents());
  for (Index i = 0; i < 50; ++i) {  // labels still belong to their samples
    EXPECT_EQ(buffer.contents().labels()[static_cast<std::size_t>(i)],
              static_cast<std::uint32_t>(x(0, i)) / 100);
  }
  EXPECT_THROW(ReplayBuffer(0, 0), UsageError);
}

TEST(ReplayBuffer, ChoosesUniformlyAndByItsSeed) {
  const Dataset data = numbered(40, 1, 1, [](std::uint32_t) { return 0U; });
  const Dataset early = data.subset(std::array<std::uint32_t, 10>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  double from_early = 0;
  constexpr int kSeeds = 400;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    ReplayBuffer buffer(8, seed), again(8, seed);
    for (ReplayBuffer* b : {&buffer, &again}) {
      b->add(early);
      b->add(data.subset(std::array<std::uint32_t, 10>{10, 11, 12, 13, 14, 15, 16, 17, 18, 19}));
      b->add(data.subset(std::array<std::uint32_t, 10>{20, 21, 22, 23, 24, 25, 26, 27, 28, 29}));
    }
    const Matrix<double> x = values_of(buffer.contents());
    EXPECT_EQ(x, values_of(again.contents()));
    from_early += static_cast<double>((x.array() < 10).count()) / (8.0 * kSeeds);
  }
  EXPECT_NEAR(from_early, 1.0 / 3, 0.03);  // five standard errors
}

TEST(DomainGuesser, TellsDomainsApartByMeansAndSpreads) {
  // Two features; domains differ in the mean of one, or in the spread of the other.
  const auto domain = [](double mean, double spread, std::uint64_t seed) {
    Dataset::Contents c{.name = "domain", .features = 2, .classes = {"a"}};
    std::vector<float> values;
    const Random random(seed, Purpose::test);
    for (std::uint64_t i = 0; i < 400; ++i) {
      values.push_back(static_cast<float>(mean + random.normal(2 * i)));
      values.push_back(static_cast<float>(spread * random.normal(2 * i + 1)));
      c.labels.push_back(0);
    }
    c.values = std::move(values);
    return Dataset(std::move(c));
  };
  DomainGuesser guesser(1e-6);
  guesser.add(domain(0, 1, 1));
  guesser.add(domain(12, 1, 2));
  guesser.add(domain(0, 400, 3));
  EXPECT_EQ(guesser.bytes(), 3 * 2 * 2 * sizeof(double));
  const auto share = [&](const Dataset& data, std::size_t k) {
    const std::vector<std::size_t> guesses = guesser.guess(data);
    return static_cast<double>(std::count(guesses.begin(), guesses.end(), k)) / 400;
  };
  EXPECT_GT(share(domain(0, 1, 4), 0), 0.98);
  EXPECT_EQ(share(domain(12, 1, 5), 1), 1);
  EXPECT_GT(share(domain(0, 400, 6), 2), 0.97);
  EXPECT_THROW(DomainGuesser(0), UsageError);
  EXPECT_THROW(static_cast<void>(DomainGuesser().guess(domain(0, 1, 1))), UsageError);
}

}  // namespace
}  // namespace isoform
