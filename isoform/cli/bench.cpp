// isoform bench
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <memory>

#include "isoform/cli/console.h"
#include "isoform/cli/verbs.h"
#include "isoform/compile/forms.h"
#include "isoform/data/split.h"
#include "isoform/measure/restructure.h"
#include "isoform/monitor/format.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Examples:
  isoform bench step --widths 3072,500,500,10 --batch-size 48
  isoform bench step --widths 784,128,128,10 --threads 1 --group-size 0 --json
  isoform bench restructure --widths 3072,500,500,10 --layer 2 --count 25 --group-size 0
  isoform bench inference --widths 784,512,512,512,512,512,512,512,512,10 --batch-size 1 --group-size 0
  isoform bench data fashion-mnist)";

struct Options {
  RestructureSettings restructure;
  StepSettings& step = restructure.step;
  EngineSettings engine = {};
  std::string save;
  DataOptions data;
  bool json = false;
};

constexpr double kBusy = 0.3;

void warn_of(double load) {
  if (load <= kBusy) return;
  print_line(fmt::format(
      "note        the machine was busy (load {:.1f}): measure again when it is quiet", load));
}

void run_step(const Options& o) {
  const auto engine = create_engine<float>(o.engine);
  if (!o.save.empty()) save_steps<float>(o.step, *engine, o.save);
  const StepReport report = measure_step<float>(o.step, *engine);
  const double rate = report.operations / report.step.median;
  if (o.json) {
    nlohmann::json phases;
    for (const auto& [phase, share] : report.phases) phases[std::string(phase_name(phase))] = share;
    return print_json({{"widths", o.step.chain.widths},
                       {"batch_size", o.step.batch_size},
                       {"group_size", o.step.chain.group_size},
                       {"engine", engine->name()},
                       {"threads", engine->threads()},
                       {"ms_per_step", 1e3 * report.step.median},
                       {"ms_fastest", 1e3 * report.step.fastest},
                       {"ms_slowest", 1e3 * report.step.slowest},
                       {"gflops", rate / 1e9},
                       {"product_gflops", report.product_rate / 1e9},
                       {"share_of_product_rate", rate / report.product_rate},
                       {"phases", phases},
                       {"load", report.load}});
  }
  print_line(fmt::format("step        {:.3f} ms (fastest {:.3f}, slowest {:.3f}), {} threads",
                         1e3 * report.step.median, 1e3 * report.step.fastest,
                         1e3 * report.step.slowest, engine->threads()));
  print_line(fmt::format("products    {:.0f} GFLOP/s, {:.0f} % of the {:.0f} of large ones here",
                         rate / 1e9, 100 * rate / report.product_rate, report.product_rate / 1e9));
  double rest = 1;
  for (const auto& [phase, share] : report.phases) {
    print_line(fmt::format("  {:<10}{:5.1f} %", phase_name(phase), 100 * share));
    rest -= share;
  }
  print_line(fmt::format("  {:<10}{:5.1f} %", "the rest", 100 * rest));
  warn_of(report.load);
}

void run_inference(const Options& o) {
  const auto engine = create_engine<float>(o.engine);
  const double load = machine_load();
  const StepWork<float> work(o.step);
  const std::vector<Form<float>> forms =
      measured_forms<float>(work.network(), o.step.batch_size, *engine);
  if (o.json) {
    nlohmann::json list = nlohmann::json::array();
    for (const Form<float>& form : forms) {
      list.push_back({{"form", form.name},
                      {"us", 1e6 * form.seconds},
                      {"relative_difference", form.difference},
                      {"bytes", 4 * form.predictor.numbers()}});
    }
    return print_json({{"widths", o.step.chain.widths},
                       {"group_size", o.step.chain.group_size},
                       {"batch_size", o.step.batch_size},
                       {"engine", engine->name()},
                       {"threads", engine->threads()},
                       {"forms", list},
                       {"load", load}});
  }
  Table table({"form", "us a run", "samples a second", "bytes of maps", "differs by"});
  for (const Form<float>& form : forms) {
    table.row({form.name, fmt::format("{:.1f}", 1e6 * form.seconds),
               format_count(std::llround(static_cast<double>(o.step.batch_size) / form.seconds)),
               format_count(4 * form.predictor.numbers()), fmt::format("{:.1e}", form.difference)});
  }
  print(table.text());
  warn_of(load);
}

