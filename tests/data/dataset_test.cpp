#include "isoform/data/dataset.h"

#include <cmath>
#include <limits>

#include "data/idx_files.h"
#include "isoform/base/error.h"
#include "isoform/base/random.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing_data::message_of;

constexpr Index kFeatures = 5;
constexpr std::uint32_t kSamples = 40;

// Sample s, feature f: a byte, or the same plus a fraction.
Dataset make(bool floats, std::uint32_t samples = kSamples) {
  Dataset::Contents c{.name = "made", .features = kFeatures, .classes = {"a", "b", "c"}};
  const Random random(1, Purpose::test);
  std::vector<std::uint8_t> bytes;
  std::vector<float> values;
  for (std::uint32_t i = 0; i < samples * kFeatures; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(random.below(256, i)));
    values.push_back(static_cast<float>(bytes.back()) + 0.125F);
  }
  for (std::uint32_t i = 0; i < samples; ++i) c.labels.push_back(i % 3);
  if (floats) {
    c.values = values;
  } else {
    c.values = bytes;
  }
  return Dataset(std::move(c));
}

double stored(const Dataset& data, Index sample, Index feature) {
  return std::visit(
      [&](const auto& v) {
        return static_cast<double>(
            v[data.stored_position(sample) * kFeatures + static_cast<std::size_t>(feature)]);
      },
      data.stored_values());
}

class DatasetOf : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Values, DatasetOf, ::testing::Bool(),
                         [](const auto& kind) { return kind.param ? "Floats" : "Bytes"; });

template <class T>
void expect_gathered(const Dataset& data) {
  const std::vector<std::uint32_t> samples = {7, 0, 39, 7};
  Matrix<T> out(kFeatures, 4);
  data.gather(samples, out);
  for (Index j = 0; j < 4; ++j) {
    for (Index f = 0; f < kFeatures; ++f) {
      EXPECT_EQ(static_cast<double>(out(f, j)),
                stored(data, samples[static_cast<std::size_t>(j)], f));
    }
  }
}

TEST_P(DatasetOf, GathersRawValuesAsColumns) {
  expect_gathered<float>(make(GetParam()));
  expect_gathered<double>(make(GetParam()));
}

TEST_P(DatasetOf, GathersIntoAWindowAndTouchesNothingElse) {
  const Dataset data = make(GetParam());
  Matrix<float> whole = Matrix<float>::Constant(kFeatures + 3, 6, -1);
  const std::vector<std::uint32_t> samples = {3, 4};
  data.gather(samples, whole.block(1, 2, kFeatures, 2));
  for (Index j = 0; j < whole.cols(); ++j) {
    for (Index i = 0; i < whole.rows(); ++i) {
      const bool inside = i >= 1 && i < 1 + kFeatures && j >= 2 && j < 4;
      EXPECT_EQ(whole(i, j), inside ? stored(data, j + 1, i - 1) : -1.0);
    }
  }
}

TEST_P(DatasetOf, GathersSomeFeaturesAlone) {
  const Dataset data = make(GetParam());
  const std::vector<std::uint32_t> samples = {3, 7};
  Matrix<double> out(2, 2);
  data.gather(samples, out, 1);
  for (Index j = 0; j < 2; ++j) {
    for (Index f = 0; f < 2; ++f) {
      EXPECT_EQ(out(f, j), stored(data, samples[static_cast<std::size_t>(j)], f + 1));
    }
  }
  EXPECT_THAT(message_of<UsageError>([&] { data.gather(samples, out, kFeatures - 1); }),
              AllOf(HasSubstr("5 features"), HasSubstr("from 4 on")));
}

TEST_P(DatasetOf, RefusesToGatherWhatDoesNotFit) {
  const Dataset data = make(GetParam());
  Matrix<float> out(kFeatures, 2);
  const std::vector<std::uint32_t> three = {1, 2, 3};
  EXPECT_THAT(message_of<UsageError>([&] { data.gather(three, out); }),
              AllOf(HasSubstr("made"), HasSubstr("5 × 3"), HasSubstr("got 5 × 2")));
  const std::vector<std::uint32_t> beyond = {1, kSamples};
  EXPECT_THAT(message_of<UsageError>([&] { data.gather(beyond, out); }),
              AllOf(HasSubstr("40 samples"), HasSubstr("number 40")));
}

