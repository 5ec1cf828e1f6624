// isoform sparsify
#include "isoform/topology/sparsify.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/cli/probe.h"
#include "isoform/cli/verbs.h"
#include "isoform/compile/predictor.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/network/cost.h"
#include "isoform/network/initialise.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
The basis of every hidden layer is free; it is chosen so that weights become exactly zero, which are then not
stored and not multiplied. The outputs stay the same within rounding. Layers of one group gain most
(train --group-size 0).
Examples:
  isoform sparsify in.safetensors out.safetensors --data fashion-mnist
  isoform sparsify in.safetensors --dry-run                          # what could be removed
  isoform sparsify in.safetensors out.safetensors --method alternating    # the paper's
  isoform sparsify in.safetensors out.safetensors --diagonal 2,4)";

constexpr Index kTimedSamples = 512;
constexpr int kTimedRuns = 15;
constexpr double kTimedSeconds = 6;
constexpr Index kTakesLong = 1'000'000;  // weights from which on steps are announced

struct Options {
  std::string in, out, method = "best";
  std::vector<int> diagonal;
  bool dry_run = false, json = false, quiet = false;
  DataOptions data;
};

// Medians of runs in turn, so that both see the same machine.
struct Times {
  double before = 0, after = 0;
  int runs = 0, threads = 0;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Times measure_times(const Network<float>& before, const Network<float>& after, int threads) {
  const auto engine = create_engine<float>({"cpu", threads});
  const Matrix<float> x =
      normal_matrix(before.widths().front(), kTimedSamples, Random(1, Purpose::test)).cast<float>();
  Predictor<float> predictors[] = {Predictor<float>(before), Predictor<float>(after)};
  std::vector<double> seconds[2];
  double total = 0;
  for (int run = -1; run < kTimedRuns && total < kTimedSeconds; ++run) {
    for (int i = 0; i < 2; ++i) {
      predictors[i].prepare(kTimedSamples);
      predictors[i].set_input(x);
      const auto start = std::chrono::steady_clock::now();
      predictors[i].run(*engine);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      if (run < 0) continue;  // warm caches first
      seconds[i].push_back(took.count());
      total += took.count();
    }
  }
  return {median(seconds[0]), median(seconds[1]), static_cast<int>(seconds[0].size()),
          engine->threads()};
}

double share(Index part, Index whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

void check(const Options& o) {
  if (o.out.empty() && !o.dry_run) {
    throw UsageError("sparsify: needs a file to write, OUT; or --dry-run to see what it would do");
  }
  require_writable(o.out);
  if (!o.out.empty() && o.dry_run) {
    throw UsageError("sparsify: --dry-run writes nothing; leave out OUT or --dry-run");
  }
}

// What the plan does to each map.
std::string plan_text(const SparsePlan& plan) {
  Table table({"map", "before", "after", "form", "weights kept"});
  for (std::size_t l = 0; l < plan.forms.size(); ++l) {
    const std::vector<Index>& old = plan.before.widths;
    table.row({fmt::format("{}", l + 1), fmt::format("{} × {}", old[l + 1], old[l]),
               fmt::format("{} × {}", plan.widths[l + 1], plan.widths[l]),
               std::string(structure_name(plan.forms[l])),
               fmt::format("{} of {}", format_count(plan.kept_of(static_cast<int>(l))),
                           format_count(old[l + 1] * old[l]))});
  }
  return table.text();
}

nlohmann::json plan_json(const SparsePlan& plan, const Options& o) {
  nlohmann::json maps = nlohmann::json::array();
  for (std::size_t l = 0; l < plan.forms.size(); ++l) {
    maps.push_back({{"map", l + 1},
                    {"form", structure_name(plan.forms[l])},
                    {"weights_before", plan.before.widths[l + 1] * plan.before.widths[l]},
                    {"weights", plan.kept_of(static_cast<int>(l))}});
  }
  return {{"method", o.method},
          {"maps", std::move(maps)},
          {"widths_before", plan.before.widths},
          {"widths", plan.widths},
          {"weights_before", plan.weights},
          {"weights", plan.kept},
          {"removed_share", share(plan.removed(), plan.weights)},
          {"ceiling_share", share(plan.ceiling, plan.weights)}};
}

std::string removed_text(const SparsePlan& plan) {
  std::string text = fmt::format("removed     {} of the weights",
                                 format_percent(share(plan.removed(), plan.weights)));
  if (plan.ceiling == 0) return text + "; rotations can remove none";
  return text + fmt::format(", {} of the ceiling for this shape, {}",
                            format_percent(share(plan.removed(), plan.ceiling)),
                            format_percent(share(plan.ceiling, plan.weights)));
}

void print_note_on_groups(const SparsePlan& plan) {
  std::size_t most = 1;
  for (const auto& groups : plan.before.groups) most = std::max(most, groups.size());
  if (most == 1) return;
  print_line(fmt::format(
      "note        rotations must not mix groups: with H groups in a layer about 1/(2H) of its "
      "weights can go, and a layer here has up to {}",
      most));
}

// "1,234   987   −20.0 %".
void change_row(Table& table, const std::string& what, Index before, Index after) {
  const double change = before == 0 ? 0 : share(after - before, before);
  table.row({what, format_count(before), format_count(after),
             fmt::format("{}{}", change < 0 ? "−" : "+", format_percent(std::abs(change)))});
}

void run(const Options& o) {
  check(o);
  auto model = load_model<float>(o.in);
  const SparsePlan plan =
      plan_sparsity(sparse_shape(model.network), {sparse_method_from_name(o.method), o.diagonal});
  if (o.dry_run) {
    if (o.json) return print_json(plan_json(plan, o));
    print(plan_text(plan));
    print_line("\n" + removed_text(plan));
    return print_note_on_groups(plan);
  }

  const Probe probe(model, o.data);
  const Matrix<float> y = probe.outputs(model);
  const Network<float> before = model.network;
  const auto file_before = static_cast<Index>(std::filesystem::file_size(o.in));
  SparseObserver observer;
  if (plan.weights >= kTakesLong && !o.quiet) {
    observer.step = [](std::string_view step) { fmt::print(stderr, "{}\n", step); };
  }
  const Sparsified done = sparsify(model.network, plan, observer);
  const Matrix<float> y_after = probe.outputs(model);
  const Change change = measure_change(y, y_after);
  for (const EditRecord& record : done.records) model.record(record);
  if (!done.records.empty()) model.history.back().change = change.mean;
  save_model(model, o.out);

  const auto file_after = static_cast<Index>(std::filesystem::file_size(o.out));
  const Cost cost = cost_of(before), cost_after = cost_of(model.network);
  const Times times = measure_times(before, model.network, o.data.threads);
  if (o.json) {
    nlohmann::json json = plan_json(plan, o);
    json.update({{"model", o.out},
                 {"edits", done.records.size()},
                 {"parameters_before", cost.parameters},
                 {"parameters", cost_after.parameters},
                 {"file_bytes_before", file_before},
                 {"file_bytes", file_after},
                 {"multiply_adds_before", cost.multiply_adds},
                 {"multiply_adds", cost_after.multiply_adds},
                 {"seconds_before", times.before},
                 {"seconds", times.after},
                 {"timed_samples", kTimedSamples},
                 {"timed_runs", times.runs},
                 {"timed_threads", times.threads},
                 {"measured_on", probe.name()},
                 {"relative_change", change.json()}});
    if (probe.judges()) {
      json["accuracy_before"] = probe.accuracy(y);
      json["accuracy"] = probe.accuracy(y_after);
    }
    return print_json(json);
  }
  print(plan_text(plan));
  Table table({"", "before", "after", ""});
  change_row(table, "parameters", cost.parameters, cost_after.parameters);
  change_row(table, "file, bytes", file_before, file_after);
  change_row(table, "multiply–adds, one sample", cost.multiply_adds, cost_after.multiply_adds);
  table.row({fmt::format("time, {} samples", kTimedSamples),
             fmt::format("{:.3g} ms", 1e3 * times.before),
             fmt::format("{:.3g} ms", 1e3 * times.after),
             fmt::format("{:.2f}×", times.before / times.after)});
  print("\n" + table.text());
  print_line("\n" + removed_text(plan));
  print_note_on_groups(plan);
  if (done.records.empty()) {
    print_line("note        every map has its form already; nothing was changed");
  }
  print_line(fmt::format("change      {}, on {}", change.text(), probe.name()));
  if (probe.judges()) {
    print_line(fmt::format("accuracy    {:.2f} % → {:.2f} %", 100 * probe.accuracy(y),
                           100 * probe.accuracy(y_after)));
  }
  print_line(
      fmt::format("timed       the library's predictor, {} runs of each in turn (median), {} "
                  "threads",
                  times.runs, times.threads));
  print_line(fmt::format("model       {}", o.out));
}

}  // namespace

void add_sparsify(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("sparsify", "remove weights exactly: a smaller file, a faster network");
  verb->footer(kExamples);
  verb->add_option("in", options->in, "model file")->required()->type_name("IN");
  verb->add_option("out", options->out, "sparse model file")->type_name("OUT");
  verb->add_option("--method", options->method,
                   "best: what removes most; alternating: every second map diagonal, as in the "
                   "paper; chain: triangles only")
      ->type_name("NAME")
      ->capture_default_str();
  verb->add_option("--diagonal", options->diagonal, "maps, from 1, that must become diagonal")
      ->delimiter(',')
      ->type_name("N,N,…");
  verb->add_flag("--dry-run", options->dry_run, "say what would be removed; write nothing");
  options->data.add_to(*verb, false);
  verb->add_flag("--json", options->json, "print as JSON");
  verb->add_flag("--quiet", options->quiet, "no progress");
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
