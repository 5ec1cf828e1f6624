// What one training step costs: forward, loss, backward, optimiser, on random inputs that are there already.
#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include "isoform/measure/rates.h"
#include "isoform/measure/timed_engine.h"
#include "isoform/model/model.h"
#include "isoform/train/optimiser.h"

namespace isoform {

inline constexpr Index kStepBatches = 8;

struct StepSettings {
  ChainSettings chain = {};  // widths from inputs to outputs
  Index batch_size = 48;
  OptimiserSettings optimiser = {};
  double seconds = 1;  // of measuring, at least five runs
};

/// A chain that learns batches of random inputs and labels, each batch in turn.
template <class T>
class StepWork {
 public:
  /// Throws UsageError where the settings make no network, or no batch.
  explicit StepWork(const StepSettings& settings);

  /// One step on the next batch; its mean loss.
  double step(Engine<T>& engine);

  [[nodiscard]] const Network<T>& network() const { return network_; }
  [[nodiscard]] const Optimiser<T>& optimiser() const { return optimiser_; }
  /// The batches side by side [n_0 × batches · batch size], and their labels.
  [[nodiscard]] const Matrix<T>& inputs() const { return inputs_; }
  [[nodiscard]] const std::vector<std::uint32_t>& labels() const { return labels_; }
  /// Floating-point operations of the products of a step, 2 for each multiply–add.
  [[nodiscard]] double operations() const;

 private:
  StepSettings settings_;
  Network<T> network_;
  Matrix<T> inputs_;
  std::vector<std::uint32_t> labels_;
  Optimiser<T> optimiser_;
  Pass<T> pass_;
  Index batch_ = 0;
};

struct StepReport {
  Timing step;                     // seconds
  double operations = 0;           // of a step's products
  double product_rate = 0;         // of large products, operations a second, in the same run
  std::map<Phase, double> phases;  // share of the time of a step
  double load = 0;                 // of the machine, before
};

/// Times steps, then once more phase by phase (that costs about a microsecond for each call).
template <class T>
StepReport measure_step(const StepSettings& settings, Engine<T>& engine);

/// For a peer that is to do the same: writes before.safetensors and after.safetensors, models before and after a step on each
/// batch, and batches.safetensors, `inputs` [batches × batch size × n_0] and `labels` [batches × batch size]. Throws FileError.
template <class T>
void save_steps(const StepSettings& settings, Engine<T>& engine,
                const std::filesystem::path& folder);

}  // namespace isoform