TEST_P(DatasetOf, SubsetsPickInOrderAndShareTheValues) {
  const Dataset data = make(GetParam());
  const std::vector<std::uint32_t> chosen = {10, 3, 3, 25};
  const Dataset part = data.subset(chosen);
  EXPECT_EQ(part.samples(), 4);
  EXPECT_EQ(part.labels(), (std::vector<std::uint32_t>{1, 0, 0, 1}));
  EXPECT_EQ(part.classes(), data.classes());
  EXPECT_EQ(&part.stored_values(), &data.stored_values());
  const Dataset nested = part.subset(std::vector<std::uint32_t>{3, 0});
  EXPECT_EQ(nested.labels(), (std::vector<std::uint32_t>{1, 1}));
  Matrix<double> out(kFeatures, 2);
  nested.gather(std::vector<std::uint32_t>{0, 1}, out);
  for (Index f = 0; f < kFeatures; ++f) {
    EXPECT_EQ(out(f, 0), stored(data, 25, f));
    EXPECT_EQ(out(f, 1), stored(data, 10, f));
  }
  EXPECT_THAT(message_of<UsageError>([&] { (void)part.subset(std::vector<std::uint32_t>{4}); }),
              AllOf(HasSubstr("4 samples"), HasSubstr("number 4")));
}

TEST_P(DatasetOf, SubsetsOutliveTheirOrigin) {
  auto data = std::make_unique<Dataset>(make(GetParam()));
  const Dataset part = data->subset(std::vector<std::uint32_t>{2});
  const double value = stored(*data, 2, 1);
  data.reset();
  Matrix<double> out(kFeatures, 1);
  part.gather(std::vector<std::uint32_t>{0}, out);
  EXPECT_EQ(out(1, 0), value);
}

TEST_P(DatasetOf, AnEmptySubsetKeepsFeaturesAndClasses) {
  const Dataset none = make(GetParam()).subset({});
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.features(), kFeatures);
  EXPECT_EQ(none.classes().size(), 3U);
  EXPECT_THAT(message_of<UsageError>([&] { (void)feature_statistics(none); }),
              HasSubstr("at least 1 sample"));
}

TEST_P(DatasetOf, StatisticsAgreeWithANaiveOracle) {
  const Dataset data = make(GetParam()).subset(std::vector<std::uint32_t>{5, 9, 9, 0, 31, 12});
  const FeatureStatistics got = feature_statistics(data);
  for (Index f = 0; f < kFeatures; ++f) {
    long double sum = 0;
    for (Index i = 0; i < data.samples(); ++i) sum += stored(data, i, f);
    const long double mean = sum / data.samples();
    long double square = 0;
    for (Index i = 0; i < data.samples(); ++i) square += std::pow(stored(data, i, f) - mean, 2.0L);
    EXPECT_NEAR(got.mean[f], static_cast<double>(mean), 1e-12);
    EXPECT_NEAR(got.standard_deviation[f], static_cast<double>(std::sqrt(square / data.samples())),
                1e-12);
  }
}

// More samples than one block of 32-bit sums, all at the largest byte but the last.
TEST(FeatureStatistics, BytesNeverOverflowAndConstantsHaveNoDeviation) {
  constexpr std::size_t kMany = 200001;
  Dataset::Contents c{.name = "bright", .features = 2, .classes = {"a"}};
  std::vector<std::uint8_t> values(2 * kMany, 255);
  values.back() = 0;
  c.values = std::move(values);
  c.labels.assign(kMany, 0);
  const FeatureStatistics got = feature_statistics(Dataset(std::move(c)));
  EXPECT_EQ(got.mean[0], 255.0);
  EXPECT_EQ(got.standard_deviation[0], 0.0);
  const double n = kMany;
  EXPECT_NEAR(got.mean[1], 255.0 * (n - 1) / n, 1e-10);
  EXPECT_NEAR(got.standard_deviation[1], 255.0 * std::sqrt(n - 1) / n, 1e-10);
}

TEST(FeatureStatistics, OfBytesDoNotDependOnTheOrder) {
  const Dataset data = make(false);
  const auto order = Random(2, Purpose::test).permutation(kSamples);
  const FeatureStatistics a = feature_statistics(data);
  const FeatureStatistics b = feature_statistics(data.subset(order));
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.standard_deviation, b.standard_deviation);
}

