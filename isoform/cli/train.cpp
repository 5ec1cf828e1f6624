// isoform train
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/cli/console.h"
#include "isoform/cli/train_checkpoint.h"
#include "isoform/cli/verbs.h"
#include "isoform/data/split.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/event_log.h"
#include "isoform/monitor/format.h"
#include "isoform/monitor/picture.h"
#include "isoform/monitor/progress.h"
#include "isoform/monitor/summary.h"
#include "isoform/run/changes.h"
#include "isoform/run/settings.h"
#include "isoform/train/evaluate.h"

namespace isoform::cli {

namespace {

using Json = nlohmann::json;

constexpr const char* kExamples = R"(
Examples:
  isoform train --data fashion-mnist
  isoform train --data fashion-mnist --tolerance 0.1 --epochs 10 \
      --out model.safetensors --events run.jsonl --picture run.svg
  isoform train --data mnist --fixed --group-size 0 --hidden 128,128   # the paper's layers
  isoform train --config run.toml --seed 7                             # flags override the file
  isoform train --data mnist --epochs 15 --change 'epoch=6 append=fashion-mnist' \
      --change 'epoch=11 remove=mnist' --picture tasks.svg
  isoform train --data mnist --checkpoint run.ckpt --resume            # begins, or goes on)";

struct Options {
  RunSettings settings;
  std::vector<Setting> list = list_settings(settings);
  std::vector<std::pair<const Setting*, std::string>> given;
  bool adapt = false, fixed = false, json = false, quiet = false, show = false, resume = false;
  std::string config, out = "model.safetensors", events, picture, checkpoint;
  double checkpoint_every = 60;
  std::vector<std::string> changes;
};

Json evaluation_json(const Evaluation& e) {
  return {{"samples", e.samples}, {"loss", e.loss}, {"accuracy", e.accuracy}};
}

struct TestScore {
  std::string task, data;
  Evaluation evaluation;
};

// Every task that is left, on the test part of the data that it had last.
std::vector<TestScore> test_scores(const Model<float>& model,
                                   const std::vector<TaskChange>& changes,
                                   const std::map<std::string, Dataset>& tests,
                                   Engine<float>& engine) {
  std::map<std::string, std::string> data_of;  // task → name of its data
  for (const auto& entry : tests) data_of[entry.first] = entry.first;
  for (const TaskChange& change : changes) {
    if (!change.data.empty()) data_of[change.task] = change.data;
    if (change.action == TaskAction::rename) data_of[change.to] = data_of[change.task];
  }
  std::vector<TestScore> scores;
  for (std::size_t i = 0; i < model.tasks.size(); ++i) {
    const std::string& task = model.tasks[i].name;
    const auto found = tests.find(data_of[task]);
    if (found == tests.end()) continue;
    scores.push_back({task, found->second.name(), evaluate(model, found->second, engine, i)});
  }
  return scores;
}

// A checkpoint that nothing can go on from. False: there is something to do.
bool has_ended(const Options& o, const RunCheckpoint& checkpoint) {
  if (!checkpoint.found()) return false;
  const TrainerState<float>& state = checkpoint.found()->state;
  if (state.reason == StopReason::diverged) {
    complain(fmt::format("resume: the run of '{}' can't go on: {}; begin anew without --resume",
                         o.checkpoint, state.message));
    throw Exit{kFailed};
  }
  if (!checkpoint.done()) return false;
  std::error_code ignored;
  if (!std::filesystem::exists(o.out, ignored)) save_model(state.model, o.out);
  if (o.json) {
    print_json({{"reason", "finished"},
                {"already", true},
                {"epochs", state.epoch},
                {"steps", state.step},
                {"model", o.out}});
  } else {
    print_line(fmt::format("finished already: {} epochs; the model is in {}", state.epoch, o.out));
  }
  return true;
}

void run(Options& o) {
  RunSettings& settings = o.settings;
  if (!o.config.empty()) read_settings(o.config, settings);
  for (const auto& [setting, text] : o.given) setting->set(text);
  if (o.adapt && o.fixed) throw UsageError("--adapt and --fixed contradict each other; give one");
  if (o.adapt) settings.training.adapt.enabled = true;
  if (o.fixed) settings.training.adapt.enabled = false;
  if (!o.changes.empty()) settings.training.changes.clear();
  for (const std::string& text : o.changes) {
    settings.training.changes.push_back(parse_change(text));
  }
  if (o.show) return print(settings_toml(settings));
  settings.finish();
  if (o.out.empty()) throw UsageError("out: needs a file for the model, got an empty name");
  if (o.resume && o.checkpoint.empty()) {
    throw UsageError("resume: needs --checkpoint FILE, the file to go on from, got none");
  }
  if (!(o.checkpoint_every >= 0)) {
    throw UsageError(fmt::format("checkpoint-every: needs seconds, 0 (every step) or more, got {}",
                                 o.checkpoint_every));
  }
  for (const std::string& path : {o.out, o.events, o.picture, o.checkpoint}) require_writable(path);
  require_different({{"config", o.config},
                     {"out", o.out},
                     {"events", o.events},
                     {"picture", o.picture},
                     {"checkpoint", o.checkpoint}});
  RunCheckpoint checkpoint(o.checkpoint, settings_json(settings));
  if (o.resume) checkpoint.load();

  std::vector<TaskData> data;
  std::map<std::string, Dataset> tests;  // by the name of the data
  for (const std::string& set : settings.data_sets()) {
    const Dataset all = load(set, Split::train, {settings.data_dir, true});
    const Dataset test = load(set, Split::test, {settings.data_dir, true});
    if (test.features() != all.features()) {
      throw FormatError(
          fmt::format("data '{}': the training part has {} features a sample, the test part {}; "
                      "give parts of the same set",
                      all.name(), all.features(), test.features()));
    }
    const TrainValidation parts = split(all, settings.validation, settings.training.seed);
    const std::string name = data.empty() ? all.name() : set;
    data.push_back({name, parts.train, parts.validation});
    tests[name] = test;
  }
  checkpoint.require_same(data);
  if (has_ended(o, checkpoint)) return;
  const auto engine = create_engine<float>(settings.engine);
  const bool goes_on = checkpoint.found().has_value();
  Model<float> model;
  if (!goes_on) model = create_model<float>(settings, data.front().training);

  RunSummary summary;
  for (const Event& event : checkpoint.memory().events()) summary(event);
  std::vector<Observer> observers = {summary.observer()};
  std::optional<EventLog> log;
  checkpoint.open(log, o.events);
  if (log) observers.push_back(log->observer());
  const bool terminal = is_terminal(STDERR_FILENO);
  Progress progress([](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); },
                    {terminal, colourful(STDERR_FILENO), terminal ? terminal_columns() : 0});
  if (!o.quiet) observers.push_back(progress.observer());
  // The settings belong to the start of the log; the trainer does not know flags.
  const Json told = settings_json(settings);
  std::vector<Observer> outer = {checkpoint.memory().observer(), [&](const Event& event) {
                                   if (event.type != "start") {
                                     for (const Observer& observer : observers) observer(event);
                                     return;
                                   }
                                   Event start = event;
                                   start.data["settings"] = told;
                                   for (const Observer& observer : observers) observer(start);
                                 }};

