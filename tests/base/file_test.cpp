#include "isoform/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "isoform/base/error.h"

namespace isoform {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class WriteFile : public ::testing::Test {
 protected:
  WriteFile() {
    std::string pattern = (fs::temp_directory_path() / "isoform-file-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
  }
  ~WriteFile() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] long entries() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }
  static std::string refusal(const fs::path& path) {
    try {
      write_file_atomically(path, "new");
    } catch (const FileError& error) {
      return error.what();
    }
    ADD_FAILURE() << "did not throw";
    return {};
  }
  fs::path folder_;
};

TEST_F(WriteFile, WritesEveryByteAndLeavesNothingElse) {
  std::string bytes(300000, 'x');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31);
  write_file_atomically(folder_ / "a", bytes);
  EXPECT_EQ(read(folder_ / "a"), bytes);
  write_file_atomically(folder_ / "a", "");
  EXPECT_EQ(read(folder_ / "a"), "");
  EXPECT_EQ(entries(), 1);
}

TEST_F(WriteFile, ReplacingKeepsPermissionsAndSymbolicLinks) {
  write_file_atomically(folder_ / "a", "old");
  fs::permissions(folder_ / "a", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("a", folder_ / "link");
  write_file_atomically(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read(folder_ / "a"), "new");
  EXPECT_EQ(fs::status(folder_ / "a").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

// Whoever has the old file open goes on reading the old file.
TEST_F(WriteFile, AnOpenReaderKeepsTheOldContents) {
  write_file_atomically(folder_ / "a", "old");
  std::ifstream reader(folder_ / "a");
  write_file_atomically(folder_ / "a", "new");
  std::string text;
  reader >> text;
  EXPECT_EQ(text, "old");
  EXPECT_EQ(read(folder_ / "a"), "new");
}

TEST_F(WriteFile, WritesDevicesDirectly) {
  EXPECT_NO_THROW(write_file_atomically("/dev/null", "gone"));
  EXPECT_FALSE(fs::is_regular_file("/dev/null"));
}

TEST_F(WriteFile, RefusalsNameThePathTheReasonAndTheMend) {
  const fs::path missing = folder_ / "no" / "a";
  EXPECT_THAT(refusal(missing),
              AllOf(HasSubstr(missing.string()), HasSubstr("No such file"),
                    HasSubstr("create the folder '" + (folder_ / "no").string() + "'")));
  EXPECT_THAT(refusal(folder_), AllOf(HasSubstr(folder_.string()), HasSubstr("not of a folder")));
  EXPECT_THAT(refusal(folder_ / std::string(300, 'n')), HasSubstr("shorter name"));
  EXPECT_EQ(entries(), 0);
}

}  // namespace
}  // namespace isoform
