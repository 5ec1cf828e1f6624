#include "isoform/train/task_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// What check_changes says of changes to a model with the tasks "a" (on) and "b" (off); "" if nothing.
std::string said(const std::vector<TaskChange>& changes, int epochs = 10) {
  Task a, b;
  a.name = "a";
  b.name = "b";
  b.active = false;
  try {
    check_changes({a, b}, changes, epochs);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(TaskChange, WhatCanBe) {
  EXPECT_EQ(said({}), "");
  EXPECT_EQ(said({{.epoch = 1, .action = TaskAction::append, .task = "c"},
                  {.epoch = 1, .action = TaskAction::rename, .task = "c", .to = "d"},
                  {.epoch = 4, .action = TaskAction::on, .task = "b"},
                  {.epoch = 4, .action = TaskAction::off, .task = "a"},
                  {.epoch = 5, .action = TaskAction::remove, .task = "a"},
                  {.epoch = 5, .action = TaskAction::append, .task = "a"},
                  {.epoch = 6, .action = TaskAction::freeze},
                  {.epoch = 7, .action = TaskAction::freeze, .task = "d"},
                  {.epoch = 8, .action = TaskAction::change, .task = "d", .weight = 2}}),
            "")
      << "names are free again, and known as they are then";
  EXPECT_EQ(said({{.epoch = 2, .action = TaskAction::off, .task = "a"},
                  {.epoch = 2, .action = TaskAction::on, .task = "b"}}),
            "")
      << "what counts is what is on when training goes on";
}

TEST(TaskChange, WhatContradictsItself) {
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::append, .task = "a"}}),
              AllOf(HasSubstr("epoch 2"), HasSubstr("append a"), HasSubstr("another name")));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::rename, .task = "a", .to = "b"}}),
              HasSubstr("'b' is taken"));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::remove, .task = "c"}}), HasSubstr("a, b"));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::remove, .task = "b"},
                    {.epoch = 3, .action = TaskAction::remove, .task = "a"}}),
              AllOf(HasSubstr("remove a"), HasSubstr("last task")));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::remove, .task = "a"}}),
              HasSubstr("no task is on"));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::off, .task = "a"}}),
              HasSubstr("no task is on"));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::on, .task = "a"}}), HasSubstr("on already"));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::off, .task = "b"}}),
              HasSubstr("off already"));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::rename, .task = "a", .to = "c"},
                    {.epoch = 3, .action = TaskAction::off, .task = "a"}}),
              HasSubstr("b, c"));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::change, .task = "a"}}),
              HasSubstr("loss, weight or data"));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::change, .task = "a", .weight = 0}}),
              HasSubstr("above 0"));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::append, .task = ""}}), HasSubstr("name"));
}

TEST(TaskChange, EpochsComeInOrder) {
  const TaskChange late{.epoch = 11, .action = TaskAction::freeze};
  EXPECT_THAT(said({late}), AllOf(HasSubstr("1 to 10"), HasSubstr("11")));
  EXPECT_EQ(said({late}, 11), "");
  EXPECT_THAT(
      said({{.epoch = 5, .action = TaskAction::freeze}, {.epoch = 4, .action = TaskAction::thaw}}),
      HasSubstr("from 5 to 10"));
  EXPECT_THAT(said({{.epoch = 0, .action = TaskAction::freeze}}), HasSubstr("got 0"));
}

TEST(TaskChange, Names) {
  for (const auto action :
       {TaskAction::append, TaskAction::remove, TaskAction::rename, TaskAction::on, TaskAction::off,
        TaskAction::change, TaskAction::freeze, TaskAction::thaw}) {
    EXPECT_EQ(task_action_from_name(task_action_name(action)), action);
  }
  EXPECT_THROW(task_action_from_name("delete"), UsageError);
}

}  // namespace
}  // namespace isoform
