// isoform experiment
#include "isoform/experiment/experiment.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/cli/console.h"
#include "isoform/cli/verbs.h"
#include "isoform/monitor/format.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Examples:
  isoform experiment list
  isoform experiment run invariance --scale quick
  isoform experiment run all --scale quick --out results --resume
  isoform experiment run elementwise --scale paper --datasets mnist,fashion-mnist --seeds 3
  isoform experiment show abundance > mine.toml      # then change it, and: isoform experiment run mine.toml)";

struct Options {
  std::string name, scale = "quick";
  std::vector<std::string> datasets;
  ExperimentOptions run;
  std::optional<int> seeds;
  bool json = false, quiet = false;
};

void list_experiments(bool json) {
  nlohmann::json all = nlohmann::json::array();
  Table table({"name", "experiment", "quick scale", "paper scale"});
  for (const std::string& name : experiment_names()) {
    const auto words = [&](Scale scale) {
      const ExperimentSettings settings = find_experiment(name, scale);
      std::string sets;
      for (const std::string& set : settings.datasets) sets += (sets.empty() ? "" : ", ") + set;
      return fmt::format("{}{}{} seed{}", sets, sets.empty() ? "" : "; ", settings.repeats,
                         settings.repeats == 1 ? "" : "s");
    };
    const ExperimentSettings settings = find_experiment(name, Scale::quick);
    table.row({name, fmt::format("{} {}", settings.number, settings.title), words(Scale::quick),
               words(Scale::paper)});
    all.push_back({{"name", name},
                   {"number", settings.number},
                   {"title", settings.title},
                   {"question", settings.question}});
  }
  if (json) return print_json(all);
  print(table.text());
}

// One line that changes on a terminal; elsewhere a line for each tenth, and the first.
class TrialProgress {
 public:
  explicit TrialProgress(std::string name)
      : name_(std::move(name)), terminal_(is_terminal(STDERR_FILENO)) {}
  void show(const ExperimentProgress& progress) {
    const auto now = std::chrono::steady_clock::now();
    const bool last = progress.done == progress.planned;
    const auto wait = std::chrono::seconds(terminal_ ? 0 : 10);
    if (shown_ && !last && now - *shown_ < wait) return;
    if (progress.planned == progress.known) return;
    shown_ = now;
    const std::string left =
        std::isfinite(progress.seconds_left) && !last
            ? fmt::format(", about {} left", format_duration(progress.seconds_left))
            : "";
    std::string line = fmt::format("{}: {} of {} trials{}  {}", name_, progress.done,
                                   progress.planned, left, last ? "" : progress.trial);
    if (!terminal_) return complain(line);
    const int columns = terminal_columns();
    if (columns > 1) line.resize(std::min(line.size(), static_cast<std::size_t>(columns - 1)));
    fmt::print(stderr, "\r\033[K{}{}", line, last ? "\n" : "");
    std::fflush(stderr);
  }
  void end() const {
    if (terminal_ && shown_) fmt::print(stderr, "\r\033[K");
  }

 private:
  std::string name_;
  bool terminal_;
  std::optional<std::chrono::steady_clock::time_point> shown_;
};

