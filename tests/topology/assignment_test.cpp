#include "isoform/topology/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/support/dice.h"

namespace isoform {
namespace {

using namespace isoform::testing;

TEST(BestAssignment, AgreesWithEveryOrder) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Dice dice(seed, 16);
    const Index rows = dice.between(1, 6), cols = dice.between(1, 6);
    const Matrix<double> gain = dice.normals(rows, cols);
    const std::vector<Index> found = best_assignment(gain);
    ASSERT_EQ(found.size(), static_cast<std::size_t>(rows));
    double sum = 0;
    std::vector<bool> taken(static_cast<std::size_t>(cols), false);
    Index pairs = 0;
    for (Index i = 0; i < rows; ++i) {
      const Index j = found[static_cast<std::size_t>(i)];
      if (j < 0) continue;
      ASSERT_FALSE(taken[static_cast<std::size_t>(j)]);
      taken[static_cast<std::size_t>(j)] = true;
      sum += gain(i, j);
      ++pairs;
    }
    EXPECT_EQ(pairs, std::min(rows, cols));
    // A square of zeros around it: whoever is paired with nothing gains nothing.
    const Index side = std::max(rows, cols);
    Matrix<double> square = Matrix<double>::Zero(side, side);
    square.topLeftCorner(rows, cols) = gain;
    std::vector<Index> order(static_cast<std::size_t>(side));
    std::iota(order.begin(), order.end(), Index{0});
    double best = -INFINITY;
    do {
      double total = 0;
      for (Index i = 0; i < side; ++i) total += square(i, order[static_cast<std::size_t>(i)]);
      best = std::max(best, total);
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_NEAR(sum, best, 1e-12);
  }
}

}  // namespace
}  // namespace isoform
