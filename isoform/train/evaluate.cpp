#include "isoform/train/evaluate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <limits>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/compile/predictor.h"
#include "isoform/train/objective.h"

namespace isoform {

namespace {

constexpr Index kBatch = 512;

// Outputs of a task: all that a model without tasks has.
template <class T>
Index outputs_of(const Model<T>& model, std::size_t task) {
  const Route route = model.route(task);
  return route.outputs.empty() ? model.network.widths().back()
                               : model.network.space(route.outputs.front()).dimension;
}

template <class T>
std::vector<int> inputs_of(const Model<T>& model, const Route& route) {
  return route.inputs.empty() ? model.network.inputs() : route.inputs;
}

// Calls use(first sample, y) for consecutive batches of the data.
template <class T, class Function>
void each_batch(const Model<T>& model, const Dataset& data, Engine<T>& engine, std::size_t task,
                const Function& use) {
  const Route route = model.route(task);
  Predictor<T> predictor(model.network, route);
  Matrix<T> buffer;
  std::vector<std::uint32_t> samples;
  for (Index first = 0; first < data.samples(); first += kBatch) {
    samples.resize(static_cast<std::size_t>(std::min(kBatch, data.samples() - first)));
    std::iota(samples.begin(), samples.end(), static_cast<std::uint32_t>(first));
    predictor.prepare(static_cast<Index>(samples.size()));
    feed<T>(
        model, route, data, samples, [&](std::size_t k) { return predictor.input(k); }, buffer,
        &engine);
    predictor.run(engine);
    use(first, predictor.output());
  }
}

}  // namespace

template <class T>
std::size_t task_for(const Model<T>& model, const Dataset& data, std::string_view name) {
  if (!name.empty()) return model.task_index(name);
  if (model.tasks.size() <= 1) return 0;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < model.tasks.size(); ++i) {
    if (model.tasks[i].name == data.name()) return i;
    names.push_back(model.tasks[i].name);
  }
  throw UsageError(fmt::format("task: the model has {}; say which one '{}' is for (--task NAME)",
                               fmt::join(names, ", "), data.name()));
}

template <class T>
std::vector<std::size_t> tasks_for(const Model<T>& model, const Dataset& data,
                                   std::string_view name) {
  std::vector<std::size_t> all;
  bool alike = name.empty() && model.tasks.size() > 1;
  for (std::size_t i = 0; alike && i < model.tasks.size(); ++i) {
    alike = model.tasks[i].name != data.name() && model.route(i).inputs == model.route(0).inputs;
    all.push_back(i);
  }
  return alike ? all : std::vector<std::size_t>{task_for(model, data, name)};
}

template <class T>
void require_fitting(const Model<T>& model, const Dataset& data, bool classes, std::size_t task) {
  Index inputs = 0;
  for (const int id : inputs_of(model, model.route(task))) {
    inputs += model.network.space(id).dimension;
  }
  const std::string who =
      model.tasks.size() > 1 ? fmt::format("task '{}'", model.tasks[task].name) : "the model";
  if (data.features() != inputs) {
    throw UsageError(fmt::format(
        "data '{}': has {} features a sample, but {} reads {}; use data of the kind the "
        "model was trained on",
        data.name(), data.features(), who, inputs));
  }
  const auto outputs = static_cast<std::size_t>(outputs_of(model, task));
  if (classes && data.classes().size() > outputs) {
    throw UsageError(fmt::format("data '{}': has {} classes, but {} answers with {}", data.name(),
                                 data.classes().size(), who, outputs));
  }
  if (!classes || !data.has_targets()) return;
  if (data.classes().size() != outputs) {
    throw UsageError(fmt::format("data '{}': has {} targets a sample, but {} answers with {}",
                                 data.name(), data.classes().size(), who, outputs));
  }
  if (!model.tasks.empty() && model.tasks[task].loss == Loss::cross_entropy) {
    throw UsageError(fmt::format(
        "data '{}': has numbers to be answered, but the loss of {} is cross_entropy, which is of "
        "classes; use squared, huber or, for labels, binary",
        data.name(), who));
  }
}

namespace {

// Of a feature in data that name theirs, or of one that is called by its position; −1: it is not there.
Index position_of(const std::string& name, const Dataset& data) {
  const std::vector<std::string>& names = data.feature_names();
  if (!names.empty()) {
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? -1 : found - names.begin();
  }
  Index position = -1;
  const char* end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data(), end, position);
  const bool whole = error == std::errc() && stopped == end;
  return whole && position >= 0 && position < data.features() ? position : -1;
}

}  // namespace

template <class T>
Dataset as_read(const Model<T>& model, const Dataset& data, std::size_t task) {
  const std::vector<int> inputs = inputs_of(model, model.route(task));
  if (inputs.size() != 1 || model.inputs.empty()) return data;
  const std::vector<int> all = model.network.inputs();
  const auto at = std::find(all.begin(), all.end(), inputs.front()) - all.begin();
  const std::vector<std::string>& names = model.inputs[static_cast<std::size_t>(at)].features;
  if (names.empty() || static_cast<Index>(names.size()) >= data.features()) return data;
  std::vector<Index> positions;
  for (const std::string& name : names) {
    const Index position = position_of(name, data);
    if (position < 0) return data;
    positions.push_back(position);
  }
  return select_features(data, positions);
}

