#include "isoform/monitor/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "isoform/base/error.h"
#include "isoform/monitor/format.h"
#include "tests/monitor/scripted_run.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::scripted_run;
using ::testing::StartsWith;

struct Screen {
  std::vector<std::string> writes;
  Progress::Sink sink() {
    return [this](std::string_view text) { writes.emplace_back(text); };
  }
  std::string all() const {
    std::string text;
    for (const auto& write : writes) text += write;
    return text;
  }
};

const Event kStart{"start",
                   0,
                   0,
                   0,
                   {{"widths", {784, 48, 40, 10}},
                    {"parameters", 12340},
                    {"epochs", 10},
                    {"steps_per_epoch", 844},
                    {"steps", 8440}}};

TEST(Format, Durations) {
  EXPECT_EQ(format_duration(0), "0 s");
  EXPECT_EQ(format_duration(0.045), "45 ms");
  EXPECT_EQ(format_duration(8.24), "8.2 s");
  EXPECT_EQ(format_duration(9.96), "10 s");
  EXPECT_EQ(format_duration(57.4), "57 s");
  EXPECT_EQ(format_duration(59.7), "1m 00s");
  EXPECT_EQ(format_duration(80), "1m 20s");
  EXPECT_EQ(format_duration(7500), "2h 05m");
  EXPECT_EQ(format_duration(270000), "3d 03h");
  EXPECT_EQ(format_duration(-1), "–");
  EXPECT_EQ(format_duration(std::nan("")), "–");
  EXPECT_EQ(format_duration(1e300), "–");
}

TEST(Format, CountsAndOthers) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(12340), "12,340");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-1500), "−1,500");
  EXPECT_EQ(format_count(std::numeric_limits<std::int64_t>::min()), "−9,223,372,036,854,775,808");
  EXPECT_EQ(format_edits(12, 3), "+12 −3");
  EXPECT_EQ(format_edits(0, 3), "−3");
  EXPECT_EQ(format_edits(0, 0), "");
  EXPECT_EQ(format_percent(0.851), "85.1 %");
  EXPECT_EQ(format_loss(0.4123), "0.4123");
  EXPECT_EQ(format_loss(2e-5), "2.00e-05");
  EXPECT_EQ(format_widths(std::vector<std::int64_t>{48, 40}), "48-40");
  EXPECT_EQ(format_widths(std::vector<std::int64_t>(12, 100)), "100-100-…-100");
  EXPECT_EQ(format_widths({}), "none");
  EXPECT_EQ(pad_left("−3", 4), "  −3");
  EXPECT_EQ(pad_right("é", 3), "é  ");
}

TEST(Progress, TerminalLine) {
  Screen screen;
  Progress progress(screen.sink(), {.terminal = true});
  progress(kStart);
  EXPECT_TRUE(std::isnan(progress.time_left_s()));
  progress({"step", 1200, 2, 12.0, {{"loss", 0.412}}});
  EXPECT_EQ(progress.line(),
            "epoch 2/10 · step 1200/8440 · loss 0.4120 · widths 48-40 · 12,340 parameters · "
            "1m 12s left");
  EXPECT_EQ(screen.writes.back(), "\r" + progress.line() + "\x1b[K");
  progress({"edit", 1200, 2, 12.5, {{"space", 1}, {"after", 56}, {"born", 8}, {"removed", 0}}});
  EXPECT_THAT(progress.line(), HasSubstr("widths 56-40"));
  progress({"warning", 1200, 2, 12.5, {{"message", "hot"}}});
  EXPECT_THAT(screen.writes[screen.writes.size() - 2],
              AllOf(StartsWith("\r\x1b[K"), EndsWith("warning: hot\n")));
  progress({"end", 8440, 10, 84.0, {{"reason", "finished"}}});
  EXPECT_EQ(screen.writes.back(),
            "\r\x1b[Kfinished after 1m 24s and 8,440 steps: widths 48-40 → 56-40 (+8), 12,340 "
            "parameters\n");
  EXPECT_THAT(screen.all(), Not(HasSubstr("\x1b[1m"))) << "colours were not asked for";
}

TEST(Progress, RedrawsTenTimesASecond) {
  Screen screen;
  Progress progress(screen.sink(), {.terminal = true});
  progress(kStart);
  for (int i = 1; i <= 1000; ++i) progress({"step", i, 1, 0.001 * i, {{"loss", 1.0}}});
  EXPECT_GE(screen.writes.size(), 8u);
  EXPECT_LE(screen.writes.size(), 11u);
}

