// Experiment 0: what restructuring costs beside training and testing. Only time is measured, so the data are noise of the
// shape of CIFAR-10.
#include <fmt/format.h>

#include <chrono>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/experiment/training.h"
#include "isoform/experiment/words.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/importance.h"
#include "isoform/topology/shrink.h"
#include "isoform/train/evaluate.h"

namespace isoform {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

enum class Restructuring { none, removal, growth };
constexpr const char* kRestructuring[] = {"none", "one removal an epoch", "one growth an epoch"};
constexpr const char* kCases[] = {"training", "training and testing"};

Dataset noise(Index samples, Index features, Index classes, std::uint64_t seed) {
  Dataset::Contents contents;
  contents.name = "noise";
  contents.features = features;
  std::vector<std::uint8_t> values(static_cast<std::size_t>(samples * features));
  const Random random(seed, Purpose::user);
  for (std::size_t i = 0; i < values.size(); i += 6) {
    std::uint64_t bits = random.below(std::uint64_t{1} << 48, i / 6);
    for (std::size_t k = i; k < std::min(i + 6, values.size()); ++k, bits >>= 8) {
      values[k] = static_cast<std::uint8_t>(bits & 255);
    }
  }
  contents.values = std::move(values);
  for (Index j = 0; j < samples; ++j) {
    contents.labels.push_back(static_cast<std::uint32_t>(j % classes));
  }
  for (Index c = 0; c < classes; ++c) contents.classes.push_back(std::to_string(c));
  return Dataset(std::move(contents));
}

// One neuron of the last hidden layer, by the published procedures or by ours.
void restructure(Trainer<float>& trainer, const Model<float>& model, Restructuring what,
                 bool published) {
  const int space = model.network.hidden().back();
  const GrowSettings settings{.group_size = 0, .step = trainer.epoch()};
  if (what == Restructuring::growth) {
    if (published) trainer.apply(rotate_left(model.network, space));
    trainer.apply(grow(model.network, space, 1, settings));
  } else if (published) {
    const auto scores = score_by_paper(model.network, space);
    trainer.apply(reduce(model.network, space, scores, keep_without_lowest(scores, 1)));
  } else {
    trainer.apply(remove_lowest(model.network, space, 1));
  }
}

void run_trial(TrialRun& run, const RunSettings& training, const Dataset& data, const Dataset& test,
               bool tests, Restructuring what, bool published, int warm_up) {
  std::vector<double> epochs, testing, edits;
  auto start = Clock::now();
  train_model(run, training, data, [&](Trainer<float>& trainer, Model<float>& model) {
    const double epoch = seconds_since(start);
    start = Clock::now();
    if (what != Restructuring::none) restructure(trainer, model, what, published);
    const double edit = seconds_since(start);
    start = Clock::now();
    if (tests) (void)evaluate(model, test, run.engine());
    const double tested = seconds_since(start);
    if (trainer.epoch() > warm_up) {
      epochs.push_back(epoch);
      if (what != Restructuring::none) edits.push_back(edit);
      if (tests) testing.push_back(tested);
    }
    start = Clock::now();
  });
  run.measure("epoch seconds", epochs);
  if (!testing.empty()) run.measure("test seconds", testing);
  if (!edits.empty()) run.measure("restructuring seconds", edits);
}

struct Sizes {
  Index samples, tested, features, classes, warm_up;
};
Sizes sizes_of(const ExperimentSettings& settings) {
  return {settings.whole("noise_training", 1, 10000000), settings.whole("noise_test", 1, 10000000),
          settings.whole("features", 1, 1000000), settings.whole("classes", 1, 100000),
          settings.whole("warm_up_epochs", 0, 1000000)};
}

bool published_procedures(const ExperimentSettings& settings, const ExperimentArm& arm) {
  return settings.choice("procedures", {"published", "ours"}, &arm) == "published";
}

void check(const ExperimentSettings& settings) {
  const Sizes sizes = sizes_of(settings);
  constexpr double kMostBytes = 16e9;
  if (static_cast<double>(sizes.samples + sizes.tested) * static_cast<double>(sizes.features) >
      kMostBytes) {
    settings.refuse("noise_training, noise_test and features: ask for more than 16 GB of noise");
  }
  for (const ExperimentArm& arm : settings.arms) {
    (void)published_procedures(settings, arm);
    const RunSettings training = settings.training(arm, "noise", 0);
    const Index epochs = training.training.epochs + sizes.warm_up;
    if (training.hidden.empty() || training.hidden.back() <= epochs) {
      settings.refuse(fmt::format(
          "hidden: the last layer loses a neuron in each of {} epochs, and needs more than that",
          epochs));
    }
  }
}

std::vector<Trial> trials(const ExperimentSettings& settings, const DataShelf&) {
  const auto [samples, tested, features, classes, epochs] = sizes_of(settings);
  const int warm_up = static_cast<int>(epochs);
  // Made by the first trial that runs, as a finished experiment needs none.
  struct Noise {
    Dataset train, test;
  };
  const auto shared = std::make_shared<Noise>();
  const auto ready = [=, samples = samples, tested = tested, features = features,
                      classes = classes] {
    if (!shared->train.empty()) return;
    shared->train = noise(samples, features, classes, 0);
    shared->test = noise(tested, features, classes, 1);
  };
  std::vector<Trial> list;
  for (const ExperimentArm& arm : settings.arms) {
    const bool published = published_procedures(settings, arm);
    for (const bool tests : {false, true}) {
      for (const auto what : {Restructuring::none, Restructuring::removal, Restructuring::growth}) {
        for (int seed = 0; seed < settings.repeats; ++seed) {
          RunSettings training = settings.training(arm, "noise", static_cast<std::uint64_t>(seed));
          training.training.epochs += warm_up;
          list.push_back({{{"arm", arm.name},
                           {"case", kCases[tests ? 1 : 0]},
                           {"restructuring", kRestructuring[static_cast<int>(what)]},
                           {"seed", std::to_string(seed)}},
                          1,
                          true,
                          [=](TrialRun& run) {
                            ready();
                            run_trial(run, training, shared->train, shared->test, tests, what,
                                      published, warm_up);
                          }});
        }
      }
    }
  }
  return list;
}

std::vector<report::Block> report_of(const ExperimentSettings& settings, const Measurements& rows) {
  report::Table table{
      "Seconds, means over epochs and seeds ± standard error",
      {"case", "restructuring", "procedures", "one epoch", "one test pass", "one restructuring"},
      {}};
  report::LineChart chart;
  chart.heading = "Seconds of an epoch with all that belongs to it";
  chart.unit = "s";
  chart.x_label = "restructuring";
  chart.alt = "Seconds of an epoch by case and restructuring.";
  chart.low = 0;
  chart.x_names.assign(std::begin(kRestructuring), std::end(kRestructuring));
  for (const ExperimentArm& arm : settings.arms) {
    for (const char* name : kCases) {
      report::Curve curve;
      curve.label = fmt::format("{}, {}", arm.name, name);
      for (const char* what : kRestructuring) {
        const Labels at = {{"arm", arm.name}, {"case", name}, {"restructuring", what}};
        const Summary epoch = rows.summary(at, "epoch seconds"),
                      test = rows.summary(at, "test seconds"),
                      edit = rows.summary(at, "restructuring seconds");
        table.rows.push_back(
            {name, what, arm.name, with_error(epoch, 3), with_error(test, 3), with_error(edit, 4)});
        curve.x.push_back(static_cast<double>(curve.x.size()));
        curve.y.push_back(epoch.mean + (test.count > 0 ? test.mean : 0) +
                          (edit.count > 0 ? edit.mean : 0));
      }
      chart.curves.push_back(std::move(curve));
    }
  }
  report::Text published{"Published beside it",
                         {"On an RTX 3080 the paper's code took 17.52 ± 0.06 s for one training "
                          "epoch, 1.74 s for one test pass, 0.037 ± 0.001 s "
                          "for one removal and 0.030 s for one growth: a removal was 0.2 % of an "
                          "epoch. Another machine and another language: only "
                          "the shares can be compared."},
                         {}};
  return {report::Row{{std::move(chart)}}, std::move(table), std::move(published)};
}

}  // namespace

ExperimentProcedure cost_procedure() {
  return {"cost",
          {"noise_training", "noise_test", "features", "classes", "warm_up_epochs", "procedures"},
          check,
          trials,
          report_of,
          false};
}

}  // namespace isoform
