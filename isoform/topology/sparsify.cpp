#include "isoform/topology/sparsify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/shrink.h"

namespace isoform {

namespace {

// One run of sparsify(): the network, and what happens to it.
template <class T>
class Run {
 public:
  Run(Network<T>& network, const SparsePlan& plan, const SparseObserver& observer)
      : network_(network), plan_(plan), observer_(observer) {}

  Sparsified run() {
    for (const int space : network_.hidden()) {
      const int map = space - 1;  // that ends here
      const bool narrower = network_.space(space).groups != plan_.groups[map];
      const bool triangle = form(map) == Structure::triangle;
      if (narrower || (triangle && !has_form(map))) apply(turn(space, triangle));
      // Both its spaces have their final widths now, and nothing turns them afterwards.
      if (form(map) == Structure::diagonal && !has_form(map)) make_diagonal(map);
    }
    for (const Map<T>& m : network_.maps()) set_zeros(m.id);
    return std::move(result_);
  }

 private:
  [[nodiscard]] Structure form(int map) const { return plan_.forms[static_cast<std::size_t>(map)]; }

  // Whether the zeros are there already, perhaps in a form that keeps even fewer numbers.
  [[nodiscard]] bool has_form(int map) const {
    const std::vector<Index> groups = row_groups(network_, map);
    const Index inputs = network_.map(map).inputs;
    return stored_weights(structure_of(network_, map), groups, inputs) <=
           stored_weights(form(map), groups, inputs);
  }

  void say(const std::string& what) const {
    if (observer_.step) observer_.step(what);
  }

  void apply(const Edit& edit) {
    if (observer_.edit) observer_.edit(edit);
    network_.apply(edit);
    result_.records.push_back(edit.record);
  }

  // QR of each group's rows [W ψ χ], or [W ψ b] where a constant has nowhere to go: W becomes triangular, and in a
  // group with more rows than columns the last rows are zero and are cut. The columns of W come first and the
  // leading ones alone decide, unless there are more rows.
  Edit turn(int space, bool triangle) const {
    const Space<T>& s = network_.space(space);
    const auto at = static_cast<std::size_t>(space) - 1;
    const std::vector<Index>& keep = plan_.groups[at];
    Matrix<double> rows = incoming_matrix(network_, space);
    const Vector<double> bias = incoming_bias(network_, space);
    if (!plan_.before.folds[at]) {
      rows.conservativeResize(Eigen::NoChange, rows.cols() + 1);
      rows.rightCols(1) = bias;
    }
    say(s.gates() == 1 ? fmt::format("map {}: QR of {} × {}", space, s.dimension, rows.cols())
                       : fmt::format("map {}: QR of {} groups", space, s.gates()));
    std::vector<GroupScores> scores;
    for (Index g = 0; g < s.gates(); ++g) {
      scores.push_back(score_by_qr(rows.middleRows(s.begin(g), s.groups[g]),
                                   bias.segment(s.begin(g), s.groups[g])));
    }
    Edit edit = identity_edit(space, s.groups);
    if (keep != s.groups) edit = reduce(network_, space, scores, keep);
    for (Index g = 0; g < s.gates(); ++g) edit.groups[g].t = scores[g].basis.topRows(keep[g]);
    edit.record.why =
        fmt::format("sparsified: {}",
                    triangle ? fmt::format("map {} triangular", space) : "constant neurons cut");
    return edit;
  }

  // Directions of a group in which its rows are triangular; scores are lengths of rows from there on.
  static GroupScores score_by_qr(const Matrix<double>& rows, const Vector<double>& bias) {
    const Index n = rows.rows(), columns = std::min(n, rows.cols());
    const FullQr qr = full_qr(rows.leftCols(columns));
    GroupScores scores;
    scores.basis = qr.q.transpose();
    scores.constant = scores.basis * bias;
    scores.spread = Vector<double>::Zero(n);
    scores.score = Vector<double>::Zero(n);
    double longest = 0;
    for (Index i = n; i-- > 0;) {
      longest = std::max(longest, qr.r.row(i).norm());
      scores.score[i] = longest;
    }
    scores.counted = n;
    return scores;
  }

  void make_diagonal(int map) {
    const Map<T>& m = network_.map(map);
    say(fmt::format("map {}: singular vectors of {} × {}", map + 1, m.a.rows(), m.inputs));
    auto [read, write] = rotate_full(network_, map);
    for (Edit* edit : {&read, &write}) {
      edit->record.why = fmt::format("sparsified: map {} diagonal", map + 1);
      apply(*edit);
    }
  }

  // What is set to zero is rounding: of T, which a rotation in two steps has passed through, grown by sums over
  // rows and columns.
  void set_zeros(int map) {
    const auto scale = static_cast<double>(network_.map(map).weight().norm());
    const auto zeroed = static_cast<double>(impose_structure(network_, map, form(map)));
    if (zeroed == 0) return;
    const double relative = zeroed / scale;
    const auto size =
        static_cast<double>(std::max(network_.map(map).a.rows(), network_.map(map).inputs));
    const double rounding =
        static_cast<double>(std::numeric_limits<T>::epsilon()) * 16 * std::sqrt(size);
    ISOFORM_ASSERT(relative <= rounding, "what sparsification sets to zero is rounding");
    result_.largest_zeroed = std::max(result_.largest_zeroed, relative);
  }

  Network<T>& network_;
  const SparsePlan& plan_;
  const SparseObserver& observer_;
  Sparsified result_;
};

}  // namespace

template <class T>
Sparsified sparsify(Network<T>& network, const SparsePlan& plan, const SparseObserver& observer) {
  ISOFORM_ASSERT(sparse_shape(network) == plan.before, "a plan for this network's shape");
  return Run<T>(network, plan, observer).run();
}

template Sparsified sparsify(Network<float>&, const SparsePlan&, const SparseObserver&);
template Sparsified sparsify(Network<double>&, const SparsePlan&, const SparseObserver&);

}  // namespace isoform
