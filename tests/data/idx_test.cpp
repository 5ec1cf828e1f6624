#include "isoform/data/idx.h"

#include <limits>

#include "data/idx_files.h"
#include "isoform/base/error.h"

namespace isoform {
namespace {

using namespace testing_data;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Bytes counting(std::size_t count) {
  Bytes out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(i * 37 + 5);
  return out;
}

std::uint32_t crc_of(const Bytes& bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, bytes.data(), bytes.size()));
}

class Idx : public ::testing::Test {
 protected:
  // Reads it plain and compressed; both must refuse it, with the name and these words.
  void expect_refused(const Bytes& bytes, const std::vector<std::string>& words) {
    for (const fs::path& path :
         {write_plain(folder_ / "bad", bytes), write_gzip(folder_ / "bad.gz", bytes)}) {
      const std::string text = message_of<FormatError>([&] { (void)read_idx_array(path); });
      EXPECT_THAT(text, HasSubstr(path.string() + ": "));
      for (const std::string& word : words) EXPECT_THAT(text, HasSubstr(word));
    }
  }
  TemporaryFolder folder_;
};

TEST_F(Idx, BytesComeBackAsWritten) {
  const Bytes values = counting(3 * 4 * 5);
  const Bytes file = idx_bytes({3, 4, 5}, values);
  const IdxArray array = read_idx_array(write_plain(folder_ / "a", file));
  EXPECT_EQ(array.shape, (std::vector<std::uint32_t>{3, 4, 5}));
  EXPECT_EQ(std::get<Bytes>(array.values), values);
  EXPECT_EQ(array.content_bytes, file.size());
  EXPECT_EQ(array.crc32, crc_of(file));
}

TEST_F(Idx, FloatsComeBackAsWritten) {
  const std::vector<float> values = {0.0F, -1.5F, 3.25e-30F, 1e30F, -0.0F, 0.1F};
  const IdxArray array = read_idx_array(write_plain(folder_ / "a", idx_floats({2, 3}, values)));
  EXPECT_EQ(array.shape, (std::vector<std::uint32_t>{2, 3}));
  EXPECT_EQ(std::get<std::vector<float>>(array.values), values);
}

TEST_F(Idx, CompressedEqualsPlainWhateverTheName) {
  // Beyond one chunk of reading, and not a multiple of it.
  const Bytes file = idx_bytes({1301, 1701}, counting(1301 * 1701));
  const IdxArray plain = read_idx_array(write_plain(folder_ / "plain.gz", file));
  const IdxArray compressed = read_idx_array(write_gzip(folder_ / "compressed", file));
  EXPECT_EQ(plain.shape, compressed.shape);
  EXPECT_EQ(std::get<Bytes>(plain.values), std::get<Bytes>(compressed.values));
  EXPECT_EQ(plain.crc32, compressed.crc32);
  EXPECT_EQ(plain.crc32, crc_of(file));
  EXPECT_EQ(plain.content_bytes, compressed.content_bytes);
}

