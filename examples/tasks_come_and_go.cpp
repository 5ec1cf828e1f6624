// Tasks that come and go while a network learns: one is trained, a second is appended with an input and outputs of its
// own, the first is removed. What the first answers keeps every bit when the second comes. Small sets made here.
#include <fmt/ranges.h>
#include <isoform/base/random.h>
#include <isoform/run/settings.h>
#include <isoform/train/evaluate.h>
#include <isoform/train/trainer.h>

using namespace isoform;

// Points around one centre for each class.
Dataset clouds(const char* name, std::uint32_t features, std::vector<std::string> classes,
               std::uint64_t seed) {
  const Random centre(seed, Purpose::test), noise(seed, Purpose::test, 1);
  const auto count = static_cast<std::uint32_t>(classes.size());
  std::vector<float> values;
  std::vector<std::uint32_t> labels;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    labels.push_back(i % count);
    for (std::uint32_t j = 0; j < features; ++j) {
      values.push_back(static_cast<float>(centre.normal(features * labels.back() + j) +
                                          noise.normal(features * i + j)));
    }
  }
  return Dataset({name, features, std::move(values), std::move(labels), std::move(classes)});
}

int main() {
  const Dataset birds = clouds("birds", 12, {"crow", "owl", "wren"}, 1);
  const Dataset trees = clouds("trees", 8, {"ash", "elm", "fir", "oak"}, 2);
  RunSettings settings;
  settings.data = birds.name();
  settings.training.epochs = 6;
  settings.finish();
  auto model = create_model<float>(settings, birds);
  const auto engine = create_engine<float>(settings.engine);

  bool same_bits = false;
  Trainer<float> trainer(model, {{"birds", birds, {}}}, settings.training, *engine);
  while (trainer.run_epoch()) {
    if (trainer.epoch() == 2) {
      const Matrix<float> before = logits(model, birds, *engine, model.task_index("birds"));
      const TaskData data{"trees", trees, {}};
      trainer.change({.action = TaskAction::append, .task = "trees"}, &data);
      same_bits = before == logits(model, birds, *engine, model.task_index("birds"));
    }
    if (trainer.epoch() == 4) trainer.change({.action = TaskAction::remove, .task = "birds"});
    fmt::print("epoch {}   widths {}\n", trainer.epoch(), fmt::join(model.network.widths(), "-"));
  }
  const TrainResult result = trainer.finish();

  const Evaluation end = evaluate(model, trees, *engine);
  fmt::print("the logits of birds kept every bit when trees came: {}\n", same_bits);
  fmt::print("{:.1f} % of the trees are right; the model's tasks: {}\n", 100 * end.accuracy,
             model.tasks.front().name);
  return same_bits && result.reason == StopReason::finished && end.accuracy > 0.8 ? 0 : 1;
}