void run(Options& o) {
  const Scale scale = scale_from_name(o.scale);
  if (o.seeds) {
    if (*o.seeds < 1) throw UsageError(fmt::format("--seeds: needs 1 or more, got {}", *o.seeds));
    o.run.seeds = *o.seeds;
  }
  const std::vector<std::string> names =
      o.name == "all" ? experiment_names() : std::vector<std::string>{o.name};
  // All of them are read before the first begins: an error in the last should not wait for an hour.
  std::vector<ExperimentSettings> experiments;
  for (const std::string& name : names) {
    experiments.push_back(find_experiment(name, scale));
    ExperimentSettings& settings = experiments.back();
    if (!o.datasets.empty() && (names.size() == 1 || !settings.datasets.empty())) {
      settings.datasets = o.datasets;
    }
    check_experiment(settings, o.run);
  }
  const std::atomic<bool>& interrupted = catch_interrupts();
  o.run.stop = &interrupted;
  nlohmann::json outcomes = nlohmann::json::array();
  for (const ExperimentSettings& settings : experiments) {
    TrialProgress progress(settings.name);
    if (!o.quiet) o.run.progress = [&](const ExperimentProgress& p) { progress.show(p); };
    const ExperimentOutcome outcome = run_experiment(settings, o.run);
    progress.end();
    for (const std::string& note : outcome.notes)
      complain(fmt::format("{}: {}", settings.name, note));
    write_index(o.run.out);
    const std::string report = (outcome.folder / "report.html").string();
    outcomes.push_back({{"experiment", settings.name},
                        {"finished", outcome.finished},
                        {"trials", outcome.planned},
                        {"trials_done", outcome.trials},
                        {"trials_of_this_run", outcome.made},
                        {"seconds", outcome.seconds},
                        {"notes", outcome.notes},
                        {"report", report}});
    if (!o.json) {
      const std::string what =
          outcome.made == 0 && outcome.finished
              ? "was finished already"
              : fmt::format("{} trials in {}, {} of {} done", outcome.made,
                            format_duration(outcome.seconds), outcome.trials, outcome.planned);
      print_line(fmt::format("{:<16}{}; {}", settings.name, what, report));
    }
    if (interrupted) break;
  }
  if (o.json) {
    print_json(outcomes);
  } else {
    print_line(fmt::format("{:<16}{}", "all reports", (o.run.out / "index.html").string()));
  }
  if (interrupted) {
    complain("stopped; the same command with --resume goes on from here");
    throw Exit{kInterrupted};
  }
}

}  // namespace

void add_experiment(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("experiment", "run the paper's experiments, and ours beside them");
  verb->footer(kExamples);
  verb->require_subcommand(1);

  CLI::App* list = verb->add_subcommand("list", "which there are");
  list->add_flag("--json", options->json, "print as JSON");
  list->callback([options] { list_experiments(options->json); });

  CLI::App* show = verb->add_subcommand("show", "print the settings file of one");
  show->add_option("experiment", options->name, "its name")->type_name("NAME")->required();
  show->callback([options] { print(experiment_text(options->name)); });

  CLI::App* run_verb = verb->add_subcommand("run", "run one, or all");
  run_verb->footer(kExamples);
  run_verb->add_option("experiment", options->name, "its name, all, or a settings file (.toml)")
      ->type_name("NAME")
      ->required();
  run_verb
      ->add_option("--scale", options->scale, "quick (minutes) or paper (the published protocol)")
      ->type_name("NAME")
      ->capture_default_str();
  run_verb->add_option("--datasets", options->datasets, "other sets than those of the settings")
      ->type_name("SET,SET")
      ->delimiter(',');
  run_verb
      ->add_option("--data-dir", options->run.data_dir, "folder where known sets are looked for")
      ->type_name("DIR");
  run_verb
      ->add_option("--out", options->run.out,
                   "folder of the results; each experiment has its own in it")
      ->type_name("DIR")
      ->capture_default_str();
  run_verb->add_option("--seeds", options->seeds, "repeats; as the settings say if not given")
      ->type_name("COUNT");
  run_verb
      ->add_option("--threads", options->run.threads,
                   "trials at a time; 0: all cores (results do not depend on it)")
      ->type_name("COUNT");
  run_verb->add_flag("--resume", options->run.resume, "go on with what the folder has");
  run_verb->add_flag("--json", options->json, "print a summary as JSON");
  run_verb->add_flag("--quiet", options->quiet, "no progress");
  run_verb->callback([options] {
    options->run.command =
        fmt::format("isoform experiment run {} --scale {}", options->name, options->scale);
    if (!options->datasets.empty()) {
      options->run.command += " --datasets " + CLI::detail::join(options->datasets, ",");
    }
    if (options->seeds) options->run.command += fmt::format(" --seeds {}", *options->seeds);
    run(*options);
  });
}

}  // namespace isoform::cli
