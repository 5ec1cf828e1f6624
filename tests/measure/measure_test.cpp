// What is measured is what is meant; how long it took is nobody's business here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/io/model_file.h"
#include "isoform/io/safetensors.h"
#include "isoform/measure/restructure.h"
#include "isoform/network/cost.h"
#include "tests/monitor/folder.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

StepSettings small(Index group_size = 4) {
  return {.chain = {.widths = {12, 16, 10, 5}, .group_size = group_size},
          .batch_size = 6,
          .seconds = 0};
}

TEST(StepWork, LearnsItsBatches) {
  const auto engine = create_engine<double>({.threads = 1});
  StepWork<double> work(small());
  double first = 0, last = 0;
  for (int round = 0; round < 150; ++round) {
    last = 0;
    for (Index i = 0; i < kStepBatches; ++i) last += work.step(*engine) / kStepBatches;
    if (round == 0) first = last;
  }
  EXPECT_LT(last, 0.5 * first) << "random labels can be learned by heart";
}

// Two products for a map that reads the inputs, three for the others: as many as an engine sees.
TEST(StepWork, CountsTheOperationsThatAnEngineDoes) {
  const auto engine = create_engine<double>({.threads = 1});
  for (const Index group_size : {0, 4}) {
    StepWork<double> work(small(group_size));
    work.step(*engine);
    work.step(*engine);  // the next gathers nothing
    TimedEngine<double> timed(*engine);
    work.step(timed);
    double operations = 0;
    for (const auto& [phase, total] : timed.totals()) {
      EXPECT_GE(total.seconds, 0) << phase_name(phase);
      operations += total.operations;
    }
    EXPECT_EQ(operations, work.operations());
  }
}

TEST(TimedEngine, ChangesNothing) {
  const auto engine = create_engine<float>({.threads = 2});
  TimedEngine<float> timed(*engine);
  StepWork<float> plain(small()), watched(small());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(plain.step(*engine), watched.step(timed));
  for (const Map<float>& m : plain.network().maps()) {
    EXPECT_EQ(m.a, watched.network().map(m.id).a);
  }
  timed.clear();
  EXPECT_TRUE(timed.totals().empty());
}

TEST(MeasureStep, SaysWhatItMeasured) {
  const auto engine = create_engine<float>({.threads = 1});
  const StepReport report = measure_step<float>(small(), *engine);
  EXPECT_GT(report.step.fastest, 0);
  EXPECT_LE(report.step.fastest, report.step.median);
  EXPECT_LE(report.step.median, report.step.slowest);
  EXPECT_GT(report.product_rate, 1e6);
  EXPECT_EQ(report.operations, StepWork<float>(small()).operations());
  EXPECT_TRUE(report.phases.contains(Phase::gates) && report.phases.contains(Phase::updates));
}

TEST(MeasureStep, RefusesWhatIsNoBatchOrNoNetwork) {
  StepSettings none = small();
  none.batch_size = 0;
  EXPECT_THAT([&] { (void)StepWork<float>(none); },
              ::testing::ThrowsMessage<UsageError>(HasSubstr("batch-size")));
  StepSettings one = small();
  one.chain.widths = {3};
  EXPECT_THROW((void)StepWork<float>(one), UsageError);
}

TEST(MeasureRestructuring, ChangesCopiesAlone) {
  const auto engine = create_engine<float>({.threads = 1});
  const RestructureSettings settings{.step = small(0), .layer = 2, .count = 3};
  const RestructureReport report = measure_restructuring<float>(settings, *engine);
  EXPECT_GT(report.growth.median, 0);
  EXPECT_GT(report.removal.median, 0);
  EXPECT_THROW((void)measure_restructuring<float>({.step = small(0), .layer = 3}, *engine),
               UsageError);
  EXPECT_THROW(
      (void)measure_restructuring<float>({.step = small(0), .layer = 2, .count = 10}, *engine),
      UsageError);
}

// A peer finds all that it needs to do the same.
TEST(SaveSteps, WritesWhatCanBeDoneAgain) {
  const Folder folder;
  const auto engine = create_engine<float>({.threads = 1});
  save_steps<float>(small(), *engine, folder.path());
  const auto before = load_model<float>(folder.path() / "before.safetensors");
  const auto after = load_model<float>(folder.path() / "after.safetensors");
  const TensorFile batches = read_tensors(folder.path() / "batches.safetensors");
  EXPECT_EQ(batches.tensors.at("inputs").shape, (std::vector<Index>{kStepBatches, 6, 12}));
  EXPECT_EQ(batches.tensors.at("labels").shape, (std::vector<Index>{kStepBatches, 6}));
  StepWork<float> work(small());
  EXPECT_EQ(before.network.map(1).a, work.network().map(1).a);
  for (Index i = 0; i < kStepBatches; ++i) work.step(*engine);
  EXPECT_EQ(after.network.map(1).a, work.network().map(1).a);
}

}  // namespace
}  // namespace isoform
