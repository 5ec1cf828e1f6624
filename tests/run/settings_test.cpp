// The list of settings: every one can be set from a flag's text, read back, and refuses what it cannot take.
#include "isoform/run/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/network/space.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

const Setting& find(const std::vector<Setting>& list, const std::string& name) {
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const Setting& setting) { return setting.name == name; });
  if (found == list.end()) throw std::out_of_range("no setting " + name);
  return *found;
}

// A value other than the default for each setting, as its flag takes it and as JSON.
struct Case {
  std::string name, text;
  nlohmann::json value;
};
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"data", "some set", "some set"},
      {"data-dir", "a/b c", "a/b c"},
      {"validation", "0.25", 0.25},
      {"architecture", "skips", "skips"},
      {"hidden", "7,5,1", {7, 5, 1}},
      {"stream", "12", 12},
      {"group-size", "3", 3},
      {"radial", "softsign", "softsign"},
      {"length", "log", "log"},
      {"psi", "expectation", "expectation"},
      {"norms", "on", true},
      {"initialiser", "kaiming", "kaiming"},
      {"epochs", "3", 3},
      {"batch-size", "48", 48},
      {"loss", "squared", "squared"},
      {"optimiser", "nesterov", "nesterov"},
      {"learning-rate", "1.5e-7", 1.5e-7},
      {"momentum", "0.5", 0.5},
      {"beta1", "0.8", 0.8},
      {"beta2", "0.99", 0.99},
      {"epsilon", "1e-30", 1e-30},
      {"weight-decay", "0", 0.0},
      {"second-moment", "squared", "squared"},
      {"schedule", "step", "step"},
      {"final-factor", "0.5", 0.5},
      {"restart", "0.5", 0.5},
      {"warm-up", "0.1", 0.1},
      {"clip-norm", "1", 1.0},
      {"patience", "4", 4},
      {"dropout", "0.25", 0.25},
      {"input-dropout", "0.125", 0.125},
      {"label-smoothing", "0.05", 0.05},
      {"seed", "9223372036854775807", 9223372036854775807U},
      {"threads", "2", 2},
      {"engine", "reference", "reference"},
      {"scaling", "each", "each"},
      {"adapt", "false", false},
      {"policy", "paper", "paper"},
      {"tolerance", "0.125", 0.125},
      {"threshold", "0.95", 0.95},
      {"buffer", "3", 3},
      {"adaptations-per-epoch", "0.5", 0.5},
      {"statistics-batches", "4", 4},
      {"cool-down", "2", 2},
      {"settle", "0.125", 0.125},
      {"multiply-adds", "30000", 30000},
      {"latency", "12.5", 12.5},
      {"min-width", "2", 2},
      {"max-width", "99", 99},
      {"parameter-budget", "123456", 123456},
      {"outgoing", "gradient", "gradient"},
      {"target", "size\\, in m,y", nlohmann::json::array({"size, in m", "y"})},
      {"target-kind", "labels", "labels"},
      {"categories", "a,b", nlohmann::json::array({"a", "b"})},
      {"numbers", "c", nlohmann::json::array({"c"})},
      {"ignore", "d,e f", nlohmann::json::array({"d", "e f"})},
      {"weights", "w", "w"},
      {"class-weights", "balanced", "balanced"},
      {"delimiter", "tab", "tab"},
      {"decimal", "comma", "comma"},
      {"header", "no", false},
      {"test", "test.csv", "test.csv"},
      {"folds", "5", 5},
      {"memory", "100", 100},
      {"in-memory", "64", 64},
  };
  return all;
}

TEST(Settings, EverySettingHasANameASectionATypeAndAHelp) {
  RunSettings settings;
  std::set<std::string> names, sections;
  std::string last;
  for (const Setting& setting : list_settings(settings)) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name << " twice";
    EXPECT_FALSE(setting.type.empty() || setting.help.empty()) << setting.name;
    EXPECT_EQ(setting.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"),
              std::string::npos)
        << setting.name;
    if (setting.section != last) {
      EXPECT_TRUE(sections.insert(setting.section).second) << setting.section << " in two pieces";
      last = setting.section;
    }
  }
}

TEST(Settings, EverySettingIsInTheCasesBelow) {
  RunSettings settings;
  std::vector<std::string> listed, tried;
  for (const Setting& setting : list_settings(settings)) listed.push_back(setting.name);
  for (const Case& one : cases()) tried.push_back(one.name);
  EXPECT_THAT(tried, ::testing::UnorderedElementsAreArray(listed));
}

