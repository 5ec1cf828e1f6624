#include "isoform/io/import_layers.h"

#include <fmt/format.h>

#include <set>

#include "isoform/base/error.h"
#include "isoform/io/json.h"
#include "isoform/model/tasks.h"

namespace isoform::detail {

namespace {

void require_chain(const std::vector<ImportedLayer>& layers, const std::string& file) {
  for (std::size_t i = 1; i < layers.size(); ++i) {
    const ImportedLayer &from = layers[i - 1], &to = layers[i];
    if (to.weight.cols() == from.weight.rows()) continue;
    throw FormatError(fmt::format(
        "'{}': {} needs {} values and {} gives {}: the layers do not follow each other; is the "
        "weight [outputs, inputs], and are all layers there?",
        file, to.name, to.weight.cols(), from.name, from.weight.rows()));
  }
}

// False, where so many numbers more are too many.
bool may_compute(ImportedLayers& read, Index rows, Index cols) {
  if (rows > (kMostComputed - read.computed) / cols) return false;
  read.computed += rows * cols;
  return true;
}

// Neighbours without an activation between them as one layer.
void join(ImportedLayers& read, const std::string& file) {
  std::vector<ImportedLayer> joined;
  for (ImportedLayer& layer : read.layers) {
    if (joined.empty() || joined.back().activation) {
      joined.push_back(std::move(layer));
      continue;
    }
    ImportedLayer& before = joined.back();
    if (!may_compute(read, layer.weight.rows(), before.weight.cols())) {
      throw FormatError(fmt::format(
          "'{}': {} and {} have nothing between them, and as one they need {} × {} "
          "weights, more than {} in all",
          file, before.name, layer.name, layer.weight.rows(), before.weight.cols(), kMostComputed));
    }
    read.notes.push_back(fmt::format("{} and {} have nothing between them and are one map now",
                                     before.name, layer.name));
    before.bias = layer.weight * before.bias + layer.bias;
    before.weight = layer.weight * before.weight;
    before.activation = layer.activation;
    before.name = layer.name;
  }
  if (joined.back().activation) {
    read.notes.emplace_back("the last layer has an activation; an output that copies it follows");
    joined.push_back(identity_layer(read, file, "the output", joined.back().weight.rows()));
  }
  read.layers = std::move(joined);
}

template <class T>
Network<T> network_of(const std::vector<ImportedLayer>& layers, const std::string& file) {
  std::vector<Space<T>> spaces(layers.size() + 1);
  std::vector<Map<T>> maps(layers.size());
  for (std::size_t l = 0; l <= layers.size(); ++l) {
    Space<T>& space = spaces[l];
    space.id = static_cast<int>(l);
    space.dimension = l == 0 ? layers[0].weight.cols() : layers[l - 1].weight.rows();
    space.name = l == 0 ? "input" : l == layers.size() ? "output" : fmt::format("hidden {}", l);
    if (l == 0 || l == layers.size()) continue;
    space.groups.assign(static_cast<std::size_t>(space.dimension), 1);
    space.radial = *layers[l - 1].activation;
    space.length_mode = LengthMode::none;
    space.length = Vector<T>::Zero(space.gates());
  }
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const ImportedLayer& layer = layers[l];
    Map<T>& map = maps[l];
    map.id = map.from = static_cast<int>(l);
    map.to = map.from + 1;
    map.psi_mode = PsiMode::none;
    map.inputs = layer.weight.cols();
    map.a.resize(layer.weight.rows(), map.inputs + 1);
    map.weight() = layer.weight.template cast<T>();
    map.bias() = layer.bias.template cast<T>();
    if (map.a.allFinite()) continue;
    throw FormatError(
        fmt::format("'{}': {} needs finite numbers, and has others", file, layer.name));
  }
  return Network<T>(std::move(spaces), std::move(maps));
}

// One for all or one each.
Vector<double> each_of(const std::string& what, const std::vector<double>& values, Index count) {
  const auto n = static_cast<Index>(values.size());
  if (n != 1 && n != count) {
    throw UsageError(
        fmt::format("{}: needs 1 number, or 1 for each of the {} inputs, got {}", what, count, n));
  }
  if (n == 1) return Vector<double>::Constant(count, values.front());
  return Eigen::Map<const Vector<double>>(values.data(), n);
}

template <class T>
void set_transform(Model<T>& model, const ImportedLayers& read, const std::string& file,
                   const ImportSettings& settings) {
  const Index n = model.network.widths().front();
  model.mean = read.mean.value_or(Vector<double>::Zero(n)).template cast<T>();
  model.scale = read.scale.value_or(Vector<double>::Ones(n)).template cast<T>();
  if (!model.mean.allFinite() || !model.scale.allFinite() || !(model.scale.array() > 0).all()) {
    throw FormatError(fmt::format(
        "'{}': its input needs to be shifted and multiplied by finite numbers, the latter above 0",
        file));
  }
  if (settings.mean.empty() && settings.deviation.empty()) return;
  if (read.mean || read.scale) {
    throw UsageError(
        "mean: the file shifts or multiplies its input itself; leave --mean and "
        "--deviation out");
  }
  if (!settings.mean.empty()) {
    const Vector<double> mean = each_of("mean", settings.mean, n);
    if (!mean.template cast<T>().allFinite()) throw UsageError("mean: needs finite numbers");
    model.mean = mean.template cast<T>();
  }
  if (settings.deviation.empty()) return;
  const Vector<double> deviation = each_of("deviation", settings.deviation, n);
  model.scale = deviation.cwiseInverse().template cast<T>();
  if (!(deviation.array() > 0).all() || !model.scale.allFinite() ||
      !(model.scale.array() > 0).all()) {
    throw UsageError("deviation: needs finite numbers above 0");
  }
}

// The task: what the settings say, else the file, else numbers.
template <class T>
void name_task(Model<T>& model, const ImportedLayers& read, const std::string& file,
               const ImportSettings& settings) {
  const auto outputs = static_cast<std::size_t>(model.network.widths().back());
  Task task;
  task.name = "task";
  task.loss = read.loss.value_or(outputs == 1 ? Loss::squared : Loss::cross_entropy);
  if (!read.tasks.empty()) {
    task = read.tasks.front();
    if (read.tasks.size() > 1 || task.outputs.size() != outputs) {
      throw FormatError(
          fmt::format("'{}': what it says of tasks needs one with {} classes, got {} with {}", file,
                      outputs, read.tasks.size(), task.outputs.size()));
    }
  }
  if (!settings.name.empty()) task.name = settings.name;
  if (settings.loss) task.loss = *settings.loss;
  if (!settings.classes.empty()) task.outputs = settings.classes;
  if (task.outputs.empty()) {
    for (std::size_t i = 0; i < outputs; ++i) task.outputs.push_back(std::to_string(i));
  }
  if (task.outputs.size() != outputs) {
    throw UsageError(fmt::format("class-names: needs a name for each of {} outputs, got {}",
                                 outputs, task.outputs.size()));
  }
  require_name("name", task.name);
  std::set<std::string> names;
  for (const std::string& name : task.outputs) {
    require_name("class-names", name);
    if (names.insert(name).second) continue;
    throw UsageError(fmt::format("class-names: {} is there twice", in_quotes(name)));
  }
  task.inputs.clear();
  model.tasks = {std::move(task)};
}

template <class T>
void name_inputs(Model<T>& model, const ImportedLayers& read, const std::string& file) {
  if (read.inputs.empty()) return;
  const auto width = static_cast<std::size_t>(model.network.widths().front());
  const Input& input = read.inputs.front();
  if (read.inputs.size() > 1 || (!input.features.empty() && input.features.size() != width)) {
    throw FormatError(
        fmt::format("'{}': what it says of inputs needs one with {} features, got {} with {}", file,
                    width, read.inputs.size(), input.features.size()));
  }
  model.inputs = read.inputs;
}

}  // namespace

ImportedLayer identity_layer(ImportedLayers& read, const std::string& file, const std::string& name,
                             Index width) {
  if (!may_compute(read, width, width)) {
    throw FormatError(
        fmt::format("'{}': {} stands without a weight on {} values, needs a layer before it", file,
                    name, width));
  }
  return {name, Matrix<double>::Identity(width, width), Vector<double>::Zero(width)};
}

template <class T>
Imported<T> model_of(ImportedLayers read, const std::string& file, const ImportSettings& settings) {
  require_chain(read.layers, file);
  join(read, file);
  Imported<T> imported;
  Model<T>& model = imported.model;
  model.network = network_of<T>(read.layers, file);
  set_transform(model, read, file, settings);
  name_task(model, read, file, settings);
  name_inputs(model, read, file);
  model.image_rows = read.rows;
  model.image_cols = read.cols;
  imported.notes = std::move(read.notes);
  return imported;
}

template Imported<float> model_of(ImportedLayers, const std::string&, const ImportSettings&);
template Imported<double> model_of(ImportedLayers, const std::string&, const ImportSettings&);

}  // namespace isoform::detail
