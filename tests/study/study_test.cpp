// Studies: what is there is not made again, tables say means and errors, the rate is chosen on the validation set.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>

#include "isoform/base/error.h"
#include "isoform/study/procedures.h"
#include "tests/support/small_set.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::write_set;
using testing_data::TemporaryFolder;

Study small_study(const std::string& data) {
  const std::vector<std::pair<std::string, std::string>> common = {
      {"data", data}, {"epochs", "2"}, {"hidden", "8"}, {"adapt", "false"}, {"batch-size", "16"}};
  return {"small",
          "Small",
          "A test.",
          {{"ours", common, {}, {}},
           {"relu", common, Activation::relu, {1e-6, 1e-2}},
           {"norm", common, Activation::layernorm_gelu, {}}}};
}

struct Story {
  int made = 0, known = 0;
};

std::vector<StudyRun> run(const Study& study, const std::filesystem::path& out, Story& story,
                          int seeds = 2, int stop_after = 1000) {
  StudyOptions options{.seeds = seeds, .out = out, .threads = 1};
  std::atomic<bool> stop{false};
  options.stop = &stop;
  options.progress = [&](const Arm&, std::uint64_t, double, bool done, bool known) {
    if (done) ++(known ? story.known : story.made);
    stop = story.made >= stop_after;
  };
  return run_study(study, options);
}

TEST(Study, GoesOnWhereItWasStopped) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const Study study = small_study((folder / "set").string());

  Story first, second, whole;
  const auto part = run(study, folder / "out", first, 2, 3);
  EXPECT_EQ(first.made, 3);
  EXPECT_LT(part.size(), 6u);
  {  // a kill in the middle of a line
    std::ofstream(folder / "out" / "small.jsonl", std::ios::app) << R"({"key":{"sett)";
  }
  const auto rest = run(study, folder / "out", second);
  EXPECT_EQ(second.known, 3);
  EXPECT_EQ(second.made, 4);
  const auto all = run(study, folder / "other", whole);
  EXPECT_EQ(whole.made, 7);  // 2 of ours, 2 rates and another seed of relu, 2 of norm
  ASSERT_EQ(rest.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(rest[i].arm, all[i].arm);
    EXPECT_EQ(rest[i].seed, all[i].seed);
    EXPECT_EQ(rest[i].test_accuracy, all[i].test_accuracy);
    EXPECT_EQ(rest[i].validation_accuracy, all[i].validation_accuracy);
    EXPECT_EQ(rest[i].parameters, all[i].parameters);
  }
  Story again;
  run(study, folder / "out", again);
  EXPECT_EQ(again.made, 0);
}

TEST(Study, ChoosesTheRateOnTheValidationSet) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  Story story;
  const auto runs = run(small_study((folder / "set").string()), folder / "out", story);
  for (const StudyRun& r : runs) {
    if (r.arm == "relu") {
      EXPECT_EQ(r.learning_rate, 1e-2);  // 1e-6 learns nothing in two epochs
    }
    if (r.arm == "norm") {
      EXPECT_EQ(r.parameters, 4 * 8 + 8 + 16 + 8 * 3 + 3);
    }
    if (r.arm == "ours") {
      EXPECT_EQ(r.widths, (std::vector<Index>{4, 8, 3}));
    }
    EXPECT_FALSE(r.diverged);
  }
}

TEST(Study, DamagedAndUnwritableResultsAreToldBeforeARun) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const Study study = small_study((folder / "set").string());
  Story story;
  run(study, folder / "out", story);
  const auto refusal = [&](const std::string& from, const std::string& to) {
    const auto bytes = testing_data::file_bytes(folder / "out" / "small.jsonl");
    std::string text(bytes.begin(), bytes.end());
    const auto at = text.find(from, text.find('\n'));
    text.replace(at, from.size(), to);
    std::filesystem::create_directories(folder / "bad");
    std::ofstream(folder / "bad" / "small.jsonl") << text;
    Story none;
    std::string told =
        testing_data::message_of<FormatError>([&] { run(study, folder / "bad", none); });
    EXPECT_EQ(none.made, 0);
    return told;
  };
  EXPECT_THAT(refusal("\"test_accuracy\":", "\"test_accuracy\":-"), HasSubstr("line 2"));
  EXPECT_THAT(refusal("\"seconds\":", "\"hours\":"), HasSubstr("remove the line"));
  EXPECT_THAT(refusal("{", ""), HasSubstr("line 2"));
  std::filesystem::create_directories(folder / "taken" / "small.jsonl");
  EXPECT_THAT(testing_data::message_of<FileError>([&] { run(study, folder / "taken", story); }),
              HasSubstr("cannot be written"));
}

TEST(Study, TablesSayMeanAndStandardError) {
  Study study = small_study("x");
  std::vector<StudyRun> runs;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    StudyRun r{"ours", seed, 1e-3, 0.5, 0.8 + 0.01 * static_cast<double>(seed), {4, 8, 3}, 67, 1.5};
    r.widths[1] += static_cast<Index>(seed);
    runs.push_back(r);
  }
  runs.push_back({"relu", 0, 2e-3, 0.4, 0.9, {4, 8, 3}, 67, 1});
  const std::string table = study_table(study, runs);
  // 80, 81, 82: mean 81, deviation 1, error 1/√3.
  EXPECT_THAT(table,
              HasSubstr("| ours | 9 | 67 | 0.001 | 81.00 ± 0.58 % | 50.00 ± 0.00 % | 1.5 s |"));
  EXPECT_THAT(table, HasSubstr("| relu | 8 | 67 | 0.002 | 90.00 % |"));
  EXPECT_THAT(table, ::testing::Not(HasSubstr("norm")));
  const auto json = study_json(study, runs);
  EXPECT_NEAR(json["rows"][0]["test_error"].get<double>(), 0.01 / std::sqrt(3.0), 1e-12);
  EXPECT_TRUE(json["rows"][1]["test_error"].is_null());
}

