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

// Points of a 20-dimensional Gaussian in four classes: two signs, each of a product of two coordinates.
Dataset products(std::size_t samples, std::uint64_t seed) {
  std::vector<float> values;
  std::vector<std::uint32_t> labels;
  const Random random(seed, Purpose::test);
  for (std::size_t i = 0; i < 20 * samples; ++i) {
    values.push_back(static_cast<float>(random.normal(i)));
  }
  for (const float* x = values.data(); labels.size() < samples; x += 20) {
    labels.push_back((x[0] * x[1] > 0 ? 2 : 0) + (x[2] * x[3] > 0 ? 1 : 0));
  }
  return Dataset({"products", 20, std::move(values), std::move(labels), {"−−", "−+", "+−", "++"}});
}

Dataset fashion_or_products(Split part) try {
  return load("fashion-mnist", part);
} catch (const FileError&) {
  return part == Split::train ? products(20000, 1) : products(5000, 2);
}

int main(int argc, char** argv) {
  const Dataset training = fashion_or_products(Split::train);
  RunSettings settings{.data = training.name(), .hidden = {16, 16}};  // adaptation is on
  settings.training.epochs = 2;
  settings.finish();

  auto model = create_model<float>(settings, training);
  const auto engine = create_engine<float>(settings.engine);
  const auto [learn, check] = split(training, settings.validation, settings.training.seed);
  const Observer observer = [](const Event& event) {
    if (event.type != "epoch") return;
    fmt::print("epoch {}   widths {}   validation accuracy {:.1f} %\n", event.epoch,
               fmt::join(event.data["widths"].get<std::vector<int>>(), "-"),
               100 * event.data["validation_accuracy"].get<double>());
  };
  const TrainResult result = train(model, learn, check, settings.training, *engine, {observer});

  const Evaluation test = evaluate(model, fashion_or_products(Split::test), *engine);
  const char* path = argc > 1 ? argv[1] : "train_and_adapt.safetensors";
  save_model(model, path);
  fmt::print("{} neurons born, {} removed; {} parameters\n", result.born, result.removed,
             model.network.parameter_count());
  fmt::print("{:.1f} % of {} unseen samples of {} are right; the model is in {}\n",
             100 * test.accuracy, test.samples, training.name(), path);
  return result.reason == StopReason::finished ? 0 : 1;
}
