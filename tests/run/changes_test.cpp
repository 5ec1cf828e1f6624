#include "isoform/run/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/run/settings.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<std::string> kWords = {
    "append=fashion-mnist epoch=6",
    "append='/data/my letters' epoch=6 inputs=mnist,more loss=squared name=letters weight=0.25",
    "epoch=2 remove=mnist",
    "epoch=3 rename=mnist to=\"the digits\"",
    "epoch=4 on=a",
    "epoch=5 off=a",
    "change=a data=b epoch=7 loss=cross_entropy weight=3",
    "epoch=8 freeze=trunk",
    "epoch=8 thaw=a"};

TEST(Changes, WordsSayWhat) {
  const TaskChange append = parse_change(kWords[1]);
  EXPECT_EQ(append.epoch, 6);
  EXPECT_EQ(append.action, TaskAction::append);
  EXPECT_EQ(append.task, "letters");
  EXPECT_EQ(append.data, "/data/my letters");
  EXPECT_EQ(append.inputs, (std::vector<std::string>{"mnist", "more"}));
  EXPECT_EQ(append.loss, Loss::squared);
  EXPECT_EQ(append.weight, 0.25);
  EXPECT_EQ(parse_change(kWords[0]).task, "fashion-mnist");
  EXPECT_EQ(parse_change("epoch=1 append=/data/letters/").task, "letters");
  EXPECT_EQ(parse_change(kWords[3]).to, "the digits");
  EXPECT_EQ(parse_change(kWords[6]).data, "b");
  EXPECT_EQ(parse_change(kWords[7]).task, "") << "the trunk is no task";
  EXPECT_EQ(parse_change("  epoch=2   remove=a ").epoch, 2);
}

// From words to JSON and back; the settings of a run carry them as TOML.
TEST(Changes, AreTheSameAsJsonAndToml) {
  for (const std::string& words : kWords) {
    const nlohmann::json json = change_json(parse_change(words));
    std::map<std::string, std::string> again;
    for (const auto& [key, value] : json.items()) {
      if (value.is_array()) {
        std::string list;
        for (const auto& item : value) list += (list.empty() ? "" : ",") + item.get<std::string>();
        again[key] = list;
      } else {
        again[key] = value.is_string() ? value.get<std::string>() : value.dump();
      }
    }
    EXPECT_EQ(change_json(parse_change(again, words)), json) << words;
    const std::string toml = change_toml(parse_change(words));
    EXPECT_THAT(toml, HasSubstr("[[change]]\n"));
    for (const auto& [key, value] : json.items()) {
      EXPECT_THAT(toml, HasSubstr(key + " = " + value.dump() + "\n"));
    }
  }
}

TEST(Changes, WhatTheyNeed) {
  const auto said = [](const std::string& words) -> std::string {
    try {
      (void)parse_change(words);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(said(""), HasSubstr("needs an action"));
  EXPECT_THAT(said("append=a"), HasSubstr("epoch"));
  EXPECT_THAT(said("epoch=2"), HasSubstr("append, remove"));
  EXPECT_THAT(said("epoch=two append=a"), AllOf(HasSubstr("number"), HasSubstr("two")));
  EXPECT_THAT(said("epoch=2 append"), HasSubstr("key=value"));
  EXPECT_THAT(said("epoch=2 append="), HasSubstr("needs a value"));
  EXPECT_THAT(said("epoch=2 append=a remove=b"), HasSubstr("one action"));
  EXPECT_THAT(said("epoch=2 epoch=3 append=a"), HasSubstr("twice"));
  EXPECT_THAT(said("epoch=2 append='a"), HasSubstr("quote"));
  EXPECT_THAT(said("epoch=2 append=a wieght=2"), AllOf(HasSubstr("wieght"), HasSubstr("weight")));
  EXPECT_THAT(said("epoch=2 remove=a to=b"), HasSubstr("takes no 'to'"));
  EXPECT_THAT(said("epoch=2 append=a loss=hinge"), HasSubstr("hinge"));
  EXPECT_THAT(said("epoch=2 append=a weight=nan"), HasSubstr("number"));
}

TEST(Changes, NamesOfData) {
  EXPECT_EQ(data_name("mnist"), "mnist");
  EXPECT_EQ(data_name("/a/b/"), "b");
  EXPECT_EQ(data_name("a/b"), "b");
  EXPECT_EQ(data_name(".."), "..");
}

}  // namespace
}  // namespace isoform