  const Observer tell = [&](const Event& event) {
    for (const Observer& observer : outer) observer(event);
    if (o.quiet && event.type == "warning") complain(event.data["message"].get<std::string>());
  };
  const std::atomic<bool>& stop = catch_interrupts();
  Trainer<float> trainer =
      goes_on ? Trainer<float>(model, data, settings.training, *engine, checkpoint.found()->state,
                               outer, &stop)
              : Trainer<float>(model, data, settings.training, *engine, outer, &stop);
  checkpoint.tell_version(tell);
  if (!o.checkpoint.empty()) {
    trainer.on_checkpoint(o.checkpoint_every, [&](TrainerState<float> state) {
      checkpoint.write(std::move(state), log ? &*log : nullptr, tell);
    });
  }
  while (trainer.run_epoch()) {
  }
  const TrainResult result = trainer.finish();
  save_model(model, o.out);
  if (!o.picture.empty()) write_file_atomically(o.picture, draw_run(summary.record()));
  if (result.reason == StopReason::finished && !o.checkpoint.empty()) {
    checkpoint.write(trainer.state(), nullptr, {}, true);
  }
  const std::vector<TestScore> scores =
      test_scores(model, settings.training.changes, tests, *engine);

  if (o.json) {
    Json json = summary.to_json();
    json["test"] = evaluation_json(scores.front().evaluation);
    for (const TestScore& score : scores) {
      json["tests"].push_back({{"task", score.task},
                               {"data", score.data},
                               {"samples", score.evaluation.samples},
                               {"loss", score.evaluation.loss},
                               {"accuracy", score.evaluation.accuracy}});
    }
    json["model"] = o.out;
    json["adaptation_seconds"] = result.adaptation_seconds;
    print_json(json);
  } else {
    // The plain progress table has said it already.
    if (terminal || o.quiet) print_line(summary.format_summary());
    for (const TestScore& score : scores) {
      const std::string who = scores.size() > 1 ? score.task + ", " : "";
      print_line(fmt::format("test accuracy  {:.2f} %  ({}{} samples of {}, used for no choice)",
                             100 * score.evaluation.accuracy, who,
                             format_count(score.evaluation.samples), score.data));
    }
    print_line(fmt::format("parameters     {}", format_count(model.network.parameter_count())));
    print_line(fmt::format("time           {}, of which adapting {:.1f} %",
                           format_duration(result.seconds),
                           100 * result.adaptation_seconds / std::max(result.seconds, 1e-9)));
    print_line(fmt::format("model          {}", o.out));
    if (log) print_line(fmt::format("events         {}", o.events));
    if (!o.picture.empty()) print_line(fmt::format("picture        {}", o.picture));
  }
  if (log && log->failed()) complain(log->failure());
  const bool kept = !o.checkpoint.empty() && checkpoint.failure().empty();
  if (!o.checkpoint.empty() && !kept) {
    complain(fmt::format("the last checkpoint is not written: {}", checkpoint.failure()));
  }
  if (result.reason == StopReason::stopped) {
    complain(fmt::format("{}; the model so far is in {}{}", result.message, o.out,
                         kept ? "; the same command with --resume goes on" : ""));
    throw Exit{kInterrupted};
  }
  if (result.reason == StopReason::diverged) {
    complain(fmt::format("{}; it is in {}", result.message, o.out));
    throw Exit{kFailed};
  }
}

}  // namespace

