#include "isoform/train/schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <numbers>

#include "isoform/base/error.h"

namespace isoform {

namespace {
constexpr std::array<std::string_view, 4> kSchedules = {"constant", "cosine", "linear", "step"};
}

std::string_view schedule_name(Schedule schedule) {
  return kSchedules[static_cast<std::size_t>(schedule)];
}

Schedule schedule_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kSchedules.size(); ++i) {
    if (kSchedules[i] == name) return static_cast<Schedule>(i);
  }
  throw UsageError(
      fmt::format("schedule: '{}' is unknown; known are {}", name, fmt::join(kSchedules, ", ")));
}

void ScheduleSettings::validate() const {
  if (!(final_factor >= 0 && final_factor <= 1)) {
    throw UsageError(fmt::format("final-factor: needs 0 to 1, got {}", final_factor));
  }
  if (!(warm_up >= 0 && warm_up < 1)) {
    throw UsageError(fmt::format("warm-up: needs a share from 0 to below 1, got {}", warm_up));
  }
  if (!(restart > 0 && restart <= 1)) {
    throw UsageError(fmt::format("restart: needs a number above 0 and at most 1, got {}", restart));
  }
}

double schedule_factor(const ScheduleSettings& settings, std::int64_t step, std::int64_t steps,
                       bool again) {
  // A rate as high as a fresh network's would undo much of what has been learned.
  if (again && settings.kind != Schedule::constant) {
    return settings.restart * schedule_factor(settings, step, steps);
  }
  const double progress = steps > 1 ? static_cast<double>(step) / static_cast<double>(steps) : 0;
  if (progress < settings.warm_up) {
    return (static_cast<double>(step) + 1) / (settings.warm_up * static_cast<double>(steps) + 1);
  }
  const double at = (progress - settings.warm_up) / (1 - settings.warm_up);
  switch (settings.kind) {
    case Schedule::constant:
      return 1;
    case Schedule::cosine:
      return settings.final_factor +
             (1 - settings.final_factor) * 0.5 * (1 + std::cos(std::numbers::pi * at));
    case Schedule::linear:
      return 1 + (settings.final_factor - 1) * at;
    case Schedule::step:
      return at < 0.5 ? 1 : at < 0.75 ? 0.1 : 0.01;
  }
  throw InternalError("a schedule without a factor");
}

}  // namespace isoform
