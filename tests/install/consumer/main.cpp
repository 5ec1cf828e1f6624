// A program outside the tree that knows only what was installed: it makes a network, changes its form, trains it and
// keeps it in a file. Prints the version and exits 0 when everything is as promised; else says what is not.
#include <isoform/base/random.h>
#include <isoform/base/version.h>
#include <isoform/io/model_file.h>
#include <isoform/network/initialise.h>
#include <isoform/network/pass.h>
#include <isoform/topology/diagonalise.h>
#include <isoform/topology/grow.h>
#include <isoform/train/trainer.h>

#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>

namespace {

using namespace isoform;

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

Matrix<double> outputs(const Network<double>& network, const Matrix<double>& x) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  Pass<double> pass;
  pass.prepare(network, x.cols());
  pass.input() = x;
  forward(network, *engine, pass);
  return pass.output();
}

// 200 points in the plane; the class is the sign of x·y.
Dataset quadrants() {
  std::vector<float> values;
  std::vector<std::uint32_t> labels;
  const Random random(1, Purpose::test);
  for (std::uint64_t i = 0; i < 200; ++i) {
    const double x = random.normal(2 * i), y = random.normal(2 * i + 1);
    values.insert(values.end(), {static_cast<float>(x), static_cast<float>(y)});
    labels.push_back(x * y > 0 ? 1 : 0);
  }
  return Dataset({"quadrants", 2, std::move(values), std::move(labels), {"minus", "plus"}});
}

void change_form(Network<double>& network) {
  const Matrix<double> x = normal_matrix(2, 50, Random(2, Purpose::test));
  const Matrix<double> before = outputs(network, x);
  require(before.rows() == 2 && before.cols() == 50 && before.norm() > 0, "outputs of 50 samples");
  network.apply(rotate_random(network, 1, 3));
  network.apply(grow(network, 1, fill_groups(network.space(1).groups, 4, 4)));
  network.apply(rotate_left(network, 2));
  require(network.widths() == std::vector<Index>{2, 10, 5, 2}, "4 more neurons in layer 1");
  require((outputs(network, x) - before).norm() <= 1e-12 * before.norm(), "the same outputs");
}

void learn(Model<double>& model, const Dataset& data) {
  TrainSettings settings;
  settings.epochs = 5;
  settings.batch_size = 20;
  settings.adapt.enabled = true;
  settings.adapt.policy.buffer = 2;
  settings.adapt.policy.group_size = 4;
  double first = 0, last = 0;
  const Observer observer = [&](const Event& event) {
    if (event.type != "epoch") return;
    last = event.data["train_loss"].get<double>();
    if (event.epoch == 1) first = last;
  };
  const auto engine = create_engine<double>({.name = "cpu", .threads = 2});
  const TrainResult result = train(model, data, Dataset(), settings, *engine, {observer});
  require(result.reason == StopReason::finished && result.steps == 50, "50 steps");
  require(last < first, "a loss that falls");
}

void keep(const Model<double>& model, const std::filesystem::path& path) {
  save_model(model, path);
  const auto loaded = load_model<double>(path);
  require(serialise_model(loaded) == serialise_model(model), "the model that was saved");
}

}  // namespace

// consumer FILE: where the model is kept.
int main(int argc, char** argv) {
  try {
    Model<double> model;
    model.network = Network<double>::chain({.widths = {2, 6, 5, 2}, .group_size = 4});
    change_form(model.network);
    const Dataset data = quadrants();
    const FeatureStatistics statistics = feature_statistics(data);
    model.set_transform(statistics.mean, statistics.standard_deviation);
    model.tasks.push_back({data.name(), data.classes()});
    learn(model, data);
    keep(model, argc > 1 ? argv[1] : "consumer.safetensors");
  } catch (const std::exception& error) {
    std::cerr << "failed: " << error.what() << '\n';
    return 1;
  }
  std::cout << "isoform " << isoform::version() << '\n';
  return 0;
}
