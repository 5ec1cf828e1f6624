// isoform study
#include "isoform/study/study.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/cli/console.h"
#include "isoform/cli/verbs.h"
#include "isoform/monitor/format.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
A run that the folder has already is not made again, so a study that was stopped goes on where it was.
Examples:
  isoform study                                    # which there are
  isoform study plain-fashion-mnist --seeds 1      # a first look
  isoform study plain-mnist --arm relu --arm gelu  # two of its rows
  isoform study depth --out results --json)";

struct Options {
  std::string name;
  std::vector<std::string> arms;
  StudyOptions study{.out = "studies"};
  bool json = false, quiet = false;
};

std::size_t runs_of(const Study& study, int seeds) {
  std::size_t count = 0;
  for (const Arm& arm : study.arms) {
    count += static_cast<std::size_t>(seeds) +
             (arm.learning_rates.empty() ? 0 : arm.learning_rates.size() - 1);
  }
  return count;
}

void list_studies(bool json) {
  nlohmann::json all = nlohmann::json::array();
  std::string lines;
  for (const Study& study : studies()) {
    lines += fmt::format("{:<22}{}\n", study.name, study.about);
    all.push_back({{"name", study.name}, {"title", study.title}, {"about", study.about}});
  }
  if (json) return print_json(all);
  print(lines);
}

void run(Options& o) {
  if (o.name.empty() && !o.arms.empty()) {
    throw UsageError("arm: is a row of a study; name the study (isoform study lists them)");
  }
  if (o.name.empty()) return list_studies(o.json);
  const Study study = with_arms(study_by_name(o.name), o.arms);
  const std::atomic<bool>& interrupted = catch_interrupts();
  const std::size_t planned = runs_of(study, std::max(o.study.seeds, 0));
  std::size_t finished = 0, made = 0;
  const auto begin = std::chrono::steady_clock::now();
  o.study.stop = &interrupted;
  o.study.progress = [&](const Arm& arm, std::uint64_t seed, double rate, bool done, bool known) {
    if (!done && !o.quiet) {
      const double spent =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      const std::string left =
          made == 0 ? ""
                    : fmt::format(", about {} left",
                                  format_duration(spent / static_cast<double>(made) *
                                                  static_cast<double>(planned - finished)));
      complain(fmt::format("run {} of {}: {}, seed {}, learning rate {:g}{}", finished + 1, planned,
                           arm.name, seed, rate, left));
    }
    if (!done) return;
    ++finished;
    if (!known) ++made;
  };
  const std::vector<StudyRun> runs = run_study(study, o.study);
  if (o.json) {
    print_json(study_json(study, runs));
  } else {
    print_line(fmt::format("{}  ({}; results in {})\n", study.title,
                           interrupted
                               ? fmt::format("stopped after {} of {} runs", finished, planned)
                               : fmt::format("{} seeds", o.study.seeds),
                           (o.study.out / (study.name + ".jsonl")).string()));
    print(study_table(study, runs));
  }
  if (interrupted) {
    complain("stopped; the same command goes on from here");
    throw Exit{kInterrupted};
  }
}

}  // namespace

void add_study(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("study", "make a table of trained networks again");
  verb->footer(kExamples);
  verb->add_option("study", options->name, "its name; none: list them")->type_name("NAME");
  verb->add_option("--arm", options->arms, "only arms (rows) whose names contain this")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  verb->add_option("--seeds", options->study.seeds, "runs of each arm")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--out", options->study.out, "folder of the results")
      ->type_name("DIR")
      ->capture_default_str();
  verb->add_option("--data-dir", options->study.data_dir, "folder where known sets are looked for")
      ->type_name("DIR");
  verb->add_option("--threads", options->study.threads, "threads; 0: all cores")
      ->type_name("COUNT");
  verb->add_flag("--json", options->json, "print as JSON");
  verb->add_flag("--quiet", options->quiet, "no progress");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
