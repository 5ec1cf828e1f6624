#include "isoform/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "isoform/base/error.h"
#include "tests/monitor/folder.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using testing::Folder;
using ::testing::HasSubstr;
using testing::message_of;
using testing::slurp;
using testing::spill;

TEST(WriteFileAtomically, WritesAndReplaces) {
  Folder folder;
  const std::string bytes("a\0b\n", 4);
  write_file_atomically(folder / "model", bytes);
  EXPECT_EQ(slurp(folder / "model"), bytes);
  write_file_atomically(folder / "model", "");
  EXPECT_EQ(slurp(folder / "model"), "");
  EXPECT_EQ(folder.entries(), 1) << "a temporary file was left behind";
}

TEST(WriteFileAtomically, NamesPathReasonAndMend) {
  Folder folder;
  const auto path = folder / "missing/model";
  EXPECT_THAT(message_of<FileError>([&] { write_file_atomically(path, "new"); }),
              AllOf(HasSubstr(path.string()), HasSubstr("No such file or directory"),
                    HasSubstr("create the folder")));
  EXPECT_THAT(message_of<FileError>([&] { write_file_atomically(folder.path(), "new"); }),
              AllOf(HasSubstr("Is a directory"), HasSubstr("name of a file")));
  EXPECT_THROW(write_file_atomically("", "new"), FileError);
}

TEST(WriteFileAtomically, LeavesTheOldFileWhenTheWriteFails) {
  Folder folder;
  const auto path = folder / "model";
  spill(path, "old");
  // A limit on the size of files fails a write in its middle, as a full disk does.
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small{1024, limit.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(write_file_atomically(path, std::string(4096, 'x')), FileError);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(slurp(path), "old");
  EXPECT_EQ(folder.entries(), 1) << "a temporary file was left behind";
}

TEST(WriteFileAtomically, KeepsPermissionsAndLinks) {
  Folder folder;
  const auto target = folder / "target", link = folder / "link";
  spill(target, "old");
  ASSERT_EQ(::chmod(target.c_str(), 0640), 0);
  std::filesystem::create_symlink("target", link);
  write_file_atomically(link, "new");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(slurp(target), "new");
  EXPECT_EQ(std::filesystem::status(target).permissions(), std::filesystem::perms(0640));
}

TEST(WriteFileAtomically, WritesDevicesDirectly) {
  EXPECT_NO_THROW(write_file_atomically("/dev/null", "gone"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_THAT(message_of<FileError>([] { write_file_atomically("/dev/full", "bytes"); }),
              HasSubstr("free some space"));
}

}  // namespace
}  // namespace isoform
