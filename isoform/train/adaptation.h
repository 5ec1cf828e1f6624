// When a network adapts in a run, and by which statistics. Private to the trainer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "isoform/train/trainer.h"
#include "isoform/train/trainer_state.h"

namespace isoform {

/// Steps are those taken in the phase.
template <class T>
class Adaptation {
 public:
  explicit Adaptation(const AdaptSettings& settings)
      : settings_(settings), policy_(settings.policy) {}

  /// A phase of so many steps on so many samples begins; `settles`: widths settle at its end. Else they go on following,
  /// but for the rule tolerance, which explores and gives back in each phase.
  void begin(const Network<T>& network, std::int64_t steps_per_epoch, std::int64_t steps,
             Index samples, bool settles);
  /// True in the steps whose batches count.
  [[nodiscard]] bool observes(std::int64_t step) const;
  /// Adds the batch of a pass in the steps before an adaptation: statistics are fresh, and free of extra passes. `add`: of
  /// another task in the same step.
  void observe(const Network<T>& network, Pass<T>& pass, Gradients gradients, std::int64_t step);
  /// True after so many steps, if something would train after it.
  [[nodiscard]] bool due(std::int64_t step) const;
  /// An adaptation as soon as its statistics are gathered, after at least one more step. Returns what it will do, for people.
  /// Throws UsageError where widths are fixed.
  std::string ask(std::int64_t step);
  /// Another tolerance, another budget, from the next adaptation on. Returns what is new, for people. Throws UsageError for
  /// values that can't be and for those that nothing would read.
  std::string set(std::optional<double> tolerance, std::optional<Index> parameter_budget);
  /// The network has changed between adaptations: what was gathered no longer fits.
  void forget() { statistics_ = Statistics(); }
  /// False where statistics have numbers that are none: the run has diverged.
  [[nodiscard]] bool all_finite() const { return statistics_.all_finite(); }
  /// Adapts every hidden space; edits go to `apply`, which applies them. `total` is the step of the run; `samples` are drawn
  /// where outputs must be measured [n_0 × samples]. Returns sentences for people about limits that hold and did not
  /// before. `between` is called on the way where it is long, while nothing has been applied: if it throws, the adaptation stays
  /// pending, and is made by another call with the same network.
  std::vector<std::string> adapt(Network<T>& network, Engine<T>& engine, std::int64_t step,
                                 std::int64_t total, const std::function<Matrix<T>()>& samples,
                                 const std::function<void(const Edit&)>& apply,
                                 const std::function<void()>& between);
  [[nodiscard]] bool is_pending() const { return pending_; }
  /// What a user should know of a network that a change of tasks has brought beyond the budget; else "".
  [[nodiscard]] std::string over_budget(const Network<T>& network) const;

  /// True where the shape stays as it is to the end of the phase.
  [[nodiscard]] bool is_settled() const { return interval_ == 0 || settled_; }

  /// Idle neurons of each hidden space after the last adaptation.
  [[nodiscard]] const std::vector<Index>& scaffold() const { return scaffold_; }
  [[nodiscard]] double seconds() const { return seconds_; }

  /// Between steps: what to go on from, and going on from it.
  [[nodiscard]] AdaptationState state() const;
  void restore(const AdaptationState& state);

 private:
  AdaptSettings settings_;
  Policy policy_;
  Statistics statistics_;
  [[nodiscard]] bool tolerates() const { return settings_.policy.rule == PolicyRule::tolerance; }
  [[nodiscard]] bool reads_statistics() const;
  [[nodiscard]] int observed_batches() const;  // before an adaptation
  void use(const PolicySettings& policy);

  std::int64_t steps_ = 0, interval_ = 0, settle_from_ = 0;  // of the phase; interval 0: never
  Index budget_ = 0;                                         // of parameters, for tolerance
  bool settled_ = false, pending_ = false;
  std::optional<std::int64_t> asked_;      // the step at which somebody asked
  std::optional<double> tolerance_;        // set while the run is under way
  std::optional<Index> parameter_budget_;  // too
  std::vector<Index> scaffold_;
  std::map<int, std::string> limits_;
  double seconds_ = 0;
};

}  // namespace isoform
