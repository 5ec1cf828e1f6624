// Scores that no rule would give, for statements that hold whatever is removed.
#pragma once

#include <vector>

#include "isoform/topology/importance.h"
#include "tests/support/dice.h"
#include "tests/support/truth.h"

namespace isoform::testing {

/// A random basis with random stand-ins: orthogonal for skew 0, else Q plus skew times a normal matrix.
inline GroupScores random_group_scores(Index n, Dice& dice, double skew) {
  GroupScores scores;
  scores.basis = orthogonal(dice, n);
  if (skew > 0) {
    scores.basis = Matrix<double>(scores.basis + skew * dice.normals(n, n));
    scores.dual = inverse(scores.basis);
  }
  scores.score = Vector<double>::LinSpaced(n, 2, 1);
  scores.constant = dice.normals(n, 1, 0.5);
  scores.spread =
      dice.coin() ? Vector<double>(dice.normals(n, 1, 0.3).cwiseAbs()) : Vector<double>::Zero(n);
  scores.counted = n;
  return scores;
}

inline std::vector<GroupScores> random_scores(const std::vector<Index>& groups, Dice& dice,
                                              double skew) {
  std::vector<GroupScores> all;
  for (const Index n : groups) all.push_back(random_group_scores(n, dice, skew));
  return all;
}

/// How many directions of each group stay: anything from none to all, at least 1 in the space.
inline std::vector<Index> random_keep(const std::vector<Index>& groups, Dice& dice) {
  std::vector<Index> keep;
  Index left = 0;
  for (const Index n : groups) {
    keep.push_back(dice.between(0, n));
    left += keep.back();
  }
  if (left == 0) keep.front() = 1;
  return keep;
}

}  // namespace isoform::testing
