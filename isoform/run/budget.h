// Budgets in the units of whoever will run a network, as the budget of parameters that its policy keeps to.
#pragma once

#include <functional>
#include <string>

#include "isoform/run/settings.h"

namespace isoform {

/// The widest common width of hidden spaces, as exploring gives it, at which `within` still holds, and the parameters of that network.
struct Widest {
  Index width = 0;
  Index parameters = 0;
};

/// `within` must not come true again at larger widths than one at which it fails. It is asked some 20 times; each time the network
/// is grown, O(weights). Spaces that are wider than the width stay as they are. It is taken to hold for the network as it begins.
template <class T>
Widest widest_within(const Network<T>& network, const PolicySettings& policy,
                     const std::function<bool(const Network<T>&)>& within);

/// Makes RunSettings::multiply_adds and RunSettings::latency budgets of parameters: the least of all that are given is the policy's, and with
/// `samples` to learn from it is never more than PolicySettings::budget. Multiply–adds are counted (network/cost.h), for one sample.
/// Latency is that of one sample on the engine, the larger one of even groups and of groups of several sizes, as they are when neurons
/// have been given back; it is measured now, so another machine, or another moment, gives another budget. Returns what was found,
/// for people, a line for each; empty where none is asked for, and for fixed widths. UsageError for a network that is over one of
/// them as it begins, or over PolicySettings::parameter_budget or max_width.
template <class T>
std::string apply_budgets(RunSettings& settings, const Network<T>& network, Index samples,
                          Engine<T>& engine);

/// For a run that goes on: what apply_budgets found when it began (TrainerState, adaptation.budget).
void recall_budgets(RunSettings& settings, Index budget);

}  // namespace isoform
