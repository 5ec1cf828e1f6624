#include "isoform/train/evaluate.h"

#include <fmt/format.h>

#include <limits>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/compile/predictor.h"
#include "isoform/train/objective.h"

namespace isoform {

namespace {

constexpr Index kBatch = 512;

// Calls use(first sample, y) for consecutive batches of the data.
template <class T, class Function>
void each_batch(const Model<T>& model, const Dataset& data, Engine<T>& engine,
                const Function& use) {
  Predictor<T> predictor(model.network);
  std::vector<std::uint32_t> samples;
  for (Index first = 0; first < data.samples(); first += kBatch) {
    samples.resize(static_cast<std::size_t>(std::min(kBatch, data.samples() - first)));
    std::iota(samples.begin(), samples.end(), static_cast<std::uint32_t>(first));
    predictor.prepare(static_cast<Index>(samples.size()));
    data.gather(samples, predictor.input());
    model.standardise(predictor.input());
    predictor.run(engine);
    use(first, predictor.output());
  }
}

}  // namespace

template <class T>
void require_fitting(const Model<T>& model, const Dataset& data, bool classes) {
  const Index inputs = model.network.widths().front();
  if (data.features() != inputs) {
    throw UsageError(fmt::format(
        "data '{}': has {} features a sample, but the model reads {}; use data of the kind the "
        "model was trained on",
        data.name(), data.features(), inputs));
  }
  const auto outputs = static_cast<std::size_t>(model.network.widths().back());
  if (classes && data.classes().size() > outputs) {
    throw UsageError(fmt::format("data '{}': has {} classes, but the model answers with {}",
                                 data.name(), data.classes().size(), outputs));
  }
}

template <class T>
Matrix<T> logits(const Model<T>& model, const Dataset& data, Engine<T>& engine) {
  require_fitting(model, data, false);
  Matrix<T> all(model.network.widths().back(), data.samples());
  each_batch(model, data, engine,
             [&](Index first, View<T> y) { all.middleCols(first, y.cols()) = y; });
  return all;
}

template <class T>
Evaluation evaluate(const Model<T>& model, const Dataset& data, Engine<T>& engine) {
  require_fitting(model, data);
  const Index classes = model.network.widths().back();
  Evaluation result;
  result.confusion = Matrix<Index>::Zero(classes, classes);
  BatchScore total;
  const Loss loss = model.tasks.empty() ? Loss::cross_entropy : model.tasks.front().loss;
  each_batch(model, data, engine, [&](Index first, View<T> y) {
    const std::span labels(data.labels().data() + first, static_cast<std::size_t>(y.cols()));
    const BatchScore score = score_batch<T>(loss, y, labels, nullptr);
    total.loss += score.loss;
    total.correct += score.correct;
    for (Index j = 0; j < y.cols(); ++j) {
      Index best = 0;
      y.col(j).maxCoeff(&best);
      ++result.confusion(labels[j], best);
    }
  });
  result.samples = data.samples();
  const auto count = static_cast<double>(result.samples);
  const double none = std::numeric_limits<double>::quiet_NaN();
  result.loss = count > 0 ? total.loss / count : none;
  result.accuracy = count > 0 ? static_cast<double>(total.correct) / count : none;
  return result;
}

#define ISOFORM_FOR_SCALAR(T)                                             \
  template void require_fitting(const Model<T>&, const Dataset&, bool);   \
  template Matrix<T> logits(const Model<T>&, const Dataset&, Engine<T>&); \
  template Evaluation evaluate(const Model<T>&, const Dataset&, Engine<T>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
