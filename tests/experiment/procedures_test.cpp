// What the procedures measure, against oracles that are written another way.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/experiment/experiment.h"
#include "isoform/experiment/procedure.h"
#include "isoform/experiment/training.h"
#include "tests/support/small_set.h"

namespace isoform {
namespace {

using testing::Dice;
using ::testing::Each;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;
using testing::write_set;
using testing_data::TemporaryFolder;

constexpr const char* kCommon = R"(
[data]
validation = 0
scaling = "each"
[training]
batch_size = 16
schedule = "constant"
optimiser = "adamw"
)";

Measurements measured(const std::string& own, const TemporaryFolder& folder, int seeds = 2) {
  const ExperimentSettings settings = read_experiment(own + kCommon, "test", Scale::paper);
  const ExperimentOutcome outcome =
      run_experiment(settings, {.out = folder / "out", .seeds = seeds, .threads = 2});
  EXPECT_TRUE(outcome.finished);
  return outcome.measurements;
}

TEST(Procedures, GroupsOfOneAreElementwiseTanh) {
  Dice dice(1);
  const auto network = Network<double>::chain({.widths = {5, 7, 6, 3},
                                               .group_size = 1,
                                               .length = LengthMode::none,
                                               .psi = PsiMode::none,
                                               .seed = 3});
  const auto engine = create_engine<double>({});
  const Matrix<double> x = dice.normals(5, 9, 2.0);
  Matrix<double> h = x;
  for (std::size_t l = 0; l < 3; ++l) {
    Matrix<double> z = network.maps()[l].weight() * h;
    z.colwise() += Vector<double>(network.maps()[l].bias());
    h = l < 2 ? Matrix<double>(z.unaryExpr([](double v) { return std::tanh(v); })) : z;
  }
  EXPECT_LE((outputs<double>(network, *engine, x) - h).cwiseAbs().maxCoeff(), 1e-14);
}

TEST(Procedures, ChangeOfLogits) {
  Matrix<float> before(2, 2), after(2, 2);
  before << 1, 0, 0, 2;  // columns (1, 0), (0, 2)
  after << 1, 3, 1, 2;   // columns (1, 1), (3, 2)
  const LogitChange change = compare_logits(before, after, {0, 1});
  EXPECT_NEAR(change.error_percent, 100 * (1.0 / 1 + 3.0 / 2) / 2, 1e-5);
  EXPECT_NEAR(change.accuracy_points, -50, 1e-12);  // the second sample turns wrong
  const auto kl = [](double a, double b, double c, double d) {
    const double p = std::exp(a) / (std::exp(a) + std::exp(b)),
                 q = std::exp(c) / (std::exp(c) + std::exp(d));
    return p * std::log(p / q) + (1 - p) * std::log((1 - p) / (1 - q));
  };
  EXPECT_NEAR(change.divergence, (kl(1, 0, 1, 1) + kl(0, 2, 3, 2)) / 2, 1e-12);
  EXPECT_EQ(compare_logits(before, before, {0, 1}).divergence, 0);
}

TEST(Procedures, InvarianceOfGrowthAndFoldedRemoval) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const Measurements rows = measured(fmt::format(R"(
procedure = "invariance"
datasets = ["{}"]
changes = [9, 0, -1, -6]
statistics_samples = 200
[network]
hidden = [8, 8]
group_size = 0
[[arm]]
name = "folds"
length = "log"
psi = "decay"
adapt = false
epochs = 6
)",
                                                 (folder / "set").string()),
                                     folder);
  for (const char* change : {"+9", "+0"}) {
    EXPECT_THAT(rows.values({{"change", change}}, "scaled error"), SizeIs(2));
    EXPECT_THAT(rows.values({{"change", change}}, "scaled error"), Each(Le(1e-4)));
    EXPECT_THAT(rows.values({{"change", change}}, "accuracy change"), Each(0));
  }
  // Of 8 neurons 6 go: by effect the outputs, of three classes, change less.
  const double paper =
      rows.summary({{"change", "-6"}, {"rule", "singular values"}}, "scaled error").mean;
  const double ours =
      rows.summary({{"change", "-6"}, {"rule", "effect on the outputs"}}, "scaled error").mean;
  EXPECT_GT(paper, 1e-3);
  EXPECT_LT(ours, paper);
  // What leaves takes its singular values along.
  EXPECT_THAT(
      rows.values({{"change", "-6"}, {"rule", "singular values"}}, "singular values change"),
      Each(Le(-1e-3)));
  EXPECT_THROW(
      measured("procedure = \"invariance\"\ndatasets = []\n[[arm]]\nname = \"a\"\n", folder),
      UsageError);
}

