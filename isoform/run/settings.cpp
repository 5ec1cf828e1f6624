#include "isoform/run/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <type_traits>

#include "isoform/base/error.h"
#include "isoform/network/residual.h"
#include "isoform/run/changes.h"
#include "isoform/topology/perceptron.h"

namespace isoform {

// The defaults of a run, chosen on validation sets: docs/defaults.md.
TrainSettings RunSettings::measured() {
  TrainSettings settings;
  settings.epochs = 0;
  settings.batch_size = 0;
  settings.adapt.enabled = true;
  return settings;
}

namespace {

ChainSettings chain_settings(const RunSettings& settings, Index inputs, Index outputs) {
  ChainSettings chain = settings.network;
  chain.seed = settings.training.seed;
  chain.widths = {inputs};
  chain.widths.insert(chain.widths.end(), settings.hidden.begin(), settings.hidden.end());
  chain.widths.push_back(outputs);
  return chain;
}

}  // namespace

std::optional<double> TableSettings::test_share() const {
  double share = 0;
  const char* const end = test.data() + test.size();
  const auto [stopped, error] = std::from_chars(test.data(), end, share);
  if (error != std::errc() || stopped != end) return {};
  if (share >= 0 && share <= 0.9) return share;
  throw UsageError(fmt::format("test: needs a share from 0 to 0.9, or a file, got '{}'", test));
}

void RunSettings::finish(Index samples) {
  constexpr double kSteps = 3000;
  constexpr Index kBudget = 500'000;
  const auto n = static_cast<double>(std::max<Index>(samples, 1));
  if (training.batch_size == 0) {
    training.batch_size = std::clamp<Index>(samples / 20, 16, 128);
  }
  if (training.epochs == 0) {
    const double steps_per_epoch = std::ceil(n / static_cast<double>(training.batch_size));
    training.epochs =
        static_cast<int>(std::clamp(std::ceil(kSteps / steps_per_epoch), 16.0, 200.0));
  }
  training.adapt.policy.own_budget = kBudget;
  if (!norms) norms = false;
  finish();
}

void RunSettings::finish() {
  if (training.batch_size == 0) training.batch_size = 128;
  if (training.epochs == 0) training.epochs = 30;
  if (data.empty()) {
    throw UsageError(
        "data: needs a known set, a folder or a table, got nothing; for example --data "
        "fashion-mnist (isoform data list shows the known sets), or --data customers.csv "
        "--target churn");
  }
  if (!(validation >= 0 && validation <= 0.9)) {
    throw UsageError(fmt::format("validation: needs a share from 0 to 0.9, got {}", validation));
  }
  for (const Index width : hidden) {
    if (width < 1 || width > kMaxWidth) {
      throw UsageError(fmt::format("hidden: needs widths from 1 to {}, got {}", kMaxWidth, width));
    }
  }
  if (multiply_adds < 0) {
    throw UsageError(
        fmt::format("multiply-adds: needs 0 (no budget) or more, got {}", multiply_adds));
  }
  if (!(latency >= 0 && latency < 1e9)) {
    throw UsageError(
        fmt::format("latency: needs microseconds, 0 (no budget) or more, got {}", latency));
  }
  training.adapt.policy.seed = training.seed;
  const bool gates_alone =
      architecture == Architecture::perceptron || architecture == Architecture::general;
  if (gates_alone && hidden.empty()) {
    throw UsageError("hidden: a perceptron needs a width for each gate, got none");
  }
  const bool residual = architecture == Architecture::residual;
  if (residual && hidden.empty()) {
    throw UsageError("hidden: a residual network needs a width for each branch, got none");
  }
  if (stream < 0 || stream > kMaxWidth || (stream > 0 && !residual)) {
    throw UsageError(
        fmt::format("stream: needs 0 to {}, and 0 but with --architecture residual, got {}",
                    kMaxWidth, stream));
  }
  training.adapt.policy.group_size = gates_alone ? 0 : network.group_size;
  const bool explores =
      training.adapt.enabled && training.adapt.policy.rule == PolicyRule::tolerance;
  training.dropout = dropout.value_or(explores && !gates_alone ? 0.2 : 0);
  training.input_dropout = input_dropout.value_or(explores ? 0.1 : 0);
  training.label_smoothing = label_smoothing.value_or(explores ? 0.05 : 0);
  network.norms = norms.value_or(explores && !gates_alone && has_psi(network.psi));
  training.validate();
  if (gates_alone && network.norms) {
    throw UsageError(
        "norms: are read by layers of groups, and a perceptron has none; leave --norms out");
  }
  if (gates_alone && training.dropout > 0) {
    throw UsageError(fmt::format(
        "dropout: leaves out groups that are read, and a perceptron has none, got {}; use "
        "--input-dropout, or --architecture skips",
        training.dropout));
  }
  Task first;
  first.name = data_name(data);
  check_changes({first}, training.changes, training.epochs);
  chain_settings(*this, 1, 1).validate();
}

std::vector<std::string> RunSettings::data_sets() const {
  std::vector<std::string> sets = {data};
  for (const TaskChange& change : training.changes) {
    if (change.data.empty()) continue;
    if (std::find(sets.begin(), sets.end(), change.data) == sets.end()) {
      sets.push_back(change.data);
    }
  }
  return sets;
}

namespace {
constexpr std::array<std::string_view, 2> kClassWeights = {"none", "balanced"};
}  // namespace

std::string_view class_weights_name(ClassWeights weights) {
  return kClassWeights[static_cast<std::size_t>(weights)];
}

ClassWeights class_weights_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kClassWeights.size(); ++i) {
    if (kClassWeights[i] == name) return static_cast<ClassWeights>(i);
  }
  throw UsageError(fmt::format("class-weights: '{}' is unknown; known are {}", name,
                               fmt::join(kClassWeights, ", ")));
}

