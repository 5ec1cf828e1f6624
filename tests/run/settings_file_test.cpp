// Settings as TOML: what is written is what is read, and what is wrong is named with its line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "isoform/base/error.h"
#include "isoform/run/settings.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using testing::Folder;
using ::testing::HasSubstr;
using testing::message_of;
using testing::spill;

nlohmann::json read_back(const std::string& toml) {
  const Folder folder;
  spill(folder / "run.toml", toml);
  RunSettings settings;
  read_settings(folder / "run.toml", settings);
  return settings_json(settings);
}

template <class Exception>
std::string refusal(const std::string& toml) {
  return message_of<Exception>([&] { read_back(toml); });
}

TEST(SettingsFile, DefaultsComeBack) {
  RunSettings settings;
  EXPECT_EQ(read_back(settings_toml(settings)), settings_json(settings));
}

TEST(SettingsFile, EverythingChangedComesBack) {
  RunSettings settings;
  settings.data = "a \"quoted\" set\\with\ttabs, ü and #hash";
  settings.data_dir = "/some where/[odd]";
  settings.validation = 0.1 + 0.2;
  settings.hidden = {1, 65536, 3};
  settings.network.group_size = 0;
  settings.network.radial = Radial::log;
  settings.network.length = LengthMode::log;
  settings.network.psi = PsiMode::expectation;
  settings.norms = false;
  settings.network.initialiser = Initialiser::xavier;
  settings.loss = Loss::squared;
  settings.engine = {"reference", 3};
  TrainSettings& t = settings.training;
  t.epochs = std::numeric_limits<int>::max();
  t.batch_size = 1;
  t.optimiser = {Method::nesterov, 1.0 / 3, 0.1, 0.2, 0.3, 1e-300, 1e22};
  t.optimiser.second_moment = SecondMoment::squared;
  t.schedule = {Schedule::linear, 1.0 / 7, 5e-324};
  t.clip_norm = std::numeric_limits<double>::max();
  t.seed = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  t.adapt.enabled = false;
  t.adapt.per_epoch = 1e-3;
  t.adapt.statistics_batches = 7;
  t.adapt.settle = 1;
  t.adapt.policy.rule = PolicyRule::paper;
  t.adapt.policy.threshold = 3e-5;
  t.adapt.policy.buffer = 0;
  t.adapt.policy.min_width = 2;
  t.adapt.policy.max_width = 3;
  t.adapt.policy.parameter_budget = 1234567890123;
  t.adapt.policy.cool_down = 9;
  t.adapt.policy.outgoing = Outgoing::gradient;
  EXPECT_EQ(read_back(settings_toml(settings)), settings_json(settings));
}

TEST(SettingsFile, NoHiddenLayersComeBack) {
  RunSettings settings;
  settings.hidden.clear();
  EXPECT_EQ(read_back(settings_toml(settings)), settings_json(settings));
}

TEST(SettingsFile, TheLargestSeedComesBack) {
  RunSettings settings;
  settings.training.seed = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(read_back(settings_toml(settings)), settings_json(settings));
}

TEST(SettingsFile, KeepsWhatIsNotMentioned) {
  const Folder folder;
  spill(folder / "run.toml", "[training]\nepochs = 3\n");
  RunSettings settings;
  settings.data = "kept";
  settings.training.epochs = 99;
  read_settings(folder / "run.toml", settings);
  EXPECT_EQ(settings.data, "kept");
  EXPECT_EQ(settings.training.epochs, 3);
}

TEST(SettingsFile, AnEmptyFileChangesNothing) {
  RunSettings settings;
  EXPECT_EQ(read_back(""), settings_json(settings));
  EXPECT_EQ(read_back("# only a remark\n[network]\n"), settings_json(settings));
}

TEST(SettingsFile, ListsAreListsOrTexts) {
  const auto hidden = [](const std::string& value) {
    return read_back("[network]\nhidden = " + value + "\n").at("network").at("hidden");
  };
  EXPECT_EQ(hidden("[4, 5]"), nlohmann::json({4, 5}));
  EXPECT_EQ(hidden("'4,5'"), nlohmann::json({4, 5}));
  EXPECT_EQ(hidden("7"), nlohmann::json({7}));
  EXPECT_EQ(hidden("[]"), nlohmann::json::array());
  EXPECT_EQ(hidden("'none'"), nlohmann::json::array());
  EXPECT_THAT(refusal<UsageError>("[network]\nhidden = [4.5]\n"),
              AllOf(HasSubstr("hidden"), HasSubstr("4.5"), HasSubstr("run.toml:2")));
  EXPECT_THAT(refusal<UsageError>("[network]\nhidden = ['a']\n"), HasSubstr("hidden"));
}

TEST(SettingsFile, NamesMayHoldCommas) {
  const auto target = [](const std::string& value) {
    return read_back("[table]\ntarget = " + value + "\n").at("table").at("target");
  };
  EXPECT_EQ(target("['size, in m', 'y', ',']"), nlohmann::json({"size, in m", "y", ","}));
  EXPECT_EQ(target("'size\\, in m,y'"), nlohmann::json({"size, in m", "y"}));
  EXPECT_EQ(target("'y'"), nlohmann::json({"y"}));
  RunSettings settings;
  settings.table.columns.ignored = {"a,b", "c"};
  EXPECT_EQ(read_back(settings_toml(settings)), settings_json(settings));
}

