#include "isoform/train/adaptation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "isoform/base/error.h"

namespace isoform {

namespace {

// Adds the time it lives.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() {
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

template <class T>
void Adaptation<T>::begin(const Network<T>& network, std::int64_t steps_per_epoch,
                          std::int64_t steps, Index samples, bool settles) {
  steps_ = steps;
  asked_.reset();
  budget_ = settings_.policy.budget(samples);
  interval_ = std::max<std::int64_t>(
      1, std::llround(static_cast<double>(steps_per_epoch) / settings_.per_epoch));
  if (!settings_.enabled || network.hidden().empty()) interval_ = 0;
  const double settle = settles || tolerates() ? settings_.settled_share() : 0;
  settle_from_ = steps - std::llround(settle * static_cast<double>(steps));
  settled_ = pending_ = false;
  statistics_ = Statistics();
}

template <class T>
bool Adaptation<T>::observes(std::int64_t step) const {
  if (interval_ == 0 || !reads_statistics()) return false;
  if (asked_) return true;
  if (settled_) return false;
  return interval_ - 1 - step % interval_ < observed_batches();
}

template <class T>
void Adaptation<T>::observe(const Network<T>& network, Pass<T>& pass, Gradients gradients,
                            std::int64_t step) {
  if (!observes(step)) return;
  const Stopwatch stopwatch(seconds_);
  if (statistics_.samples() == 0) statistics_ = Statistics(network);
  statistics_.gather(network, pass, gradients);
}

template <class T>
bool Adaptation<T>::due(std::int64_t step) const {
  if (interval_ == 0 || step >= steps_) return false;
  if (asked_ && step - *asked_ >= observed_batches()) return true;
  if (settled_) return false;
  return step % interval_ == 0 || (tolerates() && step == settle_from_);
}

template <class T>
std::vector<std::string> Adaptation<T>::adapt(Network<T>& network, Engine<T>& engine,
                                              std::int64_t step, std::int64_t total,
                                              const std::function<Matrix<T>()>& samples,
                                              const std::function<void(const Edit&)>& apply,
                                              const std::function<void()>& between) {
  const Stopwatch stopwatch(seconds_);
  settled_ = step >= settle_from_;
  asked_.reset();
  if (tolerates()) {
    if (settled_) {
      pending_ = true;
      policy_.give_back<T>(network, engine, samples(), total, apply, between);
      pending_ = false;
      return {};
    }
    const auto outcomes = policy_.explore<T>(
        network, budget_, statistics_.samples() > 0 ? &statistics_ : nullptr, total, apply);
    statistics_ = Statistics();
    const std::string limit = outcomes.empty() ? "" : outcomes.front().limit;
    if (limit.empty() || std::exchange(limits_[outcomes.front().space], limit) == limit) return {};
    return {fmt::format("nothing grows: the network is beyond the {}", limit)};
  }
  const std::vector<SpaceOutcome> outcomes =
      policy_.adapt<T>(network, statistics_, total, settled_, apply);
  scaffold_.clear();
  std::vector<std::string> warnings;
  for (auto it = outcomes.rbegin(); it != outcomes.rend(); ++it) {
    scaffold_.push_back(it->scaffold_after);
    if (!it->limit.empty() && it->limit != limits_[it->space]) {
      warnings.push_back(fmt::format("hidden {}: {} scaffold neurons, held by the {}", it->space,
                                     it->scaffold_after, it->limit));
    }
    limits_[it->space] = it->limit;
  }
  statistics_ = Statistics();
  return warnings;
}

// The rule tolerance measures outputs; its new neurons read statistics where they begin along a gradient.
template <class T>
bool Adaptation<T>::reads_statistics() const {
  return !tolerates() || settings_.policy.outgoing != Outgoing::random;
}

// The rule tolerance says so itself when it explores.
template <class T>
std::string Adaptation<T>::over_budget(const Network<T>& network) const {
  const Index count = network.parameter_count();
  if (interval_ == 0 || tolerates() || budget_ == 0 || count <= budget_) return "";
  return fmt::format("the network has {} parameters now, over the budget of {}: nothing grows",
                     count, budget_);
}

// A gradient is that of the last batch.
template <class T>
int Adaptation<T>::observed_batches() const {
  return tolerates() ? 1 : settings_.statistics_batches;
}

template <class T>
void Adaptation<T>::use(const PolicySettings& policy) {
  policy.validate();
  settings_.policy = policy;
  const std::vector<int> rests = policy_.rests();
  policy_ = Policy(policy);
  policy_.set_rests(rests);
}

template <class T>
std::string Adaptation<T>::ask(std::int64_t step) {
  if (interval_ == 0) {
    throw UsageError("this run keeps its widths as they are; it would adapt without --fixed");
  }
  asked_ = step;
  const bool settles = settled_ || step >= settle_from_;
  if (!tolerates()) {
    return settles ? "adapts soon; idle neurons leave, none is born any more" : "adapts soon";
  }
  return settles ? fmt::format("gives back what the outputs do not need within a tolerance of {:g}",
                               settings_.policy.tolerance)
                 : fmt::format("grows as far as the budget of {} parameters allows", budget_);
}

template <class T>
std::string Adaptation<T>::set(std::optional<double> tolerance,
                               std::optional<Index> parameter_budget) {
  if (!tolerance && !parameter_budget) {
    throw UsageError("set: needs tolerance, parameter_budget or both, got neither");
  }
  if (interval_ == 0) {
    throw UsageError("this run keeps its widths as they are; nothing would read it");
  }
  if (tolerance && !tolerates()) {
    throw UsageError(fmt::format("the policy '{}' reads no tolerance; it belongs to 'tolerance'",
                                 policy_rule_name(settings_.policy.rule)));
  }
  if (parameter_budget && *parameter_budget < 1) {
    throw UsageError(
        fmt::format("parameter_budget: needs a number of 1 or more, got {}", *parameter_budget));
  }
  PolicySettings policy = settings_.policy;
  std::string what;
  if (tolerance) {
    policy.tolerance = *tolerance;
    what = fmt::format("tolerance {:g}", *tolerance);
  }
  if (parameter_budget) {
    policy.parameter_budget = *parameter_budget;
    what += fmt::format("{}budget of {} parameters", what.empty() ? "" : ", ", *parameter_budget);
  }
  use(policy);
  if (tolerance) tolerance_ = tolerance;
  if (parameter_budget) {
    parameter_budget_ = parameter_budget;
    budget_ = *parameter_budget;
  }
  if (settled_)
    what += "; widths have settled, so that only an adaptation that is asked for reads it";
  return what;
}

template <class T>
AdaptationState Adaptation<T>::state() const {
  // Once settled nobody reads statistics any more, and they need not fit the network.
  return {settled_ ? Statistics() : statistics_,
          steps_,
          interval_,
          settle_from_,
          budget_,
          tolerance_,
          parameter_budget_,
          settled_,
          pending_,
          scaffold_,
          limits_,
          policy_.rests(),
          seconds_};
}

template <class T>
void Adaptation<T>::restore(const AdaptationState& state) {
  statistics_ = state.statistics;
  steps_ = state.steps;
  interval_ = state.interval;
  settle_from_ = state.settle_from;
  tolerance_ = state.tolerance;
  parameter_budget_ = state.parameter_budget;
  PolicySettings policy = settings_.policy;
  if (tolerance_) policy.tolerance = *tolerance_;
  if (parameter_budget_) policy.parameter_budget = *parameter_budget_;
  use(policy);
  budget_ = state.budget;
  settled_ = state.settled;
  pending_ = state.pending;
  scaffold_ = state.scaffold;
  limits_ = state.limits;
  policy_.set_rests(state.rests);
  seconds_ = state.seconds;
}

template class Adaptation<float>;
template class Adaptation<double>;

}  // namespace isoform
