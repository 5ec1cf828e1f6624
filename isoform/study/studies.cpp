// The studies there are. A row says only what differs from the common settings of its study.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/study/continual.h"
#include "isoform/study/procedures.h"

namespace isoform {

namespace {

using Words = std::vector<std::pair<std::string, std::string>>;

Words joined(Words common, const Words& own) {
  common.insert(common.end(), own.begin(), own.end());
  return common;
}

const std::vector<double> kPlainRates = {5e-4, 1e-3, 2e-3};

// The defaults beside networks of about as many parameters; the same regularisation, epochs and schedule for all. Dropout is of
// groups here and of neurons there.
Study against_plain_networks(const std::string& data) {
  const Words defaults = {{"data", data}, {"hidden", "16,16"}};
  const Words fixed = {
      {"data", data},           {"adapt", "false"},          {"dropout", "0.2"},
      {"input-dropout", "0.1"}, {"label-smoothing", "0.05"}, {"hidden", "640,640"}};
  Study study{"plain-" + data,
              "Isoform beside plain networks, " + data,
              "The defaults, fixed networks, and ordinary ones of about as many parameters.",
              {}};
  study.arms = {
      {"self-sized from 16-16 (defaults)", defaults, {}, {}},
      {"ReLU", fixed, Activation::relu, kPlainRates},
      {"LayerNorm + GELU", fixed, Activation::layernorm_gelu, kPlainRates},
      // More parameters than the first arm comes to.
      {"LayerNorm + GELU, wider",
       joined(fixed, {{"hidden", "720,720"}}),
       Activation::layernorm_gelu,
       {1e-3}},
      {"groups of 4 with norms, fixed", joined(fixed, {{"norms", "true"}}), {}, {}},
      {"groups of 4, fixed", fixed, {}, {}},
      {"whole layers, fixed", joined(fixed, {{"group-size", "0"}}), {}, {}},
      {"elementwise tanh", fixed, Activation::tanh, kPlainRates},
      {"linear", joined(fixed, {{"hidden", "none"}, {"input-dropout", "0"}}), Activation::relu,
       kPlainRates},
  };
  return study;
}

Study depth() {
  Study study{"depth",
              "Depth, Fashion-MNIST",
              "Hidden layers of 128 neurons: a chain, and a residual stream.",
              {}};
  for (const auto& [layers, residual] :
       {std::pair{3, false}, {12, false}, {24, false}, {3, true}, {12, true}, {24, true}}) {
    const std::vector<int> widths(static_cast<std::size_t>(layers), 128);
    Arm arm{fmt::format("{} layers{}", layers, residual ? ", residual" : ""),
            {{"data", "fashion-mnist"},
             {"epochs", "12"},
             {"adapt", "false"},
             {"hidden", fmt::format("{}", fmt::join(widths, ","))},
             {"architecture", residual ? "residual" : "chain"}},
            {},
            {5e-4, 1e-3, 2e-3}};
    study.arms.push_back(std::move(arm));
  }
  return study;
}

Study starts() {
  Study study{"starts",
              "Different starts, Fashion-MNIST",
              "The defaults from narrow, middling and wide beginnings.",
              {}};
  for (const char* start : {"4,4", "32,32", "512,512"}) {
    study.arms.push_back(
        {fmt::format("from {}", start), {{"data", "fashion-mnist"}, {"hidden", start}}, {}, {}});
  }
  return study;
}

Study half() {
  Study study{"half",
              "A task cut to half of its classes, and restored, Fashion-MNIST",
              "Widths that follow a task: ten classes, five, ten again, 15 epochs each.",
              {}};
  study.arms = {{"from 16,16",
                 {{"data", "fashion-mnist"}, {"hidden", "16,16"}, {"epochs", "15"}},
                 {},
                 {},
                 "half and restored",
                 half_and_restored()}};
  for (const char* when : {"all", "half", "restored"}) {
    study.columns.push_back({fmt::format("accuracy, {}", when), when});
    study.columns.push_back(
        {fmt::format("hidden neurons, {}", when), fmt::format("neurons {}", when), Unit::count});
    study.columns.push_back(
        {fmt::format("parameters, {}", when), fmt::format("parameters {}", when), Unit::count});
  }
  return study;
}

Study compressions() {
  Study study{"compression",
              "LeNet-300-100 made smaller, MNIST",
              "784-300-100-10 cut to fewer inputs and neurons; no training, and 1, 3, 60 epochs.",
              {}};
  const std::vector<std::pair<Index, std::vector<Index>>> shapes = {
      {784, {160, 55}}, {784, {60, 30}}, {245, {160, 55}}, {97, {71, 33}}};
  for (const auto& [inputs, widths] : shapes) {
    for (const Pruning pruning : {Pruning::metric, Pruning::paper, Pruning::magnitude}) {
      const std::string shape = fmt::format("{}-{}", inputs, fmt::join(widths, "-"));
      study.arms.push_back({fmt::format("{}, {}", shape, pruning_name(pruning)),
                            {{"data", "mnist"},
                             {"hidden", "300,100"},
                             {"epochs", "60"},
                             {"adapt", "false"},
                             {"dropout", "0.15"},
                             {"input-dropout", "0.15"},
                             {"label-smoothing", "0.05"}},
                            {},
                            {},
                            fmt::format("compression to {} by {}", shape, pruning_name(pruning)),
                            compression(pruning, inputs, widths)});
    }
  }
  study.columns = {{"before", "before"},       {"no training", "0 epochs"},
                   {"1 epoch", "1 epoch"},     {"3 epochs", "3 epochs"},
                   {"60 epochs", "60 epochs"}, {"parameters", "parameters", Unit::count}};
  return study;
}

using Protocol = Figures (*)(const Dataset&, const Dataset&, const ContinualSettings&,
                             Engine<float>&, const std::atomic<bool>*);

// Protocols keep a validation part of each task themselves.
Study continual(const std::string& name, const std::string& about, Protocol protocol,
                ContinualSettings (*settings)(), std::vector<StudyColumn> columns) {
  Study study{name, "Continual learning: " + name, about, {}, std::move(columns)};
  const auto procedure = [=](const StudyContext& c, StudyRun& run) {
    ContinualSettings own = settings();
    own.seed = c.settings.training.seed;
    const auto begin = std::chrono::steady_clock::now();
    run.figures = protocol(c.train, c.test, own, c.engine, c.stop);
    run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (run.figures.empty()) return false;
    run.parameters = static_cast<Index>(figure(run.figures, "parameters"));
    return true;
  };
  study.arms = {{"defaults of the protocol",
                 {{"data", "mnist"}, {"validation", "0"}},
                 {},
                 {},
                 name,
                 procedure}};
  return study;
}

std::vector<Study> continual_studies() {
  const StudyColumn parameters{"parameters", "parameters", Unit::count};
  const StudyColumn state{"bytes kept beside", "state bytes", Unit::count};
  const StudyColumn validation{"validation", "validation accuracy"};
  return {
      continual("split-mnist-task", "Five tasks of two digits, told at test; append-only.",
                split_task_incremental, split_task_settings,
                {{"accuracy", "accuracy"},
                 validation,
                 {"forgetting", "forgetting"},
                 {"largest change of an old logit", "largest change", Unit::number},
                 parameters,
                 state}),
      continual("split-mnist-class", "The same digits in one growing head; a buffer of 2,000.",
                split_class_incremental, split_class_settings,
                {{"accuracy", "accuracy"},
                 validation,
                 {"change at append", "change at append", Unit::number},
                 parameters,
                 state}),
      continual("permuted-mnist", "Ten orders of pixels, not told at test; no sample kept.",
                permuted_domain_incremental, permuted_domain_settings,
                {{"accuracy", "accuracy"},
                 validation,
                 {"guessed right", "guessed right"},
                 {"accuracy if told", "accuracy if told"},
                 parameters,
                 state}),
      continual("permuted-mnist-online", "A hundred orders, 10,000 samples each, seen once.",
                permuted_online, permuted_online_settings,
                {{"slope a task", "slope", Unit::number},
                 {"first ten tasks", "first tenth"},
                 {"last ten tasks", "last tenth"},
                 {"parameters after task 1", "parameters at first", Unit::count},
                 parameters}),
  };
}

std::vector<Study> all_studies() {
  std::vector<Study> all = {against_plain_networks("fashion-mnist"),
                            against_plain_networks("mnist"),
                            starts(),
                            half(),
                            depth(),
                            compressions()};
  for (Study& study : continual_studies()) all.push_back(std::move(study));
  return all;
}

}  // namespace

const std::vector<Study>& studies() {
  static const std::vector<Study> all = all_studies();
  return all;
}

const Study& study_by_name(const std::string& name) {
  std::vector<std::string> names;
  for (const Study& study : studies()) {
    if (study.name == name) return study;
    names.push_back(study.name);
  }
  throw UsageError(fmt::format("study: '{}' is unknown; known are {}{}", name,
                               fmt::join(names, ", "), did_you_mean(name, names)));
}

Study with_arms(Study study, const std::vector<std::string>& texts) {
  const auto contains = [](const std::string& name, const std::string& text) {  // whatever the case
    const auto same = [](unsigned char a, unsigned char b) {
      return std::tolower(a) == std::tolower(b);
    };
    return std::search(name.begin(), name.end(), text.begin(), text.end(), same) != name.end();
  };
  std::vector<std::string> names;
  for (const Arm& arm : study.arms) names.push_back(arm.name);
  for (const std::string& text : texts) {
    if (std::ranges::none_of(names, [&](const auto& name) { return contains(name, text); })) {
      throw UsageError(fmt::format("arm: no arm of '{}' contains '{}'; its arms are: {}",
                                   study.name, text, fmt::join(names, "; ")));
    }
  }
  std::erase_if(study.arms, [&](const Arm& arm) {
    return !texts.empty() && std::ranges::none_of(texts, [&](const std::string& text) {
      return contains(arm.name, text);
    });
  });
  return study;
}

}  // namespace isoform