TEST_F(Idx, LongFloatFilesAreReadWhole) {
  std::vector<float> values(700001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.25F;
  const IdxArray array = read_idx_array(write_gzip(folder_ / "a", idx_floats({700001}, values)));
  EXPECT_EQ(std::get<std::vector<float>>(array.values), values);
}

TEST_F(Idx, RefusesAWrongStart) {
  expect_refused({}, {"empty"});
  expect_refused({0, 0, 8}, {"cut short", "needs 4 bytes", "got 3"});
  expect_refused({'P', 'K', 3, 4, 0, 0}, {"not an IDX file", "50 4b", "00 00"});
  expect_refused({0, 0, 0x0C, 1, 0, 0, 0, 1, 0, 0, 0, 9}, {"0x0c", "32-bit integer", "0x08"});
  expect_refused({0, 0, 0x77, 1, 0, 0, 0, 1, 9}, {"0x77", "unknown"});
  expect_refused({0, 0, 8, 0, 1}, {"1 to 8 dimensions", "got 0"});
  expect_refused({0, 0, 8, 9, 1}, {"1 to 8 dimensions", "got 9"});
}

TEST_F(Idx, RefusesACutHeader) {
  expect_refused({0, 0, 8, 3, 0, 0, 0, 1, 0}, {"cut short", "needs 16 bytes", "got 9"});
}

TEST_F(Idx, RefusesADimensionOfZero) {
  expect_refused(idx_header(8, {0}), {"dimension 1 of 1", "got 0"});
  expect_refused(idx_header(8, {3, 0, 2}), {"dimension 2 of 3", "got 0"});
}

TEST_F(Idx, RefusesMissingValuesWithTheNumbers) {
  Bytes file = idx_bytes({10, 2, 3}, counting(60));
  file.pop_back();
  expect_refused(file, {"cut short", "needs 76 bytes", "10 × 2 × 3", "got 75"});
  Bytes floats = idx_floats({2, 2}, {1, 2, 3, 4});
  floats.pop_back();
  expect_refused(floats, {"needs 28 bytes", "float32", "got 27"});
  expect_refused(idx_header(8, {5}), {"needs 13 bytes", "got 8"});
}

TEST_F(Idx, RefusesBytesLeftOver) {
  Bytes file = idx_bytes({10}, counting(10));
  file.push_back(0);
  expect_refused(file, {"left over", "18 bytes", "got more"});
}

// Were memory taken for what the header says, these would not end well.
TEST_F(Idx, HugeDimensionsCostNothing) {
  const std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  expect_refused(idx_header(8, {most, most}), {"4294967295 × 4294967295", "more values than any"});
  expect_refused(idx_header(0x0D, {most, most, most, most}), {"more values than any"});
  expect_refused(idx_header(8, {most, 1000, 1000}), {"needs 4294967295000016 bytes", "got 16"});
  expect_refused(idx_header(0x0D, {most, 60000}), {"got 12"});
}

TEST_F(Idx, RefusesFloatsThatAreNotFinite) {
  expect_refused(idx_floats({3}, {1, std::numeric_limits<float>::infinity(), 2}),
                 {"value 1 of 3", "inf"});
  expect_refused(idx_floats({3}, {1, 2, std::numeric_limits<float>::quiet_NaN()}),
                 {"value 2 of 3", "nan"});
}

TEST_F(Idx, RefusesDamagedGzip) {
  const fs::path path = write_gzip(folder_ / "a.gz", idx_bytes({5000}, counting(5000)));
  const Bytes whole = file_bytes(path);
  const auto refusal = [&](const Bytes& bytes) {
    write_plain(path, bytes);
    std::string text = message_of<FormatError>([&] { (void)read_idx_array(path); });
    EXPECT_THAT(text, AllOf(HasSubstr(path.string() + ": "), HasSubstr("gzip data"),
                            HasSubstr("fetch the file again")));
    // The name once, not once more out of zlib's own message.
    EXPECT_EQ(text.find("a.gz"), text.rfind("a.gz")) << text;
    return text;
  };
  EXPECT_THAT(refusal({whole.begin(), whole.begin() + static_cast<long>(whole.size() / 2)}),
              HasSubstr("cut short"));
  EXPECT_THAT(refusal({whole.begin(), whole.end() - 3}), HasSubstr("cut short"));
  Bytes wrong_sum = whole;
  wrong_sum[whole.size() - 6] ^= 1;
  EXPECT_THAT(refusal(wrong_sum), HasSubstr("damaged"));
  Bytes flipped = whole;
  flipped[whole.size() / 2] ^= 0x10;
  (void)refusal(flipped);
}

std::string refused_file(const fs::path& path) {
  return message_of<FileError>([&] { (void)read_idx_array(path); });
}

TEST_F(Idx, RefusesMissingFilesAndFolders) {
  EXPECT_THAT(refused_file(folder_ / "missing"),
              AllOf(HasSubstr((folder_ / "missing").string()), HasSubstr("No such file")));
  EXPECT_THAT(refused_file(folder_.path()),
              AllOf(HasSubstr(folder_.path().string()), HasSubstr("got a folder")));
}

TEST_F(Idx, RefusesFilesItMayNotRead) {
  const fs::path closed = write_plain(folder_ / "closed", idx_bytes({1}, {1}));
  fs::permissions(closed, fs::perms::none);
  if (std::ifstream(closed).good()) GTEST_SKIP() << "this user may read everything";
  EXPECT_THAT(refused_file(closed), AllOf(HasSubstr(closed.string()), HasSubstr("Permission")));
}

class IdxSet : public Idx {
 protected:
  fs::path images_ = write_plain(folder_ / "images", idx_bytes({4, 2, 3}, counting(24)));
  fs::path labels_ = write_plain(folder_ / "labels", idx_bytes({4}, {1, 0, 2, 1}));
};

TEST_F(IdxSet, HasImagesLabelsAndClasses) {
  const Dataset data = read_idx(images_, labels_);
  EXPECT_EQ(data.samples(), 4);
  EXPECT_EQ(data.features(), 6);
  EXPECT_EQ(data.image(), (ImageShape{2, 3}));
  EXPECT_EQ(data.labels(), (std::vector<std::uint32_t>{1, 0, 2, 1}));
  EXPECT_EQ(data.classes(), (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(data.name(), "images");
  const Dataset named = read_idx(images_, labels_, {"a", "b", "c", "d"}, "letters");
  EXPECT_EQ(named.classes().size(), 4U);
  EXPECT_EQ(named.name(), "letters");
}

TEST_F(IdxSet, RefusesLabelsNotMatchingImages) {
  write_plain(labels_, idx_bytes({5}, {1, 0, 2, 1, 1}));
  EXPECT_THAT(message_of<FormatError>([&] { (void)read_idx(images_, labels_); }),
              AllOf(HasSubstr("labels not matching images"), HasSubstr(labels_.string()),
                    HasSubstr("5 labels"), HasSubstr(images_.string()), HasSubstr("4 images")));
}

TEST_F(IdxSet, RefusesExchangedFiles) {
  EXPECT_THAT(message_of<FormatError>([&] { (void)read_idx(labels_, images_); }),
              AllOf(HasSubstr(images_.string()), HasSubstr("4 × 2 × 3"),
                    HasSubstr("is this the file of images?")));
  EXPECT_THAT(message_of<FormatError>([&] { (void)read_idx(labels_, labels_); }),
              HasSubstr("is this the file of labels?"));
}

TEST_F(IdxSet, RefusesALabelWithoutClass) {
  EXPECT_THAT(message_of<FormatError>([&] {
                (void)read_idx(images_, labels_, {"a", "b"});
              }),
              AllOf(HasSubstr(labels_.string()), HasSubstr("classes, 2"), HasSubstr("got 2"),
                    HasSubstr("sample 2")));
}

}  // namespace
}  // namespace isoform
