#include "isoform/run/budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/compile/forms.h"
#include "isoform/monitor/format.h"
#include "isoform/network/cost.h"
#include "isoform/topology/grow.h"

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

}  // namespace

template <class T>
Widest widest_within(const Network<T>& network, const PolicySettings& policy,
                     const std::string& what,
                     const std::function<bool(const Network<T>&)>& within) {
  if (!within(network)) {
    throw UsageError(fmt::format(
        "{}: the network is over it as it begins, with {} parameters; begin with fewer neurons "
        "(--hidden), or allow more",
        what, format_count(network.parameter_count())));
  }
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
  const auto apply = [&](const std::string& what, const std::string& text,
                         const std::function<bool(const Network<T>&)>& within) {
    const Widest found = widest_within<T>(network, policy, what, [&](const Network<T>& wide) {
      return (most == 0 || wide.parameter_count() <= most) && within(wide);
    });
    said +=
        fmt::format("{}{}: hidden widths of {} at most, {} parameters", said.empty() ? "" : "\n",
                    text, found.width, format_count(found.parameters));
    least = least == 0 ? found.parameters : std::min(least, found.parameters);
  };
  if (settings.multiply_adds > 0) {
    apply("multiply-adds",
          fmt::format("budget of {} multiply-adds", format_count(settings.multiply_adds)),
          [&](const Network<T>& wide) {
            return cost_of(wide).multiply_adds <= settings.multiply_adds;
          });
  }
  if (settings.latency > 0) {
    apply("latency", fmt::format("budget of {} us for an answer", settings.latency),
          [&](const Network<T>& wide) {
            return 1e6 * measured_seconds(wide, 1, engine) <= settings.latency;
          });
  }
  if (least > 0) policy.parameter_budget = least;
  return said;
}

#define ISOFORM_FOR_SCALAR(T)                                                                 \
  template Widest widest_within(const Network<T>&, const PolicySettings&, const std::string&, \
                                const std::function<bool(const Network<T>&)>&);               \
  template std::string apply_budgets(RunSettings&, const Network<T>&, Index, Engine<T>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