TEST(Settings, EveryTextComesBackAsItsValueAndChangesNothingElse) {
  for (const Case& one : cases()) {
    RunSettings settings;
    const nlohmann::json before = settings_json(settings);
    const std::vector<Setting> list = list_settings(settings);
    const Setting& setting = find(list, one.name);
    EXPECT_NE(setting.get(), one.value) << one.name << ": the case is the default";
    setting.set(one.text);
    EXPECT_EQ(setting.get(), one.value) << one.name;
    EXPECT_EQ(nlohmann::json::diff(before, settings_json(settings)).size() > 0, true);
    for (const Setting& other : list_settings(settings)) {
      if (other.name == one.name) continue;
      std::string key = other.name;
      std::replace(key.begin(), key.end(), '-', '_');
      EXPECT_EQ(other.get(), before.at(other.section).at(key)) << one.name << " → " << other.name;
    }
  }
}

TEST(Settings, TextsThatAreNoValueAreRefusedByNameAndLeaveTheOldValue) {
  const std::vector<std::string> never = {"", " ", "x", "1x", "1 2", "--", "1e999", "nan", "inf"};
  for (const Case& one : cases()) {
    const std::set<std::string> texts = {"data",    "data-dir", "engine",  "target", "categories",
                                         "numbers", "ignore",   "weights", "test"};
    if (texts.contains(one.name)) continue;
    std::vector<std::string> bad = never;
    const bool list = one.value.is_array();
    if (list) bad = {"x", "1,x", "1,,2", "1,", ",1", "1;2", "1.5", "1 2", ""};
    if (one.value.is_number_integer()) bad.insert(bad.end(), {"1.5", "0x10", "1e3"});
    if (one.name == "seed") bad.insert(bad.end(), {"-1", "18446744073709551616"});
    for (const std::string& text : bad) {
      RunSettings settings;
      const std::vector<Setting> all = list_settings(settings);
      const Setting& setting = find(all, one.name);
      const nlohmann::json before = setting.get();
      const std::string message = message_of<UsageError>([&] { setting.set(text); });
      EXPECT_THAT(message, HasSubstr(one.name)) << "text '" << text << "'";
      EXPECT_THAT(message, HasSubstr("'")) << "the message shows what came";
      EXPECT_EQ(setting.get(), before) << one.name << " '" << text << "'";
    }
  }
}

TEST(Settings, WhatWasSaidStaysWhereWhatIsFoundIsRefused) {
  RunSettings settings;
  for (const auto& [name, text] : {std::pair("delimiter", ";"), std::pair("header", "no"),
                                   std::pair("target-kind", "numbers")}) {
    set_setting(settings, name, text);
    const nlohmann::json before = settings_json(settings);
    EXPECT_THROW(set_setting(settings, name, "x"), UsageError);
    EXPECT_EQ(settings_json(settings), before) << name;
    set_setting(settings, name, "auto");
  }
  EXPECT_EQ(settings_json(settings), [] {
    RunSettings fresh;
    return settings_json(fresh);
  }());
}

TEST(Settings, UnknownNamesShowTheKnownOnes) {
  for (const char* name : {"radial", "length", "psi", "initialiser", "loss", "optimiser",
                           "second-moment", "schedule", "policy", "outgoing"}) {
    RunSettings settings;
    const std::vector<Setting> all = list_settings(settings);
    const Setting& setting = find(all, name);
    EXPECT_THAT(message_of<UsageError>([&] { setting.set("nonsense"); }),
                ::testing::AllOf(HasSubstr("nonsense"), HasSubstr("known are"),
                                 HasSubstr(setting.get().get<std::string>())));
  }
}

TEST(Settings, TheLearningRateIsTheMethodsOwnUntilOneIsGiven) {
  RunSettings settings;
  const std::vector<Setting> all = list_settings(settings);
  EXPECT_EQ(find(all, "learning-rate").get(), "auto");
  find(all, "optimiser").set("muon");
  EXPECT_EQ(settings.training.optimiser.rate(), default_rate(Method::muon));
  find(all, "learning-rate").set("0.5");
  find(all, "optimiser").set("novograd");
  EXPECT_EQ(settings.training.optimiser.rate(), 0.5);
  find(all, "learning-rate").set("auto");
  EXPECT_EQ(settings.training.optimiser.rate(), default_rate(Method::novograd));
  EXPECT_THAT(message_of<UsageError>([&] { find(all, "learning-rate").set("own"); }),
              HasSubstr("a number or auto, got 'own'"));
}

