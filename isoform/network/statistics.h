// What topology may know about the data: moments and a probe, gathered in training passes.
//
// Moments are sums, so ranks can add theirs. All are kept in double and follow edits by T, which lets one
// gathering serve every space of an adaptation.
#pragma once

#include <utility>
#include <vector>

#include "isoform/network/pass.h"

namespace isoform {

class Statistics {
 public:
  /// Empty moments in the shapes of a network.
  template <class T>
  explicit Statistics(const Network<T>& network);
  Statistics() = default;

  /// What is kept of a stage: with samples(), all that statistics are.
  struct OfStage {
    std::vector<Matrix<double>> moments;  // sums, one for each group
    Vector<double> z_sum;
    double z_squares = 0;
    Index samples = 0;
    Matrix<double> probe, delta;
  };
  /// Statistics that go on from what was kept of them.
  Statistics(Index samples, std::vector<OfStage> stages)
      : samples_(samples), stages_(std::move(stages)) {}
  /// By id of the stage.
  [[nodiscard]] const std::vector<OfStage>& stages() const { return stages_; }

  /// Adds the batch of a pass after forward, and keeps it as the probe, after backward with dL/dz; `add` puts it beside
  /// the probe there is: another task's batch of the same step. Of a space that nobody reads (Network::is_gate)
  /// z stands for h. Spaces that take no part add nothing. O(Σ n_g² · batch).
  template <class T>
  void gather(const Network<T>& network, Pass<T>& pass, Gradients gradients = Gradients::replace);
  /// Follows an edit of the network it was gathered on (call before the network applies it).
  template <class T>
  void transport(const Network<T>& before, const Edit& edit);

  [[nodiscard]] Index samples() const { return samples_; }
  /// False after a batch whose numbers are not: nothing may be decided by these then.
  [[nodiscard]] bool all_finite() const;

  /// E (h_g; 1; s_g)(h_g; 1; s_g)ᵀ of group g of a space [n_g+2 × n_g+2].
  [[nodiscard]] Matrix<double> moment(int space, Index group) const;
  /// E s_g.
  [[nodiscard]] double mean_gate(int space, Index group) const;
  /// E |z − E z|² of a space, or of a stage of a stream (Network::stages), as gathered (edits do not change it); 0 if it
  /// took no part.
  [[nodiscard]] double z_variance(int stage) const;
  /// True if batches in which the space took part were gathered.
  [[nodiscard]] bool saw(int space) const { return stages_.at(space).samples > 0; }

  /// The last batch gathered, of a space or a stage: (h; 1; s; ν) as readers see it and dL/dz, columns are samples; 0 where it took no part.
  [[nodiscard]] const Matrix<double>& probe(int stage) const { return stages_[stage].probe; }
  [[nodiscard]] const Matrix<double>& probe_delta(int stage) const { return stages_[stage].delta; }

 private:
  Index samples_ = 0;
  std::vector<OfStage> stages_;  // by id
};

}  // namespace isoform
