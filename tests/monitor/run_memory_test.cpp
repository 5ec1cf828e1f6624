// What a run has told is told again, after a way through JSON.
#include "isoform/monitor/run_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/monitor/event_log.h"
#include "isoform/monitor/summary.h"
#include "monitor/folder.h"
#include "monitor/scripted_run.h"

namespace isoform {
namespace {

using testing::Folder;
using ::testing::HasSubstr;
using testing::message_of;
using testing::scripted_run;

TEST(RunMemory, TellsTheSameStoryAgain) {
  RunSummary whole, part;
  RunMemory memory, next;
  const auto events = scripted_run();
  for (std::size_t i = 0; i < events.size(); ++i) {
    whole(events[i]);
    memory(events[i]);
    memory({"checkpoint", events[i].step, events[i].epoch, events[i].time_s, {}});
    if (i != events.size() / 2) continue;
    next.restore(nlohmann::json::parse(memory.json().dump()), "x");
    for (const Event& event : next.events()) part(event);
  }
  for (std::size_t i = events.size() / 2 + 1; i < events.size(); ++i) part(events[i]);
  EXPECT_EQ(part.to_json(), whole.to_json());
  EXPECT_EQ(part.record().steps.size(), whole.record().steps.size());
  EXPECT_EQ(memory.events().size(), events.size());
}

TEST(RunMemory, ThinsStepsAndKeepsTheirOrder) {
  RunMemory memory;
  for (std::int64_t step = 1; step <= 20000; ++step) {
    memory({"step",
            step,
            1,
            0.1 * static_cast<double>(step),
            {{"loss", 1.0 / static_cast<double>(step)}}});
    if (step % 1000 == 0) memory({"epoch", step, 1, 0.1 * static_cast<double>(step), {}});
    if (step == 7000) {
      const nlohmann::json kept = memory.json();
      memory.restore(kept, "x");
    }
  }
  const std::vector<Event> events = memory.events();
  std::int64_t last = 0, steps = 0, epochs = 0;
  for (const Event& event : events) {
    EXPECT_GE(event.step, last);
    last = event.step;
    ++(event.type == "step" ? steps : epochs);
  }
  EXPECT_EQ(epochs, 20);
  EXPECT_LE(steps, 4096);
  EXPECT_GT(steps, 1500);
}

TEST(RunMemory, RefusesWhatItDidNotWrite) {
  RunMemory memory;
  for (const nlohmann::json& value :
       {nlohmann::json(1), nlohmann::json::object(), nlohmann::json{{"stride", 1}, {"events", 1}},
        nlohmann::json{{"stride", 0}, {"events", nlohmann::json::array()}},
        nlohmann::json{{"stride", 1}, {"events", {{"step", 1}}}}}) {
    EXPECT_THAT(message_of<FormatError>([&] { memory.restore(value, "'run.ckpt', extra"); }),
                HasSubstr("run.ckpt"));
  }
}

TEST(EventLogKept, CutsWhatCameAfterTheCheckpoint) {
  const Folder folder;
  const auto path = folder.path() / "run.jsonl";
  const auto write = [&] {
    EventLog log(path);
    for (int i = 0; i < 10; ++i) log({"step", 10 * (i / 2), 1, 0.1 * i, {{"loss", i}}});
  };
  write();
  {
    EventLog log(path, EventLog::Kept{.lines = 5, .step = 20});
    EXPECT_EQ(log.size(), 5);
    log({"start", 20, 1, 0.5, {}});
  }
  auto events = read_events(path);
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events.back().type, "start");
  EXPECT_EQ(events[4].data["loss"], 4);
  write();
  EXPECT_EQ(EventLog(path, EventLog::Kept{.step = 20}).size(), 6) << "by step alone";
  EXPECT_EQ(EventLog(path, EventLog::Kept{.lines = 50, .step = 20}).size(), 6) << "fewer lines";
  EXPECT_EQ(EventLog(folder.path() / "new.jsonl", EventLog::Kept{.lines = 5}).size(), 0);
}

}  // namespace
}  // namespace isoform
