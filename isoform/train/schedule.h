// Learning-rate schedules as pure functions of progress.
#pragma once

#include <cstdint>
#include <string_view>

namespace isoform {

enum class Schedule {
  constant,
  cosine,  // half a cosine from 1 to final_factor
  linear,  // a straight line from 1 to final_factor
  step,    // times 0.1 at 50 % and again at 75 % of training
};
std::string_view schedule_name(Schedule schedule);
Schedule schedule_from_name(std::string_view name);

struct ScheduleSettings {
  Schedule kind = Schedule::cosine;
  double final_factor = 0.01;  // of the learning rate, where cosine and linear end
  double warm_up = 0;          // first share of training during which the rate rises from 0
  double restart =
      0.25;  // of the learning rate, where all but constant begin again when tasks have changed

  /// Throws UsageError with field, value and rule.
  void validate() const;
};

/// Factor of the learning rate for step 0 … steps−1. `again`: for a network that has been through a schedule already.
double schedule_factor(const ScheduleSettings& settings, std::int64_t step, std::int64_t steps,
                       bool again = false);

}  // namespace isoform