TEST(Settings, ListsMayBeEmpty) {
  RunSettings settings;
  const std::vector<Setting> all = list_settings(settings);
  find(all, "hidden").set("none");
  EXPECT_TRUE(settings.hidden.empty());
  find(all, "hidden").set("8");
  EXPECT_EQ(settings.hidden, std::vector<Index>{8});
  EXPECT_THROW(find(all, "hidden").set(""), UsageError);  // an unset variable of a shell, say
  find(all, "hidden").set("16, 16");
  EXPECT_EQ(settings.hidden, (std::vector<Index>{16, 16}));
}

TEST(Settings, TheDefaultsWithDataAreValid) {
  RunSettings settings;
  EXPECT_THAT(message_of<UsageError>([&] { settings.finish(); }),
              ::testing::AllOf(HasSubstr("data"), HasSubstr("--data")));
  settings.data = "somewhere";
  EXPECT_NO_THROW(settings.finish());
}

TEST(Settings, ValuesOutOfRangeAreRefusedByFinish) {
  // In words that contain `word`: the library's name of the field, which may be longer than the flag's.
  struct Range {
    std::string name, word;
    std::vector<std::string> bad;
  };
  const std::vector<Range> ranges = {
      {"validation", "validation", {"-0.1", "0.91", "1", "1e300"}},
      {"hidden", "hidden", {"0", "-1", "8,0", "65537"}},
      {"group-size", "group", {"-1", "-9223372036854775808"}},
      {"epochs", "epochs", {"0", "-1", "-2147483648"}},
      {"batch-size", "batch", {"0", "-1"}},
      {"learning-rate", "learning", {"0", "-0.1"}},
      {"momentum", "momentum", {"-0.1", "1", "2"}},
      {"beta1", "beta1", {"-0.1", "1"}},
      {"beta2", "beta2", {"-0.1", "1"}},
      {"epsilon", "epsilon", {"0", "-1"}},
      {"weight-decay", "decay", {"-1e-9"}},
      {"final-factor", "final", {"-0.1"}},
      {"restart", "restart", {"0", "1.5"}},
      {"warm-up", "warm", {"-0.1", "1.1"}},
      {"clip-norm", "clip", {"-1"}},
      {"threshold", "threshold", {"-1e-9"}},
      {"buffer", "buffer", {"-1"}},
      {"adaptations-per-epoch", "adaptations", {"0", "-1"}},
      {"statistics-batches", "statistics", {"0", "-1"}},
      {"cool-down", "cool-down", {"-1"}},
      {"settle", "settl", {"-0.1", "1.1"}},
      {"min-width", "min", {"0", "-1"}},
      {"max-width", "max", {"0", "65537"}},
      {"parameter-budget", "budget", {"-1"}},
  };
  for (const Range& range : ranges) {
    for (const std::string& text : range.bad) {
      RunSettings settings;
      settings.data = "somewhere";
      const std::vector<Setting> all = list_settings(settings);
      const std::string message = message_of<UsageError>([&] {
        find(all, range.name).set(text);
        settings.finish();
      });
      EXPECT_THAT(message, ::testing::AllOf(HasSubstr(range.word), HasSubstr("needs")))
          << range.name << " " << text;
    }
  }
}

TEST(Settings, FinishHandsSharedValuesToEveryoneWhoNeedsThem) {
  RunSettings settings;
  settings.data = "somewhere";
  settings.hidden = {5, 6};
  settings.network.group_size = 3;
  settings.training.seed = 42;
  settings.finish();
  EXPECT_EQ(settings.training.adapt.policy.seed, 42U);
  EXPECT_EQ(settings.training.adapt.policy.group_size, 3);
}

TEST(Settings, OfferNamesThatTheyTake) {
  RunSettings settings;
  int offering = 0;
  for (const Setting& setting : list_settings(settings)) {
    if (!setting.choices) continue;
    ++offering;
    const std::vector<std::string> names = setting.choices();
    EXPECT_THAT(names, ::testing::Contains(setting.get().get<std::string>())) << setting.name;
    for (const std::string& name : names) {
      setting.set(name);
      EXPECT_EQ(setting.get(), name) << setting.name;
    }
  }
  EXPECT_GE(offering, 10);
}

}  // namespace
}  // namespace isoform