TEST(Progress, KeepsToTheWidthOfTheTerminal) {
  for (const int columns : {20, 40, 60, 80, 200}) {
    Screen screen;
    Progress progress(screen.sink(), {.terminal = true, .columns = columns});
    progress(kStart);
    progress({"step", 1200, 2, 12.0, {{"loss", 0.412}}});
    EXPECT_LT(text_columns(progress.line()), columns);
    EXPECT_THAT(progress.line(), HasSubstr("epoch 2/10"));
  }
}

TEST(Progress, TimeLeftFollowsThePace) {
  Screen screen;
  Progress progress(screen.sink());
  progress(kStart);
  progress({"step", 840, 1, 84, {}});
  EXPECT_NEAR(progress.time_left_s(), 760, 1);
  // Ten times as fast for five minutes: the slow start is forgotten.
  for (int i = 1; i <= 300; ++i) progress({"step", 840 + 10 * i, 2, 84.0 + i, {}});
  EXPECT_NEAR(progress.time_left_s(), 460, 5);
  progress({"step", 8440, 10, 900, {}});
  EXPECT_EQ(progress.time_left_s(), 0);
}

TEST(Progress, ResumedRunCountsFromWhereItStarted) {
  Screen screen;
  Progress progress(screen.sink());
  Event start = kStart;
  start.step = 4220;
  start.time_s = 500;
  progress(start);
  progress({"step", 4640, 6, 510, {}});
  EXPECT_NEAR(progress.time_left_s(), 3800 / 42.0, 0.1);
}

// Whatever was told before: rows after it and the last line are those of a run that was not interrupted.
TEST(Progress, AResumedRunTellsOfTheWhole) {
  const std::vector<Event> events = scripted_run();
  Screen whole;
  Progress uninterrupted(whole.sink());
  for (const Event& event : events) uninterrupted(event);
  const auto edits_of = [](const std::string& row) {
    const std::size_t plus = row.find_first_of("+\xe2");
    return plus == std::string::npos ? "" : row.substr(plus, row.find("  ", plus) - plus);
  };
  for (std::size_t kept = 1; kept < events.size(); kept += 7) {
    Screen screen;
    Progress progress(screen.sink());
    for (std::size_t i = 0; i < kept; ++i) progress.recall(events[i]);
    EXPECT_EQ(screen.all(), "");
    Event start = events.front();
    start.step = events[kept - 1].step;
    start.time_s = events[kept - 1].time_s;
    start.epoch = events[kept - 1].epoch;
    start.data["widths"] = {784, 1, 1, 10};
    progress(start);
    for (std::size_t i = kept; i < events.size(); ++i) progress(events[i]);
    EXPECT_EQ(screen.writes.back(), whole.writes.back()) << kept;
    const std::size_t rows = screen.writes.size();
    for (std::size_t i = 1; i + 1 < rows; ++i) {
      EXPECT_EQ(edits_of(screen.writes[rows - 1 - i]),
                edits_of(whole.writes[whole.writes.size() - 1 - i]))
          << kept;
    }
  }
}

TEST(Progress, PlainTable) {
  Screen screen;
  Progress progress(screen.sink());
  for (const Event& event : scripted_run()) progress(event);
  std::istringstream text(screen.all());
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 12u);  // a header, ten epochs, the end
  EXPECT_THAT(lines[0], AllOf(StartsWith("epoch"), EndsWith("left")));
  for (std::size_t i = 1; i <= 10; ++i) {
    EXPECT_EQ(text_columns(lines[i]), text_columns(lines[0])) << lines[i];
  }
  EXPECT_THAT(lines[1],
              AllOf(HasSubstr(" 1/10"), HasSubstr("77.0 %"), HasSubstr("28-32"), HasSubstr("+16"),
                    HasSubstr("23,238"), HasSubstr("8.6 s"), EndsWith("1m 18s")));
  EXPECT_THAT(lines[11], AllOf(StartsWith("finished after"), HasSubstr("(+117 −28)")));
  EXPECT_THAT(screen.all(), Not(HasSubstr("\x1b")));
}

TEST(Progress, PlainTableWithoutValidation) {
  Screen screen;
  Progress progress(screen.sink(), {.colour = true});
  for (const Event& event : scripted_run({.epochs = 3, .missing = true})) progress(event);
  EXPECT_THAT(screen.all(), AllOf(HasSubstr("–"), Not(HasSubstr("nan")), Not(HasSubstr("\x1b"))));
}

TEST(Progress, RefusesWhatItCannotUse) {
  EXPECT_THROW(Progress(nullptr), UsageError);
  Screen screen;
  EXPECT_THROW(Progress(screen.sink(), {.columns = -1}), UsageError);
  EXPECT_THROW(Progress(screen.sink(), {.redraw_interval_s = std::nan("")}), UsageError);
}

}  // namespace
}  // namespace isoform
