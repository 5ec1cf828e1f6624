// Running an experiment: results outlive an interruption bit by bit, folders of something else are refused, nothing is
// half-written where data are missing.
#include "isoform/experiment/experiment.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "isoform/base/error.h"
#include "tests/support/small_set.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::write_set;
using testing_data::message_of;
using testing_data::TemporaryFolder;
namespace fs = std::filesystem;

ExperimentSettings small_experiment(const std::string& data, int epochs = 2) {
  return read_experiment(fmt::format(R"(
number = 9
title = "Small"
question = "Does it < run & end?"
procedure = "elementwise"
datasets = ["{}"]
repeats = 2
widths = [8]
depths = [1, 2]
plain_arm = "tanh"
[data]
validation = 0
[network]
length = "none"
psi = "none"
[training]
epochs = {}
batch_size = 16
[adaptation]
adapt = false
[[arm]]
name = "whole"
group_size = 0
[[arm]]
name = "tanh"
group_size = 1
)",
                                     data, epochs),
                         "small", Scale::quick);
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Experiment, GoesOnWhereItWasStoppedWithTheSameNumbers) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const ExperimentSettings settings = small_experiment((folder / "set").string());
  const ExperimentOutcome whole =
      run_experiment(settings, {.out = folder / "whole", .threads = 2, .command = "test"});
  EXPECT_TRUE(whole.finished);
  EXPECT_EQ(whole.trials, 8U);
  EXPECT_EQ(whole.made, 8U);

  std::atomic<bool> stop{false};
  ExperimentOptions options{.out = folder / "parts", .threads = 1, .command = "test"};
  options.stop = &stop;
  options.progress = [&](const ExperimentProgress& p) { stop = p.done >= 3; };
  const ExperimentOutcome part = run_experiment(settings, options);
  EXPECT_FALSE(part.finished);
  EXPECT_EQ(part.trials, 3U);
  EXPECT_THAT(text_of(part.folder / "report.html"), HasSubstr("stopped before its end"));
  // A line that a kill has cut.
  std::ofstream(part.folder / "trials.jsonl", std::ios::app) << R"({"key":[["da)";

  stop = false;
  options.resume = true;
  std::size_t known = 0;
  options.progress = [&](const ExperimentProgress& p) { known = p.known; };
  const ExperimentOutcome rest = run_experiment(settings, options);
  EXPECT_TRUE(rest.finished);
  EXPECT_EQ(rest.made, 5U);
  EXPECT_EQ(known, 3U);
  EXPECT_EQ(text_of(whole.folder / "numbers.csv"), text_of(rest.folder / "numbers.csv"));
  EXPECT_EQ(text_of(whole.folder / "numbers.json"), text_of(rest.folder / "numbers.json"));
  EXPECT_THAT(
      text_of(rest.folder / "report.html"),
      AllOf(Not(HasSubstr("stopped before its end")), HasSubstr("Does it &lt; run &amp; end?")));

  const ExperimentOutcome again = run_experiment(settings, options);
  EXPECT_TRUE(again.finished);
  EXPECT_EQ(again.made, 0U);
}

TEST(Experiment, RecordsWhatWasRun) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const ExperimentOutcome outcome =
      run_experiment(small_experiment((folder / "set").string(), 1),
                     {.out = folder / "out", .threads = 1, .command = "isoform x"});
  const auto record = nlohmann::json::parse(text_of(outcome.folder / "run.json"));
  EXPECT_EQ(record.at("command"), "isoform x");
  EXPECT_EQ(record.at("seeds").size(), 2U);
  EXPECT_EQ(record.at("identity").at("data")[0].at("train_samples"), 240);
  EXPECT_EQ(record.at("identity").at("data")[0].at("train_checksum").get<std::string>().size(), 8U);
  EXPECT_TRUE(record.at("machine").contains("processor"));
  EXPECT_FALSE(record.at("identity").at("version").get<std::string>().empty());
  fs::create_directories(folder / "out" / "not-run");
  write_index(folder / "out");
  EXPECT_THAT(text_of(folder / "out" / "index.html"),
              AllOf(HasSubstr("small/report.html"), Not(HasSubstr("not-run"))));
}

TEST(Experiment, RefusesFoldersOfSomethingElse) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const ExperimentSettings settings = small_experiment((folder / "set").string(), 1);
  ExperimentOptions options{.out = folder / "out", .threads = 1};
  run_experiment(settings, options);
  const std::string before = text_of(folder / "out" / "small" / "trials.jsonl");
  EXPECT_THAT(message_of<UsageError>([&] { run_experiment(settings, options); }),
              HasSubstr("--resume"));
  options.resume = true;
  const std::string told = message_of<UsageError>(
      [&] { run_experiment(small_experiment((folder / "set").string(), 3), options); });
  EXPECT_THAT(told, HasSubstr("settings.training.epochs: 1 there, 3 asked for"));
  EXPECT_EQ(before, text_of(folder / "out" / "small" / "trials.jsonl"));
  // Other data of the same name.
  const fs::path labels = folder / "set" / "train-labels-idx1-ubyte";
  std::string bytes = text_of(labels);
  bytes.back() = static_cast<char>(bytes.back() == 0 ? 1 : 0);
  std::ofstream(labels, std::ios::binary) << bytes;
  EXPECT_THAT(message_of<UsageError>([&] { run_experiment(settings, options); }),
              HasSubstr("checksum"));
}

