#include "isoform/topology/policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/topology/shrink.h"

namespace isoform {

namespace {
constexpr std::array<std::string_view, 3> kRules = {"tolerance", "effect", "paper"};
constexpr Index kParametersPerSample = 28;
}  // namespace

std::string_view policy_rule_name(PolicyRule rule) {
  return kRules[static_cast<std::size_t>(rule)];
}

PolicyRule policy_rule_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    if (kRules[i] == name) return static_cast<PolicyRule>(i);
  }
  throw UsageError(
      fmt::format("policy: '{}' is unknown; known are {}", name, fmt::join(kRules, ", ")));
}

Index PolicySettings::budget(Index samples) const {
  if (parameter_budget > 0 || rule != PolicyRule::tolerance) return parameter_budget;
  return std::min(own_budget, kParametersPerSample * samples);
}

double PolicySettings::idle_score() const {
  if (threshold != kRulesOwn) return threshold;
  return rule == PolicyRule::paper ? 0.95 : 3e-5;
}

void PolicySettings::validate() const {
  const auto require = [](bool holds, std::string_view field, auto value, std::string_view needs) {
    if (!holds) {
      throw UsageError(fmt::format("{}: needs {}, got {}", field, needs, value));
    }
  };
  require(threshold >= 0 || threshold == kRulesOwn, "threshold", threshold,
          "0 or more, or -1 for the rule's own");
  require(tolerance >= 0 && tolerance < 1, "tolerance", tolerance,
          "a share, 0 or more and below 1");
  require(buffer >= 0 && buffer <= kMaxWidth, "buffer", buffer, fmt::format("0 to {}", kMaxWidth));
  require(group_size >= 0, "group-size", group_size, "0 (whole layer) or more");
  require(min_width >= 1, "min-width", min_width, "at least 1");
  require(max_width >= min_width && max_width <= kMaxWidth, "max-width", max_width,
          fmt::format("{} (the minimum) to {}", min_width, kMaxWidth));
  require(parameter_budget >= 0, "parameter-budget", parameter_budget,
          "0 (the policy's own) or more");
  require(cool_down >= 0, "cool-down", cool_down, "0 or more");
}

Policy::Policy(const PolicySettings& settings) : settings_(settings) { settings_.validate(); }

template <class T>
std::vector<GroupScores> Policy::scores(const Network<T>& network, int space,
                                        const Statistics& statistics) const {
  std::vector<GroupScores> scores = settings_.rule == PolicyRule::paper
                                        ? score_by_paper(network, space)
                                        : score_by_effect(network, space, statistics);
  // What may not leave is nobody's scaffold.
  for (std::size_t g = 0; g < scores.size(); ++g) {
    if (network.is_held(space, static_cast<Index>(g))) {
      scores[g].score.setConstant(std::numeric_limits<double>::infinity());
    }
  }
  return scores;
}

template <class T>
std::vector<SpaceOutcome> Policy::adapt(Network<T>& network, Statistics& statistics,
                                        std::int64_t step, bool settling,
                                        const std::function<void(const Edit&)>& apply) {
  rest_.resize(network.space_ids(), 0);
  const Index target = settling ? 0 : settings_.buffer;
  std::vector<SpaceOutcome> outcomes;
  // The paper's rule sees only incoming weights, so its scaffold must start with zero rows.
  const GroupStart start =
      settings_.rule == PolicyRule::paper ? GroupStart::columns : GroupStart::rows;
  const std::vector<int> hidden = network.hidden();
  for (auto it = hidden.rbegin(); it != hidden.rend(); ++it) {
    const int id = *it;
    const Space<T>& space = network.space(id);
    const std::vector<GroupScores> scores = this->scores(network, id, statistics);
    SpaceOutcome outcome{id, count_at_most(scores, settings_.idle_score()), 0, 0, 0, {}};
    const Index missing = target - outcome.scaffold_before;
    const bool resting = rest_[id] > 0 && !settling;
    if (resting) {
      --rest_[id];
      if (missing != 0) outcome.limit = "cool-down";
    } else if (missing > 0) {
      Index count = missing;
      if (space.dimension + count > settings_.max_width) {
        count = std::max<Index>(0, settings_.max_width - space.dimension);
        outcome.limit = fmt::format("maximum width {}", settings_.max_width);
      }
      if (!can_learn(network, id)) {
        count = 0;
        outcome.limit = "frozen parts, as nothing else reads it";
      }
      const auto fits = [&](Index neurons) {
        const Growth growth = fill_groups(network, id, neurons, settings_.group_size);
        return network.parameter_count_after(id, neurons,
                                             static_cast<Index>(growth.new_groups.size())) <=
               settings_.parameter_budget;
      };
      while (settings_.parameter_budget > 0 && count > 0 && !fits(count)) {
        --count;
        outcome.limit = fmt::format("parameter budget {}", settings_.parameter_budget);
      }
      if (count > 0) {
        Edit edit = grow(network, id, count,
                         {.outgoing = settings_.outgoing,
                          .group_start = start,
                          .group_size = settings_.group_size,
                          .statistics = &statistics,
                          .seed = settings_.seed,
                          .step = step});
        edit.record.why =
            fmt::format("{} of {} scaffold neurons left", outcome.scaffold_before, target);
        statistics.transport(network, edit);
        apply(edit);
        outcome.born = count;
        rest_[id] = settings_.cool_down;
      }
    } else if (missing < 0) {
      Index count = -missing;
      if (space.dimension - count < settings_.min_width) {
        count = std::max<Index>(0, space.dimension - settings_.min_width);
        outcome.limit = fmt::format("minimum width {}", settings_.min_width);
      }
      if (settings_.rule == PolicyRule::effect && count > count_within(scores, kJointEffect)) {
        count = count_within(scores, kJointEffect);
        outcome.limit = fmt::format("joint effect of {} % of the idle neurons", 100 * kJointEffect);
      }
      if (count > 0) {
        Edit edit = reduce(network, id, scores, keep_without_lowest(scores, count), &statistics);
        edit.record.step = step;
        edit.record.why = settling ? fmt::format("settling: {} idle neurons leave", count)
                                   : fmt::format("{} idle neurons, {} wanted as scaffold",
                                                 outcome.scaffold_before, target);
        statistics.transport(network, edit);
        apply(edit);
        outcome.removed = count;
      }
    }
    outcome.scaffold_after = outcome.scaffold_before + outcome.born - outcome.removed;
    outcomes.push_back(std::move(outcome));
  }
  if (settings_.rule == PolicyRule::effect) return outcomes;
  for (SpaceOutcome& outcome : outcomes) {
    outcome.scaffold_after =
        count_at_most(this->scores(network, outcome.space, statistics), settings_.idle_score());
    if (outcome.scaffold_after != target && outcome.limit.empty()) {
      outcome.limit =
          "paper's rule: null directions are not counted, and the layer before changed after";
    }
  }
  return outcomes;
}

#define ISOFORM_FOR_SCALAR(T)                                                                    \
  template std::vector<SpaceOutcome> Policy::adapt(Network<T>&, Statistics&, std::int64_t, bool, \
                                                   const std::function<void(const Edit&)>&);     \
  template std::vector<GroupScores> Policy::scores(const Network<T>&, int, const Statistics&) const;
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