TEST(Procedures, SpectraBeginAtOne) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const Measurements rows = measured(fmt::format(R"(
procedure = "spectra"
datasets = ["{}"]
[network]
hidden = [4, 3]
[[arm]]
name = "whole"
group_size = 0
adapt = false
epochs = 2
learning_rate = 0.01
)",
                                                 (folder / "set").string()),
                                     folder, 1);
  for (const auto& [map, count] : {std::pair{"1", 4}, {"2", 3}, {"3", 3}}) {
    const auto first = rows.values({{"map", map}, {"epoch", "0"}}, "singular values");
    EXPECT_THAT(first, SizeIs(count));
    for (const double sigma : first) EXPECT_NEAR(sigma, 1, 1e-6);
    EXPECT_THAT(rows.values({{"map", map}, {"epoch", "0"}}, "biases"), Each(0));
    EXPECT_THAT(rows.values({{"map", map}, {"epoch", "2"}}, "biases"), ::testing::Not(Each(0)));
  }
  EXPECT_THAT(rows.levels("epoch"), SizeIs(3));
}

TEST(Procedures, AbundanceEndsAsWideAsTheCourse) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const Measurements rows = measured(fmt::format(R"(
procedure = "abundance"
datasets = ["{}"]
widths = [3, 9]
course = [1, 3, 1]
statistics_samples = 100
[adaptation]
adapt = false
[[arm]]
name = "paper"
rule = "paper"
group_size = 0
length = "log"
second_moment = "squared"
[[arm]]
name = "ours"
rule = "effect"
group_size = 2
)",
                                                 (folder / "set").string()),
                                     folder, 1);
  for (const char* arm : {"paper", "ours"}) {  // a wrong width would have thrown
    EXPECT_THAT(rows.values({{"arm", arm}}, "test accuracy"), SizeIs(4));
    EXPECT_THAT(rows.values({{"arm", arm}}, "test accuracy"), Each(Ge(0.4)));
  }
}

// A training that ends at its last good model may have any width: it is told, and no error.
TEST(Procedures, AbundanceToldOfDivergence) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const Measurements rows = measured(fmt::format(R"(
procedure = "abundance"
datasets = ["{}"]
widths = [3, 9]
course = [1, 3, 1]
statistics_samples = 100
[[arm]]
name = "wild"
rule = "effect"
adapt = false
learning_rate = 1e30
)",
                                                 (folder / "set").string()),
                                     folder, 1);
  EXPECT_THAT(rows.values({}, "diverged"), SizeIs(4));
  EXPECT_THAT(rows.values({}, "test accuracy"), SizeIs(4));
}

TEST(Procedures, StructuralShareEqualsThePublishedList) {
  const TemporaryFolder folder;
  const ExperimentSettings settings = find_experiment("sparsification", Scale::quick);
  const auto blocks = procedure_by_name("sparsification").report(settings, Measurements());
  const auto& table = std::get<report::Table>(blocks.front());
  ASSERT_THAT(table.rows, SizeIs(10));
  for (const auto& row : table.rows) {
    EXPECT_NEAR(std::stod(row[2]), std::stod(row[3]), 0.0501) << row[0] << " × " << row[1];
    EXPECT_GE(std::stod(row[4]), std::stod(row[3]));
  }
}

