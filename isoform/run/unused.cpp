#include "isoform/run/unused.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "isoform/table/csv.h"

namespace isoform {

namespace {

struct Unread {
  bool holds;
  std::string_view why;
  std::vector<std::string_view> names;
};

std::vector<Unread> unread(const RunSettings& s, bool numbers) {
  const AdaptSettings& adapt = s.training.adapt;
  const Method method = s.training.optimiser.method;
  const bool fixed = !adapt.enabled || s.hidden.empty();
  const bool tolerance = adapt.policy.rule == PolicyRule::tolerance;
  const bool gates_alone =
      s.architecture == Architecture::perceptron || s.architecture == Architecture::general;
  const bool adam = method == Method::adam || method == Method::adamw;
  const bool has_momentum =
      method == Method::momentum || method == Method::nesterov || method == Method::muon;
  const bool has_moments = adam || method == Method::novograd || method == Method::muon;
  const Schedule schedule = s.training.schedule.kind;
  return {
      {!adapt.enabled, "the widths are fixed", {"policy"}},
      {fixed,
       s.hidden.empty() ? "without hidden layers nothing adapts" : "the widths are fixed",
       {"tolerance", "threshold", "buffer", "adaptations-per-epoch", "statistics-batches",
        "cool-down", "settle", "min-width", "max-width", "parameter-budget", "outgoing"}},
      {!fixed && tolerance,
       "it is of the policies effect and paper",
       {"threshold", "buffer", "statistics-batches", "cool-down"}},
      {!fixed && !tolerance, "it is of the policy tolerance", {"tolerance"}},
      {s.hidden.empty(),
       "there are no hidden layers",
       {"architecture", "group-size", "radial", "length", "psi", "norms", "dropout"}},
      {gates_alone, "a perceptron has one gate a layer", {"group-size", "psi"}},
      {gates_alone, "perceptrons begin with weights of their own", {"initialiser"}},
      {s.validation == 0,
       "it counts validation losses, and no validation set is kept",
       {"patience"}},
      {!fixed && adapt.settle == 0, "it counts once widths have settled", {"patience"}},
      {numbers, "it is of classes and labels, and the targets are numbers", {"label-smoothing"}},
      {!has_momentum, "the optimiser has no such momentum", {"momentum"}},
      {!has_moments, "the optimiser has no such moments", {"beta1", "beta2", "epsilon"}},
      {!adam, "of adam and adamw alone", {"second-moment"}},
      {adam && fixed && s.training.changes.empty(), "nothing turns it", {"second-moment"}},
      {schedule == Schedule::constant, "the schedule is constant", {"final-factor"}},
      {schedule == Schedule::step, "a schedule of steps ends where it ends", {"final-factor"}},
      {s.table.folds > 0 && s.table.test_share().has_value(),
       "a cross-validation measures on all rows",
       {"test"}},
      {names_table(s.data), "a table is where its name says", {"data-dir"}},
  };
}

}  // namespace

std::vector<std::string> unused_settings(const RunSettings& settings, bool numbers) {
  RunSettings asked = settings, standard;
  const std::vector<Setting> list = list_settings(asked), defaults = list_settings(standard);
  std::vector<std::string> lines;
  for (const Unread& group : unread(settings, numbers)) {
    if (!group.holds) continue;
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const bool listed =
          std::find(group.names.begin(), group.names.end(), list[i].name) != group.names.end();
      if (listed && list[i].get() != defaults[i].get()) names.push_back(list[i].name);
    }
    if (!names.empty()) {
      lines.push_back(fmt::format("{}: of no effect; {}", fmt::join(names, ", "), group.why));
    }
  }
  return lines;
}

}  // namespace isoform
