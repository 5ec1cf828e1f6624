#include "isoform/topology/reduction.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/network/cost.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/refit.h"

namespace isoform {

namespace {

constexpr std::array<std::string_view, 6> kRules = {"singular",   "paper", "effect",
                                                    "covariance", "next",  "jacobian"};

}  // namespace

std::string_view rule_name(Rule rule) { return kRules[static_cast<std::size_t>(rule)]; }

Rule rule_from_name(std::string_view name) {
  const auto* found = std::find(kRules.begin(), kRules.end(), name);
  if (found == kRules.end()) {
    throw UsageError(
        fmt::format("metric: '{}' is unknown; known are {}", name, fmt::join(kRules, ", ")));
  }
  return static_cast<Rule>(found - kRules.begin());
}

std::vector<std::string> rule_names() { return {kRules.begin(), kRules.end()}; }

bool needs_data(Rule rule) { return rule != Rule::singular && rule != Rule::paper; }

template <class T>
Reducer<T>::Reducer(const Network<T>& network, Engine<T>& engine, Matrix<T> x,
                    const ReductionSettings& settings)
    : original_(network), engine_(engine), x_(std::move(x)), settings_(settings) {
  if (network.hidden().empty()) throw UsageError("shrink: this network has no hidden layer");
  if (x_.cols() == 0 && (needs_data(settings.rule) || settings.refit)) {
    throw UsageError(fmt::format(
        "shrink: {} data; give samples, or take the metric singular and no refit",
        needs_data(settings.rule) ? fmt::format("the metric {} looks at", rule_name(settings.rule))
                                  : "a refit needs"));
  }
  if (x_.cols() > 0 && x_.rows() != network.widths().front()) {
    throw UsageError(fmt::format("shrink: samples need {} numbers each, got {}",
                                 network.widths().front(), x_.rows()));
  }
  if (x_.cols() > 0) outputs_ = isoform::outputs<T>(original_, engine_, x_);
}

template <class T>
Index Reducer<T>::need(int space) const {
  if (original_.is_gate(space)) return 1;  // it is heard through one number
  return std::min(original_.space(space).dimension, original_.widths().back());
}

template <class T>
Statistics Reducer<T>::statistics(const Network<T>& network) {
  Statistics statistics(network);
  each_batch(network, engine_, ConstView<T>(x_),
             [&](Index, Pass<T>& pass) { statistics.gather(network, pass); });
  return statistics;
}

template <class T>
std::vector<GroupScores> Reducer<T>::scores(const Network<T>& network, int space) {
  std::vector<GroupScores> scores = scores_by_rule(network, space);
  for (std::size_t g = 0; g < scores.size(); ++g) {
    if (!network.is_held(space, static_cast<Index>(g))) continue;
    scores[g].score.setConstant(std::numeric_limits<double>::infinity());
  }
  return scores;
}

template <class T>
std::vector<GroupScores> Reducer<T>::scores_by_rule(const Network<T>& network, int space) {
  switch (settings_.rule) {
    case Rule::singular:
      return score_by_singular_value(network, space);
    case Rule::paper:
      return score_by_paper(network, space);
    case Rule::effect:
      return score_by_effect(network, space, statistics(network));
    case Rule::covariance:
    case Rule::next:
    case Rule::jacobian:
      break;
  }
  const Metric metric = settings_.rule == Rule::covariance ? Metric::covariance
                        : settings_.rule == Rule::next     ? Metric::next
                                                           : Metric::jacobian;
  return score_in_metric(network, space, metric,
                         group_moments<T>(network, space, engine_, x_, weighting_for(metric)));
}

template <class T>
Reduction<T> Reducer<T>::cut(const std::vector<Index>& counts, bool report, const Plan* plan) {
  Reduction<T> reduction{original_, {}, {}, {}, 0};
  Network<T>& network = reduction.network;
  std::vector<int> hidden = original_.hidden();
  std::vector<std::size_t> order(hidden.size());
  const bool forward = x_.cols() > 0;
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = forward ? i : order.size() - 1 - i;
  const auto apply = [&](Edit edit) {
    network.apply(edit);
    reduction.edits.push_back(std::move(edit));
  };
  for (const std::size_t i : order) {
    const int id = hidden[i];
    LayerReduction layer;
    layer.space = id;
    layer.before = network.space(id).dimension;
    layer.after = layer.before - counts[i];
    layer.groups_before = network.space(id).gates();
    if (counts[i] > 0) {
      const auto scores =
          plan != nullptr && reduction.edits.empty() ? plan->scores[i] : this->scores(network, id);
      const auto keep = keep_without_lowest(scores, counts[i]);
      const std::vector<int> readers = network.outgoing(id);
      const bool mean_gates =
          x_.cols() > 0 && std::any_of(readers.begin(), readers.end(), [&](int m) {
            return network.map(m).psi_mode == PsiMode::expectation;
          });
      const Statistics gathered = mean_gates ? statistics(network) : Statistics();
      Edit edit = reduce(network, id, scores, keep, mean_gates ? &gathered : nullptr);
      layer.score = edit.record.score;
      if (report) {
        layer.bound = removal_bound(network, id, scores, keep);
        if (settings_.rule == Rule::jacobian) layer.predicted = predicted_change(scores, keep);
        if (x_.cols() > 0) {
          Matrix<T> z(layer.before, x_.cols());
          each_batch(network, engine_, ConstView<T>(x_), [&](Index first, Pass<T>& pass) {
            z.middleCols(first, pass.samples()) = pass.z(id);
          });
          const Bound on_samples = removal_bound_on<T>(network, id, scores, keep, z);
          if (on_samples.holds()) layer.on_samples = on_samples.value;
        }
      }
      if (layer.bound.holds() && report) edit.record.bound = layer.bound.value;
      edit.record.why = fmt::format("shrunk by {}", rule_name(settings_.rule));
      apply(std::move(edit));
      if (settings_.refit) apply(refit<T>(network, original_, id, engine_, x_));
    }
    layer.groups_after = network.space(id).gates();
    if (layer.after < need(id) && counts[i] > 0) {
      layer.note = fmt::format(
          "layer {} keeps {} neurons for {} outputs: the logits lie in a space of {} dimensions "
          "and what the gates add",
          id, layer.after, original_.widths().back(), layer.after);
    }
    if (report && on_layer) on_layer(network, layer);
    reduction.layers.push_back(std::move(layer));
  }
  if (x_.cols() > 0) {
    reduction.change = measure_change<T>(
        outputs_, isoform::outputs<T>(network, engine_, judge_.cols() > 0 ? judge_ : x_));
  }
  return reduction;
}

template <class T>
Reduction<T> Reducer<T>::to_widths(const std::vector<Index>& widths) {
  const std::vector<int> hidden = original_.hidden();
  if (widths.size() != hidden.size()) {
    throw UsageError(fmt::format("to: needs a width for each of the {} hidden layers, got {}",
                                 hidden.size(), widths.size()));
  }
  std::vector<Index> counts;
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    const Index width = original_.space(hidden[i]).dimension;
    if (widths[i] < 1) {
      throw UsageError(
          fmt::format("to: layer {} needs 1 to {} neurons, got {}", hidden[i], width, widths[i]));
    }
    if (widths[i] > width) {
      throw UsageError(
          fmt::format("to: layer {} is {} wide, needs 1 to {}, got {}; growing makes "
                      "a layer wider",
                      hidden[i], width, width, widths[i]));
    }
    counts.push_back(width - widths[i]);
  }
  return cut(counts, true);
}

