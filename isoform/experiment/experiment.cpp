#include "isoform/experiment/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <fstream>
#include <limits>
#include <mutex>
#include <optional>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/base/thread_pool.h"
#include "isoform/experiment/output.h"
#include "isoform/experiment/procedure.h"
#include "isoform/study/result_file.h"

namespace isoform {

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Json rows_json(const std::vector<Measurement>& rows) {
  Json list = Json::array();
  for (const Measurement& row : rows) list.push_back(to_json(row));
  return list;
}

// Throws UsageError unless the folder is empty of results, or has those that are asked for.
void require_folder(const std::filesystem::path& folder, const Json& identity, bool resume) {
  const std::filesystem::path path = folder / "identity.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    if (!std::filesystem::exists(folder / "trials.jsonl", ignored)) return;
    throw UsageError(fmt::format(
        "{}: has results, but no identity.json that says of what; give another folder with --out",
        folder.string()));
  }
  if (!resume) {
    throw UsageError(
        fmt::format("{}: has results of this experiment; go on with them by --resume, or give "
                    "another folder with --out",
                    folder.string()));
  }
  std::ifstream file(path);
  const Json there = Json::parse(file, nullptr, false);
  if (!there.is_object() || !there.contains("settings") || !there["settings"].is_object()) {
    throw FormatError(fmt::format("{}: is damaged; remove the folder, or give another with --out",
                                  path.string()));
  }
  // More seeds, or fewer, are the same trials; words and what reports compare change none.
  const auto of_trials = [](Json json) {
    json.erase("seeds");
    for (const char* key :
         {"repeats", "number", "title", "question", "method", "plain_arm", "usual_arm"}) {
      json["settings"].erase(key);
    }
    return json;
  };
  if (of_trials(there) != of_trials(identity)) {
    throw UsageError(
        fmt::format("{}: has results of something else:{}\nGive the settings they were made with, "
                    "or another folder with --out",
                    folder.string(), differences(of_trials(there), of_trials(identity))));
  }
}

class Runner {
 public:
  Runner(const ExperimentOptions& options, std::vector<Trial> trials, ResultFile& results)
      : options_(options), trials_(std::move(trials)), results_(results), rows_(trials_.size()) {
    for (std::size_t i = 0; i < trials_.size(); ++i) {
      const Json* known = results_.find(key(i));
      if (known == nullptr) {
        (trials_[i].alone ? alone_ : together_).push_back(i);
        left_ += trials_[i].cost;
        continue;
      }
      rows_[i].emplace();
      for (const Json& row : known->at("rows")) rows_[i]->push_back(measurement_from_json(row));
      ++progress_.done;
      ++progress_.known;
    }
    progress_.planned = trials_.size();
    progress_.seconds_left = std::numeric_limits<double>::quiet_NaN();
  }

  // Throws what the first trial (in their order) threw.
  void run() {
    const int threads = options_.threads > 0 ? options_.threads : ThreadPool::available_cores();
    if (!together_.empty()) {
      ThreadPool pool(threads);
      pool.run(static_cast<int>(together_.size()),
               [&](int k) { run_trial(together_[static_cast<std::size_t>(k)], 1); });
    }
    for (const std::size_t i : alone_) run_trial(i, threads);
  }

  [[nodiscard]] bool finished() const { return progress_.done == progress_.planned; }
  [[nodiscard]] std::size_t made() const { return progress_.done - progress_.known; }
  [[nodiscard]] std::size_t planned() const { return progress_.planned; }
  [[nodiscard]] std::size_t done() const { return progress_.done; }
  [[nodiscard]] Measurements measurements() const {
    Measurements all;
    for (const auto& rows : rows_) {
      if (!rows) continue;
      for (const Measurement& row : *rows) all.add(row);
    }
    return all;
  }

 private:
  [[nodiscard]] Json key(std::size_t i) const { return trials_[i].labels; }

