// What is told to be of no effect has none: the same run without it ends in the same bits.
#include "isoform/run/unused.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/support/blobs.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Words = std::vector<std::pair<std::string, std::string>>;

RunSettings settings_of(const Words& words) {
  RunSettings settings;
  settings.data = "blobs";
  settings.training.epochs = 3;
  settings.training.batch_size = 16;
  settings.engine.threads = 1;
  for (const auto& [name, text] : words) set_setting(settings, name, text);
  return settings;
}

// Widths and answers of the model that a run ends with.
std::pair<std::vector<Index>, Matrix<double>> run(RunSettings settings) {
  const Dataset data = blobs(3, 120, 6, 3);
  const TrainValidation parts = split(data, settings.validation, 1);
  settings.finish();
  const auto engine = create_engine<float>(settings.engine);
  Model<float> model = create_model<float>(settings, parts.train);
  train<float>(model, {{"blobs", parts.train, parts.validation}}, settings.training, *engine);
  return {model.network.widths(), output_of(model.network, *engine, random_inputs(5, 6))};
}

// Settings that these runs may have otherwise, and how.
const std::map<std::string, std::string>& others() {
  static const std::map<std::string, std::string> all = {{"tolerance", "0.4"},
                                                         {"threshold", "0.01"},
                                                         {"buffer", "2"},
                                                         {"adaptations-per-epoch", "2"},
                                                         {"statistics-batches", "2"},
                                                         {"cool-down", "3"},
                                                         {"settle", "0.3"},
                                                         {"min-width", "15"},
                                                         {"max-width", "17"},
                                                         {"parameter-budget", "700"},
                                                         {"outgoing", "gradient"},
                                                         {"group-size", "2"},
                                                         {"radial", "asinh"},
                                                         {"length", "none"},
                                                         {"psi", "none"},
                                                         {"initialiser", "kaiming"},
                                                         {"dropout", "0.3"},
                                                         {"patience", "1"},
                                                         {"label-smoothing", "0.2"},
                                                         {"momentum", "0.5"},
                                                         {"beta1", "0.5"},
                                                         {"beta2", "0.9"},
                                                         {"epsilon", "0.001"},
                                                         {"second-moment", "squared"},
                                                         {"final-factor", "0.5"},
                                                         {"norms", "on"},
                                                         {"policy", "paper"}};
  return all;
}

TEST(UnusedSettings, ChangeNothing) {
  const std::vector<Words> contexts = {
      {},
      {{"adapt", "off"}},
      {{"policy", "effect"}},
      {{"policy", "paper"}, {"optimiser", "novograd"}},
      {{"hidden", "none"}, {"optimiser", "sgd"}},
      {{"hidden", "none"}, {"policy", "effect"}},
      {{"architecture", "perceptron"}, {"optimiser", "muon"}},
      {{"architecture", "general"}, {"validation", "0"}},
      {{"loss", "squared"}, {"optimiser", "momentum"}},
      {{"schedule", "constant"}, {"optimiser", "adam"}},
      {{"schedule", "step"}, {"optimiser", "nesterov"}, {"adapt", "off"}},
      {{"outgoing", "gradient"}},
  };
  int unused = 0, used = 0;
  for (const Words& context : contexts) {
    const auto before = run(settings_of(context));
    EXPECT_THAT(unused_settings(settings_of(context)), IsEmpty());
    for (const auto& [name, text] : others()) {
      Words words = context;
      words.emplace_back(name, text);
      const RunSettings settings = settings_of(words);
      const std::vector<std::string> lines = unused_settings(settings);
      std::string where = fmt::format("{} {}", name, text);
      for (const auto& [other, value] : context) where += fmt::format(" with {} {}", other, value);
      if (lines.empty()) {
        ++used;
        continue;
      }
      ++unused;
      ASSERT_EQ(lines.size(), 1u) << where;
      EXPECT_THAT(lines[0], HasSubstr(name + ": of no effect; ")) << where;
      const auto after = run(settings);
      EXPECT_EQ(before.first, after.first) << where;
      ASSERT_EQ(before.second.rows(), after.second.rows()) << where;
      EXPECT_TRUE((before.second.array() == after.second.array()).all()) << where;
    }
  }
  measured("settings of no effect", unused);
  measured("others", used);
  EXPECT_GT(unused, 80);
  EXPECT_GT(used, 80);
}

TEST(UnusedSettings, WhatIsReadIsNotTold) {
  const auto changes = [](Words context, const std::string& name) {
    const auto before = run(settings_of(context));
    context.emplace_back(name, others().at(name));
    EXPECT_THAT(unused_settings(settings_of(context)), IsEmpty()) << name;
    const auto after = run(settings_of(context));
    return before.first != after.first || (before.second.array() != after.second.array()).any();
  };
  for (const char* name : {"tolerance", "settle", "min-width", "max-width", "parameter-budget",
                           "adaptations-per-epoch", "outgoing", "group-size", "radial", "dropout",
                           "label-smoothing", "beta1", "second-moment", "final-factor"}) {
    EXPECT_TRUE(changes({}, name)) << name;
  }
  for (const char* name : {"threshold", "buffer", "cool-down"}) {
    EXPECT_TRUE(changes({{"policy", "effect"}, {"threshold", "0.02"}}, name)) << name;
  }
  EXPECT_TRUE(changes({{"optimiser", "muon"}}, "momentum"));
}

TEST(UnusedSettings, OfTablesAndBudgets) {
  const auto lines = [](const Words& words) { return unused_settings(settings_of(words)); };
  EXPECT_THAT(
      lines({{"folds", "3"}, {"test", "0.5"}}),
      ::testing::ElementsAre("test: of no effect; a cross-validation measures on all rows"));
  EXPECT_THAT(lines({{"folds", "3"}, {"test", "other.csv"}}), IsEmpty());
  EXPECT_THAT(lines({{"test", "0.5"}}), IsEmpty());
  EXPECT_THAT(lines({{"data", "a.csv"}, {"data-dir", "b"}}),
              ::testing::ElementsAre(HasSubstr("data-dir: of no effect")));
  EXPECT_THAT(
      lines({{"adapt", "off"}, {"latency", "9"}, {"multiply-adds", "9"}, {"tolerance", "0.1"}}),
      ::testing::ElementsAre("tolerance: of no effect; the widths are fixed"))
      << "budgets are told at the end";
  EXPECT_THAT(lines({{"adapt", "off"}, {"tolerance", "0.03"}}), IsEmpty()) << "its default";
  const RunSettings smooth = settings_of({{"label-smoothing", "0.1"}});
  EXPECT_THAT(unused_settings(smooth), IsEmpty());
  EXPECT_THAT(unused_settings(smooth, true),
              ::testing::ElementsAre(HasSubstr("label-smoothing: of no effect")));
}

}  // namespace
}  // namespace isoform