template <class T>
std::vector<Index> Reducer<T>::Plan::counts(std::size_t steps,
                                            const std::vector<int>& hidden) const {
  std::vector<Index> counts(hidden.size(), 0);
  for (std::size_t i = 0; i < steps; ++i) {
    ++counts[std::find(hidden.begin(), hidden.end(), order[i]) - hidden.begin()];
  }
  return counts;
}

// Least important for its parameters first.
template <class T>
typename Reducer<T>::Plan Reducer<T>::plan() {
  struct Neuron {
    double price;
    int space;
  };
  const bool comparable = settings_.rule == Rule::effect || settings_.rule == Rule::jacobian;
  if (!comparable && original_.has_factors()) {
    throw UsageError(fmt::format(
        "shrink: the metric {} can't compare layers where gates multiply maps; choose jacobian or "
        "effect, which look at data, or name the widths",
        rule_name(settings_.rule)));
  }
  std::vector<Neuron> neurons;
  Plan plan;
  for (const int id : original_.hidden()) {
    // Scores of one layer become comparable with those of another by what the rest of the net makes of them.
    double weight = 1;
    if (settings_.rule == Rule::next) {
      weight = 0;
      for (const int m : original_.outgoing(id)) {
        weight = std::max(weight, gain(original_, original_.writes(m)));
      }
    } else if (!comparable) {
      weight = gain(original_, id);
    }
    const auto cost = static_cast<double>(original_.parameter_count_after(id, 1, 0) -
                                          original_.parameter_count());
    plan.scores.push_back(scores(original_, id));
    for (const GroupScores& group : plan.scores.back()) {
      for (Index i = 0; i < group.score.size(); ++i) {
        const double score = i < group.counted ? group.score[i] : 0;
        const double squared = settings_.rule == Rule::effect ? score : score * score;
        neurons.push_back({weight * weight * squared / cost, id});
      }
    }
  }
  std::stable_sort(neurons.begin(), neurons.end(),
                   [](const Neuron& a, const Neuron& b) { return a.price < b.price; });
  std::vector<Index> left(original_.space_ids());
  for (const int id : original_.hidden()) left[id] = original_.space(id).dimension;
  for (const Neuron& neuron : neurons) {
    const Index needed = settings_.below_need ? 1 : need(neuron.space);
    if (!std::isfinite(neuron.price)) break;  // held
    if (left[neuron.space] <= std::max(needed, settings_.min_width)) continue;
    --left[neuron.space];
    plan.order.push_back(neuron.space);
  }
  return plan;
}

