// What tests/cli/test_tensorboard.py cannot see from outside: the checksum, disks that fill, odd events.
#include "isoform/monitor/tensorboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <limits>

#include "isoform/base/error.h"
#include "tests/monitor/folder.h"
#include "tests/monitor/scripted_run.h"

namespace isoform {
namespace {

using testing::Folder;
using ::testing::HasSubstr;
using testing::message_of;
using testing::scripted_run;
using testing::slurp;
using ::testing::StartsWith;

// Values of RFC 3720, B.4, and of the check word of every catalogue of CRCs.
TEST(TensorBoard, ChecksumIsCastagnolis) {
  EXPECT_EQ(detail::crc32c(""), 0U);
  EXPECT_EQ(detail::crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(detail::crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(detail::crc32c(std::string(32, '\xff')), 0x62a8ab43U);
}

TEST(TensorBoard, SameEventsAtTheSameTimeGiveTheSameBytes) {
  Folder folder;
  TensorBoard one(folder / "one", 1700000000.25), other(folder / "other", 1700000000.25);
  for (const Event& event : scripted_run({.epochs = 2, .missing = true})) {
    one(event);
    other(event);
  }
  EXPECT_EQ(one.path(), folder / "one/events.out.tfevents.1700000000.isoform");
  EXPECT_EQ(slurp(one.path()), slurp(other.path()));
  TensorBoard second(folder / "one", 1700000000.75);
  EXPECT_EQ(second.path(), folder / "one/events.out.tfevents.1700000000.isoform.2");
}

TEST(TensorBoard, KnowsNoFieldThatIsMissingOrOdd) {
  Folder folder;
  TensorBoard board(folder.path(), 1700000000);
  const auto before = slurp(board.path()).size();
  for (const char* type : {"warning", "something new", "spectrum", "step"})
    board({type, 1, 1, 0, {}});
  board({"step", 2, 1, 0, {{"loss", nullptr}, {"learning_rate", "fast"}}});
  board({"spectrum", 2, 1, 0, {{"spaces", {1, {{"values", {nullptr}}}, {{"values", 3}}}}}});
  EXPECT_EQ(slurp(board.path()).size(), before);
  board({"epoch", 3, 1, 0, {{"tasks", {1, {{"name", "\xff"}, {"train_loss", 1.0}}}}}});
  EXPECT_THAT(slurp(board.path()), HasSubstr("loss/train/\uFFFD"));
  EXPECT_FALSE(board.failed());
}

TEST(TensorBoard, ALossThatBrokeIsNaNAndOtherNumbersAreLeftOut) {
  Folder folder;
  TensorBoard board(folder.path(), 1700000000);
  const double inf = std::numeric_limits<double>::infinity();
  board({"step", 1, 1, 0, {{"loss", inf}, {"learning_rate", inf}}});
  board({"epoch", 1, 1, 0, {{"train_loss", 1e300}, {"validation_loss", -inf}}});
  const std::string bytes = slurp(board.path());
  const std::string nan("\x15\x00\x00\xc0\x7f", 5);
  EXPECT_THAT(bytes, HasSubstr("loss/batch" + nan));
  EXPECT_THAT(bytes, HasSubstr("loss/train" + nan));
  EXPECT_THAT(bytes, Not(HasSubstr("learning_rate")));
  EXPECT_THAT(bytes, Not(HasSubstr("validation")));
}

TEST(TensorBoard, AFullDiskEndsTheFileAtAWholeRecord) {
  Folder folder;
  TensorBoard board(folder.path(), 1700000000);
  const auto events = scripted_run({.epochs = 1});
  board(events.front());
  const std::string before = slurp(board.path());
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  rlimit small = old;
  small.rlim_cur = before.size() + 10;
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  for (const Event& event : events) board(event);
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(board.failed());
  EXPECT_THAT(board.failure(), HasSubstr("the run goes on"));
  EXPECT_EQ(slurp(board.path()), before);
  for (const Event& event : events) board(event);  // not even when there is space again
  EXPECT_EQ(slurp(board.path()), before);
}

TEST(TensorBoard, AFolderThatWasRemovedIsSaid) {
  Folder folder;
  TensorBoard board(folder / "runs/deep", 1700000000);
  std::filesystem::remove_all(folder / "runs");
  board(scripted_run({.epochs = 1}).front());
  EXPECT_THAT(board.failure(), HasSubstr("No such file"));
}

TEST(TensorBoard, RefusesWhatIsNoFolder) {
  Folder folder;
  testing::spill(folder / "file", "");
  for (const char* name : {"file", "file/in"}) {
    EXPECT_THAT(message_of<FileError>([&] { TensorBoard board(folder / name); }),
                StartsWith("cannot write TensorBoard's events into"));
  }
}

}  // namespace
}  // namespace isoform
