#include "isoform/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <set>

namespace isoform {
namespace {

using Words = std::array<std::uint32_t, 4>;

// Philox4x32-10 as in section 3.3 of the paper, written without the library that Random uses.
Words philox(Words c, std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

// The word that Random draws, following the layout fixed in random.cpp. This test freezes it: a
// change here changes every run that anybody has recorded.
std::array<std::uint64_t, 2> expected_words(std::uint64_t seed, Purpose purpose, std::uint64_t step,
                                            std::uint64_t id, std::uint64_t index) {
  const auto mix = [](std::uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  };
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  const std::uint64_t folded = mix((static_cast<std::uint64_t>(purpose) << 48) ^ mix(id));
  const Words w = philox({low(index), high(index), low(folded) ^ high(folded), low(step)},
                         low(seed), high(seed));
  return {std::uint64_t{w[0]} << 32 | w[1], std::uint64_t{w[2]} << 32 | w[3]};
}

double unit(std::uint64_t word) { return std::ldexp(static_cast<double>(word >> 11), -53); }

TEST(Philox, OracleGivesThePublishedAnswers) {  // kat_vectors of Random123
  EXPECT_EQ(philox({0, 0, 0, 0}, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0U, ~0U, ~0U, ~0U}, ~0U, ~0U),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, DrawsWhatAnIndependentPhiloxGives) {
  const std::uint64_t seeds[] = {0, 1, 0x123456789abcdef0ULL, ~0ULL};
  for (const std::uint64_t seed : seeds) {
    for (const Purpose purpose : {Purpose::initialisation, Purpose::order, Purpose::test}) {
      for (const std::uint64_t step : {0ULL, 7ULL, 0xffffffffULL}) {
        for (const std::uint64_t index : {0ULL, 1ULL, 0x100000002ULL}) {
          const Random random(seed, purpose, step, 3);
          const auto words = expected_words(seed, purpose, step, 3, index);
          EXPECT_EQ(random.uniform(index), unit(words[0]));
          const double radius = std::sqrt(-2 * std::log(1 - unit(words[0])));
          EXPECT_DOUBLE_EQ(random.normal(index),
                           radius * std::cos(2 * std::numbers::pi * unit(words[1])));
        }
      }
    }
  }
}

TEST(Random, KeepsByParts) {
  for (const double p : {0.0, 0.1, 0.5, 0.99}) {
    const Random random(5, Purpose::dropout, 9, 2);
    std::vector<float> all(10007), few(13);
    random.keep(p, all);
    random.keep(p, few);
    EXPECT_TRUE(std::equal(few.begin(), few.end(), all.begin()));
    double dropped = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto words = expected_words(5, Purpose::dropout, 9, 2, i / 8);
      const std::uint64_t part = words[i % 8 / 4] >> (16 * (i % 4)) & 0xffff;
      const bool gone = static_cast<double>(part) < std::round(p * 65536);
      EXPECT_EQ(all[i], gone ? 0.0F : static_cast<float>(1 / (1 - p)));
      dropped += gone ? 1 : 0;
    }
    EXPECT_NEAR(dropped / 10007, p, 0.015);
  }
}

TEST(Random, UniformIsUniform) {
  const Random random(11, Purpose::test);
  constexpr int kDraws = 200000;
  constexpr int kBins = 50;
  std::array<int, kBins> histogram{};
  double sum = 0;
  double square = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform(i);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    ++histogram[static_cast<std::size_t>(u * kBins)];
    sum += u;
    square += u * u;
  }
  const double mean = sum / kDraws;
  EXPECT_NEAR(mean, 0.5, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(square / kDraws - mean * mean, 1.0 / 12, 0.001);
  double chi2 = 0;
  for (const int count : histogram) {
    chi2 += std::pow(count - kDraws / kBins, 2) / (kDraws / static_cast<double>(kBins));
  }
  EXPECT_LT(chi2, 49 + 5 * std::sqrt(2 * 49.0));
}

TEST(Random, NormalHasTheMomentsOfANormal) {
  const Random random(12, Purpose::test);
  constexpr int kDraws = 200000;
  std::array<double, 5> moment{};
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.normal(i);
    ASSERT_TRUE(std::isfinite(x));
    for (int p = 1; p <= 4; ++p) moment[p] += std::pow(x, p) / kDraws;
  }
  EXPECT_NEAR(moment[1], 0, 0.012);  // five standard errors
  EXPECT_NEAR(moment[2], 1, 0.016);
  EXPECT_NEAR(moment[3], 0, 0.045);
  EXPECT_NEAR(moment[4], 3, 0.11);
}

TEST(Random, NeighbouringDrawsAreUncorrelated) {
  const Random random(13, Purpose::test);
  constexpr int kDraws = 100000;
  double product = 0;
  for (int i = 0; i < kDraws; ++i) product += random.normal(i) * random.normal(i + 1);
  EXPECT_NEAR(product / kDraws, 0, 5 / std::sqrt(kDraws));
}

TEST(Random, DifferentKeysGiveDifferentNumbers) {
  std::set<double> seen;
  std::size_t keys = 0;
  for (std::uint64_t seed : {0ULL, 1ULL, 1ULL << 32, 2ULL}) {
    for (const Purpose purpose : {Purpose::initialisation, Purpose::order, Purpose::split,
                                  Purpose::growth, Purpose::rotation, Purpose::test}) {
      for (std::uint64_t step = 0; step < 5; ++step) {
        for (std::uint64_t id = 0; id < 5; ++id) {
          for (std::uint64_t index = 0; index < 5; ++index, ++keys) {
            seen.insert(Random(seed, purpose, step, id).uniform(index));
          }
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), keys);
}

TEST(Random, DependsOnItsKeyAloneNotOnTheOrderOfQuestions) {
  const Random a(5, Purpose::growth, 9, 2);
  const double late = a.normal(1000);
  for (int i = 0; i < 10; ++i) (void)a.uniform(i);
  EXPECT_EQ(a.normal(1000), late);
  EXPECT_EQ(Random(5, Purpose::growth, 9, 2).normal(1000), late);
}

TEST(Random, BelowStaysBelowAndReachesEverything) {
  const Random random(14, Purpose::test);
  for (const std::uint64_t bound : {1ULL, 2ULL, 3ULL, 10ULL}) {
    std::vector<int> count(bound);
    for (int i = 0; i < 20000; ++i) {
      const std::uint64_t value = random.below(bound, i);
      ASSERT_LT(value, bound);
      ++count[value];
    }
    const double expected = 20000.0 / static_cast<double>(bound);
    for (const int c : count) EXPECT_NEAR(c, expected, 5 * std::sqrt(expected));
  }
  for (const std::uint64_t bound : {(1ULL << 40) + 1, ~0ULL}) {
    std::uint64_t largest = 0;
    for (int i = 0; i < 1000; ++i) largest = std::max(largest, random.below(bound, i));
    EXPECT_LT(largest, bound);
    EXPECT_GT(largest, bound / 2);
  }
}

TEST(Permutation, HoldsEveryNumberOnce) {
  for (const std::uint32_t n : {0U, 1U, 2U, 3U, 17U, 1000U, 60000U}) {
    std::vector<std::uint32_t> order = Random(3, Purpose::order, n).permutation(n);
    std::sort(order.begin(), order.end());
    std::vector<std::uint32_t> expected(n);
    std::iota(expected.begin(), expected.end(), 0U);
    EXPECT_EQ(order, expected) << n;
  }
}

TEST(Permutation, EveryOneOfThreeIsEquallyLikely) {
  std::array<int, 27> count{};
  constexpr int kDraws = 12000;
  for (std::uint64_t step = 0; step < kDraws; ++step) {
    const auto p = Random(4, Purpose::test, step).permutation(3);
    ++count[9 * p[0] + 3 * p[1] + p[2]];
  }
  for (const int code : {5, 7, 11, 15, 19, 21}) {  // 012 021 102 120 201 210 in base 3
    EXPECT_NEAR(count[code], kDraws / 6.0, 5 * std::sqrt(kDraws / 6.0)) << code;
  }
}

}  // namespace
}  // namespace isoform