TEST(SettingsFile, WholeNumbersServeAsNumbers) {
  EXPECT_EQ(read_back("[training]\nlearning_rate = 1\n").at("training").at("learning_rate"), 1.0);
}

TEST(SettingsFile, ValuesThatDoNotSuitAreNamedWithTheirLine) {
  EXPECT_THAT(refusal<UsageError>("\n[training]\n# remark\nepochs = 'many'\n"),
              AllOf(HasSubstr("run.toml:4"), HasSubstr("epochs"), HasSubstr("many")));
  EXPECT_THAT(refusal<UsageError>("[training]\nepochs = 2.5\n"),
              AllOf(HasSubstr("run.toml:2"), HasSubstr("epochs"), HasSubstr("2.5")));
  EXPECT_THAT(refusal<UsageError>("[training]\nlearning_rate = true\n"),
              AllOf(HasSubstr("run.toml:2"), HasSubstr("learning-rate")));
  EXPECT_THAT(refusal<UsageError>("[training]\nlearning_rate = nan\n"),
              AllOf(HasSubstr("run.toml:2"), HasSubstr("learning-rate"), HasSubstr("nan")));
  EXPECT_THAT(refusal<UsageError>("[training]\nseed = -1\n"),
              AllOf(HasSubstr("run.toml:2"), HasSubstr("seed"), HasSubstr("-1")));
  EXPECT_THAT(refusal<UsageError>("[network]\nradial = 'round'\n"),
              AllOf(HasSubstr("run.toml:2"), HasSubstr("radial"), HasSubstr("tanh")));
  EXPECT_THAT(refusal<UsageError>("[adaptation]\nadapt = 1\n"),
              AllOf(HasSubstr("run.toml:2"), HasSubstr("adapt"), HasSubstr("true")));
  EXPECT_THAT(refusal<UsageError>("[training]\nepochs = {a = 1}\n"),
              AllOf(HasSubstr("run.toml:2"), HasSubstr("epochs")));
  EXPECT_THAT(refusal<UsageError>("[training]\nepochs = 2020-02-02\n"),
              AllOf(HasSubstr("run.toml:2"), HasSubstr("epochs")));
}

TEST(SettingsFile, UnknownSectionsAndKeysGetASuggestion) {
  EXPECT_THAT(refusal<UsageError>("[trainning]\nepochs = 1\n"),
              AllOf(HasSubstr("run.toml:1"), HasSubstr("trainning"), HasSubstr("[network]"),
                    HasSubstr("did you mean training?")));
  EXPECT_THAT(refusal<UsageError>("[training]\nepohcs = 1\n"),
              AllOf(HasSubstr("run.toml:2"), HasSubstr("epohcs"), HasSubstr("[training]"),
                    HasSubstr("did you mean epochs?")));
  EXPECT_THAT(refusal<UsageError>("[something]\n"), HasSubstr("something"));
  EXPECT_THAT(refusal<UsageError>("epochs = 1\n"),
              AllOf(HasSubstr("run.toml:1"), HasSubstr("epochs")));
  // Known, but in another section.
  EXPECT_THAT(
      refusal<UsageError>("[network]\nepochs = 1\n"),
      AllOf(HasSubstr("run.toml:2"), HasSubstr("epochs"), HasSubstr("belongs in [training]")));
}

TEST(SettingsFile, TextsThatTomlCannotHoldAsTheyAre) {
  RunSettings settings;
  settings.data = "\x01\x7f";
  EXPECT_EQ(read_back(settings_toml(settings)), settings_json(settings));
  settings.data = "\xff";
  EXPECT_THAT(message_of<UsageError>([&] { settings_toml(settings); }),
              AllOf(HasSubstr("data"), HasSubstr("UTF-8")));
}

TEST(SettingsFile, MalformedTomlIsNamedWithLineAndColumn) {
  EXPECT_THAT(refusal<FormatError>("[training]\nepochs = = 1\n"), HasSubstr("run.toml:2:"));
  EXPECT_THAT(refusal<FormatError>("[training\n"), HasSubstr("run.toml:1:"));
  EXPECT_THAT(refusal<FormatError>("[training]\nepochs = 1\nepochs = 2\n"),
              HasSubstr("run.toml:3:"));
  EXPECT_THAT(refusal<FormatError>("[training]\nseed = 99999999999999999999999\n"),
              HasSubstr("run.toml:2:"));
  EXPECT_THAT(refusal<FormatError>(std::string("\x89PNG\r\n\x1a\n\0\0", 10)),
              HasSubstr("run.toml:1:"));
}

TEST(SettingsFile, AFileThatIsNotThereIsNamed) {
  const Folder folder;
  RunSettings settings;
  EXPECT_THAT(message_of<FileError>([&] { read_settings(folder / "absent.toml", settings); }),
              AllOf(HasSubstr("absent.toml"), HasSubstr("check")));
  EXPECT_THAT(message_of<FileError>([&] { read_settings(folder.path(), settings); }),
              HasSubstr(folder.path().string()));
}

}  // namespace
}  // namespace isoform
