// isoform train
#include "isoform/cli/train.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/cli/console.h"
#include "isoform/cli/train_checkpoint.h"
#include "isoform/cli/verbs.h"
#include "isoform/compile/forms.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/event_log.h"
#include "isoform/monitor/format.h"
#include "isoform/monitor/picture.h"
#include "isoform/monitor/progress.h"
#include "isoform/monitor/summary.h"
#include "isoform/monitor/tensorboard.h"
#include "isoform/network/cost.h"
#include "isoform/run/budget.h"
#include "isoform/run/changes.h"
#include "isoform/run/unused.h"

namespace isoform::cli {

namespace {

using Json = nlohmann::json;

constexpr const char* kExamples = R"(
Examples:
  isoform train --data fashion-mnist
  isoform train --data customers.csv --target churn --folds 10         # a table; nothing else is needed
  isoform train --continue model.safetensors --data march.csv          # classes and columns that are new
  isoform train --data fashion-mnist --tolerance 0.1 --epochs 10 \
      --out model.safetensors --events run.jsonl --picture run.svg
  isoform train --data mnist --fixed --group-size 0 --hidden 128,128   # the paper's layers
  isoform train --config run.toml --seed 7                             # flags override the file
  isoform train --data mnist --epochs 15 --change 'epoch=6 append=fashion-mnist' \
      --change 'epoch=11 remove=mnist' --picture tasks.svg
  isoform train --data mnist --checkpoint run.ckpt --resume            # begins, or goes on
  isoform train --data fashion-mnist --dashboard                       # watched in a browser)";

// A checkpoint that nothing can go on from. False: there is something to do.
bool has_ended(const TrainOptions& o, const RunCheckpoint& checkpoint) {
  if (!checkpoint.found()) return false;
  const TrainerState<float>& state = checkpoint.found()->state;
  if (state.reason == StopReason::diverged) {
    complain(fmt::format("resume: the run of '{}' can't go on: {}; begin anew without --resume",
                         o.checkpoint, state.message));
    throw Exit{kFailed};
  }
  if (!checkpoint.done()) return false;
  if (!o.out_of_fold.empty()) {
    complain(
        "note: out-of-fold: folds are not computed again for a run that has finished; without "
        "--resume they are");
  }
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

Model<float> first_model(const RunSettings& settings, const TrainData& data) {
  if (data.model) return *data.model;
  const Dataset& training = data.data.front().training;
  if (data.table) return create_table_model<float>(settings, data.table->facts.schema, training);
  return create_model<float>(settings, training);
}

void run(TrainOptions& o) {
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
  if (o.out.empty()) throw UsageError("out: needs a file for the model, got an empty name");
  if (o.resume && o.checkpoint.empty()) {
    throw UsageError("resume: needs --checkpoint FILE, the file to go on from, got none");
  }
  if (o.checkpoint_every && o.checkpoint.empty()) {
    throw UsageError(
        "checkpoint-every: needs --checkpoint FILE, which is written so often, got none");
  }
  const double checkpoint_every = o.checkpoint_every.value_or(60);
  if (!(checkpoint_every >= 0)) {
    throw UsageError(fmt::format("checkpoint-every: needs seconds, 0 (every step) or more, got {}",
                                 checkpoint_every));
  }
  for (const std::string& path : {o.out, o.events, o.picture, o.checkpoint, o.out_of_fold}) {
    require_writable(path);
  }
  const bool table = names_table(settings.data);
  require_different({{"config", o.config},
                     {"data", table ? settings.data : ""},
                     {"test", table ? settings.table.test : ""},
                     {"out", o.out},
                     {"events", o.events},
                     {"picture", o.picture},
                     {"checkpoint", o.checkpoint},
                     {"out-of-fold", o.out_of_fold},
                     {"tensorboard", o.tensorboard}});
  LiveDashboard dashboard(o.dashboard, std::filesystem::path(o.out).stem().string());
  const RunSettings asked = settings;
  TrainData data = load_train_data(o);
  const bool numbers = data.table && data.table->facts.schema.target == TargetKind::numbers;
  for (const std::string& line : unused_settings(asked, numbers)) complain("note: " + line);
  RunCheckpoint checkpoint(o.checkpoint, settings);
  if (o.resume) checkpoint.load();

  checkpoint.require_same(data.data);
  if (has_ended(o, checkpoint)) return;
  run_folds(o, data);
  const auto engine = create_engine<float>(settings.engine);
  const bool goes_on = checkpoint.found().has_value();
  Model<float> model;
  if (!goes_on) {
    model = first_model(settings, data);
    const std::string budgets =
        apply_budgets(settings, model.network, data.data.front().training.samples(), *engine);
    if (!budgets.empty() && !o.quiet) complain(budgets);
  } else {
    recall_budgets(settings, checkpoint.found()->state.adaptation.budget);
  }

  RunSummary summary;
  for (const Event& event : checkpoint.memory().events()) summary(event);
  std::vector<Observer> observers = {summary.observer()};
  std::optional<EventLog> log;
  checkpoint.open(log, o.events);
  if (log) observers.push_back(log->observer());
  std::optional<TensorBoard> board;
  if (!o.tensorboard.empty()) observers.push_back(board.emplace(o.tensorboard).observer());
  const bool terminal = is_terminal(STDERR_FILENO);
  Progress progress([](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); },
                    {terminal, colourful(STDERR_FILENO), terminal ? terminal_columns() : 0});
  for (const Event& event : checkpoint.memory().events()) progress.recall(event);
  if (!o.quiet) observers.push_back(progress.observer());
  if (dashboard.on()) {
    for (const Event& event : checkpoint.memory().events()) dashboard.observer()(event);
    observers.push_back(dashboard.observer());
  }
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
  if (const std::string url = dashboard.start(); !url.empty()) {
    complain(fmt::format("dashboard at {}", url));
  }
  Trainer<float> trainer =
      goes_on ? Trainer<float>(model, data.data, settings.training, *engine,
                               checkpoint.found()->state, outer, &stop)
              : Trainer<float>(model, data.data, settings.training, *engine, outer, &stop);
  checkpoint.tell_version(tell);
  if (dashboard.on()) trainer.obey(dashboard.control());
  if (!o.checkpoint.empty()) {
    trainer.on_checkpoint(checkpoint_every, [&](TrainerState<float> state) {
      checkpoint.write(std::move(state), log ? &*log : nullptr, tell);
    });
  }
  while (trainer.run_epoch()) {
  }
  const TrainResult result = trainer.finish();
  // What the run that goes on begins from is left to it.
  const bool stays =
      result.reason == StopReason::stopped && checkpoint.is_kept() && is_same_file(o.from, o.out);
  if (!stays) save_model(model, o.out);
  const std::string memory = stays ? "" : keep_memory(o, data, model);
  if (!o.picture.empty()) write_file_atomically(o.picture, draw_run(summary.record()));
  if (result.reason == StopReason::finished && !o.checkpoint.empty()) {
    checkpoint.write(trainer.state(), nullptr, {}, true);
  }
  if (o.json) {
    Json json = summary.to_json();
    json.update(test_json(o, data, model, *engine));
    if (!memory.empty()) json["memory"] = memory;
    json["model"] = stays ? Json() : Json(o.out);
    if (settings.multiply_adds > 0) json["multiply_adds"] = cost_of(model.network).multiply_adds;
    if (settings.latency > 0) {
      json["latency_us"] = 1e6 * measured_seconds(model.network, 1, *engine);
    }
    json["adaptation_seconds"] = result.adaptation_seconds;
    print_json(json);
  } else {
    // The plain progress table has said it already.
    if (terminal && !o.quiet) print_line(summary.format_summary());
    print_tests(o, data, model, *engine);
    print_line(fmt::format("parameters     {}", format_count(model.network.parameter_count())));
    if (settings.multiply_adds > 0) {
      const Index count = cost_of(model.network).multiply_adds;
      const bool over = settings.training.adapt.enabled && count > settings.multiply_adds;
      print_line(fmt::format("multiply–adds  {} an answer (budget {}{})", format_count(count),
                             format_count(settings.multiply_adds), over ? "; over it" : ""));
    }
    if (settings.latency > 0) {
      const double latency = 1e6 * measured_seconds(model.network, 1, *engine);
      const bool over = settings.training.adapt.enabled && latency > settings.latency;
      print_line(fmt::format("latency        {:.1f} us an answer (budget {}{})", latency,
                             settings.latency, over ? "; over it, a smaller one keeps to it" : ""));
    }
    print_line(fmt::format("time           {}, of which adapting {:.1f} %",
                           format_duration(result.seconds),
                           100 * result.adaptation_seconds / std::max(result.seconds, 1e-9)));
    if (!stays) print_line(fmt::format("model          {}", o.out));
    if (!memory.empty()) {
      print_line(
          fmt::format("memory         {}: rows for --continue; training data, not to be handed on "
                      "with the model",
                      memory));
    }
    if (log) print_line(fmt::format("events         {}", o.events));
    if (!o.picture.empty()) print_line(fmt::format("picture        {}", o.picture));
    if (board) print_line(fmt::format("tensorboard    {}", o.tensorboard));
  }
  dashboard.finish(stop);
  if (log && log->failed()) complain(log->failure());
  if (!o.checkpoint.empty() && !checkpoint.is_kept()) {
    complain(fmt::format("the last checkpoint is not written: {}", checkpoint.failure()));
  }
  if (board && board->failed()) complain(board->failure());
  if (result.reason == StopReason::stopped) {
    const std::string where = stays ? fmt::format("{} is as it was", o.out)
                                    : fmt::format("the model so far is in {}", o.out);
    complain(fmt::format("{}; {}{}", result.message, where,
                         checkpoint.is_kept() ? "; the same command with --resume goes on" : ""));
    throw Exit{kInterrupted};
  }
  if (result.reason == StopReason::diverged) {
    complain(fmt::format("{}; it is in {}", result.message, o.out));
    throw Exit{kFailed};
  }
}

}  // namespace

void add_train(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
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
  verb->add_option(
          "--continue", options->from,
          "a model that learns further; what a table brings that it does not know (classes, "
          "categories, columns) is appended to it")
      ->type_name("MODEL");
  verb->add_option("--out-of-fold", options->out_of_fold,
                   "what each fold of a cross-validation says of rows it had not seen")
      ->type_name("FILE.csv")
      ->group("table");
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
                   "seconds between checkpoints within an epoch; there is one after each [60]")
      ->type_name("SECONDS")
      ->group("interruptions");
  options->dashboard.add_to(verb);
  verb->add_option("--tensorboard", options->tensorboard, "folder for an event file of TensorBoard")
      ->type_name("DIR");
  verb->add_flag("--json", options->json, "print the summary as JSON");
  verb->add_flag("--quiet", options->quiet, "results alone: no progress, no table of epochs");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
