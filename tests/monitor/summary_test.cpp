#include "isoform/monitor/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/monitor/picture.h"
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

// Two tasks, the first renamed and later removed, the second off for a while.
RunRecord record_of_tasks() {
  using nlohmann::json;
  const auto tasks = [](const std::vector<std::pair<std::string, bool>>& list) {
    json all = json::array();
    for (const auto& [name, active] : list) all.push_back({{"name", name}, {"active", active}});
    return all;
  };
  RunRecord run;
  const auto send = [&](const char* type, std::int64_t step, int epoch, json data) {
    run.add({type, step, epoch, 0.1 * static_cast<double>(step), std::move(data)});
  };
  const auto change = [&](std::int64_t step, const char* action, const char* task, const char* to,
                          const std::vector<std::pair<std::string, bool>>& list, json moved) {
    send("task", step, static_cast<int>(step / 10),
         {{"action", action},
          {"task", task},
          {"to", to},
          {"tasks", tasks(list)},
          {"change", std::move(moved)},
          {"widths", {4, 3, 2}},
          {"parameters", 30}});
  };
  send("start", 0, 0, {{"widths", {4, 3, 2}}, {"tasks", tasks({{"a", true}})}, {"steps", 50}});
  change(10, "append", "b", "", {{"a", true}, {"b", true}}, 0.0);
  change(20, "rename", "a", "c", {{"c", true}, {"b", true}}, 0.0);
  send("epoch", 30, 3,
       {{"widths", {4, 3, 2}},
        {"tasks",
         {{{"name", "c"}, {"active", true}, {"validation_accuracy", 0.5}},
          {{"name", "b"}, {"active", true}, {"validation_accuracy", 0.75}}}}});
  change(30, "off", "b", "", {{"c", true}, {"b", false}}, nullptr);
  change(40, "on", "b", "", {{"c", true}, {"b", true}}, nullptr);
  change(40, "remove", "c", "", {{"b", true}}, 2e-6);
  send("end", 50, 5, {{"reason", "finished"}});
  return run;
}

TEST(RunRecord, FollowsTasksThroughTheirNames) {
  const RunRecord run = record_of_tasks();
  const auto lives = run.task_lives();
  ASSERT_EQ(lives.size(), 2u);
  EXPECT_EQ(lives[0].name(), "c");
  EXPECT_EQ(lives[0].name_at(20), "a") << "the epoch that ended there";
  EXPECT_EQ(lives[0].name_at(21), "c");
  EXPECT_TRUE(lives[0].removed);
  ASSERT_EQ(lives[0].stretches.size(), 1u);
  EXPECT_EQ(lives[0].stretches[0].end, 40);
  ASSERT_EQ(lives[1].stretches.size(), 3u);
  EXPECT_EQ(lives[1].stretches[0].begin, 10);
  EXPECT_FALSE(lives[1].stretches[1].active);
  EXPECT_EQ(lives[1].stretches[1].begin, 30);
  EXPECT_EQ(lives[1].stretches[2].end, 50);
}

TEST(RunSummary, TellsOfTasks) {
  const RunRecord run = record_of_tasks();
  EXPECT_EQ(run.task_changes[0].text(), "append b: other tasks' outputs the same to the last bit");
  EXPECT_EQ(run.task_changes[3].text(), "on b");
  EXPECT_THAT(run.task_changes[4].text(), HasSubstr("moved by 2e-06"));
  const std::string picture = draw_run(run);
  EXPECT_THAT(picture, HasSubstr("after epoch 1: append b; others same bits"));
  EXPECT_THAT(picture, HasSubstr("after epoch 2: rename a to c"));
  EXPECT_THAT(picture, HasSubstr(">Tasks<"));
}

}  // namespace
}  // namespace isoform
