// Policies: when a network grows and shrinks by itself. docs/policies.md.
//
// tolerance: explore, then give back. Hidden spaces grow to one common width, as wide as a budget of parameters allows
// and wherever they began; later everything is given back that the outputs do not need, within a tolerance that is
// measured on samples. What a network was when it began is forgotten on the way.
//
// effect, paper: a buffer of scaffold neurons (neurons whose score is at most a threshold) is kept in each hidden space:
// when training puts scaffold to use the buffer runs short and neurons are born; when neurons fall idle it runs
// over and the idlest go.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/network.h"
#include "isoform/network/statistics.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/importance.h"

namespace isoform {

enum class PolicyRule {
  tolerance,  // change of the outputs, measured (ours)
  effect,     // share of effect on the next space, from statistics of training passes (ours)
  paper,      // singular values of W ≤ threshold, unpadded (Bird 2026)
};
std::string_view policy_rule_name(PolicyRule rule);
PolicyRule policy_rule_from_name(std::string_view name);

/// Threshold "as the rule has it": effect 3e-5 (a share), paper 0.95 (a singular value; its experiment 3).
inline constexpr double kRulesOwn = -1;

struct PolicySettings {
  PolicyRule rule = PolicyRule::tolerance;
  double tolerance =
      0.03;  // mean change of the outputs that giving back may make, as a share of their length
  double threshold = kRulesOwn;  // effect, paper: a share of effect, or a singular value
  Index buffer = 16;             // effect, paper: scaffold neurons kept in each hidden space
  Index group_size = 8;    // growth fills groups up to this, then opens new ones; 0: one group
  Index min_width = 1;     // a space is not shrunk below
  Index max_width = 4096;  // a space is not grown beyond
  Index parameter_budget =
      0;  // parameters (tolerance: those that are trained) are not grown beyond; 0: the rule's own
  Index own_budget = 1'500'000;  // tolerance: the largest that it takes by itself
  int cool_down = 0;             // adaptations a space rests after it has grown
  Outgoing outgoing = Outgoing::random;
  std::uint64_t seed = 0;

  /// The threshold in use.
  [[nodiscard]] double idle_score() const;
  /// The budget in use with so many training samples: for tolerance, if none is given, 28 parameters a sample and
  /// own_budget at most. 0: none.
  [[nodiscard]] Index budget(Index samples) const;
  /// Throws UsageError with field, value and rule.
  void validate() const;
};

/// Idle neurons matter little one by one; those that leave a space in one adaptation may not have more than
/// this share of effect together.
inline constexpr double kJointEffect = 0.01;

/// What an adaptation did to one space.
struct SpaceOutcome {
  int space = 0;
  Index scaffold_before = 0, scaffold_after = 0;
  Index born = 0, removed = 0;
  std::string limit;  // what kept the buffer from holding exactly; empty if nothing did
};

/// Parameters that are trained: all but those into frozen neurons.
template <class T>
Index trained_parameters(const Network<T>& network);

class Policy {
 public:
  explicit Policy(const PolicySettings& settings);

  /// Rule tolerance: every hidden space that is narrower than the common width grows to it, at most to its double. Exact.
  /// The common width is the largest for which the parameters that are trained keep to the budget (0: max_width); neurons that
  /// are frozen do not count. `statistics`, if not null,
  /// are the probe for Outgoing::gradient, and follow the edits.
  template <class T>
  std::vector<SpaceOutcome> explore(Network<T>& network, Index budget, Statistics* statistics,
                                    std::int64_t step,
                                    const std::function<void(const Edit&)>& apply);
  /// Rule tolerance: removes as much as settings().tolerance allows, judged on a quarter of the samples x [n_0 × samples,
  /// standardised] that nothing is fitted to (topology/reduction.h). `between` is called after each trial, before anything is
  /// applied: what it throws ends it.
  template <class T>
  std::vector<SpaceOutcome> give_back(Network<T>& network, Engine<T>& engine, Matrix<T> x,
                                      std::int64_t step,
                                      const std::function<void(const Edit&)>& apply,
                                      const std::function<void()>& between = {});

  /// Rules effect and paper: adapts every hidden space once, last to first; one decomposition a group and one edit a space. Edits are
  /// handed to `apply`, which must apply them to the network (and transport what follows it) before returning.
  /// `statistics` follow the edits here. Scores of effect read outgoing weights, which later turns leave alone,
  /// so their buffers hold at the end; the paper's read incoming ones, which the turn of the space before
  /// changes a little: they are counted again at the end (one more decomposition) and the outcome says so. `settling`: nothing is born any more and the buffer is
  /// taken down to 0, so that a finished network carries no scaffold.
  template <class T>
  std::vector<SpaceOutcome> adapt(Network<T>& network, Statistics& statistics, std::int64_t step,
                                  bool settling, const std::function<void(const Edit&)>& apply);

  /// The scores that adapt() goes by.
  template <class T>
  [[nodiscard]] std::vector<GroupScores> scores(const Network<T>& network, int space,
                                                const Statistics& statistics) const;

  [[nodiscard]] const PolicySettings& settings() const { return settings_; }
  /// Adaptations each space still rests, by id: all that a policy remembers.
  [[nodiscard]] const std::vector<int>& rests() const { return rest_; }
  void set_rests(std::vector<int> rests) { rest_ = std::move(rests); }

 private:
  PolicySettings settings_;
  std::vector<int> rest_;
};

}  // namespace isoform