template <class T>
Index Reducer<T>::parameters_after(const std::vector<Index>& counts, const Plan& plan) {
  Network<T> network = original_;
  const std::vector<int> hidden = network.hidden();
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    const auto keep = keep_without_lowest(plan.scores[i], counts[i]);
    Edit edit = identity_edit(hidden[i], original_.space(hidden[i]).groups);
    edit.groups.clear();
    for (std::size_t g = 0; g < keep.size(); ++g) {
      if (keep[g] == 0) continue;
      edit.groups.push_back({static_cast<Index>(g), keep[g],
                             Matrix<double>::Identity(keep[g], plan.scores[i][g].score.size())});
    }
    network.apply(edit);
  }
  return network.parameter_count();
}

template <class T>
Reduction<T> Reducer<T>::to_parameters(Index parameters) {
  const std::vector<int> hidden = original_.hidden();
  if (cost_of(original_).parameters <= parameters) {
    return cut(std::vector<Index>(hidden.size(), 0), true);
  }
  const Plan plan = this->plan();
  const auto after = [&](std::size_t steps) {
    return parameters_after(plan.counts(steps, hidden), plan);
  };
  std::size_t low = 0, high = plan.order.size();
  while (low + 1 < high) {
    const std::size_t middle = (low + high) / 2;
    (after(middle) <= parameters ? high : low) = middle;
  }
  // Which groups vanish, with a gate's few parameters, shows only when the layers are cut in turn.
  Reduction<T> reduction = cut(plan.counts(high, hidden), false, &plan);
  while (reduction.network.parameter_count() > parameters && high < plan.order.size()) {
    reduction = cut(plan.counts(++high, hidden), false, &plan);
  }
  const Index least = reduction.network.parameter_count();
  if (least > parameters) {
    throw UsageError(fmt::format(
        "parameters: needs at least {} for this network, got {}: every layer must keep {}", least,
        parameters,
        settings_.below_need
            ? "a neuron"
            : "as many neurons as there are outputs (a gate that nobody reads: one), if not told "
              "otherwise"));
  }
  return cut(plan.counts(high, hidden), true, &plan);
}

template <class T>
Reduction<T> Reducer<T>::to_tolerance(double tolerance) {
  if (!(tolerance >= 0)) {
    throw UsageError(fmt::format("tolerance: needs 0 or more, got {}", tolerance));
  }
  if (x_.cols() == 0) {
    throw UsageError("tolerance: is measured on data; give samples, or name the widths");
  }
  if (x_.cols() < 2) throw UsageError("tolerance: needs at least 2 samples, got 1");
  const Index held_out = (x_.cols() + 3) / 4, fitted = x_.cols() - held_out;
  Reducer inner(original_, engine_, x_.leftCols(fitted), settings_);
  inner.judge_ = x_.rightCols(held_out);
  inner.outputs_ = outputs_.rightCols(held_out).eval();
  inner.on_layer = on_layer;
  inner.on_trial = on_trial;
  return inner.search(tolerance);
}

template <class T>
Reduction<T> Reducer<T>::search(double tolerance) {
  const Plan plan = this->plan();
  const std::vector<int> hidden = original_.hidden();
  double too_much = 0;  // the change of the smallest cut that was too large
  const auto fits = [&](std::size_t steps) {
    const Reduction<T> trial = cut(plan.counts(steps, hidden), false, &plan);
    if (on_trial) on_trial(trial.network.parameter_count(), trial.change.mean);
    if (trial.change.mean <= tolerance) return true;
    too_much = trial.change.mean;
    return false;
  };
  std::size_t low = 0, high = plan.order.size();
  if (high > 0 && fits(high)) low = high;
  while (low + 1 < high) {
    const std::size_t middle = (low + high) / 2;
    (fits(middle) ? low : high) = middle;
  }
  if (low == 0) return {original_, {}, {}, {}, too_much};
  return cut(plan.counts(low, hidden), true, &plan);
}

template class Reducer<float>;
template class Reducer<double>;

}  // namespace isoform