  void run_trial(std::size_t i, int threads) {
    if (failed_.load() || (options_.stop != nullptr && options_.stop->load())) return;
    const Trial& trial = trials_[i];
    tell(trial);
    const auto start = Clock::now();
    const auto engine = create_engine<float>({.threads = threads});
    TrialRun run(*engine, trial.labels, options_.stop);
    try {
      trial.run(run);
    } catch (const Stopped&) {
      return;
    } catch (...) {
      failed_ = true;
      throw;
    }
    const std::lock_guard lock(mutex_);
    results_.add(key(i), {{"rows", rows_json(run.rows())}, {"seconds", since(start)}});
    rows_[i] = run.rows();
    ++progress_.done;
    spent_ += trial.cost;
    left_ -= trial.cost;
    tell_locked(trial);
  }

  void tell(const Trial& trial) {
    const std::lock_guard lock(mutex_);
    tell_locked(trial);
  }
  void tell_locked(const Trial& trial) {
    if (!options_.progress) return;
    progress_.trial = labels_text(trial.labels);
    if (spent_ > 0) progress_.seconds_left = since(start_) / spent_ * left_;
    options_.progress(progress_);
  }

  const ExperimentOptions& options_;
  const std::vector<Trial> trials_;
  ResultFile& results_;
  std::vector<std::optional<std::vector<Measurement>>> rows_;
  std::vector<std::size_t> together_, alone_;
  std::mutex mutex_;
  std::atomic<bool> failed_ = false;
  ExperimentProgress progress_;
  double spent_ = 0, left_ = 0;  // cost
  Clock::time_point start_ = Clock::now();
};

}  // namespace

void check_experiment(const ExperimentSettings& settings, const ExperimentOptions& options) {
  constexpr int kMostSeeds = 10000, kMostThreads = 1024;
  if (options.seeds < 0 || options.seeds > kMostSeeds) {
    throw UsageError(fmt::format("seeds: needs 1 to {}, got {}", kMostSeeds, options.seeds));
  }
  if (options.threads < 0 || options.threads > kMostThreads) {
    throw UsageError(
        fmt::format("threads: needs 0 (all cores) to {}, got {}", kMostThreads, options.threads));
  }
  const ExperimentProcedure& procedure = procedure_by_name(settings.procedure);
  if (procedure.reads_data == settings.datasets.empty()) {
    settings.refuse(procedure.reads_data ? "datasets: needs one or more, got none"
                                         : "datasets: the procedure reads none");
  }
  for (const std::string& name : settings.datasets) {
    if (std::count(settings.datasets.begin(), settings.datasets.end(), name) > 1) {
      settings.refuse(fmt::format("datasets: '{}' stands in it twice", name));
    }
  }
  for (const ExperimentArm& arm : settings.arms) (void)settings.training(arm, "data", 0);
  procedure.check(settings);
  require_sets(settings, options.data_dir);
}

ExperimentOutcome run_experiment(ExperimentSettings settings, const ExperimentOptions& options) {
  check_experiment(settings, options);
  if (options.seeds > 0) settings.repeats = options.seeds;
  settings.all["repeats"] = settings.repeats;
  settings.all["datasets"] = settings.datasets;
  const auto start = Clock::now();
  const ExperimentProcedure& procedure = procedure_by_name(settings.procedure);
  const DataShelf data(settings, options.data_dir);
  std::vector<Trial> trials = procedure.trials(settings, data);
  const Json identity = identity_json(settings, data);

  ExperimentOutcome outcome;
  outcome.folder = options.out / settings.name;
  for (const auto& [name, pair] : data.all()) {
    if (!pair.note.empty()) outcome.notes.push_back(pair.note);
  }
  require_folder(outcome.folder, identity, options.resume);
  make_folder(outcome.folder);
  ResultFile results(outcome.folder / "trials.jsonl", [](const Json& run) {
    for (const Json& row : run.at("rows")) (void)measurement_from_json(row);
    return !run.at("rows").empty();
  });
  write_file_atomically(outcome.folder / "identity.json", identity.dump(2) + "\n");
  Runner runner(options, std::move(trials), results);
  std::exception_ptr failure;
  try {
    runner.run();
  } catch (...) {
    failure = std::current_exception();  // what is done is written first
  }
  outcome.finished = runner.finished();
  outcome.planned = runner.planned();
  outcome.trials = runner.done();
  outcome.made = runner.made();
  outcome.measurements = runner.measurements();
  outcome.seconds = since(start);
  write_outcome(settings, procedure, options, identity, outcome);
  if (failure) std::rethrow_exception(failure);
  return outcome;
}

}  // namespace isoform
