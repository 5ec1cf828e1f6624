// A network that finds its own widths. It starts with 16 and 16 hidden neurons; while it learns, neurons are born
// where idle ones run short and removed where they pile up. Two epochs on Fashion-MNIST where that is
// installed, else on a set made here. At the end: its widths, its accuracy on unseen samples, and a file.
//
//   example_train_and_adapt [MODEL.safetensors]
#include <fmt/ranges.h>
#include <isoform/base/error.h>
#include <isoform/base/random.h>
#include <isoform/data/catalogue.h>
#include <isoform/io/model_file.h>
#include <isoform/run/settings.h>
#include <isoform/train/evaluate.h>

using namespace isoform;

// Twelve clouds of points in 20 dimensions, three for each of four classes.
Dataset clouds(std::uint32_t samples, std::uint64_t seed) {
  std::vector<float> values;
  std::vector<std::uint32_t> labels;
  const Random centre(0, Purpose::test), noise(seed, Purpose::test);
  for (std::uint32_t i = 0; i < samples; ++i) {
    for (std::uint32_t j = 0; j < 20; ++j) {
      values.push_back(
          static_cast<float>(centre.normal(20 * (i % 12) + j) + noise.normal(20 * i + j)));
    }
    labels.push_back(i % 4);
  }
  return Dataset({"clouds", 20, std::move(values), std::move(labels), {"a", "b", "c", "d"}});
}

Dataset fashion_or_clouds(Split part) try {
  return load("fashion-mnist", part);
} catch (const FileError&) {
  return part == Split::train ? clouds(20000, 1) : clouds(5000, 2);
}

int main(int argc, char** argv) {
  const Dataset training = fashion_or_clouds(Split::train);
  RunSettings settings;  // two hidden layers of 16, and adaptation on
  settings.data = training.name();
  settings.training.epochs = 2;
  settings.finish();

  const auto [learn, check] = split(training, settings.validation, settings.training.seed);
  auto model = create_model<float>(settings, learn);
  const auto engine = create_engine<float>(settings.engine);
  const Observer observer = [](const Event& event) {
    if (event.type != "epoch") return;
    fmt::print("epoch {}   widths {}   validation accuracy {:.1f} %\n", event.epoch,
               fmt::join(event.data["widths"].get<std::vector<int>>(), "-"),
               100 * event.data["validation_accuracy"].get<double>());
  };
  const TrainResult result = train(model, learn, check, settings.training, *engine, {observer});

  const Evaluation test = evaluate(model, fashion_or_clouds(Split::test), *engine);
  const char* path = argc > 1 ? argv[1] : "train_and_adapt.safetensors";
  save_model(model, path);
  fmt::print("{} neurons born, {} removed\n", result.born, result.removed);
  fmt::print("{:.1f} % of {} unseen samples of {} are right; the model is in {}\n",
             100 * test.accuracy, test.samples, training.name(), path);
  return result.reason == StopReason::finished ? 0 : 1;
}
