#include "isoform/serve/run_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "isoform/base/error.h"
#include "isoform/monitor/event_log.h"
#include "isoform/serve/log_follower.h"

namespace isoform {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

Event event(const std::string& type, std::int64_t step = 0) {
  return {type, step, 1, 0.5, {{"loss", 1.0}}};
}

std::vector<std::int64_t> numbers(const RunFeed& feed, std::int64_t from = 0) {
  std::vector<std::int64_t> all;
  for (const RunFeed::Line& line : feed.lines(from, 1'000'000, milliseconds(0))) {
    all.push_back(line.seq);
  }
  return all;
}

TEST(RunFeed, GivesLinesAsTheLogHasThem) {
  RunFeed feed("run");
  feed.add(event("start"));
  feed.add(event("step", 3));
  const auto lines = feed.lines(1, 10, milliseconds(0));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].text, event_line(event("step", 3), 1));
  EXPECT_EQ(feed.next(), 2);
}

TEST(RunFeed, ReadersWaitForWhatComes) {
  RunFeed feed("run");
  std::vector<std::vector<std::int64_t>> seen(4);
  {
    std::vector<std::jthread> readers;
    for (auto& mine : seen) {
      readers.emplace_back([&feed, &mine] {
        while (true) {
          const bool ended = feed.ended();
          const auto next = static_cast<std::int64_t>(mine.size());
          const auto lines = feed.lines(next, 7, milliseconds(1000));
          for (const auto& line : lines) mine.push_back(line.seq);
          if (lines.empty() && ended) return;
        }
      });
    }
    for (int i = 0; i < 500; ++i) feed.add(event(i % 5 == 0 ? "edit" : "step", i));
    feed.end();
  }
  for (const auto& mine : seen) {
    ASSERT_EQ(mine.size(), 500U);
    for (std::size_t i = 0; i < mine.size(); ++i) EXPECT_EQ(mine[i], static_cast<std::int64_t>(i));
  }
}

TEST(RunFeed, HoldsABoundedNumberOfSteps) {
  RunFeed feed("run", 64);
  for (int i = 0; i < 10'000; ++i) {
    feed.add(event(i % 100 == 0 ? "edit" : "step", i));
    ASSERT_EQ(numbers(feed, feed.next() - 1).size(), 1U) << "the newest is there";
  }
  const auto kept = numbers(feed);
  EXPECT_LT(kept.size(), 100U + 65);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  for (std::int64_t i = 0; i < 10'000; i += 100) {
    EXPECT_TRUE(std::binary_search(kept.begin(), kept.end(), i)) << i;
  }
}

class Following : public ::testing::Test {
 protected:
  std::filesystem::path path_ = std::filesystem::temp_directory_path() /
                                ("isoform-follow-" + std::to_string(::getpid()) + ".jsonl");
  ~Following() override { std::filesystem::remove(path_); }
  void wait_for(const RunFeed& feed, std::int64_t lines) const {
    for (int i = 0; i < 100 && feed.next() < lines; ++i) {
      std::this_thread::sleep_for(milliseconds(50));
    }
    EXPECT_EQ(feed.next(), lines);
  }
};

TEST_F(Following, ReadsOnWhileTheRunWrites) {
  EventLog log(path_);
  log(event("start"));
  RunFeed feed("run");
  LogFollower follower(path_, feed);
  EXPECT_EQ(feed.next(), 1);
  log(event("step", 1));
  wait_for(feed, 2);
  EXPECT_FALSE(feed.ended());
  log(event("end", 2));
  wait_for(feed, 3);
  EXPECT_TRUE(feed.ended());
}

// What a resumed run cuts off and writes again has the same numbers.
TEST_F(Following, GoesOnBehindAResume) {
  RunFeed feed("run");
  {
    EventLog log(path_);
    for (int i = 0; i < 6; ++i) log(event("step", i));
  }
  LogFollower follower(path_, feed);
  EventLog log(path_, EventLog::Kept{.lines = 3});
  std::this_thread::sleep_for(milliseconds(500));
  for (int i = 3; i < 8; ++i) log(event("step", i));
  wait_for(feed, 8);
  EXPECT_EQ(follower.failure(), "");
}

TEST_F(Following, SaysWhatItCannotRead) {
  std::ofstream(path_) << event_line(event("start"), 0) << "\n";
  RunFeed feed("run");
  LogFollower follower(path_, feed);
  std::ofstream(path_, std::ios::app) << "nonsense\n";
  for (int i = 0; i < 100 && !feed.ended(); ++i) std::this_thread::sleep_for(milliseconds(50));
  EXPECT_THAT(follower.failure(), HasSubstr("line 2"));
  RunFeed other("other");
  EXPECT_THROW(LogFollower("/absent.jsonl", other), FileError);
}

}  // namespace
}  // namespace isoform
