#include <fmt/format.h>

#include "isoform/base/error.h"
#include "isoform/train/trainer.h"

namespace isoform {

std::string_view stop_reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::finished:
      return "finished";
    case StopReason::stopped:
      return "stopped";
    case StopReason::diverged:
      return "diverged";
  }
  throw InternalError("a stop reason without a name");
}

double AdaptSettings::settled_share() const {
  if (settle != kRulesOwn) return settle;
  return policy.rule == PolicyRule::tolerance ? 0.5 : 0.25;
}

void TrainSettings::validate() const {
  const auto require = [](bool holds, std::string_view field, double value, std::string_view rule) {
    if (!holds) throw UsageError(fmt::format("{}: needs {}, got {}", field, rule, value));
  };
  require(epochs >= 1, "epochs", epochs, "at least 1");
  require(batch_size >= 1, "batch-size", static_cast<double>(batch_size), "at least 1");
  require(patience >= 0, "patience", patience, "0 (none) or more epochs");
  require(clip_norm >= 0, "clip-norm", clip_norm, "0 (none) or a norm above 0");
  const auto share = [&](std::string_view field, double value) {
    require(value >= 0 && value < 1, field, value, "0 or more and below 1");
  };
  share("dropout", dropout);
  share("input-dropout", input_dropout);
  share("label-smoothing", label_smoothing);
  require(adapt.per_epoch > 0, "adaptations-per-epoch", adapt.per_epoch, "a number above 0");
  require(adapt.statistics_batches >= 1, "statistics-batches", adapt.statistics_batches,
          "at least 1");
  require((adapt.settle >= 0 && adapt.settle <= 1) || adapt.settle == kRulesOwn, "settle",
          adapt.settle, "0 to 1, or -1 for the rule's own");
  optimiser.validate();
  schedule.validate();
  if (adapt.enabled) adapt.policy.validate();
}

}  // namespace isoform