// Seconds from a name to a training set with its split and scale.
void run_data(const Options& o) {
  std::vector<double> times;
  Index samples = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const Dataset data = load(o.data.data, Split::train, {.data_dir = o.data.data_dir});
    const TrainValidation parts = split(data, 0.1, 0);
    (void)input_statistics(parts.train, Scaling::automatic);
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    samples = data.samples();
  }
  const Timing time = summarise(times);
  if (o.json) {
    return print_json({{"data", o.data.data},
                       {"samples", samples},
                       {"seconds", time.median},
                       {"first", times.front()}});
  }
  print_line(fmt::format("ready       {:.3f} s for {} samples (the first time {:.3f} s)",
                         time.median, format_count(samples), times.front()));
}

void run_restructure(const Options& o) {
  const auto engine = create_engine<float>(o.engine);
  const RestructureReport report = measure_restructuring<float>(o.restructure, *engine);
  if (o.json) {
    const auto json = [](const Timing& t) {
      return nlohmann::json{
          {"ms", 1e3 * t.median}, {"ms_fastest", 1e3 * t.fastest}, {"ms_slowest", 1e3 * t.slowest}};
    };
    return print_json({{"widths", o.step.chain.widths},
                       {"group_size", o.step.chain.group_size},
                       {"layer", o.restructure.layer},
                       {"count", o.restructure.count},
                       {"engine", engine->name()},
                       {"threads", engine->threads()},
                       {"growth", json(report.growth)},
                       {"removal", json(report.removal)},
                       {"load", report.load}});
  }
  const auto row = [](std::string_view name, const Timing& t) {
    print_line(fmt::format("{:<12}{:.3f} ms (fastest {:.3f}, slowest {:.3f})", name, 1e3 * t.median,
                           1e3 * t.fastest, 1e3 * t.slowest));
  };
  row("growth", report.growth);
  row("removal", report.removal);
  warn_of(report.load);
}

}  // namespace

void add_bench(CLI::App& app) {
  auto options = std::make_shared<Options>();
  options->step.chain.group_size = 4;
  CLI::App* verb = app.add_subcommand("bench", "measure what things cost on this machine");
  verb->footer(kExamples);
  verb->require_subcommand(1);
  const auto add = [&](const char* name, const char* about) {
    CLI::App* sub = verb->add_subcommand(name, about);
    StepSettings& step = options->step;
    sub->add_option("--widths", step.chain.widths, "of all layers, inputs and outputs included")
        ->type_name("WIDTHS")
        ->delimiter(',')
        ->required();
    sub->add_option("--batch-size", step.batch_size, "samples of a step")
        ->type_name("COUNT")
        ->capture_default_str();
    sub->add_option("--group-size", step.chain.group_size, "neurons of a group; 0: the whole layer")
        ->type_name("COUNT")
        ->capture_default_str();
    sub->add_option("--threads", options->engine.threads, "threads; 0: all cores")
        ->type_name("COUNT");
    sub->add_option("--engine", options->engine.name, "cpu, bfloat16, reference")
        ->type_name("NAME");
    sub->add_option("--seconds", step.seconds, "how long to measure")
        ->type_name("SECONDS")
        ->capture_default_str();
    sub->add_option("--learning-rate", step.optimiser.learning_rate, "of AdamW")->type_name("RATE");
    sub->add_flag("--json", options->json, "print as JSON");
    return sub;
  };
  CLI::App* step = add("step", "one training step, by its parts");
  step->add_option("--save", options->save,
                   "write weights before and after, and the batches, for a peer")
      ->type_name("DIR");
  CLI::App* inference = add("inference", "answers to a batch by each form of a fresh network");
  inference->callback([options] { run_inference(*options); });
  CLI::App* data = verb->add_subcommand("data", "reading a known data set, ready to train on");
  data->add_option("data", options->data.data, "its name")->type_name("SET")->required();
  data->add_option("--data-dir", options->data.data_dir, "folder where known sets are looked for")
      ->type_name("DIR");
  data->add_flag("--json", options->json, "print as JSON");
  data->callback([options] { run_data(*options); });
  CLI::App* restructure =
      add("restructure", "growth and removal of neurons, the optimiser's state included");
  restructure->add_option("--layer", options->restructure.layer, "hidden layer, from 1")
      ->type_name("LAYER")
      ->capture_default_str();
  restructure->add_option("--count", options->restructure.count, "neurons")
      ->type_name("COUNT")
      ->capture_default_str();
  restructure->callback([options] { run_restructure(*options); });
  step->callback([options] { run_step(*options); });
}

}  // namespace isoform::cli