namespace {
constexpr std::array<std::string_view, 5> kArchitectures = {"chain", "skips", "perceptron",
                                                            "general", "residual"};
}  // namespace

std::string_view architecture_name(Architecture architecture) {
  return kArchitectures[static_cast<std::size_t>(architecture)];
}

Architecture architecture_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kArchitectures.size(); ++i) {
    if (kArchitectures[i] == name) return static_cast<Architecture>(i);
  }
  throw UsageError(fmt::format("architecture: '{}' is unknown; known are {}", name,
                               fmt::join(kArchitectures, ", ")));
}

namespace {

template <class T>
Network<T> fresh_network(const RunSettings& settings, const ChainSettings& chain) {
  switch (settings.architecture) {
    case Architecture::chain:
      return Network<T>::chain(chain);
    case Architecture::skips:
      return with_input_skips(Network<T>::chain(chain));
    case Architecture::residual:
      return residual<T>(chain, settings.stream);
    case Architecture::perceptron:
    case Architecture::general:
      return perceptron<T>({.inputs = chain.widths.front(),
                            .outputs = chain.widths.back(),
                            .gates = settings.hidden,
                            .general = settings.architecture == Architecture::general,
                            .radial = chain.radial,
                            .length = chain.length,
                            .seed = chain.seed});
  }
  throw InternalError("an architecture without a network");
}

}  // namespace

template <class T>
Model<T> create_model(const RunSettings& settings, const Dataset& training) {
  Model<T> model;
  const ChainSettings chain =
      chain_settings(settings, training.features(), static_cast<Index>(training.classes().size()));
  model.network = fresh_network<T>(settings, chain);
  const FeatureStatistics statistics = input_statistics(training, settings.training.scaling);
  model.set_transform(statistics.mean, statistics.standard_deviation);
  model.tasks.push_back({training.name(), training.classes(), settings.loss, true});
  if (training.image() && training.image()->channels == 1) {
    model.image_rows = training.image()->rows;
    model.image_cols = training.image()->columns;
  }
  return model;
}

template Model<float> create_model(const RunSettings&, const Dataset&);
template Model<double> create_model(const RunSettings&, const Dataset&);

}  // namespace isoform
