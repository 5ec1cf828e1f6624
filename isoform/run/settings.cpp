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
#include "isoform/base/text.h"
#include "isoform/network/residual.h"
#include "isoform/run/changes.h"
#include "isoform/topology/perceptron.h"

namespace isoform {

// The defaults of a run, chosen on validation sets: docs/defaults.md.
TrainSettings RunSettings::measured() {
  TrainSettings settings;
  settings.epochs = 30;
  settings.batch_size = 128;
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

void RunSettings::finish() {
  if (data.empty()) {
    throw UsageError(
        "data: needs a known set or a folder, got nothing; for example --data "
        "fashion-mnist (isoform data list shows the known sets)");
  }
  if (!(validation >= 0 && validation <= 0.9)) {
    throw UsageError(fmt::format("validation: needs a share from 0 to 0.9, got {}", validation));
  }
  for (const Index width : hidden) {
    if (width < 1 || width > kMaxWidth) {
      throw UsageError(fmt::format("hidden: needs widths from 1 to {}, got {}", kMaxWidth, width));
    }
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
  training.validate();
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

using Json = nlohmann::json;

template <class Number>
Number parse_number(const std::string& name, const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  const bool whole = error == std::errc() && stopped == end && !text.empty();
  if constexpr (std::is_floating_point_v<Number>) {
    if (whole && std::isfinite(value)) return value;
    throw UsageError(fmt::format("{}: needs a number, got '{}'", name, text));
  } else {
    if (whole) return value;
    throw UsageError(fmt::format("{}: needs a whole number{}, got '{}'", name,
                                 std::is_unsigned_v<Number> ? " of 0 or more" : "", text));
  }
}

std::vector<Index> parse_list(const std::string& name, const std::string& text) {
  std::vector<Index> values;
  if (text == "none") return values;
  std::size_t at = 0;
  while (true) {
    const std::size_t comma = text.find(',', at);
    std::string item = text.substr(at, comma - at);
    item.erase(0, item.find_first_not_of(' '));
    item.erase(item.find_last_not_of(' ') + 1);
    values.push_back(parse_number<Index>(name, item));
    if (comma == std::string::npos) return values;
    at = comma + 1;
  }
}

bool parse_switch(const std::string& name, const std::string& text) {
  if (text == "true" || text == "on" || text == "yes") return true;
  if (text == "false" || text == "off" || text == "no") return false;
  throw UsageError(fmt::format("{}: needs true or false, got '{}'", name, text));
}

// Builds the list of fields; each call binds one member.
class SettingList {
 public:
  std::vector<Setting> list;

  void section(std::string name) { section_ = std::move(name); }

  template <class Number>
  void number(const std::string& name, Number& value, std::string help) {
    add(
        name, std::is_floating_point_v<Number> ? "NUMBER" : "COUNT", std::move(help),
        [name, &value](const std::string& text) { value = parse_number<Number>(name, text); },
        [&value] { return Json(value); });
  }
  void optional(const std::string& name, std::optional<double>& value, std::string help) {
    add(
        name, "NUMBER", std::move(help),
        [name, &value](const std::string& text) {
          if (text == "auto") {
            value.reset();
            return;
          }
          try {
            value = parse_number<double>(name, text);
          } catch (const UsageError&) {
            throw UsageError(fmt::format("{}: needs a number or auto, got '{}'", name, text));
          }
        },
        [&value] { return value ? Json(*value) : Json("auto"); });
  }
  void text(const std::string& name, std::string& value, std::string type, std::string help) {
    add(
        name, std::move(type), std::move(help), [&value](const std::string& t) { value = t; },
        [&value] { return Json(value); });
  }
  void list_of(const std::string& name, std::vector<Index>& value, std::string help) {
    add(
        name, "N,N,…", std::move(help),
        [name, &value](const std::string& t) { value = parse_list(name, t); },
        [&value] { return Json(value); });
  }
  void toggle(const std::string& name, bool& value, std::string help) {
    add(
        name, "BOOL", std::move(help),
        [name, &value](const std::string& t) { value = parse_switch(name, t); },
        [&value] { return Json(value); });
  }
  template <class Enum>
  void choice(const std::string& name, Enum& value, Enum (*parse)(std::string_view),
              std::string_view (*print)(Enum), std::string help) {
    add(
        name, "NAME", std::move(help),
        [name, &value, parse](const std::string& t) { value = parse(t); },
        [&value, print] { return Json(std::string(print(value))); });
    list.back().choices = [parse] {
      return known_names([parse](const std::string& t) { parse(t); });
    };
  }

 private:
  void add(const std::string& name, std::string type, std::string help,
           std::function<void(const std::string&)> set, std::function<Json()> get) {
    list.push_back(
        {name, section_, std::move(type), std::move(help), std::move(set), std::move(get), {}});
  }
  std::string section_;
};

std::string_view outgoing_name(Outgoing outgoing) {
  return outgoing == Outgoing::random ? "random" : "gradient";
}
Outgoing outgoing_from_name(std::string_view name) {
  if (name == "random") return Outgoing::random;
  if (name == "gradient") return Outgoing::gradient;
  throw UsageError(fmt::format("outgoing: '{}' is unknown; known are random, gradient", name));
}

}  // namespace

std::vector<Setting> list_settings(RunSettings& s) {
  SettingList f;
  f.section("data");
  f.text("data", s.data, "SET", "known set (isoform data list) or folder of IDX files");
  f.text("data-dir", s.data_dir, "DIR", "folder where known sets are looked for");
  f.number("validation", s.validation, "share of the training set kept for choices; 0: none");

  f.choice("scaling", s.training.scaling, scaling_from_name, scaling_name,
           "inputs are divided by their deviation: each feature by its own, or all together; auto: "
           "pictures together");

  f.section("network");
  f.choice("architecture", s.architecture, architecture_from_name, architecture_name,
           "chain, skips (later layers read the input too), perceptron, general (perceptrons: one "
           "gate a layer, group-size has no say), residual (layers read one stream and add to it)");
  f.list_of("hidden", s.hidden, "widths of the hidden layers; none: a linear model");
  f.number("stream", s.stream,
           "width of a residual network's stream; 0: that of the first hidden layer");
  f.number("group-size", s.network.group_size, "neurons in a group; 0: one group, the whole layer");
  f.choice("radial", s.network.radial, radial_from_name, radial_name,
           "radial profile: tanh, asinh, algebraic, log, softsign");
  f.choice("length", s.network.length, length_mode_from_name, length_mode_name,
           "intrinsic length o: none, constant, trainable, log");
  f.choice("psi", s.network.psi, psi_mode_from_name, psi_mode_name,
           "linear correction: none, constant, trainable, decay, expectation");
  f.choice("initialiser", s.network.initialiser, initialiser_from_name, initialiser_name,
           "initial weights: orthogonal, xavier, kaiming");

  f.section("training");
  TrainSettings& t = s.training;
  f.number("epochs", t.epochs, "passes over the training data");
  f.number("batch-size", t.batch_size, "samples in a step");
  f.choice("loss", s.loss, loss_from_name, loss_name, "loss: cross_entropy, squared");
  f.choice("optimiser", t.optimiser.method, method_from_name, method_name,
           "optimiser: sgd, momentum, nesterov, adam, adamw, novograd, muon");
  f.optional("learning-rate", t.optimiser.learning_rate,
             "learning rate; auto: the optimiser's own");
  f.number("momentum", t.optimiser.momentum, "momentum of momentum, nesterov and muon");
  f.number("beta1", t.optimiser.beta1, "decay of the first moment of adam, adamw and novograd");
  f.number("beta2", t.optimiser.beta2, "decay of the second moment of adam, adamw and novograd");
  f.number("epsilon", t.optimiser.epsilon, "added to the root of the second moment");
  f.choice("second-moment", t.optimiser.second_moment, second_moment_from_name, second_moment_name,
           "how adam's second moment follows a turn: factored, squared (the published rule)");
  f.number("weight-decay", t.optimiser.weight_decay, "weight decay on every parameter");
  f.choice("schedule", t.schedule.kind, schedule_from_name, schedule_name,
           "learning rate over time: constant, cosine, linear, step");
  f.number("final-factor", t.schedule.final_factor, "share of the rate where a schedule ends");
  f.number("warm-up", t.schedule.warm_up, "first share of training in which the rate rises");
  f.number("restart", t.schedule.restart,
           "share of the rate where a schedule begins again after tasks have changed");
  f.number("clip-norm", t.clip_norm, "largest joint norm of the gradient; 0: no clipping");
  f.optional(
      "dropout", s.dropout,
      "share of the hidden groups left out in each step and sample; auto: 0.2 where the policy "
      "tolerance adapts the widths, else 0");
  f.optional("input-dropout", s.input_dropout, "the same for features; auto: 0.1, or 0 likewise");
  f.optional("label-smoothing", s.label_smoothing,
             "share of the target that goes to all classes alike; auto: 0.05, or 0 likewise");
  f.number("seed", t.seed, "seed of every random number");
  f.number("threads", s.engine.threads, "threads; 0: all cores (results do not depend on it)");
  f.text("engine", s.engine.name, "NAME", "engine: cpu, reference");

  f.section("adaptation");
  AdaptSettings& a = t.adapt;
  f.toggle("adapt", a.enabled, "let the network grow and shrink while it learns");
  f.choice(
      "policy", a.policy.rule, policy_rule_from_name, policy_rule_name,
      "how widths are found: tolerance (explore, then give back), effect, paper (a buffer of idle "
      "neurons, judged by share of effect or by singular value)");
  f.number("tolerance", a.policy.tolerance,
           "mean change of the outputs that giving back may make, as a share of their length");
  f.number("threshold", a.policy.threshold,
           "score at or below which a neuron is idle (scaffold); -1: the policy's own");
  f.number("buffer", a.policy.buffer, "scaffold neurons kept in each hidden layer");
  f.number("adaptations-per-epoch", a.per_epoch, "how often the network adapts");
  f.number("statistics-batches", a.statistics_batches, "batches observed before an adaptation");
  f.number("cool-down", a.policy.cool_down, "adaptations a layer rests after it has grown");
  f.number("settle", a.settle,
           "last share of training, in which the shape is fixed; -1: tolerance 0.5, others 0.25");
  f.number("min-width", a.policy.min_width, "no layer is shrunk below");
  f.number("max-width", a.policy.max_width, "no layer is grown beyond");
  f.number("parameter-budget", a.policy.parameter_budget,
           "no growth beyond; 0: tolerance 28 a training sample, 1,500,000 at most; others none");
  f.choice("outgoing", a.policy.outgoing, outgoing_from_name, outgoing_name,
           "first outgoing weights of new neurons: random, gradient");
  return f.list;
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
