// Random networks with what is asked of a reduction.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/topology/reduction.h"
#include "tests/support/networks.h"

namespace isoform::testing {

inline const std::vector<Rule> kEveryRule = {Rule::singular,   Rule::paper, Rule::effect,
                                             Rule::covariance, Rule::next,  Rule::jacobian};

template <class T>
void expect_same_bits(const Network<T>& one, const Network<T>& other, const std::string& where) {
  ASSERT_EQ(one.widths(), other.widths()) << where;
  for (const Map<T>& m : one.maps()) ASSERT_EQ(m.a, other.map(m.id).a) << where;
  for (const int id : one.hidden()) {
    ASSERT_EQ(one.space(id).groups, other.space(id).groups) << where;
    ASSERT_EQ(one.space(id).length, other.space(id).length) << where;
  }
}

inline std::vector<Index> hidden_widths(const Network<double>& network) {
  std::vector<Index> widths;
  for (const int id : network.hidden()) widths.push_back(network.space(id).dimension);
  return widths;
}

// A random network, what is asked of it, and samples.
struct ReductionCase {
  Network<double> network;
  Matrix<double> x;
  ReductionSettings settings;
  std::string where;
};

inline ReductionCase random_case(std::uint64_t seed,
                                 const NetworkChoice& choice = {.most_hidden = 4, .widest = 12}) {
  ReductionCase c;
  Dice dice(seed, 70);
  c.network = seed % 6 == 5 ? graph_network(seed) : random_network(seed, choice);
  c.settings = {kEveryRule[seed % kEveryRule.size()], dice.coin()};
  const bool data = needs_data(c.settings.rule) || c.settings.refit || dice.coin();
  c.x = random_inputs(seed, c.network.widths().front(), data ? 40 : 0);
  c.where = describe(c.network, seed) + fmt::format(", {}{}", rule_name(c.settings.rule),
                                                    c.settings.refit ? " with refit" : "");
  return c;
}

/// What the UsageError of a call says.
inline std::string message(const std::function<void()>& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace isoform::testing
