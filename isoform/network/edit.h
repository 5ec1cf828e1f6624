// The one way a network changes shape. Every structural change touches one hidden space and is one value:
// a partial isometry T of that space, applied to every map that touches it, and additive corrections.
//
//   incoming map   [W b ψ χ] ← T [W b ψ χ]    outgoing map   W ← W Tᵀ, ψ and χ keep, add or drop gate columns
//   then           [W b ψ χ] += correction, o += length
//
// Topology operations compute edits, networks apply them, optimisers transport their state along them.
// An edit is valid for the network it was computed from. docs/mathematics.md 2–4 and 9.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "isoform/linalg/matrix.h"

namespace isoform {

enum class EditKind { rotate, append, append_group, reduce, remove_group, refit };
std::string_view edit_kind_name(EditKind kind);

/// One group of the space after the edit, and where it comes from: T [size × size before], T Tᵀ = I or Tᵀ T = I.
struct GroupEdit {
  static constexpr Index kNew = -1;
  Index source = kNew;  // group before the edit
  Index size = 0;       // size after the edit
  /// T as a matrix; rows of zeros are new neurons. Empty, and `gone` too, with a source: the neurons there are, as they are,
  /// and behind them those that are born. Empty with kNew: a whole new group.
  Matrix<double> t = {};
  /// Or the orthonormal directions that go [size before × few]. T then is the rest of the reflections that turn them into
  /// the first coordinates: it costs few, not size, products of vectors for each column, and no basis of what stays.
  Matrix<double> gone = {};
  Index born = 0;  // without T

  /// True where T only keeps neurons and adds new ones.
  [[nodiscard]] bool copies() const { return t.size() == 0 && gone.size() == 0; }
  /// T as a matrix, for a source of so many neurons.
  [[nodiscard]] Matrix<double> matrix(Index before) const;
};

/// T of a group as what it does to arrays of a scalar: weights want double, moments of optimisers their own.
template <class S>
class Isometry {
 public:
  Isometry(const GroupEdit& group, Index before);
  /// T m [before × c] → [size × c].
  [[nodiscard]] Matrix<S> times(const Matrix<S>& m) const;
  /// (T∘T) m. Where T∘T is a whole matrix it is made by the first call and kept for the next.
  [[nodiscard]] Matrix<S> squared_times(const Matrix<S>& m);
  /// Rows of zeros.
  [[nodiscard]] const std::vector<char>& is_new() const { return new_; }

 private:
  Index size_ = 0, cut_ = 0;
  Matrix<S> t_;      // or, without it: T = the last rows of I − v yᵀ
  Matrix<S> v_, y_;  // [before × few]
  Matrix<S> squared_;
  std::vector<char> new_;
};

/// What a removed or added part does to one map beyond T: added to [W b ψ χ], in its shape after the edit, from (row, column)
/// on.
struct MapCorrection {
  int map = 0;
  Matrix<double> delta;
  Index row = 0, column = 0;
  /// The same for a map of this shape, zeros around it. It must fit in.
  [[nodiscard]] Matrix<double> whole(Index rows, Index cols) const;
  [[nodiscard]] bool fits(Index rows, Index cols) const {
    return row >= 0 && column >= 0 && row + delta.rows() <= rows && column + delta.cols() <= cols;
  }
};

/// What remains of an edit in the model file and the event log: no matrices.
struct EditRecord {
  std::int64_t step = 0;
  EditKind kind = EditKind::rotate;
  int space = 0;                 // hidden space, 1 … L−1 in a chain
  std::optional<Index> group;    // when a single group is touched
  Index before = 0, after = 0;   // width
  Index born = 0, removed = 0;   // neurons
  double score = 0;              // largest score removed, or 0
  std::optional<double> bound;   // on the output change, known beforehand
  std::optional<double> change;  // measured afterwards
  std::string why;
};

struct Edit {
  int space = 0;  // id
  std::vector<GroupEdit> groups;
  Vector<double> length;  // added to o of each group after the edit; empty: nothing
  std::vector<MapCorrection> corrections;
  EditRecord record;

  [[nodiscard]] Index dimension() const;  // after the edit
};

/// An edit that changes nothing: every group kept as it is.
Edit identity_edit(int space, const std::vector<Index>& groups);

/// How T acts on arrays that live on a space, for parameters and for the optimisers' moments alike.
enum class Transport {
  linear,   // by T: parameters, first moments
  squared,  // by T∘T: second moments under the published rule; sums are kept, spread shrinks
};

/// The T of an edit as what they do to all arrays that live on its space, made once for all of them. Where a T is more than a
/// choice, in the scalar `Work`, rounded once; else copied. The edit must outlive it.
template <class Work = double>
class EditTransport {
 public:
  EditTransport(const Edit& edit, const std::vector<Index>& groups_before);
  [[nodiscard]] const Edit& edit() const { return *edit_; }
  /// The T of a group after the edit; null where it only keeps and adds, and for new groups.
  [[nodiscard]] Isometry<Work>* isometry(std::size_t group) {
    return turning_[group] ? &*turning_[group] : nullptr;
  }
  /// Rows of m live on the space: T m. [n × c] → [n' × c]. New rows are filled with `fill`.
  template <class T>
  Matrix<T> rows(const Matrix<T>& m, Transport kind = Transport::linear, double fill = 0);
  /// Columns of m live on the space: m Tᵀ. [r × n] → [r × n'].
  template <class T>
  Matrix<T> columns(const Matrix<T>& m, Transport kind = Transport::linear, double fill = 0);

 private:
  const Edit* edit_;
  std::vector<Index> begins_;                           // of the groups before; last: all rows
  std::vector<std::optional<Isometry<Work>>> turning_;  // of groups after that turn
};

/// The same for a single array.
template <class T>
Matrix<T> transport_rows(const Edit& edit, const std::vector<Index>& groups_before,
                         const Matrix<T>& m, Transport kind = Transport::linear, double fill = 0) {
  return EditTransport<>(edit, groups_before).rows(m, kind, fill);
}
template <class T>
Matrix<T> transport_columns(const Edit& edit, const std::vector<Index>& groups_before,
                            const Matrix<T>& m, Transport kind = Transport::linear,
                            double fill = 0) {
  return EditTransport<>(edit, groups_before).columns(m, kind, fill);
}
/// Columns of m live on the gates: kept, added (= fill) or dropped. [r × H] → [r × H'].
template <class T>
Matrix<T> transport_gates(const Edit& edit, const Matrix<T>& m, double fill = 0);

}  // namespace isoform
