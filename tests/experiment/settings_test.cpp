// Settings files: those that come with Isoform say what the paper says, and mistakes are told.
#include "isoform/experiment/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "isoform/base/error.h"

namespace isoform {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* kSmall = R"(
number = 9
title = "Small"
procedure = "elementwise"
datasets = ["here"]
repeats = 4
widths = [8]
depths = [2]
plain_arm = "tanh"
[network]
length = "none"
[training]
epochs = 7
[adaptation]
adapt = false
[[arm]]
name = "tanh"
group_size = 1
[quick]
repeats = 2
training = {epochs = 3}
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

std::string refusal(const std::string& text) {
  try {
    (void)read_experiment(text, "small.toml", Scale::paper);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ExperimentSettings, AllThatComeWithIsoformAreSound) {
  ASSERT_THAT(experiment_names(), SizeIs(7));
  int number = 0;
  for (const std::string& name : experiment_names()) {
    for (const Scale scale : {Scale::quick, Scale::paper}) {
      const ExperimentSettings settings = find_experiment(name, scale);
      EXPECT_EQ(settings.number, number) << name;
      EXPECT_FALSE(settings.method.empty()) << name;
      EXPECT_FALSE(settings.question.empty()) << name;
      for (const ExperimentArm& arm : settings.arms) {
        const RunSettings training = settings.training(arm, "data", 1);
        EXPECT_EQ(training.training.batch_size, 48) << name;
        EXPECT_EQ(training.training.optimiser.method, Method::adamw) << name;
        EXPECT_EQ(training.network.initialiser, Initialiser::orthogonal) << name;
        EXPECT_EQ(training.validation, 0) << name;
        EXPECT_EQ(training.training.dropout, 0) << name;
        EXPECT_EQ(training.training.scaling, Scaling::each) << name;
      }
    }
    ++number;
  }
}

TEST(ExperimentSettings, PaperScaleIsThePapers) {
  const auto paper = [](const std::string& name) { return find_experiment(name, Scale::paper); };
  const auto first = [&](const std::string& name) {
    const ExperimentSettings settings = paper(name);
    return settings.training(settings.arms.front(), "data", 0);
  };
  for (const char* name :
       {"cost", "invariance", "scheduled-tasks", "abundance", "sparsification", "elementwise"}) {
    EXPECT_EQ(first(name).training.optimiser.rate(), 1e-3) << name;
    EXPECT_EQ(first(name).training.optimiser.weight_decay, 1e-3) << name;
    EXPECT_EQ(first(name).training.schedule.kind, Schedule::constant) << name;
  }
  EXPECT_EQ(first("spectra").training.optimiser.rate(), 5e-2);
  EXPECT_EQ(first("spectra").training.epochs, 40);
  EXPECT_EQ(paper("spectra").repeats, 40);
  EXPECT_EQ(paper("invariance").repeats, 20);
  EXPECT_THAT(paper("invariance").arms, SizeIs(7));
  EXPECT_THAT(paper("invariance").wholes("changes", -100, 100),
              ElementsAre(75, 50, 25, 5, 1, 0, -1, -5, -25, -50, -75));
  EXPECT_EQ(first("invariance").training.epochs, 50);
  EXPECT_THAT(first("invariance").hidden, ElementsAre(100, 100));
  EXPECT_EQ(paper("scheduled-tasks").repeats, 25);
  EXPECT_EQ(paper("scheduled-tasks").whole("phase_epochs", 1, 1000), 150);
  EXPECT_THAT(paper("scheduled-tasks").wholes("start_widths", 1, 10000), ElementsAre(500, 2500));
  const RunSettings scheduled = first("scheduled-tasks");
  EXPECT_EQ(scheduled.training.adapt.policy.buffer, 5);
  EXPECT_EQ(scheduled.training.adapt.policy.threshold, 0.95);
  EXPECT_EQ(scheduled.training.adapt.policy.rule, PolicyRule::paper);
  EXPECT_EQ(paper("abundance").repeats, 4);
  EXPECT_THAT(paper("abundance").wholes("widths", 1, 1000), ElementsAre(7, 10, 25, 50, 75, 100));
  EXPECT_THAT(paper("abundance").wholes("widths_many_classes", 1, 1000),
              ElementsAre(32, 128, 256, 384, 512, 640));
  EXPECT_THAT(paper("abundance").wholes("course", 0, 100), ElementsAre(15, 75, 10));
  EXPECT_EQ(paper("sparsification").real("threshold", 0, 1), 1e-4);
  EXPECT_EQ(first("sparsification").training.epochs, 25);
  EXPECT_THAT(paper("elementwise").datasets, SizeIs(6));
  EXPECT_EQ(first("elementwise").training.epochs, 50);
  EXPECT_EQ(first("cost").training.epochs, 25);
  EXPECT_THAT(first("cost").hidden, ElementsAre(500, 500));
}

TEST(ExperimentSettings, QuickSaysWhatIsSmaller) {
  const ExperimentSettings quick = read_experiment(kSmall, "small", Scale::quick);
  const ExperimentSettings paper = read_experiment(kSmall, "small", Scale::paper);
  EXPECT_EQ(quick.repeats, 2);
  EXPECT_EQ(paper.repeats, 4);
  EXPECT_EQ(quick.training(quick.arms[0], "x", 5).training.epochs, 3);
  EXPECT_EQ(paper.training(paper.arms[0], "x", 5).training.epochs, 7);
  EXPECT_EQ(paper.training(paper.arms[0], "x", 5).training.seed, 5U);
  EXPECT_EQ(quick.training(quick.arms[0], "x", 5).network.group_size, 1);
  EXPECT_THAT(quick.datasets, ElementsAre("here"));
}

TEST(ExperimentSettings, TellsMistakes) {
  EXPECT_THAT(refusal("x = ["), HasSubstr("small.toml:1:"));
  EXPECT_THAT(refusal(replaced(kSmall, "repeats = 4", "repeat = 4")),
              HasSubstr("'repeat' is no key"));
  EXPECT_THAT(refusal(replaced(kSmall, "widths = [8]", "width = [8]")),
              HasSubstr("did you mean widths"));
  EXPECT_THAT(refusal(replaced(kSmall, "epochs = 7", "epoch = 7")),
              HasSubstr("did you mean epochs"));
  EXPECT_THAT(refusal(replaced(kSmall, "epochs = 7", "epochs = \"many\"")),
              HasSubstr("whole number"));
  EXPECT_THAT(refusal(replaced(kSmall, "group_size = 1", "groupsize = 1")),
              HasSubstr("'groupsize'"));
  EXPECT_THAT(refusal(replaced(kSmall, "\"elementwise\"", "\"elementwize\"")),
              HasSubstr("did you mean elementwise"));
  EXPECT_THAT(refusal(replaced(kSmall, "repeats = 4", "repeats = 0")),
              HasSubstr("repeats: needs a whole number from 1"));
  EXPECT_THAT(refusal(replaced(kSmall, "datasets = [\"here\"]", "datasets = 3")),
              HasSubstr("wrong kind"));
  EXPECT_THAT(refusal(replaced(kSmall, "[[arm]]\nname = \"tanh\"\ngroup_size = 1", "")),
              HasSubstr("[[arm]]"));
  EXPECT_THAT(refusal(replaced(kSmall, "repeats = 4", "repeats = 2.5")), HasSubstr("2.5"));
  for (const char* name : {"/nowhere/...toml", "/nowhere/..toml", "a.b.toml", "/nowhere/ü.toml"}) {
    EXPECT_THROW((void)find_experiment(name, Scale::quick), UsageError) << name;
  }
  const ExperimentSettings settings = read_experiment(kSmall, "small", Scale::quick);
  EXPECT_THROW((void)settings.whole("course", 0, 9), UsageError);
  EXPECT_THROW((void)settings.whole("widths", 0, 9), UsageError);
  EXPECT_THROW((void)settings.wholes("widths", 9, 99), UsageError);
  EXPECT_THROW((void)settings.choice("plain_arm", {"relu"}), UsageError);
  EXPECT_THROW((void)find_experiment("invarianze", Scale::quick), UsageError);
  EXPECT_THROW((void)find_experiment("/nowhere/x.toml", Scale::quick), FileError);
  EXPECT_THROW((void)scale_from_name("big"), UsageError);
}

}  // namespace
}  // namespace isoform
