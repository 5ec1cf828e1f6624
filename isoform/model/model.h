// A model: a network with everything needed to use it on raw data, and its story. What a model file holds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "isoform/network/pass.h"
#include "isoform/table/schema.h"

namespace isoform {

enum class Loss {
  cross_entropy,  // softmax and negative log likelihood, natural logarithm
  squared,        // ½ |y − target|², one-hot targets for classes
  binary,  // Σ of −t log σ(y) − (1 − t) log(1 − σ(y)) over the outputs: labels, each by itself
  huber,  // Σ of ½ e² for |e| ≤ 1, |e| − ½ beyond, e = y − target: numbers with outliers
};
std::string_view loss_name(Loss loss);
Loss loss_from_name(std::string_view name);

/// What a network reads: a block of features that come together.
struct Input {
  std::string name;
  std::vector<std::string> features = {};  // names of the columns; empty: unnamed
};

/// What a network is for: which inputs it reads and which outputs answer.
struct Task {
  std::string name;
  std::vector<std::string> outputs;  // class names, in the order of the logits
  Loss loss = Loss::cross_entropy;
  bool active = true;                    // trained
  std::vector<std::string> inputs = {};  // names of the inputs it reads; empty: all
  double weight = 1;                     // of its loss among the active tasks
};

/// Largest weight of a task: sums of weights stay finite.
inline constexpr double kMaxWeight = 1e30;
/// History records kept at most; the oldest go first.
inline constexpr std::size_t kMaxHistory = 10000;

/// Inputs and tasks stand in the order of the network's inputs and outputs, one each. A model without names has one
/// input and one task.
template <class T>
struct Model {
  Network<T> network;
  /// x ← (x − mean)·scale on raw values (pixels 0–255) [n_0 each, all inputs one below the other].
  Vector<T> mean, scale;
  std::vector<Task> tasks;
  std::vector<Input> inputs = {};
  /// Shape of the inputs if they are images, all alike, else 0.
  Index image_rows = 0, image_cols = 0;
  std::vector<EditRecord> history;
  /// How tables are read, by a model of one input and one task that has learned from one. The names of the input's features say
  /// which of its features the model reads, and in which order.
  std::optional<Schema> schema = {};

  /// scale = 1/deviation, 1 where the deviation is below 1e-8.
  void set_transform(const Vector<double>& mean, const Vector<double>& deviation);
  /// Standardises raw columns of all inputs in place.
  void standardise(View<T> x) const;
  /// The same for columns of one input, which is a space of the network, or for rows of it from one on.
  void standardise(View<T> x, int input, Index first = 0) const;

  /// Position of the task, or of the input, of that name. Throws UsageError naming those there are.
  [[nodiscard]] std::size_t task_index(std::string_view name) const;
  [[nodiscard]] std::size_t input_index(std::string_view name) const;
  /// The same, beginning the message with `what` (a flag).
  [[nodiscard]] std::size_t task_index(std::string_view name, std::string_view what) const;
  /// Spaces of the network that a task reads and answers with. A model without tasks: all.
  [[nodiscard]] Route route(std::size_t task) const;
  /// Rows of one input (a space of the network) among all inputs one below the other.
  [[nodiscard]] RowRange rows_of_input(int space) const;
  /// Appends to the history, dropping the oldest beyond kMaxHistory.
  void record(const EditRecord& record);
};

}  // namespace isoform
