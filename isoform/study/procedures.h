// What the arms of studies do instead of training once. docs/studies.md. Each is a Procedure maker (study/study.h);
// figures are of the test set unless they say otherwise.
#pragma once

#include "isoform/study/study.h"

namespace isoform {

/// A task is cut to half of its classes, then restored, training going on with the same model; settings.training is what
/// each of the three stretches does. Figures "all", "half", "restored" (accuracies), "neurons all", "neurons half",
/// "neurons restored" (hidden neurons together), "parameters all" and so on.
Procedure half_and_restored();

/// By what a trained network is made smaller.
enum class Pruning {
  metric,  // ours: inputs by feature_importance, neurons by Rule::jacobian, both refitted
  paper,  // neurons by singular values of W, inputs by the length of their column; folded, not refitted
  magnitude,  // neurons by the length of their row, inputs of their column; nothing is folded but biases
};
std::string_view pruning_name(Pruning pruning);

/// settings.training trains a network of settings.hidden, once for a seed; it then keeps `inputs` features and `widths`
/// neurons, and goes on learning: 1 and 3 epochs with a tenth of the rate, or 60 with all of it, without dropout of groups and with
/// 0.2 of features. Figures "before", "0 epochs", "1 epoch", "3 epochs", "60 epochs" (accuracies; each a run of its own), "parameters".
Procedure compression(Pruning pruning, Index inputs, const std::vector<Index>& widths);

}  // namespace isoform
