#include "isoform/data/image_folder.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "data/image_files.h"
#include "isoform/base/error.h"
#include "isoform/data/catalogue.h"
#include "isoform/data/checksum.h"

namespace isoform {
namespace {

using namespace testing_data;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string number(int i) { return std::string(i < 10 ? "0" : "") + std::to_string(i); }

class ImageFolders : public ::testing::Test {
 protected:
  // `count` pictures 00.ppm … of one colour each, written from the last to the first.
  void write_class(const std::string& folder, int count, std::uint8_t colour = 0) {
    fs::create_directories(folder_ / folder);
    for (int i = count - 1; i >= 0; --i) {
      const Picture p{1, 1, {colour, static_cast<std::uint8_t>(i), 7}};
      write_plain(folder_ / (folder + "/" + number(i) + ".ppm"), ppm_bytes(p));
    }
  }
  [[nodiscard]] ImageFolder list(const std::string& name = "") const {
    return list_image_folder(folder_ / name);
  }
  static std::vector<std::string> names(const ClassFiles& files) {
    std::vector<std::string> out;
    for (const fs::path& file : files) out.push_back(file.filename().string());
    return out;
  }
  TemporaryFolder folder_;
};

TEST_F(ImageFolders, AreReadInTheOrderOfTheirNamesClassAfterClass) {
  write_class("b", 2, 20);
  write_class("a", 2, 10);
  write_class("B", 2, 30);
  const ImageFolder files = list();
  EXPECT_THAT(files.classes, ElementsAre("B", "a", "b"));
  const Dataset train = read_image_folder(files, Split::train, "any", 2, 1);
  const Dataset test = read_image_folder(files, Split::test, "any", 2, 1);
  EXPECT_EQ(train.name(), "any");
  EXPECT_EQ(train.image(), (ImageShape{2, 2, 3}));
  EXPECT_EQ(train.classes(), files.classes);
  for (const Dataset& data : {train, test}) {
    EXPECT_THAT(data.labels(), ElementsAre(0, 1, 2));
    const auto& values = std::get<Bytes>(data.stored_values());
    for (const auto& [sample, red] : {std::pair{0U, 30}, std::pair{1U, 10}, std::pair{2U, 20}}) {
      const std::uint8_t green = values[12 * sample + 4];
      EXPECT_EQ(Bytes(values.begin() + 12 * sample, values.begin() + 12 * sample + 12),
                (Bytes{static_cast<std::uint8_t>(red), static_cast<std::uint8_t>(red),
                       static_cast<std::uint8_t>(red), static_cast<std::uint8_t>(red), green, green,
                       green, green, 7, 7, 7, 7}));
    }
  }
  EXPECT_EQ(read_image_folder(files, Split::train, "any").image(), (ImageShape{64, 64, 3}));
}

// The parts are a promise: models are compared across machines and years.
TEST_F(ImageFolders, DrawTheirTestPartByTheNameOfTheClass) {
  write_class("ant", 11);
  write_class("bee", 11);
  const ImageFolder files = list();
  EXPECT_THAT(names(files.test[0]), ElementsAre("04.ppm", "10.ppm"));
  EXPECT_THAT(names(files.test[1]), ElementsAre("00.ppm", "10.ppm"));
  write_class("aardvark", 5);
  const ImageFolder more = list();
  ASSERT_THAT(more.classes, ElementsAre("aardvark", "ant", "bee"));
  EXPECT_EQ(more.test[1], files.test[0]);
  EXPECT_EQ(more.train[2], files.train[1]);
}

TEST_F(ImageFolders, HaveAFifthOfEachClassInTheTestPart) {
  for (int count = 2; count <= 14; ++count) write_class("c" + number(count), count);
  const ImageFolder files = list();
  ASSERT_EQ(files.classes.size(), 13U);
  Index train = 0, test = 0;
  for (std::size_t k = 0; k < files.classes.size(); ++k) {
    const double count = static_cast<double>(k + 2);
    EXPECT_EQ(static_cast<double>(files.test[k].size()), std::max(1.0, std::round(count / 5)));
    EXPECT_TRUE(std::is_sorted(files.train[k].begin(), files.train[k].end()));
    std::set<fs::path> all(files.train[k].begin(), files.train[k].end());
    all.insert(files.test[k].begin(), files.test[k].end());
    EXPECT_EQ(static_cast<double>(all.size()), count);
    EXPECT_EQ(files.train[k].size() + files.test[k].size(), all.size());
    train += static_cast<Index>(files.train[k].size());
    test += static_cast<Index>(files.test[k].size());
  }
  EXPECT_EQ(files.samples(Split::train), train);
  EXPECT_EQ(files.samples(Split::test), test);
}

TEST_F(ImageFolders, DoNotDependOnThreads) {
  for (const char* name : {"a", "b", "c"}) write_class(name, 9, static_cast<std::uint8_t>(*name));
  const ImageFolder files = list();
  const std::uint32_t one = checksum(read_image_folder(files, Split::train, "n", 8, 1));
  EXPECT_EQ(checksum(read_image_folder(files, Split::train, "n", 8, 3)), one);
  EXPECT_EQ(checksum(read_image_folder(files, Split::train, "n", 8)), one);
}

TEST_F(ImageFolders, PassOverWhatIsNoPicture) {
  write_class("198.spider", 3);
  write_plain(folder_ / "198.spider/RENAME2", text_bytes("#!/bin/sh"));
  write_plain(folder_ / "198.spider/._00.ppm", text_bytes("junk"));
  write_plain(folder_ / "198.spider/notes.txt", text_bytes("junk"));
  write_class("198.spider/greg.ppm", 2);
  write_class(".hidden", 2);
  fs::create_directories(folder_ / "empty");
  write_plain(folder_ / "readme.jpg", text_bytes("junk"));
  for (const char* ending : {"jpg", "JPEG", "png", "Bmp"}) {
    write_plain(folder_ / ("198.spider/z." + std::string(ending)), jpeg_bytes());
  }
  const ImageFolder files = list();
  EXPECT_THAT(files.classes, ElementsAre("198.spider"));
  EXPECT_EQ(files.samples(Split::train) + files.samples(Split::test), 7);
  EXPECT_EQ(read_image_folder(files, Split::train, "n", 4).samples(), 6);
}

TEST_F(ImageFolders, MayHaveTheirParts) {
  write_class("train/b", 3);
  write_class("train/a", 1);
  write_class("test/c", 2);
  write_class("test/b", 1);
  write_class("other", 4);
  const ImageFolder files = list();
  EXPECT_THAT(files.classes, ElementsAre("a", "b", "c"));
  EXPECT_THAT(read_image_folder(files, Split::train, "n", 2).labels(), ElementsAre(0, 1, 1, 1));
  const Dataset test = read_image_folder(files, Split::test, "n", 2);
  EXPECT_THAT(test.labels(), ElementsAre(1, 2, 2));
  EXPECT_EQ(test.classes(), files.classes);
}

TEST_F(ImageFolders, MayHaveClassesCalledTrainAndTest) {
  write_class("train", 3);
  write_class("test", 3);
  EXPECT_THAT(list().classes, ElementsAre("test", "train"));
}

TEST_F(ImageFolders, NameTheFirstDamagedPicture) {
  write_class("a", 9);
  const ImageFolder files = list();
  ASSERT_GE(files.train[0].size(), 5U);
  const fs::path first = files.train[0][1], second = files.train[0][4];
  for (const fs::path& path : {second, first}) write_plain(path, text_bytes("P6 2 2 255\nxx"));
  for (const int threads : {1, 3}) {
    EXPECT_THAT(message_of<FormatError>(
                    [&] { (void)read_image_folder(files, Split::train, "n", 4, threads); }),
                AllOf(HasSubstr(first.string() + ": cut short"), HasSubstr("replace the file")));
  }
}

TEST_F(ImageFolders, SayWhatTheyLack) {
  EXPECT_TRUE(list().classes.empty());
  EXPECT_THAT(message_of<FormatError>([&] { (void)read_image_folder(list(), Split::test, "n"); }),
              AllOf(HasSubstr(folder_.path().string()), HasSubstr("no pictures in its test part")));
  EXPECT_THAT(message_of<FileError>([&] { (void)list("none"); }),
              AllOf(HasSubstr((folder_ / "none").string()), HasSubstr("cannot be listed")));
  write_class("train/a", 2);
  EXPECT_THAT(message_of<FormatError>([&] { (void)list(); }),
              AllOf(HasSubstr("both train and test"),
                    HasSubstr((folder_ / "test").string() + " has none")));
  write_class("b", 1);
  EXPECT_THAT(message_of<FormatError>([&] { (void)list(); }),
              AllOf(HasSubstr((folder_ / "b").string()), HasSubstr("at least 2 pictures"),
                    HasSubstr("got 1")));
  EXPECT_THROW((void)read_image_folder(list("train"), Split::train, "n", 0), UsageError);
}

TEST_F(ImageFolders, AreTakenInsteadOfANameByLoad) {
  write_class("beasts/dog", 6, 200);
  write_class("beasts/012.cat", 6, 100);
  const Dataset train = load((folder_ / "beasts/").string(), Split::train);
  EXPECT_EQ(train.name(), "beasts");
  EXPECT_THAT(train.classes(), ElementsAre("012.cat", "dog"));
  EXPECT_EQ(train.samples(), 10);
  EXPECT_EQ(train.image(), (ImageShape{64, 64, 3}));
  EXPECT_EQ(load((folder_ / "beasts").string(), Split::test).samples(), 2);
  fs::create_directories(folder_ / "nothing");
  EXPECT_THAT(
      message_of<FileError>([&] { (void)load((folder_ / "nothing").string(), Split::train); }),
      AllOf(HasSubstr((folder_ / "nothing").string()), HasSubstr("t10k-labels-idx1-ubyte"),
            HasSubstr(".ppm"), Not(HasSubstr("is missing"))));
}

}  // namespace
}  // namespace isoform