TEST(Procedures, SparsificationRemovesWhatTheShapePromises) {
  const TemporaryFolder folder;
  write_set(folder / "set");
  const Measurements rows = measured(fmt::format(R"(
procedure = "sparsification"
datasets = ["{}"]
widths = [6]
depths = [2, 3]
threshold = 1e-4
[network]
group_size = 0
[[arm]]
name = "whole"
adapt = false
epochs = 2
)",
                                                 (folder / "set").string()),
                                     folder, 1);
  for (const char* method : {"alternating diagonals", "planner"}) {
    for (const char* layers : {"2", "3"}) {
      const Labels at = {{"method", method}, {"layers", layers}};
      EXPECT_GE(rows.summary(at, "removed").mean, rows.summary(at, "structure").mean);
      EXPECT_GT(rows.summary(at, "structure").mean, 5);
      EXPECT_LE(rows.summary(at, "scaled error").mean, 1e-3);
    }
  }
  // 4-6-6-3 with ψ and o: 4·6 + 6 + 6·6 + 6 + 6 + 6·3 + 3 + 3 + 2 numbers, of which 36 − 6 go.
  EXPECT_NEAR(
      rows.summary({{"method", "alternating diagonals"}, {"layers", "2"}}, "structure").mean,
      100 * 30.0 / 104, 1e-9);
}

TEST(Procedures, TasksComeAndGoOnSchedule) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b", "c"}) write_set(folder / name);
  const Measurements rows = measured(fmt::format(R"(
procedure = "scheduled-tasks"
datasets = ["{0}/a", "{0}/b", "{0}/c"]
phase_epochs = 2
start_widths = [6, 12]
[network]
hidden = [1, 1]
group_size = 0
length = "log"
[adaptation]
policy = "paper"
buffer = 2
threshold = 0.95
[[arm]]
name = "paper"
restructuring = "published"
[[arm]]
name = "control"
restructuring = "none"
[[arm]]
name = "ours"
restructuring = "trusted"
group_size = 4
policy = "effect"
threshold = -1
)",
                                                 folder.path().string()),
                                     folder, 1);
  const auto width = [&](const char* arm, int epoch) {
    return rows.values({{"arm", arm}, {"layer", "1"}, {"epoch", std::to_string(epoch)}}, "width")
        .at(0);
  };
  EXPECT_EQ(width("control", 0), width("control", 8));
  EXPECT_EQ(width("control", 0), width("paper", 0));  // paired starts
  EXPECT_NE(width("paper", 0), width("paper", 8));
  const auto active = [&](const char* arm, int epoch) {
    return rows.levels("task", {{"arm", arm}, {"epoch", std::to_string(epoch)}, {"active", "yes"}})
        .size();
  };
  for (const char* arm : {"paper", "control", "ours"}) {
    EXPECT_EQ(active(arm, 2), 1U);
    EXPECT_EQ(active(arm, 4), 2U);
    EXPECT_EQ(active(arm, 6), 3U);
    EXPECT_EQ(active(arm, 8), 1U);
  }
  // Ours has no more than it needs: the tasks that went are gone.
  EXPECT_THAT(rows.levels("task", {{"arm", "ours"}, {"epoch", "8"}}), SizeIs(1));
  EXPECT_THAT(rows.levels("task", {{"arm", "paper"}, {"epoch", "8"}}), SizeIs(3));
}

TEST(Procedures, CostTimesEveryCase) {
  const TemporaryFolder folder;
  const Measurements rows = measured(R"(
procedure = "cost"
noise_training = 64
noise_test = 16
features = 12
classes = 3
warm_up_epochs = 1
[network]
hidden = [8, 8]
group_size = 0
[[arm]]
name = "ours"
procedures = "ours"
adapt = false
epochs = 2
[[arm]]
name = "published"
procedures = "published"
adapt = false
epochs = 2
)",
                                     folder, 1);
  EXPECT_THAT(rows.values({}, "epoch seconds"), SizeIs(2 * 6 * 2));
  EXPECT_THAT(rows.values({}, "test seconds"), SizeIs(2 * 3 * 2));
  EXPECT_THAT(rows.values({}, "restructuring seconds"), SizeIs(2 * 4 * 2));
  EXPECT_THAT(rows.values({}, "epoch seconds"), Each(Ge(0)));
}

}  // namespace
}  // namespace isoform