TEST(Experiment, MoreSeedsAddToWhatIsThere) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const ExperimentSettings settings = small_experiment((folder / "set").string(), 1);
  run_experiment(settings, {.out = folder / "out", .seeds = 1, .threads = 1});
  const ExperimentOutcome more =
      run_experiment(settings, {.out = folder / "out", .seeds = 3, .threads = 1, .resume = true});
  EXPECT_EQ(more.trials, 12U);
  EXPECT_EQ(more.made, 8U);
}

TEST(Experiment, BeginsNothingWithoutItsData) {
  const TemporaryFolder folder;
  const ExperimentSettings settings = small_experiment((folder / "nowhere").string());
  EXPECT_THAT(message_of<FileError>([&] { run_experiment(settings, {.out = folder / "out"}); }),
              AllOf(HasSubstr("nowhere"), HasSubstr("not begun"), HasSubstr("--datasets")));
  EXPECT_FALSE(fs::exists(folder / "out"));
}

// What can't be is refused before data are read or trials are trained.
TEST(Experiment, ChecksBeforeItBegins) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const std::string set = (folder / "set").string();
  const auto told = [&](const std::string& name, const std::string& key,
                        const nlohmann::json& value, std::vector<std::string> sets) {
    ExperimentSettings settings = find_experiment(name, Scale::quick);
    settings.datasets = std::move(sets);
    if (!key.empty()) settings.own[key] = value;
    return message_of<UsageError>([&] { check_experiment(settings, {.out = folder / "out"}); });
  };
  EXPECT_THAT(told("invariance", "", {}, {}), HasSubstr("datasets: needs one"));
  EXPECT_THAT(told("invariance", "", {}, {set, set}), HasSubstr("twice"));
  EXPECT_THAT(told("cost", "", {}, {set}), HasSubstr("reads none"));
  EXPECT_THAT(told("invariance", "changes", {-100}, {set}), HasSubstr("needs 1 to"));
  EXPECT_THAT(told("invariance", "changes", {5, 5}, {set}), HasSubstr("twice"));
  EXPECT_THAT(told("invariance", "changes", {2.5}, {set}), HasSubstr("whole numbers"));
  EXPECT_THAT(told("invariance", "usual_arm", "o trainable, psi decay", {set}),
              HasSubstr("did you mean"));
  EXPECT_THAT(told("invariance", "statistics_samples", 0, {set}), HasSubstr("from 1"));
  EXPECT_THAT(told("elementwise", "widths", nlohmann::json::array(), {set}),
              HasSubstr("one or more"));
  EXPECT_THAT(told("elementwise", "depths", {0}, {set}), HasSubstr("from 1"));
  EXPECT_THAT(told("elementwise", "plain_arm", 3, {set}), HasSubstr("plain_arm"));
  EXPECT_THAT(told("sparsification", "depths", {1}, {set}), HasSubstr("from 2"));
  EXPECT_THAT(told("abundance", "course", {1, 0, 1}, {set}), HasSubstr("1 or more"));
  EXPECT_THAT(told("scheduled-tasks", "", {}, {set}), HasSubstr("needs three"));
  EXPECT_THAT(told("cost", "warm_up_epochs", 1000, {}), HasSubstr("loses a neuron"));
  ExperimentSettings settings = find_experiment("scheduled-tasks", Scale::quick);
  settings.datasets = {set, "./b", "./c"};
  settings.arms.front().settings.emplace_back("policy", "effect");
  EXPECT_THAT(message_of<UsageError>([&] { check_experiment(settings, {}); }), HasSubstr("policy"));
  settings = find_experiment("abundance", Scale::quick);
  settings.arms.front().own["rule"] = "papre";
  EXPECT_THAT(message_of<UsageError>([&] { check_experiment(settings, {}); }),
              HasSubstr("did you mean paper"));
  settings = small_experiment(set);
  EXPECT_THAT(message_of<UsageError>([&] { check_experiment(settings, {.threads = 100000}); }),
              HasSubstr("threads"));
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST(Experiment, RefusesResultsThatNobodyKnowsOf) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const ExperimentSettings settings = small_experiment((folder / "set").string(), 1);
  ExperimentOptions options{.out = folder / "out", .threads = 1};
  run_experiment(settings, options);
  options.resume = true;
  const fs::path identity = folder / "out" / "small" / "identity.json";
  for (const char* text : {"{}", "[]", "null", "{\"settings\": 3}", "x"}) {
    std::ofstream(identity) << text;
    EXPECT_THAT(message_of<FormatError>([&] { run_experiment(settings, options); }),
                HasSubstr("identity.json"))
        << text;
  }
  fs::remove(identity);
  EXPECT_THAT(message_of<UsageError>([&] { run_experiment(settings, options); }),
              HasSubstr("no identity.json"));
}

TEST(Experiment, WordsAreNoOtherExperiment) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  ExperimentSettings settings = small_experiment((folder / "set").string(), 1);
  run_experiment(settings, {.out = folder / "out", .threads = 1});
  settings.all["title"] = settings.title = "Another title";
  const ExperimentOutcome again =
      run_experiment(settings, {.out = folder / "out", .threads = 1, .resume = true});
  EXPECT_EQ(again.made, 0U);
  EXPECT_THAT(text_of(again.folder / "report.html"), HasSubstr("Another title"));
}

TEST(Experiment, KeepsWhatWasDoneWhenATrialFails) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  ExperimentSettings settings = small_experiment((folder / "set").string(), 1);
  settings.arms.back().settings.emplace_back("group-size",
                                             "-3");  // refused when the trial is planned
  EXPECT_THROW(run_experiment(settings, {.out = folder / "out", .threads = 1}), UsageError);
  EXPECT_FALSE(fs::exists(folder / "out"));
}

}  // namespace
}  // namespace isoform