TEST(Dataset, RefusesContentsThatDoNotFitTogether) {
  const auto refusal = [](Dataset::Contents c) {
    return message_of<UsageError>([&] { (void)Dataset(std::move(c)); });
  };
  using Bytes = std::vector<std::uint8_t>;
  const Dataset::Contents good{.name = "x",
                               .features = 2,
                               .values = Bytes{1, 2, 3, 4},
                               .labels = {0, 1},
                               .classes = {"a", "b"}};
  EXPECT_NO_THROW((void)Dataset(good));
  Dataset::Contents bad = good;
  bad.values = Bytes{1, 2, 3};
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("2 samples of 2 features"), HasSubstr("3 values")));
  bad = good;
  bad.labels = {0, 2};
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("label 2 of sample 1"), HasSubstr("classes, 2")));
  bad = good;
  bad.image = ImageShape{2, 2};
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("2 × 2"), HasSubstr("2 features")));
  bad.image = ImageShape{1, 2, 3};
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("1 × 2 × 3"), HasSubstr("2 features")));
  // Products that overflow to the right number.
  constexpr Index kHuge = Index{1} << 62;
  for (const ImageShape& shape :
       {ImageShape{0, 2, 1}, ImageShape{1, 2, 0}, ImageShape{-1, -2, 1}, ImageShape{kHuge, 4, 2}}) {
    bad.image = shape;
    EXPECT_THAT(refusal(bad), HasSubstr("2 features"));
  }
  for (const ImageShape& shape : {ImageShape{1, 2}, ImageShape{1, 1, 2}, ImageShape{2, 1, 1}}) {
    bad.image = shape;
    EXPECT_NO_THROW((void)Dataset(bad));
  }
  bad = good;
  bad.features = 0;
  EXPECT_THAT(refusal(bad), HasSubstr("at least 1 feature"));
  bad = good;
  bad.values = std::vector<float>{1, 2, 3, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THAT(refusal(bad), HasSubstr("feature 1 of sample 1 is nan"));
}

TEST(Dataset, IsEmptyByDefault) {
  const Dataset none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.features(), 0);
  EXPECT_TRUE(none.classes().empty());
}

TEST_P(DatasetOf, SelectsFeaturesOfASelection) {
  const Dataset data = make(GetParam()).subset(std::vector<std::uint32_t>{9, 3, 3});
  const Dataset chosen = select_features(data, std::vector<Index>{4, 0});
  EXPECT_EQ(chosen.features(), 2);
  EXPECT_EQ(chosen.labels(), data.labels());
  EXPECT_EQ(chosen.classes(), data.classes());
  Matrix<float> all(kFeatures, 3), two(2, 3);
  const std::vector<std::uint32_t> samples = {0, 1, 2};
  data.gather(samples, all);
  chosen.gather(samples, two);
  EXPECT_EQ(two.row(0), all.row(4));
  EXPECT_EQ(two.row(1), all.row(0));
  EXPECT_THAT(message_of<UsageError>([&] { (void)select_features(data, std::vector<Index>{5}); }),
              HasSubstr("features 0 to 4, asked for 5"));
  EXPECT_THAT(message_of<UsageError>([&] { (void)select_features(data, {}); }),
              HasSubstr("at least 1"));
}

TEST(InputStatistics, ScalePicturesTogetherAndOthersEach) {
  const Dataset data = make(false);
  Dataset::Contents c{.name = "pictures",
                      .features = kFeatures,
                      .values = data.stored_values(),
                      .labels = data.labels(),
                      .classes = data.classes(),
                      .image = ImageShape{1, kFeatures}};
  Dataset::Contents in_colour = c;
  in_colour.image = ImageShape{1, 1, kFeatures};
  const Dataset pictures(std::move(c)), colour_pictures(std::move(in_colour));
  const Vector<double> each = feature_statistics(data).standard_deviation;
  const double together = std::sqrt(each.squaredNorm() / kFeatures);
  const auto deviation = [](const Dataset& d, Scaling s) {
    return input_statistics(d, s).standard_deviation;
  };
  EXPECT_EQ(deviation(data, Scaling::automatic), each);
  EXPECT_EQ(deviation(pictures, Scaling::each), each);
  for (const double d : deviation(pictures, Scaling::automatic)) EXPECT_DOUBLE_EQ(d, together);
  EXPECT_EQ(deviation(colour_pictures, Scaling::automatic),
            deviation(pictures, Scaling::automatic));
  for (const double d : deviation(data, Scaling::together)) EXPECT_DOUBLE_EQ(d, together);
  EXPECT_EQ(input_statistics(pictures, Scaling::automatic).mean, feature_statistics(data).mean);
  for (const Scaling s : {Scaling::automatic, Scaling::each, Scaling::together}) {
    EXPECT_EQ(scaling_from_name(scaling_name(s)), s);
  }
  EXPECT_THROW((void)scaling_from_name("both"), UsageError);
}

}  // namespace
}  // namespace isoform
