// A short run on blobs that adapts, and the numbers that it leaves.
#pragma once

#include <cstring>
#include <vector>

#include "isoform/train/trainer.h"
#include "tests/support/blobs.h"

namespace isoform::testing {

inline const Dataset& training_data() {
  static const Dataset data = blobs(1);
  return data;
}
inline const Dataset& validation_data() {
  static const Dataset data = blobs(2, 400);
  return data;
}

inline TrainSettings small_run() {
  TrainSettings settings;
  settings.epochs = 3;
  settings.batch_size = 50;
  settings.optimiser.learning_rate = 3e-3;
  settings.adapt.enabled = true;
  settings.adapt.policy.rule = PolicyRule::effect;
  settings.adapt.per_epoch = 4;
  settings.adapt.settle = 0.25;
  settings.adapt.statistics_batches = 4;
  settings.adapt.policy.buffer = 3;
  settings.adapt.policy.group_size = 4;
  return settings;
}

inline std::vector<float> numbers(const Network<float>& network) {
  std::vector<float> all;
  for (const auto& m : network.maps()) all.insert(all.end(), m.a.data(), m.a.data() + m.a.size());
  for (const auto& s : network.spaces()) {
    all.insert(all.end(), s.length.data(), s.length.data() + s.length.size());
  }
  return all;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace isoform::testing
