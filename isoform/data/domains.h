// Which of several sources a sample comes from, by means and variances of its features alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "isoform/data/dataset.h"

namespace isoform {

/// A Gaussian with a diagonal covariance for each source (domain), all equally likely:
///
///   score_k(x) = −½ Σ_i [ (x_i − μ_ki)² / v_ki + log v_ki ],   v_ki = (1 − ε) var_ki + ε mean_i var_ki
///
/// It tells sources apart whose features differ one by one in mean or spread, and no others.
class DomainGuesser {
 public:
  /// `floor` is ε, in (0, 1]: UsageError.
  explicit DomainGuesser(double floor = 0.1);

  /// The next domain, from its samples. UsageError for none, or another number of features than before.
  void add(const Dataset& data);
  [[nodiscard]] Index domains() const { return static_cast<Index>(means_.size()); }
  /// The domain of the highest score for every sample of the data (ties: the first). O(samples · features · domains).
  /// UsageError before the first add, or for another number of features.
  [[nodiscard]] std::vector<std::size_t> guess(const Dataset& data) const;
  /// Of what is kept: two numbers for each feature and domain.
  [[nodiscard]] std::size_t bytes() const;

 private:
  double floor_;
  std::vector<Vector<double>> means_, precisions_;  // μ and 1/v
};

}  // namespace isoform