void add_train(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("train", "train a network that finds its own size");
  verb->footer(kExamples);
  for (const Setting& setting : options->list) {
    if (setting.name == "adapt") {
      verb->add_flag("--adapt", options->adapt, setting.help + " (the default)")
          ->group("adaptation");
      verb->add_flag("--fixed", options->fixed, "keep the widths as given")->group("adaptation");
      continue;
    }
    std::string standard = setting.get().dump();
    std::erase_if(standard, [](char c) { return c == '"' || c == '[' || c == ']'; });
    const std::string help =
        standard.empty() ? setting.help : fmt::format("{} [{}]", setting.help, standard);
    verb->add_option_function<std::string>(
            "--" + setting.name,
            [options, &setting](const std::string& text) {
              options->given.emplace_back(&setting, text);
            },
            help)
        ->type_name(setting.type)
        ->group(setting.section)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  verb->add_option("--config", options->config, "settings from a TOML file; flags override it")
      ->type_name("FILE.toml");
  verb->add_flag("--show-settings", options->show, "print the settings in effect as TOML and stop");
  verb->add_option(
          "--change", options->changes,
          "a task that comes, goes or changes; may be given several times, in order; replaces "
          "those of --config")
      ->type_name("'epoch=N append=SET'")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("tasks");
  verb->add_option("--out", options->out, "where the model goes")
      ->type_name("FILE")
      ->capture_default_str();
  verb->add_option("--events", options->events, "log of what happens, JSON lines")
      ->type_name("FILE.jsonl");
  verb->add_option("--picture", options->picture, "picture of widths and spectra over time")
      ->type_name("FILE.svg");
  verb->add_option("--checkpoint", options->checkpoint,
                   "where the run is kept, to go on from after an interruption")
      ->type_name("FILE")
      ->group("interruptions");
  verb->add_flag("--resume", options->resume, "go on from --checkpoint; where there is none, begin")
      ->group("interruptions");
  verb->add_option("--checkpoint-every", options->checkpoint_every,
                   "seconds between checkpoints within an epoch; there is one after each")
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group("interruptions");
  verb->add_flag("--json", options->json, "print the summary as JSON");
  verb->add_flag("--quiet", options->quiet, "no progress");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
