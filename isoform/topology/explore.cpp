// Rule tolerance of policy.h: explore, then give back.
#include <fmt/format.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/topology/policy.h"
#include "isoform/topology/reduction.h"

namespace isoform {

namespace {

// Neurons of a space that are trained.
template <class T>
Index free_neurons(const Network<T>& network, int space) {
  Index count = network.space(space).dimension;
  for (const RowRange& r : network.frozen_rows(space)) count -= r.end - r.begin;
  return count;
}

// Dimensions and gates of spaces, by id.
struct Shape {
  std::vector<Index> dimensions, gates;
};

template <class T>
Shape shape_of(const Network<T>& network) {
  Shape shape{std::vector<Index>(network.space_ids(), 0),
              std::vector<Index>(network.space_ids(), 0)};
  for (const Space<T>& s : network.spaces()) {
    shape.dimensions[s.id] = s.dimension;
    shape.gates[s.id] = s.gates();
  }
  return shape;
}

// Parameters that are trained, in another shape.
template <class T>
Index parameters_with(const Network<T>& network, const Shape& shape) {
  Index count = 0;
  for (const Map<T>& m : network.maps()) {
    const Index frozen = network.space(m.to).dimension - free_neurons(network, m.to);
    count += (shape.dimensions[m.to] - frozen) *
             (shape.dimensions[m.from] + 1 + m.features_of(shape.gates[m.from]));
  }
  for (const Space<T>& s : network.spaces()) {
    if (s.length_mode != LengthMode::none) count += shape.gates[s.id];
  }
  return count;
}

// The largest width for which the network keeps to the budget when every one of the spaces has at least so many neurons
// that are trained; 0: none.
template <class T>
Index common_width(const Network<T>& network, const std::vector<int>& spaces, Index budget,
                   const PolicySettings& settings) {
  const auto fits = [&](Index width) {
    Shape shape = shape_of(network);
    for (const int id : spaces) {
      const Index missing = width - free_neurons(network, id);
      if (missing <= 0) continue;
      const Growth growth = fill_groups(network, id, missing, settings.group_size);
      shape.dimensions[id] += missing;
      shape.gates[id] += static_cast<Index>(growth.new_groups.size());
    }
    return parameters_with(network, shape) <= budget;
  };
  if (budget == 0 || fits(settings.max_width)) return settings.max_width;
  Index low = 0, high = settings.max_width;
  while (low + 1 < high) {
    const Index middle = (low + high) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace

template <class T>
Index trained_parameters(const Network<T>& network) {
  return parameters_with(network, shape_of(network));
}

template <class T>
std::vector<SpaceOutcome> Policy::explore(Network<T>& network, Index budget, Statistics* statistics,
                                          std::int64_t step,
                                          const std::function<void(const Edit&)>& apply) {
  std::vector<int> spaces;
  for (const int id : network.hidden()) {
    if (can_learn(network, id)) spaces.push_back(id);
  }
  const Index width = common_width(network, spaces, budget, settings_);
  std::vector<SpaceOutcome> outcomes;
  for (auto it = spaces.rbegin(); it != spaces.rend(); ++it) {
    const Index before = network.space(*it).dimension;
    SpaceOutcome outcome{*it, 0, 0, 0, 0, {}};
    if (width == 0) outcome.limit = fmt::format("parameter budget {}", budget);
    outcome.born = std::clamp<Index>(
        std::min(width - free_neurons(network, *it), settings_.max_width - before), 0, before);
    if (outcome.born > 0) {
      Edit edit = grow(network, *it, outcome.born,
                       {.outgoing = statistics != nullptr ? settings_.outgoing : Outgoing::random,
                        .group_size = settings_.group_size,
                        .statistics = statistics,
                        .seed = settings_.seed,
                        .step = step});
      edit.record.why = fmt::format("exploring: {} neurons are within the budget", width);
      if (statistics != nullptr) statistics->transport(network, edit);
      apply(edit);
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

template <class T>
std::vector<SpaceOutcome> Policy::give_back(Network<T>& network, Engine<T>& engine, Matrix<T> x,
                                            std::int64_t step,
                                            const std::function<void(const Edit&)>& apply,
                                            const std::function<void()>& between) {
  Reducer<T> reducer(network, engine, std::move(x),
                     {.rule = Rule::jacobian, .refit = true, .min_width = settings_.min_width});
  if (between) reducer.on_trial = [&](Index, double) { between(); };
  const Reduction<T> reduction = reducer.to_tolerance(settings_.tolerance);
  std::vector<SpaceOutcome> outcomes;
  for (const LayerReduction& layer : reduction.layers) {
    outcomes.push_back({layer.space, 0, 0, 0, layer.before - layer.after, {}});
  }
  for (Edit edit : reduction.edits) {
    edit.record.step = step;
    edit.record.why = fmt::format("given back: outputs change by {:.1f} %, {:g} % allowed",
                                  100 * reduction.change.mean, 100 * settings_.tolerance);
    apply(edit);
  }
  return outcomes;
}

#define ISOFORM_FOR_SCALAR(T)                                                                    \
  template Index trained_parameters(const Network<T>&);                                          \
  template std::vector<SpaceOutcome> Policy::explore(                                            \
      Network<T>&, Index, Statistics*, std::int64_t, const std::function<void(const Edit&)>&);   \
  template std::vector<SpaceOutcome> Policy::give_back(                                          \
      Network<T>&, Engine<T>&, Matrix<T>, std::int64_t, const std::function<void(const Edit&)>&, \
      const std::function<void()>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
