#include "isoform/study/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/data/catalogue.h"
#include "isoform/data/split.h"
#include "isoform/study/baseline_training.h"
#include "isoform/study/result_file.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

using Json = nlohmann::json;

RunSettings settings_of(const Arm& arm, std::uint64_t seed, double rate,
                        const StudyOptions& options) {
  RunSettings settings;
  for (const auto& [name, value] : arm.settings) set_setting(settings, name, value);
  settings.data_dir = options.data_dir;
  settings.engine.threads = options.threads;
  settings.training.seed = seed;
  if (rate > 0) settings.training.optimiser.learning_rate = rate;
  settings.finish();
  return settings;
}

// What a run depends on: a change of any of it makes another run.
Json key_of(const Arm& arm, RunSettings settings) {
  settings.data_dir.clear();
  settings.engine.threads = 0;
  return {{"settings", settings_json(settings)},
          {"network", arm.procedure  ? Json(arm.procedure_name)
                      : arm.baseline ? Json(activation_name(*arm.baseline))
                                     : Json("isoform")},
          {"version", version()}};
}

Json to_json(const StudyRun& run) {
  return {{"arm", run.arm},
          {"seed", run.seed},
          {"learning_rate", run.learning_rate},
          {"validation_accuracy", run.validation_accuracy},
          {"test_accuracy", run.test_accuracy},
          {"widths", run.widths},
          {"parameters", run.parameters},
          {"seconds", run.seconds},
          {"diverged", run.diverged},
          {"figures", run.figures}};
}

StudyRun from_json(const Json& json) {
  StudyRun run;
  json.at("arm").get_to(run.arm);
  json.at("seed").get_to(run.seed);
  json.at("learning_rate").get_to(run.learning_rate);
  json.at("validation_accuracy").get_to(run.validation_accuracy);
  json.at("test_accuracy").get_to(run.test_accuracy);
  json.at("widths").get_to(run.widths);
  json.at("parameters").get_to(run.parameters);
  json.at("seconds").get_to(run.seconds);
  json.at("diverged").get_to(run.diverged);
  if (json.contains("figures")) json.at("figures").get_to(run.figures);
  return run;
}

bool is_sound(const StudyRun& run) {
  const auto share = [](double value) { return value >= 0 && value <= 1; };
  return share(run.validation_accuracy) && share(run.test_accuracy) && run.parameters > 0;
}

struct Sets {
  Dataset train, test;
};

class Runner {
 public:
  explicit Runner(const StudyOptions& options)
      : options_(options), engine_(create_engine<float>({.threads = options.threads})) {}

  /// Nothing when it was stopped.
  std::optional<StudyRun> run(const Arm& arm, const RunSettings& settings) {
    const Sets& sets = load_sets(settings.data);
    const TrainValidation parts = split(sets.train, settings.validation, settings.training.seed);
    StudyRun run;
    run.arm = arm.name;
    run.seed = settings.training.seed;
    run.learning_rate = settings.training.optimiser.rate();
    if (arm.procedure) {
      const StudyContext context{settings, parts.train, parts.validation, sets.test,
                                 *engine_, models_,     options_.stop};
      return arm.procedure(context, run) ? std::optional(run) : std::nullopt;
    }
    if (arm.baseline) {
      const BaselineScores scores =
          train_baseline(settings.hidden, *arm.baseline, settings.loss, settings.training,
                         parts.train, parts.validation, sets.test, *engine_, options_.stop);
      if (scores.stopped) return {};
      run.widths = {parts.train.features()};
      run.widths.insert(run.widths.end(), settings.hidden.begin(), settings.hidden.end());
      run.widths.push_back(static_cast<Index>(parts.train.classes().size()));
      run.validation_accuracy = scores.validation.accuracy;
      run.test_accuracy = scores.test.accuracy;
      run.parameters = scores.parameters;
      run.seconds = scores.seconds;
      run.diverged = scores.diverged;
      return run;
    }
    Model<float> model = create_model<float>(settings, parts.train);
    const TrainResult result =
        train(model, parts.train, parts.validation, settings.training, *engine_, {}, options_.stop);
    if (result.reason == StopReason::stopped) return {};
    run.widths = model.network.widths();
    run.parameters = model.network.parameter_count();
    run.seconds = result.seconds;
    run.diverged = result.reason == StopReason::diverged;
    run.validation_accuracy = evaluate(model, parts.validation, *engine_).accuracy;
    run.test_accuracy = evaluate(model, sets.test, *engine_).accuracy;
    return run;
  }

 private:
  const Sets& load_sets(const std::string& name) {
    auto& sets = sets_[name];
    if (sets.train.empty()) {
      sets.train = load(name, Split::train, {options_.data_dir, true});
      sets.test = load(name, Split::test, {options_.data_dir, true});
    }
    return sets;
  }

  const StudyOptions& options_;
  std::unique_ptr<Engine<float>> engine_;
  std::map<std::string, Sets> sets_;
  std::map<std::string, Model<float>> models_;
};

}  // namespace

std::vector<StudyRun> run_study(const Study& study, const StudyOptions& options) {
  if (options.seeds < 1) {
    throw UsageError(fmt::format("seeds: needs at least 1, got {}", options.seeds));
  }
  make_folder(options.out);
  ResultFile results(options.out / (study.name + ".jsonl"),
                     [](const Json& json) { return is_sound(from_json(json)); });
  Runner runner(options);
  std::vector<StudyRun> table;
  // Seed 0 of an arm with several rates decides which rate the other seeds take.
  const auto get = [&](const Arm& arm, std::uint64_t seed, double rate) -> std::optional<StudyRun> {
    const RunSettings settings = settings_of(arm, seed, rate, options);
    const double shown = settings.training.optimiser.rate();
    const Json key = key_of(arm, settings);
    if (const Json* known = results.find(key)) {
      if (options.progress) options.progress(arm, seed, shown, true, true);
      StudyRun run = from_json(*known);
      run.arm = arm.name;
      return run;
    }
    if (options.stop != nullptr && options.stop->load()) return {};
    if (options.progress) options.progress(arm, seed, shown, false, false);
    std::optional<StudyRun> run = runner.run(arm, settings);
    if (!run) return {};
    results.add(key, to_json(*run));
    if (options.progress) options.progress(arm, seed, shown, true, false);
    return run;
  };
  for (const Arm& arm : study.arms) {
    std::vector<double> rates = arm.learning_rates;
    if (rates.empty()) rates = {0};  // that of the settings
    std::optional<StudyRun> best;
    for (const double rate : rates) {
      const auto run = get(arm, 0, rate);
      if (!run) return table;
      if (!best || run->validation_accuracy > best->validation_accuracy) best = run;
    }
    table.push_back(*best);
    for (int seed = 1; seed < options.seeds; ++seed) {
      const auto run = get(arm, static_cast<std::uint64_t>(seed), best->learning_rate);
      if (!run) return table;
      table.push_back(*run);
    }
  }
  return table;
}

}  // namespace isoform
