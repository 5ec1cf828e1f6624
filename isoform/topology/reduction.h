// Making a whole network smaller: which neurons of which layer go, layer after layer, and what it costs,
// before and after. docs/mathematics.md 4; docs/reduction.md.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/network/change.h"
#include "isoform/topology/bound.h"
#include "isoform/topology/metric.h"

namespace isoform {

/// By what a neuron's importance is measured, and in which basis.
enum class Rule {
  singular,    // singular values of [W ψ χ]
  paper,       // singular values of W, unpadded, ψ left out (Bird 2026)
  effect,      // share of effect on the next space, gates held (10)
  covariance,  // standard deviation of z along its principal directions
  next,        // the same after the next map
  jacobian,    // root mean square change of the output, to first order (4.5)
};
std::string_view rule_name(Rule rule);
/// Throws UsageError listing the names.
Rule rule_from_name(std::string_view name);
std::vector<std::string> rule_names();
/// singular and paper need none.
bool needs_data(Rule rule);

struct ReductionSettings {
  Rule rule = Rule::singular;
  bool refit = false;       // refit the next map after each layer (4.6); needs data
  bool below_need = false;  // budgets and tolerances may leave fewer neurons than outputs
  Index min_width = 1;      // they leave every layer at least so many
};

/// What was known of one layer before it was cut.
struct LayerReduction {
  int space = 0;
  Index before = 0, after = 0;
  Index groups_before = 0, groups_after = 0;
  double score = 0;                  // the largest that went
  Bound bound;                       // on |Δy|, for every input
  std::optional<double> on_samples;  // on |Δy|, for the samples at hand
  std::optional<double> predicted;   // root mean square of Δy, first order; Rule::jacobian
  std::string note;                  // what the user should know
};

template <class T>
struct Reduction {
  Network<T> network;       // the smaller one
  std::vector<Edit> edits;  // in order, refits included
  std::vector<LayerReduction> layers;
  Change change;        // on the samples; of to_tolerance, on those held out
  double cheapest = 0;  // to_tolerance found nothing: the change of removing one neuron
};

/// Layers are cut first to last, each with statistics of the prefix that is already cut; without data last to
/// first, as published. The network handed in is not changed.
template <class T>
class Reducer {
 public:
  /// x [n_0 × samples], standardised; no columns where neither the rule nor a refit needs data, else
  /// UsageError. Network and engine must outlive the reducer.
  Reducer(const Network<T>& network, Engine<T>& engine, Matrix<T> x,
          const ReductionSettings& settings);

  /// A width for every hidden layer, 1 to what it is.
  Reduction<T> to_widths(const std::vector<Index>& widths);
  /// At most so many parameters: neurons go in the order of importance² per parameter over all layers. Throws
  /// UsageError below what the task needs, and where gates multiply maps for all rules but effect and jacobian.
  Reduction<T> to_parameters(Index parameters);
  /// As few parameters as a mean relative change of the outputs of at most `tolerance` allows, in the same
  /// order: about log₂(neurons) trials. The last quarter of the samples is held out to judge by, as a refit
  /// knows its own samples too well. Without a layer if not even one neuron can go.
  Reduction<T> to_tolerance(double tolerance);

  /// What the outputs need, min(width, outputs), because the logits are a linear image of a layer's signal:
  /// to_parameters and to_tolerance go below only with settings.below_need. A gate that nobody reads needs 1.
  [[nodiscard]] Index need(int space) const;

  /// Called after each layer of the reduction that is returned, with the network so far.
  std::function<void(const Network<T>&, LayerReduction&)> on_layer;
  /// Called after each trial of to_tolerance: parameters, change.
  std::function<void(Index, double)> on_trial;

 private:
  struct Plan {              // in which order neurons go, and the scores of the network as it came
    std::vector<int> order;  // their spaces
    std::vector<std::vector<GroupScores>> scores;  // of each hidden space
    [[nodiscard]] std::vector<Index> counts(std::size_t steps,
                                            const std::vector<int>& hidden) const;
  };
  Statistics statistics(const Network<T>& network);
  // What may not leave, being frozen or read by what is, scores infinity.
  std::vector<GroupScores> scores(const Network<T>& network, int space);
  std::vector<GroupScores> scores_by_rule(const Network<T>& network, int space);
  // `plan`, if given, spares the first layer's scores.
  Reduction<T> cut(const std::vector<Index>& counts, bool report, const Plan* plan = nullptr);
  Plan plan();
  Reduction<T> search(double tolerance);
  Index parameters_after(const std::vector<Index>& counts, const Plan& plan);

  const Network<T>& original_;
  Engine<T>& engine_;
  Matrix<T> x_;  // what scores and refits see
  Matrix<T> judge_,
      outputs_;  // what changes are measured on; empty: x_, and the original's outputs
  ReductionSettings settings_;
};

}  // namespace isoform
