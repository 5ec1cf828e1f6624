// Trained networks made smaller: compression of procedures.h.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "isoform/base/error.h"
#include "isoform/data/split.h"
#include "isoform/model/blocks.h"
#include "isoform/model/feature_importance.h"
#include "isoform/model/tasks.h"
#include "isoform/study/procedures.h"
#include "isoform/topology/reduction.h"
#include "isoform/topology/shrink.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/trainer.h"

namespace isoform {

namespace {

constexpr std::size_t kSamples = 10000;  // training samples that importance and refits see
constexpr double kLaterRate = 0.1;       // of the learning rate, in the few epochs that only mend
// In the many that learn anew the rate is whole. Nothing is left to spare, so no group is dropped, and features more often.
constexpr int kManyEpochs = 60;
constexpr double kManyInputDropout = 0.2;

// Training samples as the model reads them [features × samples].
Matrix<float> samples_of(const Model<float>& model, const Dataset& data) {
  std::vector<std::uint32_t> order = epoch_order(static_cast<std::uint32_t>(data.samples()), 0, 0);
  order.resize(std::min(order.size(), kSamples));
  return stacked_samples(model, 0, as_read(model, data), order);
}

// Positions of the `count` smallest, ascending.
std::vector<Index> smallest(const Vector<double>& values, Index count) {
  std::vector<Index> order(static_cast<std::size_t>(values.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return values[a] < values[b]; });
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end());
  return order;
}

void cut_inputs(Model<float>& model, Pruning pruning, Index inputs, const Dataset& data) {
  const Index before = model.network.widths().front(), gone = before - inputs;
  if (gone == 0) return;
  const Input& input = model.inputs.front();
  name_features(model, input.name);
  if (pruning != Pruning::metric) {
    const Map<float>& m =
        model.network.map(model.network.outgoing(model.network.inputs().front()).front());
    const Vector<double> lengths = m.weight().cast<double>().colwise().norm();
    remove_features<float>(model, input.name, smallest(lengths, gone), Matrix<float>(before, 0));
    return;
  }
  const Matrix<float> x = samples_of(model, data);
  std::vector<Index> positions =
      least_important_features<float>(model, input.name, gone, ConstView<float>(x)).positions;
  std::sort(positions.begin(), positions.end());
  remove_features<float>(model, input.name, positions, ConstView<float>(x));
}

void cut_neurons(Model<float>& model, Pruning pruning, const std::vector<Index>& widths,
                 const Dataset& data, Engine<float>& engine) {
  if (pruning != Pruning::magnitude) {
    const bool ours = pruning == Pruning::metric;
    const Network<float> original = model.network;
    Reducer<float> reducer(
        original, engine,
        ours ? samples_of(model, data) : Matrix<float>(original.widths().front(), 0),
        {.rule = ours ? Rule::jacobian : Rule::paper, .refit = ours});
    model.network = reducer.to_widths(widths).network;
    return;
  }
  const std::vector<int> hidden = model.network.hidden();
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    const Vector<double> lengths = incoming_matrix(model.network, hidden[i]).rowwise().norm();
    const std::vector<Index> gone = smallest(lengths, lengths.size() - widths[i]);
    std::vector<Index> kept;
    for (Index n = 0; n < lengths.size(); ++n) {
      if (!std::binary_search(gone.begin(), gone.end(), n)) kept.push_back(n);
    }
    model.network.apply(keep(model.network, hidden[i], std::span<const Index>(kept)));
  }
}

// The trained network that all arms of a seed begin with; nothing when it was stopped.
std::optional<Model<float>> trained(const StudyContext& c) {
  const std::string name = fmt::format("trained {} seed {}", fmt::join(c.settings.hidden, "-"),
                                       c.settings.training.seed);
  const auto found = c.models.find(name);
  if (found != c.models.end()) return found->second;
  Model<float> model = create_model<float>(c.settings, c.train);
  const TrainResult result =
      train(model, c.train, c.validation, c.settings.training, c.engine, {}, c.stop);
  if (result.reason == StopReason::stopped) return {};
  name_parts(model, c.train.name());
  return c.models.emplace(name, std::move(model)).first->second;
}

}  // namespace

std::string_view pruning_name(Pruning pruning) {
  switch (pruning) {
    case Pruning::metric:
      return "effect on the outputs, refitted";
    case Pruning::paper:
      return "singular values (paper)";
    case Pruning::magnitude:
      return "magnitude";
  }
  throw InternalError("a pruning without a name");
}

Procedure compression(Pruning pruning, Index inputs, const std::vector<Index>& widths) {
  return [=](const StudyContext& c, StudyRun& run) {
    const std::optional<Model<float>> whole = trained(c);
    if (!whole) return false;
    Model<float> model = *whole;
    run.figures.emplace_back("before", evaluate(model, c.test, c.engine).accuracy);
    cut_inputs(model, pruning, inputs, c.train);
    cut_neurons(model, pruning, widths, c.train, c.engine);
    const Dataset training = as_read(model, c.train), validation = as_read(model, c.validation),
                  test = as_read(model, c.test);
    run.figures.emplace_back("0 epochs", evaluate(model, test, c.engine).accuracy);
    TrainSettings settings = c.settings.training;
    settings.adapt.enabled = false;
    const double rate = settings.optimiser.rate();
    for (const int epochs : {1, 3, kManyEpochs}) {
      Model<float> later = model;
      settings.epochs = epochs;
      settings.optimiser.learning_rate = epochs == kManyEpochs ? rate : kLaterRate * rate;
      if (epochs == kManyEpochs) {
        settings.dropout = 0;
        settings.input_dropout = kManyInputDropout;
      }
      const TrainResult result = train(later, training, validation, settings, c.engine, {}, c.stop);
      if (result.reason == StopReason::stopped) return false;
      run.seconds += result.seconds;
      run.diverged = run.diverged || result.reason == StopReason::diverged;
      run.test_accuracy = evaluate(later, test, c.engine).accuracy;
      run.validation_accuracy = evaluate(later, validation, c.engine).accuracy;
      run.figures.emplace_back(fmt::format("{} epoch{}", epochs, epochs == 1 ? "" : "s"),
                               run.test_accuracy);
    }
    run.widths = model.network.widths();
    run.parameters = model.network.parameter_count();
    run.figures.emplace_back("parameters", static_cast<double>(run.parameters));
    return true;
  };
}

}  // namespace isoform
