// The settings that each protocol has unless told otherwise; chosen on validation parts, docs/continual.md.
#include "isoform/study/continual.h"

namespace isoform {

ContinualSettings split_task_settings() {
  ContinualSettings settings;
  settings.hidden = {64, 64};
  settings.group_size = 4;
  settings.training.epochs = 12;
  settings.training.input_dropout = 0.3;
  return settings;
}

ContinualSettings split_class_settings() {
  ContinualSettings settings;
  settings.hidden = {64, 64};
  settings.group_size = 4;
  settings.training.epochs = 5;
  settings.training.input_dropout = 0.2;
  settings.training.dropout = 0.1;
  settings.training.adapt.enabled = true;
  settings.training.adapt.policy.rule = PolicyRule::effect;
  settings.training.adapt.policy.threshold = 1e-5;
  settings.training.adapt.policy.buffer = 32;
  settings.balanced_epochs = 30;
  settings.balanced_rate = 0.5;
  return settings;
}

ContinualSettings permuted_domain_settings() {
  ContinualSettings settings;
  settings.tasks = 10;
  settings.hidden = {64, 64};
  settings.group_size = 4;
  settings.training.epochs = 5;
  settings.training.input_dropout = 0.1;
  settings.training.optimiser.weight_decay = 0.1;
  return settings;
}

ContinualSettings permuted_online_settings() {
  ContinualSettings settings;
  settings.tasks = 100;
  settings.hidden = {64, 64};
  settings.group_size = 8;
  settings.training.batch_size = 16;
  settings.training.optimiser.weight_decay = 0.3;
  settings.training.schedule.kind = Schedule::constant;
  settings.training.adapt.enabled = true;
  settings.training.adapt.policy.rule = PolicyRule::effect;
  settings.training.adapt.per_epoch = 2;
  settings.training.adapt.settle = 0;
  return settings;
}

}  // namespace isoform
