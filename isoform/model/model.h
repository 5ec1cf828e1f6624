// A model: a network with everything needed to use it on raw data, and its story. What a model file holds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "isoform/network/network.h"

namespace isoform {

enum class Loss {
  cross_entropy,  // softmax and negative log likelihood, natural logarithm
  squared,        // ½ |y − target|², one-hot targets for classes
};
std::string_view loss_name(Loss loss);
Loss loss_from_name(std::string_view name);

/// What a network is for: which inputs it reads and which outputs answer.
struct Task {
  std::string name;
  std::vector<std::string> outputs;  // class names, in the order of the logits
  Loss loss = Loss::cross_entropy;
  bool active = true;
};

/// History records kept at most; the oldest go first.
inline constexpr std::size_t kMaxHistory = 10000;

template <class T>
struct Model {
  Network<T> network;
  /// x ← (x − mean)·scale on raw values (pixels 0–255) [n_0 each].
  Vector<T> mean, scale;
  std::vector<Task> tasks;
  /// Shape of an input that is an image, else 0.
  Index image_rows = 0, image_cols = 0;
  std::vector<EditRecord> history;

  /// scale = 1/deviation, 1 where the deviation is below 1e-8.
  void set_transform(const Vector<double>& mean, const Vector<double>& deviation);
  /// Standardises raw columns in place.
  void standardise(View<T> x) const;
  /// Appends to the history, dropping the oldest beyond kMaxHistory.
  void record(const EditRecord& record);
};

}  // namespace isoform
