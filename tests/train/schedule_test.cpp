#include "isoform/train/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"

namespace isoform {
namespace {

using ::testing::HasSubstr;

TEST(Schedule, ConstantStaysAndStepFallsTwice) {
  for (const int step : {0, 17, 99}) {
    EXPECT_EQ(schedule_factor({.kind = Schedule::constant}, step, 100), 1);
  }
  const ScheduleSettings steps{.kind = Schedule::step};
  EXPECT_EQ(schedule_factor(steps, 49, 100), 1);
  EXPECT_EQ(schedule_factor(steps, 50, 100), 0.1);
  EXPECT_EQ(schedule_factor(steps, 74, 100), 0.1);
  EXPECT_EQ(schedule_factor(steps, 75, 100), 0.01);
}

TEST(Schedule, CosineAndLinearRunFromOneToTheFinalFactor) {
  const ScheduleSettings cosine{.kind = Schedule::cosine, .final_factor = 0.2};
  const ScheduleSettings linear{.kind = Schedule::linear, .final_factor = 0.2};
  for (const auto& settings : {cosine, linear}) {
    EXPECT_EQ(schedule_factor(settings, 0, 1000), 1);
    EXPECT_NEAR(schedule_factor(settings, 500, 1000), 0.6, 1e-12);
    EXPECT_NEAR(schedule_factor(settings, 999, 1000), 0.2, 1e-3);
    for (int step = 1; step < 1000; ++step) {
      EXPECT_LT(schedule_factor(settings, step, 1000), schedule_factor(settings, step - 1, 1000));
    }
  }
  EXPECT_NEAR(schedule_factor(cosine, 250, 1000), 0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_NEAR(schedule_factor(linear, 250, 1000), 0.8, 1e-12);
}

TEST(Schedule, WarmUpRisesFromNearZeroToOne) {
  for (const auto kind : {Schedule::constant, Schedule::cosine, Schedule::linear, Schedule::step}) {
    const ScheduleSettings settings{.kind = kind, .warm_up = 0.1};
    for (int step = 0; step < 1000; ++step) {
      const double factor = schedule_factor(settings, step, 1000);
      EXPECT_GT(factor, 0);
      EXPECT_LE(factor, 1);
      if (step > 0 && step < 100) {
        EXPECT_GT(factor, schedule_factor(settings, step - 1, 1000));
      }
    }
    EXPECT_LT(schedule_factor(settings, 0, 1000), 0.02);
    EXPECT_EQ(schedule_factor(settings, 100, 1000), 1);
  }
  EXPECT_GT(schedule_factor({.warm_up = 0.5}, 0, 1), 0) << "a single step moves";
}

TEST(Schedule, AgainBeginsLower) {
  for (const auto kind : {Schedule::cosine, Schedule::linear, Schedule::step}) {
    const ScheduleSettings settings{.kind = kind, .restart = 0.3};
    for (const std::int64_t step : {0, 7, 19}) {
      EXPECT_DOUBLE_EQ(schedule_factor(settings, step, 20, true),
                       0.3 * schedule_factor(settings, step, 20));
    }
  }
  EXPECT_EQ(schedule_factor({.kind = Schedule::constant, .restart = 0.3}, 5, 20, true), 1);
}

TEST(Schedule, NamesAndLimits) {
  for (const auto kind : {Schedule::constant, Schedule::cosine, Schedule::linear, Schedule::step}) {
    EXPECT_EQ(schedule_from_name(schedule_name(kind)), kind);
  }
  EXPECT_THROW(schedule_from_name("sawtooth"), UsageError);
  const auto message = [](const ScheduleSettings& settings) -> std::string {
    try {
      settings.validate();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({}), "accepted");
  EXPECT_THAT(message({.final_factor = -0.1}), HasSubstr("final-factor"));
  EXPECT_THAT(message({.final_factor = std::nan("")}), HasSubstr("final-factor"));
  EXPECT_THAT(message({.warm_up = 1}), HasSubstr("warm-up"));
  EXPECT_THAT(message({.restart = 0}), HasSubstr("restart"));
}

}  // namespace
}  // namespace isoform
