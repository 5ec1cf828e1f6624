#include "isoform/topology/assignment.h"

#include <algorithm>
#include <limits>

#include "isoform/base/error.h"

namespace isoform {

std::vector<Index> best_assignment(const Matrix<double>& gain) {
  ISOFORM_ASSERT(gain.allFinite(), "gains of an assignment");
  const bool tall = gain.rows() > gain.cols();
  // Rows are served one after the other, so there may be no more of them than columns. Row and column 0
  // are a place to start from.
  const Matrix<double> cost = tall ? Matrix<double>(-gain.transpose()) : Matrix<double>(-gain);
  const auto n = static_cast<std::size_t>(cost.rows()), m = static_cast<std::size_t>(cost.cols());
  std::vector<double> u(n + 1, 0), v(m + 1, 0);
  std::vector<std::size_t> row_of(m + 1, 0), before(m + 1, 0);
  for (std::size_t row = 1; row <= n; ++row) {
    row_of[0] = row;
    std::size_t at = 0;
    std::vector<double> slack(m + 1, std::numeric_limits<double>::infinity());
    std::vector<bool> seen(m + 1, false);
    while (row_of[at] != 0) {
      seen[at] = true;
      const std::size_t i = row_of[at];
      double step = std::numeric_limits<double>::infinity();
      std::size_t next = 0;
      for (std::size_t j = 1; j <= m; ++j) {
        if (seen[j]) continue;
        const double reduced =
            cost(static_cast<Index>(i) - 1, static_cast<Index>(j) - 1) - u[i] - v[j];
        if (reduced < slack[j]) {
          slack[j] = reduced;
          before[j] = at;
        }
        if (slack[j] < step) {
          step = slack[j];
          next = j;
        }
      }
      for (std::size_t j = 0; j <= m; ++j) {
        if (seen[j]) {
          u[row_of[j]] += step;
          v[j] -= step;
        } else {
          slack[j] -= step;
        }
      }
      at = next;
    }
    for (; at != 0; at = before[at]) row_of[at] = row_of[before[at]];
  }
  std::vector<Index> pairs(static_cast<std::size_t>(gain.rows()), -1);
  for (std::size_t j = 1; j <= m; ++j) {
    if (row_of[j] == 0) continue;
    const auto row = static_cast<Index>(row_of[j]) - 1, column = static_cast<Index>(j) - 1;
    pairs[static_cast<std::size_t>(tall ? column : row)] = tall ? row : column;
  }
  return pairs;
}

}  // namespace isoform
