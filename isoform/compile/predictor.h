// The forward pass alone, with every map in the form in which it runs fastest. docs/mathematics.md 5.
//
//   Predictor<T> predictor(network);        // copies what it needs
//   predictor.prepare(batch);
//   predictor.input() = x;                  // [n_0 × batch], already standardised
//   predictor.run(engine);                  // predictor.output(): [n_L × batch]
#pragma once

#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/network.h"
#include "isoform/network/structure.h"

namespace isoform {

/// What forward() of network/pass.h computes, from a network as it is now (structure_of each map):
///
///   dense      one product with [W b ψ], the same bits as forward()
///   diagonal   no product with W: d∘h + b + ψ s
///   triangle   inside large groups, blocks of rows whose products begin at the block's first column;
///              where groups are too small for that to pay, run as dense
///
/// Zeros that a form leaves out are not kept in memory (those inside a block of a triangle are). Results agree
/// with forward() within rounding, exactly where all maps run dense; they do not depend on threads. Buffers
/// are shared by spaces that are not alive together. One predictor serves one thread of control.
template <class T>
class Predictor {
 public:
  explicit Predictor(const Network<T>& network);

  /// Shapes for `samples` columns. Claims buffers only when there are more than ever before.
  void prepare(Index samples);
  [[nodiscard]] Index samples() const { return samples_; }
  /// x [n_0 × samples], to be written by the caller before each run, which overwrites it.
  View<T> input() { return augmented(0).topRows(spaces_.front().dimension); }
  /// y [n_L × samples], until the next run.
  View<T> output() { return augmented(spaces_.size() - 1); }
  /// y for the input. Claims no buffers.
  void run(Engine<T>& engine);

  /// The form in which a map runs.
  [[nodiscard]] Structure form(int map) const { return forms_.at(static_cast<std::size_t>(map)); }
  /// Numbers kept in memory for the maps.
  [[nodiscard]] Index numbers() const;

 private:
  // z ← beta z + A (h; 1; s) for a map, A in blocks of rows: one for a dense map; for a diagonal one [b ψ].
  struct Step {
    std::size_t from = 0;
    Structure form = Structure::dense;
    T beta = 0;
    Vector<T> d;
    std::vector<RowBlock<T>> blocks;
  };
  struct SpacePlan {
    Index dimension = 0;
    bool read = false;  // (h; 1; s), else h alone
    std::vector<Index> groups;
    Radial radial = Radial::tanh;
    Vector<T> o;
    std::vector<Step> steps;  // of the maps that end here, in their order
    std::size_t buffer = 0;   // where its vectors lie
  };
  void plan_map(const Network<T>& network, const Map<T>& map, T beta);
  void share_buffers(const Network<T>& network);
  [[nodiscard]] Index height(const SpacePlan& space) const;
  View<T> augmented(std::size_t space);

  Index samples_ = 0;
  std::vector<SpacePlan> spaces_;
  std::vector<Structure> forms_;    // of the maps
  std::vector<Vector<T>> buffers_;  // (h; 1; s) of a batch; z lies where h will
  Vector<T> kappa_;                 // slopes, which nobody reads
};

}  // namespace isoform
