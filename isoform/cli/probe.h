// Measuring what an edit did: outputs before and after, on data or on random inputs.
#pragma once

#include <optional>

#include "isoform/cli/console.h"
#include "isoform/model/model.h"

namespace isoform::cli {

/// Inputs on which two versions of a model are compared: the user's data if given, else 256 standard normal
/// samples in standardised units.
class Probe {
 public:
  Probe(const Model<float>& model, const DataOptions& data);
  [[nodiscard]] Matrix<float> outputs(const Model<float>& model) const;
  /// "10,000 samples of fashion-mnist" or "256 random inputs".
  [[nodiscard]] std::string name() const;
  [[nodiscard]] const std::optional<Dataset>& data() const { return data_; }
  /// True where there are labels for the outputs: data of one task that is of classes.
  [[nodiscard]] bool judges() const {
    return data_.has_value() && tasks_.size() == 1 && !data_->has_targets();
  }
  /// Share of data samples classified correctly by these outputs; NaN where nothing judges.
  [[nodiscard]] double accuracy(const Matrix<float>& outputs) const;

 private:
  std::optional<Dataset> data_, whole_;  // as the model reads them; as they came
  std::string task_;                     // as it was asked for
  std::vector<std::size_t> tasks_;       // that the data are for
  std::unique_ptr<Engine<float>> engine_;
  Matrix<float> random_;
};

/// A note where an edit filled the zeros of a sparsified network, which then is stored and run dense again.
std::string spent_zeros(const Network<float>& before, const Network<float>& after);

/// Training samples for statistics, refits and searches: at most `most` of them (0: all), drawn by `seed`,
/// standardised, one column each.
Matrix<float> training_samples(const Model<float>& model, const DataOptions& data, Index most,
                               std::uint64_t seed);

}  // namespace isoform::cli
