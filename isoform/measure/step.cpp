#include "isoform/measure/step.h"

#include <fmt/format.h>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/base/random.h"
#include "isoform/io/model_file.h"
#include "isoform/io/safetensors.h"
#include "isoform/network/initialise.h"
#include "isoform/train/objective.h"

namespace isoform {

template <class T>
StepWork<T>::StepWork(const StepSettings& settings)
    : settings_(settings), optimiser_(settings.optimiser) {
  if (settings.batch_size < 1 || settings.batch_size > 65536) {
    throw UsageError(
        fmt::format("batch-size: needs 1 to 65,536 samples, got {}", settings.batch_size));
  }
  network_ = Network<T>::chain(settings.chain);
  const std::uint64_t seed = settings.chain.seed;
  const Index samples = kStepBatches * settings.batch_size;
  inputs_ = normal_matrix(settings.chain.widths.front(), samples, Random(seed, Purpose::user))
                .template cast<T>();
  const Random random(seed, Purpose::user, 1);
  for (Index j = 0; j < samples; ++j) {
    labels_.push_back(static_cast<std::uint32_t>(random.below(
        static_cast<std::uint64_t>(settings.chain.widths.back()), static_cast<std::uint64_t>(j))));
  }
  pass_.prepare(network_, settings.batch_size);
}

template <class T>
double StepWork<T>::step(Engine<T>& engine) {
  const Index size = settings_.batch_size, first = batch_ * size;
  batch_ = (batch_ + 1) % kStepBatches;
  engine.fill(pass_.input(), [&](View<T> rows, Index row) {
    rows = inputs_.block(row, first, rows.rows(), size);
  });
  forward(network_, engine, pass_);
  View<T> gradient = pass_.output_gradient();
  const std::span<const std::uint32_t> labels(labels_);
  const BatchScore score = score_batch<T>(
      Loss::cross_entropy, pass_.output(),
      labels.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(size)), &gradient);
  backward_and_step(network_, engine, pass_, Gradients::replace, optimiser_,
                    settings_.optimiser.rate());
  return score.loss / static_cast<double>(score.samples);
}

template <class T>
double StepWork<T>::operations() const {
  double total = 0;
  for (const Map<T>& m : network_.maps()) {
    const double products = network_.is_given(m.from) ? 2 : 3;  // nobody asks for dL/dx
    total += products * 2.0 * static_cast<double>(m.a.size()) *
             static_cast<double>(settings_.batch_size);
  }
  return total;
}

template <class T>
StepReport measure_step(const StepSettings& settings, Engine<T>& engine) {
  StepReport report;
  report.load = machine_load();
  StepWork<T> work(settings);
  report.operations = work.operations();
  for (Index i = 0; i < kStepBatches; ++i) work.step(engine);
  const double rate = product_rate(engine);
  report.step = summarise(time_calls([&] { work.step(engine); }, settings.seconds));
  report.product_rate = std::max(rate, product_rate(engine));
  TimedEngine<T> timed(engine);
  constexpr int kSteps = 50;
  for (int i = 0; i < kSteps; ++i) work.step(timed);
  for (const auto& [phase, total] : timed.totals()) {
    report.phases[phase] = total.seconds / kSteps / report.step.median;
  }
  return report;
}

template <class T>
void save_steps(const StepSettings& settings, Engine<T>& engine,
                const std::filesystem::path& folder) {
  StepWork<T> work(settings);
  const auto save = [&](const char* name) {
    Model<T> model;
    model.network = work.network();
    const Index inputs = work.inputs().rows();
    model.set_transform(Vector<double>::Zero(inputs), Vector<double>::Ones(inputs));
    save_model(model, folder / name);
  };
  save("before.safetensors");
  for (Index i = 0; i < kStepBatches; ++i) work.step(engine);
  save("after.safetensors");
  const Matrix<T>& x = work.inputs();
  TensorFile batches;
  batches.tensors["inputs"] = {{kStepBatches, settings.batch_size, x.rows()},
                               std::vector<T>(x.data(), x.data() + x.size())};
  batches.tensors["labels"] = {{kStepBatches, settings.batch_size},
                               std::vector<T>(work.labels().begin(), work.labels().end())};
  write_file_atomically(folder / "batches.safetensors", serialise(batches));
}

template class StepWork<float>;
template class StepWork<double>;
template StepReport measure_step(const StepSettings&, Engine<float>&);
template StepReport measure_step(const StepSettings&, Engine<double>&);
template void save_steps(const StepSettings&, Engine<float>&, const std::filesystem::path&);
template void save_steps(const StepSettings&, Engine<double>&, const std::filesystem::path&);

}  // namespace isoform
