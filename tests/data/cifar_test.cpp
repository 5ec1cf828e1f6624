#include "isoform/data/cifar.h"

#include "data/image_files.h"
#include "isoform/base/error.h"

namespace isoform {
namespace {

using namespace testing_data;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr ImageShape kTiny{1, 2, 3};

// Records of pictures of 1 × 2 pixels.
Bytes records(const std::vector<Bytes>& labels, std::uint8_t first) {
  Bytes out;
  for (const Bytes& of_one : labels) {
    append(out, of_one);
    for (int i = 0; i < 6; ++i) out.push_back(first++);
  }
  return out;
}

TEST(Cifar, ReadsTheFilesOneAfterTheOther) {
  const TemporaryFolder folder;
  const std::vector<fs::path> files = {write_plain(folder / "b", records({{2}, {0}}, 10)),
                                       write_plain(folder / "a", records({{1}}, 250))};
  const Dataset data = read_cifar(files, 1, kTiny, {"x", "y", "z"}, "tiny");
  EXPECT_EQ(data.name(), "tiny");
  EXPECT_EQ(data.image(), kTiny);
  EXPECT_THAT(data.labels(), ElementsAre(2, 0, 1));
  EXPECT_THAT(data.classes(), ElementsAre("x", "y", "z"));
  EXPECT_EQ(std::get<Bytes>(data.stored_values()),
            (Bytes{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 250, 251, 252, 253, 254, 255}));
}

TEST(Cifar, TakesTheFineLabelOfTwo) {
  const TemporaryFolder folder;
  // Coarse labels that no class has.
  const std::vector<fs::path> files = {
      write_plain(folder / "train.bin", records({{9, 1}, {8, 0}}, 0))};
  const Dataset data = read_cifar(files, 2, kTiny, {"x", "y"}, "fine");
  EXPECT_THAT(data.labels(), ElementsAre(1, 0));
  EXPECT_EQ(std::get<Bytes>(data.stored_values()), (Bytes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST(Cifar, RefusesWhatIsNoWholeNumberOfRecords) {
  const TemporaryFolder folder;
  const Bytes whole = records({{0}, {1}}, 0);
  const fs::path good = write_plain(folder / "good", whole);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    if (length == 7) continue;
    const fs::path bad = write_plain(
        folder / "bad", Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    const std::vector<fs::path> files = {good, bad};
    EXPECT_THAT(message_of<FormatError>([&] {
                  (void)read_cifar(files, 1, kTiny, {"x", "y"}, "n");
                }),
                AllOf(HasSubstr(bad.string()), HasSubstr("records of 7 bytes (1 for labels, 6"),
                      HasSubstr("got " + std::to_string(length) + " bytes"), HasSubstr("fetch")));
  }
}

TEST(Cifar, RefusesALabelWithoutAClass) {
  const TemporaryFolder folder;
  const std::vector<fs::path> files = {write_plain(folder / "f", records({{1}, {2}}, 0))};
  EXPECT_THAT(message_of<FormatError>([&] {
                (void)read_cifar(files, 1, kTiny, {"x", "y"}, "n");
              }),
              AllOf(HasSubstr(files[0].string()), HasSubstr("classes, 2, got 2 in record 1")));
}

TEST(Cifar, RefusesMissingFilesAndWrongUse) {
  const TemporaryFolder folder;
  const std::vector<fs::path> missing = {folder / "none"};
  EXPECT_THAT(message_of<FileError>([&] { (void)read_cifar(missing, 1, kTiny, {"x"}, "n"); }),
              AllOf(HasSubstr(missing[0].string()), HasSubstr("cannot be read")));
  EXPECT_THROW((void)read_cifar({}, 1, kTiny, {"x"}, "n"), UsageError);
  EXPECT_THROW((void)read_cifar(missing, 0, kTiny, {"x"}, "n"), UsageError);
  EXPECT_THROW((void)read_cifar(missing, 1, {1, 2, 1}, {"x"}, "n"), UsageError);
}

}  // namespace
}  // namespace isoform
