#include "isoform/monitor/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "isoform/base/error.h"
#include "tests/monitor/folder.h"
#include "tests/monitor/scripted_run.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using testing::Folder;
using ::testing::HasSubstr;
using testing::message_of;
using testing::scripted_run;
using testing::slurp;
using testing::spill;

constexpr const char* kLine = R"({"v":1,"seq":0,"step":1,"epoch":1,"time_s":0.5,"type":"step"})";

TEST(EventLog, WhatIsWrittenIsReadBack) {
  Folder folder;
  const auto events = scripted_run({.epochs = 2});
  EventLog log(folder / "run.jsonl");
  const Observer observer = log.observer();
  for (const Event& event : events) observer(event);
  EXPECT_FALSE(log.failed());
  EXPECT_EQ(log.size(), std::ssize(events));
  // Read while the log is open: every line is out already.
  const auto read = read_events(folder / "run.jsonl");
  ASSERT_EQ(read.size(), events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(read[i].type, events[i].type);
    EXPECT_EQ(read[i].step, events[i].step);
    EXPECT_EQ(read[i].epoch, events[i].epoch);
    EXPECT_EQ(read[i].time_s, events[i].time_s);
    EXPECT_EQ(read[i].data, events[i].data);
  }
}

TEST(EventLog, FlattensDataAfterTheFixedFields) {
  const Event event{"warning", 7, 2, 1.5, {{"message", "a \"b\""}, {"seq", 99}}};
  EXPECT_EQ(event_line(event, 3),
            R"({"v":1,"seq":3,"step":7,"epoch":2,"time_s":1.5,"type":"warning",)"
            R"("message":"a \"b\""})");
}

TEST(EventLog, WritesNullForWhatIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Event event{"step", 1, 1, 0, {{"loss", nan}, {"list", {INFINITY, 1.0}}}};
  EXPECT_THAT(event_line(event, 0),
              AllOf(HasSubstr("\"loss\":null"), HasSubstr("\"list\":[null,1.0]")));
  const Event bytes{"warning", 1, 1, 0, {{"message", "\xff"}}};
  EXPECT_THAT(event_line(bytes, 0), HasSubstr("\uFFFD"));
}

TEST(EventLog, SaysWhyAFileCannotBeWritten) {
  Folder folder;
  const auto path = folder / "missing/run.jsonl";
  EXPECT_THAT(message_of<FileError>([&] { EventLog log(path); }),
              AllOf(HasSubstr(path.string()), HasSubstr("No such file or directory"),
                    HasSubstr("create its folder")));
  EXPECT_THAT(message_of<FileError>([&] { EventLog log(folder.path()); }),
              HasSubstr("Is a directory"));
}

TEST(EventLog, AFullDiskIsKeptAndTrainingGoesOn) {
  EventLog log("/dev/full");
  EXPECT_FALSE(log.failed());
  log({"step", 1, 1, 0, {{"loss", 1.0}}});
  EXPECT_TRUE(log.failed());
  EXPECT_THAT(log.failure(), AllOf(HasSubstr("/dev/full"), HasSubstr("No space left on device")));
  EXPECT_NO_THROW(log({"step", 2, 1, 0, {{"loss", 1.0}}}));
  EXPECT_EQ(log.size(), 0);
}

TEST(EventLog, ContinuesAfterALineThatWasCut) {
  Folder folder;
  const auto path = folder / "run.jsonl";
  spill(path, std::string(kLine) + "\n{\"v\":1,\"seq\":1,\"st");
  {
    EventLog log(path, EventLog::Mode::resume);
    EXPECT_EQ(log.size(), 1);
    log({"end", 9, 1, 2.0, {{"reason", "finished"}}});
  }
  const auto events = read_events(path);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].type, "end");
  EventLog fresh(folder / "new.jsonl", EventLog::Mode::resume);
  EXPECT_EQ(fresh.size(), 0);
  spill(folder / "other", "not a log\n");
  EXPECT_THROW(EventLog(folder / "other", EventLog::Mode::resume), FormatError);
  EXPECT_EQ(slurp(folder / "other"), "not a log\n");
}

TEST(ReadEvents, ToleratesOnlyALastLineThatWasCut) {
  Folder folder;
  const auto path = folder / "run.jsonl";
  const std::string line = kLine;
  for (std::size_t length = 0; length < line.size(); ++length) {
    spill(path, line + "\n" + line.substr(0, length));
    EXPECT_EQ(read_events(path).size(), 1u) << length;
  }
  spill(path, line);  // whole, only its newline is missing
  EXPECT_EQ(read_events(path).size(), 1u);
  spill(path, "");
  EXPECT_TRUE(read_events(path).empty());
}

TEST(ReadEvents, NamesTheLineOfAnError) {
  Folder folder;
  const auto path = folder / "run.jsonl";
  const auto error = [&](const std::string& second) {
    spill(path, std::string(kLine) + "\n" + second + "\n");
    return message_of<FormatError>([&] { read_events(path); });
  };
  EXPECT_THAT(error("{\"v\":1,"), AllOf(HasSubstr("run.jsonl' line 2"), HasSubstr("not JSON")));
  EXPECT_THAT(error("[]"), HasSubstr("object"));
  EXPECT_THAT(error("{}"), HasSubstr("needs the field 'v'"));
  EXPECT_THAT(error(R"({"v":2,"seq":1})"), HasSubstr("needs format 1, got 2"));
  EXPECT_THAT(error(R"({"v":1,"seq":5})"), HasSubstr("needs seq 1, got 5"));
  EXPECT_THAT(error(R"({"v":1,"seq":1,"type":3})"), HasSubstr("'type' has another type"));
  EXPECT_THAT(error(""), HasSubstr("line 2"));
  EXPECT_THAT(message_of<FileError>([&] { read_events(folder / "none"); }),
              AllOf(HasSubstr("none"), HasSubstr("No such file")));
  EXPECT_THROW(read_events(folder.path()), FileError);
}

}  // namespace
}  // namespace isoform