template <class T>
void feed(const Model<T>& model, const Route& route, const Dataset& data,
          std::span<const std::uint32_t> samples, const std::function<View<T>(std::size_t)>& input,
          Matrix<T>& buffer, Engine<T>* engine) {
  const std::vector<int> inputs = inputs_of(model, route);
  if (inputs.size() == 1) {
    const auto write = [&](View<T> rows, Index first) {
      data.gather(samples, rows, first);
      model.standardise(rows, inputs.front(), first);
    };
    if (input(0).rows() != data.features()) {
      throw UsageError(fmt::format("dataset '{}': has {} features, and the model reads {}",
                                   data.name(), data.features(), input(0).rows()));
    }
    if (engine != nullptr) {
      engine->fill(input(0), write);
    } else {
      write(input(0), 0);
    }
    return;
  }
  const auto count = static_cast<Index>(samples.size());
  if (buffer.rows() != data.features() || buffer.cols() < count) {
    buffer.resize(data.features(), count);
  }
  data.gather(samples, buffer.leftCols(count));
  Index row = 0;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    View<T> to = input(k);
    to = buffer.middleRows(row, to.rows()).leftCols(count);
    row += to.rows();
    model.standardise(to, inputs[k]);
  }
}

template <class T>
Matrix<T> stacked_samples(const Model<T>& model, std::size_t task, const Dataset& data,
                          std::span<const std::uint32_t> samples) {
  const Route route = model.route(task);
  const std::vector<int> inputs = inputs_of(model, route);
  Matrix<T> x = Matrix<T>::Zero(model.network.widths().front(), static_cast<Index>(samples.size()));
  Matrix<T> buffer;
  feed<T>(
      model, route, data, samples,
      [&](std::size_t k) -> View<T> {
        const RowRange rows = model.rows_of_input(inputs[k]);
        return x.middleRows(rows.begin, rows.end - rows.begin);
      },
      buffer);
  return x;
}

template <class T>
Matrix<T> logits(const Model<T>& model, const Dataset& data, Engine<T>& engine, std::size_t task) {
  require_fitting(model, data, false, task);
  Matrix<T> all(outputs_of(model, task), data.samples());
  each_batch(model, data, engine, task,
             [&](Index first, View<T> y) { all.middleCols(first, y.cols()) = y; });
  return all;
}

template <class T>
Evaluation evaluate(const Model<T>& model, const Dataset& data, Engine<T>& engine,
                    std::size_t task) {
  require_fitting(model, data, true, task);
  const Index classes = outputs_of(model, task);
  Evaluation result;
  if (!data.has_targets()) result.confusion = Matrix<Index>::Zero(classes, classes);
  BatchScore total;
  const Loss loss = model.tasks.empty() ? Loss::cross_entropy : model.tasks[task].loss;
  Wanted<T> wanted;
  std::vector<std::uint32_t> samples;
  each_batch(model, data, engine, task, [&](Index first, View<T> y) {
    samples.resize(static_cast<std::size_t>(y.cols()));
    std::iota(samples.begin(), samples.end(), static_cast<std::uint32_t>(first));
    wanted.gather(data, samples);
    const BatchScore score = score_batch<T>(loss, y, wanted, nullptr);
    total.loss += score.loss;
    total.correct += score.correct;
    total.weight += score.weight;
    for (Index j = 0; j < y.cols() && !data.has_targets(); ++j) {
      Index best = 0;
      y.col(j).maxCoeff(&best);
      ++result.confusion(wanted.labels[static_cast<std::size_t>(j)], best);
    }
  });
  result.samples = data.samples();
  const auto count = static_cast<double>(result.samples);
  const double none = std::numeric_limits<double>::quiet_NaN();
  result.loss = total.weight > 0 ? total.loss / total.weight : none;
  const bool numbers = data.has_targets() && loss != Loss::binary;
  result.accuracy = count > 0 && !numbers ? static_cast<double>(total.correct) / count : none;
  return result;
}

#define ISOFORM_FOR_SCALAR(T)                                                                     \
  template std::size_t task_for(const Model<T>&, const Dataset&, std::string_view);               \
  template std::vector<std::size_t> tasks_for(const Model<T>&, const Dataset&, std::string_view); \
  template void require_fitting(const Model<T>&, const Dataset&, bool, std::size_t);              \
  template Dataset as_read(const Model<T>&, const Dataset&, std::size_t);                         \
  template void feed(const Model<T>&, const Route&, const Dataset&,                               \
                     std::span<const std::uint32_t>, const std::function<View<T>(std::size_t)>&,  \
                     Matrix<T>&, Engine<T>*);                                                     \
  template Matrix<T> stacked_samples(const Model<T>&, std::size_t, const Dataset&,                \
                                     std::span<const std::uint32_t>);                             \
  template Matrix<T> logits(const Model<T>&, const Dataset&, Engine<T>&, std::size_t);            \
  template Evaluation evaluate(const Model<T>&, const Dataset&, Engine<T>&, std::size_t);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
