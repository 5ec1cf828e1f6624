// Known sets as files on disk: found, passed over, refused, read. Small stand-ins where sizes need not be verified.
#include <numeric>

#include "data/image_files.h"
#include "isoform/base/error.h"
#include "isoform/data/catalogue.h"

namespace isoform {
namespace {

using namespace testing_data;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class KnownFiles : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const Bytes& bytes) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    return write_plain(path, bytes);
  }
  Dataset read(const std::string& name, Split split, bool verify = false) {
    return load(name, split, {.data_dir = folder_.path(), .verify = verify});
  }
  FoundSet find(const std::string& name, Split split) {
    return find_set(*find_entry(name), split, folder_.path());
  }
  TemporaryFolder folder_;
};

// One record with pixels that count up.
Bytes record(const Bytes& labels, std::uint8_t first) {
  Bytes out = labels;
  out.resize(labels.size() + 3072);
  std::iota(out.begin() + static_cast<std::ptrdiff_t>(labels.size()), out.end(), first);
  return out;
}

TEST_F(KnownFiles, Cifar10IsFoundInItsSubfolderAndBesideIt) {
  const auto write_all = [&](const std::string& folder, std::uint8_t shift) {
    for (int i = 1; i <= 5; ++i) {
      const auto label = static_cast<std::uint8_t>(i + shift);
      write(folder + "data_batch_" + std::to_string(i) + ".bin", record({label}, label));
    }
  };
  write_all("cifar-10-batches-bin/", 0);
  const Dataset data = read("cifar-10", Split::train);
  EXPECT_THAT(data.labels(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(data.image(), (ImageShape{32, 32, 3}));
  EXPECT_EQ(data.classes()[9], "truck");
  EXPECT_EQ(std::get<Bytes>(data.stored_values())[3072], 2);
  EXPECT_FALSE(find("cifar-10", Split::test).found());
  write_all("", 1);
  EXPECT_THAT(read("cifar-10", Split::train).labels(), ElementsAre(2, 3, 4, 5, 6));
  write_all("cifar-10/cifar-10-batches-bin/", 2);
  EXPECT_THAT(read("cifar-10", Split::train).labels(), ElementsAre(3, 4, 5, 6, 7));
  EXPECT_THAT(find("cifar-10", Split::train).files.front().string(),
              HasSubstr("cifar-10/cifar-10-batches-bin/data_batch_1.bin"));
}

TEST_F(KnownFiles, PartialCifar10SaysWhatIsMissingAndHowToGetIt) {
  for (const char* i : {"1", "2", "4"}) {
    write(std::string("cifar-10-batches-bin/data_batch_") + i + ".bin", record({0}, 0));
  }
  EXPECT_THAT(message_of<FileError>([&] { (void)read("cifar-10", Split::train); }),
              AllOf(HasSubstr((folder_ / "cifar-10").string() + " (no such folder)"),
                    HasSubstr((folder_ / "cifar-10-batches-bin").string() +
                              " (without data_batch_3.bin, data_batch_5.bin)"),
                    HasSubstr("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"),
                    HasSubstr("tar xzf cifar-10-binary.tar.gz")));
  EXPECT_THAT(
      find("cifar-10", Split::test).looked,
      HasSubstr(folder_.path().string() + " (none of its files, nor in cifar-10-batches-bin)"));
}

TEST_F(KnownFiles, CifarOfAnotherSizeIsRefused) {
  const fs::path test = write("test_batch.bin", record({0}, 0));
  EXPECT_THAT(message_of<FormatError>([&] { (void)read("cifar-10", Split::test, true); }),
              AllOf(HasSubstr(test.string() + ": not the test_batch.bin of cifar-10"),
                    HasSubstr("30730000 bytes, got 3073"), HasSubstr("fetch it again (mkdir")));
  write("test_batch.bin", record({10}, 0));
  EXPECT_THAT(message_of<FormatError>([&] { (void)read("cifar-10", Split::test); }),
              HasSubstr("classes, 10, got 10 in record 0"));
  // All zero, of the official size.
  fs::remove(test);
  write("test_batch.bin", {});
  fs::resize_file(test, 30730000);
  EXPECT_EQ(read("cifar-10", Split::test, true).samples(), 10000);
}

TEST_F(KnownFiles, Cifar100HasFineLabels) {
  Bytes two = record({19, 99}, 0);
  append(two, record({3, 0}, 5));
  const fs::path train = write("cifar-100-binary/train.bin", two);
  const Dataset data = read("cifar-100", Split::train);
  EXPECT_THAT(data.labels(), ElementsAre(99, 0));
  EXPECT_EQ(data.classes()[99], "worm");
  EXPECT_EQ(data.classes()[0], "apple");
  EXPECT_EQ(std::get<Bytes>(data.stored_values())[3072], 5);
  EXPECT_THAT(message_of<FormatError>([&] { (void)read("cifar-100", Split::train, true); }),
              AllOf(HasSubstr(train.string()), HasSubstr("153700000 bytes")));
  EXPECT_THAT(message_of<FileError>([&] { (void)read("cifar-100", Split::test); }),
              AllOf(HasSubstr("cifar-100 (test part)"), HasSubstr("cifar-100-binary.tar.gz")));
}

TEST_F(KnownFiles, EmnistLettersAreUprightAndTheFirstTen) {
  fs::create_directories(folder_ / "gzip");
  Bytes pixels(std::size_t{3} * 784, 0);
  pixels[1] = 99;  // of the first picture, column 0, row 1
  const std::string stem = "emnist-letters-train-";
  write_gzip(folder_ / ("gzip/" + stem + "images-idx3-ubyte.gz"), idx_bytes({3, 28, 28}, pixels));
  write_gzip(folder_ / ("gzip/" + stem + "labels-idx1-ubyte.gz"), idx_bytes({3}, {10, 11, 1}));
  const Dataset data = read("emnist-a-j", Split::train);
  EXPECT_THAT(data.labels(), ElementsAre(9, 0));
  EXPECT_THAT(data.classes(), ElementsAre("A", "B", "C", "D", "E", "F", "G", "H", "I", "J"));
  EXPECT_EQ(data.image(), (ImageShape{28, 28}));
  EXPECT_EQ(std::get<Bytes>(data.stored_values())[28], 99);
  EXPECT_EQ(read("emnist-a-j", Split::train, true).samples(), 2) << "their size is not known";
}

TEST_F(KnownFiles, EmnistLettersOfTheOfficialSizePass) {
  Bytes labels(20800);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::uint8_t>(i % 26 + 1);
  const std::string stem = "emnist-letters-test-";
  const Bytes images = idx_bytes({20800, 28, 28}, Bytes(std::size_t{20800} * 784, 3));
  write(stem + "images-idx3-ubyte", images);
  write(stem + "labels-idx1-ubyte", idx_bytes({20800}, labels));
  const Dataset data = read("emnist-a-j", Split::test, true);
  EXPECT_EQ(data.samples(), static_cast<Index>(find_entry("emnist-a-j")->test_samples));
  fs::remove(folder_ / (stem + "images-idx3-ubyte"));
  EXPECT_THAT(find("emnist-a-j", Split::test).looked,
              HasSubstr(" (without emnist-letters-test-images-idx3-ubyte)"));
}

TEST_F(KnownFiles, Caltech256IsAFolderOfNumberedClasses) {
  const std::string root = "256_ObjectCategories/";
  const auto name = [](int i) {
    std::string digits = std::to_string(i);
    return std::string(3 - digits.size(), '0') + digits + ".thing-" + digits;
  };
  const Bytes bytes = ppm_bytes(picture(1, 1));
  for (int i = 1; i <= 256; ++i) {
    write(root + name(i) + "/1.ppm", bytes);
    write(root + name(i) + "/2.ppm", bytes);
  }
  write(root + "RENAME2", bytes);
  EXPECT_THAT(message_of<FileError>([&] { (void)read("caltech-256", Split::train); }),
              AllOf(HasSubstr((folder_ / "256_ObjectCategories").string() +
                              " (256 of the 257 folders of its classes)"),
                    HasSubstr("256_ObjectCategories.tar")));
  write(root + name(257) + "/1.ppm", bytes);
  write(root + name(257) + "/2.ppm", bytes);
  for (const Split part : {Split::train, Split::test}) {
    EXPECT_THAT(find("caltech-256", part).files, ElementsAre(folder_ / "256_ObjectCategories"));
    const Dataset data = read("caltech-256", part);
    EXPECT_EQ(data.name(), "caltech-256");
    EXPECT_EQ(data.samples(), 257);
    EXPECT_EQ(data.classes().front(), "thing-1");
    EXPECT_EQ(data.classes().back(), "thing-257");
    EXPECT_EQ(data.image(), find_entry("caltech-256")->image);
  }
  EXPECT_THAT(message_of<FormatError>([&] { (void)read("caltech-256", Split::train, true); }),
              AllOf(HasSubstr("needs 30607 pictures in 257 classes, got 514 in 257"),
                    HasSubstr("fetch it again")));
}

}  // namespace
}  // namespace isoform
