// Widths that follow a task: half_and_restored of procedures.h.
#include <numeric>

#include "isoform/data/combine.h"
#include "isoform/model/blocks.h"
#include "isoform/model/tasks.h"
#include "isoform/study/procedures.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/trainer.h"

namespace isoform {

namespace {

Index hidden_neurons(const Network<float>& network) {
  const std::vector<Index> widths = network.widths();
  return std::accumulate(widths.begin() + 1, widths.end() - 1, Index{0});
}

}  // namespace

Procedure half_and_restored() {
  return [](const StudyContext& c, StudyRun& run) {
    Model<float> model = create_model<float>(c.settings, c.train);
    const std::vector<std::string> classes = c.train.classes();
    const auto half = static_cast<std::uint32_t>(classes.size() / 2);
    const std::vector<std::string> rest(classes.begin() + half, classes.end());
    const auto stretch = [&](const std::string& name, const auto& part) {
      // A head that has lost outputs is a new start for the data, not for the model.
      const TrainResult result = train(model, part(c.train), part(c.validation),
                                       c.settings.training, c.engine, {}, c.stop);
      run.seconds += result.seconds;
      run.diverged = run.diverged || result.reason == StopReason::diverged;
      run.figures.emplace_back(name, evaluate(model, part(c.test), c.engine).accuracy);
      run.figures.emplace_back("neurons " + name,
                               static_cast<double>(hidden_neurons(model.network)));
      run.figures.emplace_back("parameters " + name,
                               static_cast<double>(model.network.parameter_count()));
      return result.reason != StopReason::stopped;
    };
    const auto all = [](const Dataset& data) { return data; };
    if (!stretch("all", all)) return false;
    name_parts(model, c.train.name());
    const std::string task = model.tasks.front().name;
    remove_outputs(model, task, rest);
    if (!stretch("half", [&](const Dataset& data) { return class_range(data, 0, half - 1); })) {
      return false;
    }
    append_outputs(model, task, rest);
    if (!stretch("restored", all)) return false;
    run.widths = model.network.widths();
    run.parameters = model.network.parameter_count();
    run.validation_accuracy = evaluate(model, c.validation, c.engine).accuracy;
    run.test_accuracy = evaluate(model, c.test, c.engine).accuracy;
    return true;
  };
}

}  // namespace isoform
