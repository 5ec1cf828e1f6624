#include "isoform/run/budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/compile/forms.h"
#include "isoform/monitor/format.h"
#include "isoform/network/cost.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/shrink.h"

namespace isoform {

namespace {

template <class T>
Network<T> widened(Network<T> network, Index width, const PolicySettings& policy) {
  for (const int id : network.hidden()) {
    const Index missing = width - network.space(id).dimension;
    if (missing <= 0) continue;
    network.apply(grow(network, id, missing, {.group_size = policy.group_size}));
  }
  return network;
}

// As a network may look that gave some back: groups of several sizes and fewer neurons can take longer than even groups.
template <class T>
Network<T> ragged(Network<T> network) {
  constexpr Index kEach = 8;
  for (const int id : network.hidden()) {
    std::vector<Index> kept;
    for (Index i = 0; i < network.space(id).dimension; ++i) {
      if (i % kEach != kEach - 1) kept.push_back(i);
    }
    network.apply(keep<T>(network, id, kept));
  }
  return network;
}

// A number as people read it.
std::string readable(Index count) { return format_count(count); }
std::string readable(double number) { return fmt::format("{:.4}", number); }

void refuse(std::string_view limit, const std::string& first, std::string_view unit,
            const std::string& asked) {
  throw UsageError(fmt::format(
      "{}: the network begins with {} {}, over the {} that are allowed; begin with fewer neurons "
      "(a new one by --hidden, a trained one after isoform shrink), or allow more",
      limit, first, unit, asked));
}

// Limits in what a network counts by itself.
template <class T>
void require_within(const PolicySettings& policy, const Network<T>& network) {
  Index widest = 0;
  for (const int id : network.hidden()) widest = std::max(widest, network.space(id).dimension);
  if (widest > policy.max_width) {
    refuse("max-width", readable(widest), "neurons in a hidden layer", readable(policy.max_width));
  }
  const Index parameters = policy.rule == PolicyRule::tolerance ? trained_parameters(network)
                                                                : network.parameter_count();
  if (policy.parameter_budget > 0 && parameters > policy.parameter_budget) {
    refuse("parameter-budget", readable(parameters), "parameters",
           readable(policy.parameter_budget));
  }
}

}  // namespace

template <class T>
Widest widest_within(const Network<T>& network, const PolicySettings& policy,
                     const std::function<bool(const Network<T>&)>& within) {
  const auto fits = [&](Index width) { return within(widened(network, width, policy)); };
  Index low = 0, high = 1;
  while (high < policy.max_width && fits(high)) {
    low = high;
    high = std::min(2 * high, policy.max_width);
  }
  if (high == policy.max_width && fits(high)) low = high;
  while (low + 1 < high) {
    const Index middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return {low, widened(network, low, policy).parameter_count()};
}

template <class T>
std::string apply_budgets(RunSettings& settings, const Network<T>& network, Index samples,
                          Engine<T>& engine) {
  PolicySettings& policy = settings.training.adapt.policy;
  const Index most = policy.budget(samples);
  Index least = 0;
  std::string said;
  if (!settings.training.adapt.enabled || network.hidden().empty()) return said;  // nothing grows
  require_within(policy, network);
  const auto apply = [&](const char* name, const auto& budget, const std::string& asked,
                         const std::string& unit, const auto& measured, const auto& longest) {
    const auto first = measured(network);
    if (!(first <= budget)) refuse(name, readable(first), unit, asked);
    said += fmt::format("{}budget of {} {}: ", said.empty() ? "" : "\n", asked, unit);
    if (most > 0 && network.parameter_count() > most) {
      said += fmt::format("that of {} parameters is less", format_count(most));
      return;
    }
    const Widest found = widest_within<T>(network, policy, [&](const Network<T>& wide) {
      return (most == 0 || wide.parameter_count() <= most) && longest(wide) <= budget;
    });
    said += fmt::format("hidden widths of {} at most, {} parameters", found.width,
                        format_count(found.parameters));
    least = least == 0 ? found.parameters : std::min(least, found.parameters);
  };
  if (settings.multiply_adds > 0) {
    const auto counted = [](const Network<T>& wide) { return cost_of(wide).multiply_adds; };
    apply("multiply-adds", settings.multiply_adds, format_count(settings.multiply_adds),
          "multiply–adds", counted, counted);
  }
  if (settings.latency > 0) {
    const auto measured = [&](const Network<T>& wide) {
      return 1e6 * measured_seconds(wide, 1, engine);
    };
    apply("latency", settings.latency, fmt::format("{}", settings.latency), "us an answer",
          measured,
          [&](const Network<T>& wide) { return std::max(measured(wide), measured(ragged(wide))); });
  }
  if (least > 0) policy.parameter_budget = least;
  return said;
}

void recall_budgets(RunSettings& settings, Index budget) {
  if (settings.multiply_adds > 0 || settings.latency > 0) {
    settings.training.adapt.policy.parameter_budget = budget;
  }
}

#define ISOFORM_FOR_SCALAR(T)                                                   \
  template Widest widest_within(const Network<T>&, const PolicySettings&,       \
                                const std::function<bool(const Network<T>&)>&); \
  template std::string apply_budgets(RunSettings&, const Network<T>&, Index, Engine<T>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