// Procedures: their figures come back from the file as they were, and cutting nothing changes nothing.
TEST(Study, ProceduresMeasureWhatTheySay) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const std::vector<std::pair<std::string, std::string>> fixed = {
      {"data", (folder / "set").string()},
      {"epochs", "2"},
      {"hidden", "8"},
      {"adapt", "false"},
      {"batch-size", "16"}};
  std::vector<std::pair<std::string, std::string>> sized = fixed;
  sized[3] = {"adapt", "true"};
  Study study{"procedures", "Procedures", "A test.", {}};
  study.columns = {
      {"before", "before"}, {"cut", "0 epochs"}, {"neurons", "neurons half", Unit::count}};
  const auto cut = [&](const std::string& name, Pruning pruning, Index inputs, Index width) {
    study.arms.push_back({name, fixed, {}, {}, name, compression(pruning, inputs, {width})});
  };
  for (const Pruning pruning : {Pruning::metric, Pruning::paper, Pruning::magnitude}) {
    cut(fmt::format("nothing by {}", pruning_name(pruning)), pruning, 4, 8);
    cut(fmt::format("much by {}", pruning_name(pruning)), pruning, 3, 4);
  }
  study.arms.push_back({"half", sized, {}, {}, "half", half_and_restored()});
  Story story, again;
  const auto runs = run(study, folder / "out", story, 1);
  ASSERT_EQ(runs.size(), 7U);
  for (const StudyRun& r : runs) {
    if (r.arm == "half") {
      EXPECT_GT(figure(r.figures, "neurons all"), 0);
      EXPECT_GT(figure(r.figures, "neurons restored"), 0);
      EXPECT_EQ(figure(r.figures, "half"), 1) << "one class is left of three";
      EXPECT_EQ(r.test_accuracy, figure(r.figures, "restored"));
    } else if (r.arm.starts_with("nothing")) {
      EXPECT_EQ(figure(r.figures, "0 epochs"), figure(r.figures, "before")) << r.arm;
      EXPECT_EQ(r.widths, (std::vector<Index>{4, 8, 3}));
    } else {
      EXPECT_EQ(r.widths, (std::vector<Index>{3, 4, 3})) << r.arm;
      EXPECT_EQ(r.test_accuracy, figure(r.figures, "60 epochs"));
    }
  }
  const auto known = run(study, folder / "out", again, 1);
  EXPECT_EQ(again.made, 0);
  for (std::size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(known[i].figures, runs[i].figures);
  const std::string table = study_table(study, runs);
  EXPECT_THAT(table, HasSubstr("| run | before | cut | neurons | time |"));
  EXPECT_THAT(table, HasSubstr("| half | – | – |"));
  EXPECT_THROW((void)figure(runs.front().figures, "other"), UsageError);
}

TEST(Study, ThoseThereAreCanBeRun) {
  std::set<std::string> names;
  for (const Study& study : studies()) {
    EXPECT_TRUE(names.insert(study.name).second);
    EXPECT_EQ(&study_by_name(study.name), &study);
    std::set<std::string> arms;
    for (const Arm& arm : study.arms) {
      EXPECT_TRUE(arms.insert(arm.name).second) << study.name;
      RunSettings settings;
      const auto list = list_settings(settings);
      for (const auto& entry : arm.settings) {
        const std::string &name = entry.first, &value = entry.second;
        const auto found = std::find_if(list.begin(), list.end(),
                                        [&](const Setting& s) { return s.name == name; });
        ASSERT_NE(found, list.end()) << name;
        found->set(value);
      }
      EXPECT_NO_THROW(settings.finish()) << study.name << ", " << arm.name;
    }
  }
  EXPECT_THAT(testing_data::message_of<UsageError>([] { study_by_name("dept"); }),
              HasSubstr("depth"));
  StudyOptions none{.seeds = 0, .out = "unused"};
  EXPECT_THAT(testing_data::message_of<UsageError>([&] { run_study(studies().front(), none); }),
              HasSubstr("at least 1"));
}

TEST(Studies, AreRunInPart) {
  const Study& whole = study_by_name("plain-mnist");
  const auto names = [](const Study& study) {
    std::vector<std::string> all;
    for (const Arm& arm : study.arms) all.push_back(arm.name);
    return all;
  };
  EXPECT_EQ(names(with_arms(whole, {})), names(whole));
  EXPECT_EQ(names(with_arms(whole, {"relu", "wider"})),
            (std::vector<std::string>{"ReLU", "LayerNorm + GELU, wider"}));
  EXPECT_EQ(with_arms(whole, {"relu"}).name, whole.name);  // results go to the same file
  EXPECT_THAT(testing_data::message_of<UsageError>([&] {
                with_arms(whole, {"relu", "selu"});
              }),
              AllOf(HasSubstr("'selu'"), HasSubstr("LayerNorm + GELU")));
}

}  // namespace
}  // namespace isoform
