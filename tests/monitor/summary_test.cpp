#include "isoform/monitor/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/monitor/scripted_run.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Script;
using testing::scripted_run;

void feed(RunSummary& summary, const Script& script = {}) {
  const Observer observer = summary.observer();
  for (const Event& event : scripted_run(script)) observer(event);
}

TEST(RunSummary, TableHasARowForEachEpoch) {
  RunSummary summary;
  feed(summary);
  const std::string text = summary.format_summary();
  EXPECT_THAT(text, HasSubstr("epoch  widths  born  removed  parameters"));
  EXPECT_THAT(text, HasSubstr("    4   52-54    16        2      44,232      0.3971"));
  EXPECT_THAT(text, HasSubstr("finished after 10 epochs, 8,440 steps, 1m 26s"));
  EXPECT_THAT(text, HasSubstr("hidden widths 20-24 → 79-54, 117 born, 28 removed"));
  EXPECT_THAT(text, HasSubstr("best validation accuracy 88.1 % at epoch 10"));
}

TEST(RunSummary, Json) {
  RunSummary summary;
  feed(summary, {.missing = true});
  const auto json = summary.to_json();
  EXPECT_EQ(json["reason"], "finished");
  EXPECT_EQ(json["steps"], 8440);
  EXPECT_EQ(json["epochs"].size(), 10u);
  EXPECT_TRUE(json["epochs"][2]["validation_loss"].is_null());
  EXPECT_EQ(json["widths"]["first"], (std::vector<int>{784, 20, 24, 10}));
  EXPECT_EQ(json["widths"]["last"], (std::vector<int>{784, 79, 54, 10}));
  EXPECT_EQ(json["born"], 117);
  EXPECT_EQ(json["removed"], 28);
  std::int64_t born = 0;
  for (const auto& epoch : json["epochs"]) born += epoch["born"].get<std::int64_t>();
  EXPECT_EQ(born, 117) << "each birth is in one epoch";
  EXPECT_EQ(json["best"]["epoch"], 10);
}

TEST(RunSummary, RunCutShortAndNoEvents) {
  RunSummary summary;
  EXPECT_THAT(summary.format_summary(), HasSubstr("unfinished after 0 epochs"));
  EXPECT_TRUE(summary.to_json()["best"].is_null());
  feed(summary, {.end = false});
  EXPECT_THAT(summary.format_summary(), HasSubstr("unfinished after 9 epochs"));
  EXPECT_THAT(summary.format_summary(), Not(HasSubstr("nan")));
}

TEST(RunSummary, AResumeUndoesWhatCameAfterIt) {
  // The first attempt goes on to epoch 7; the second starts again from the end of epoch 5.
  auto events = scripted_run();
  std::vector<Event> first, second;
  for (const Event& event : events) {
    if (event.epoch <= 7 && event.type != "end") first.push_back(event);
    if (event.epoch > 5) second.push_back(event);
  }
  Event start = events.front();
  start.step = 5 * 844;
  start.epoch = 5;
  start.time_s = 5 * 8.6;
  for (const Event& event : events) {
    if (event.type == "epoch" && event.epoch == 5) start.data["widths"] = event.data["widths"];
  }
  RunSummary summary, whole;
  for (const Event& event : first) summary(event);
  summary(start);
  for (const Event& event : second) summary(event);
  for (const Event& event : events) whole(event);
  EXPECT_EQ(summary.record().epochs.size(), 10u);
  EXPECT_EQ(summary.record().born(), whole.record().born());
  EXPECT_EQ(summary.record().removed(), whole.record().removed());
  EXPECT_EQ(summary.record().first_widths, whole.record().first_widths);
  EXPECT_EQ(summary.record().epochs[5].born, whole.record().epochs[5].born);
}

TEST(RunRecord, SurvivesFieldsOfOtherTypes) {
  RunSummary summary;
  for (const char* type : {"start", "step", "edit", "spectrum", "epoch", "warning", "end", "new"}) {
    summary({type, 1, 1, 1, nullptr});
    summary({type, 1, 1, 1, {{"widths", "wide"}, {"spaces", {1, nullptr}}, {"after", {1.5}}}});
  }
  EXPECT_NO_THROW(summary.format_summary());
  EXPECT_NO_THROW(summary.to_json());
}

}  // namespace
}  // namespace isoform
