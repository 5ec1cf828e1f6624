#include "isoform/network/edit.h"

#include <Eigen/QR>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/linalg/product.h"

namespace isoform {

std::string_view edit_kind_name(EditKind kind) {
  switch (kind) {
    case EditKind::rotate:
      return "rotate";
    case EditKind::append:
      return "append";
    case EditKind::append_group:
      return "append_group";
    case EditKind::reduce:
      return "reduce";
    case EditKind::remove_group:
      return "remove_group";
    case EditKind::refit:
      return "refit";
  }
  throw InternalError("edit kind without a name");
}

Matrix<double> MapCorrection::whole(Index rows, Index cols) const {
  ISOFORM_ASSERT(fits(rows, cols), "shape of a correction");
  Matrix<double> all = Matrix<double>::Zero(rows, cols);
  all.block(row, column, delta.rows(), delta.cols()) = delta;
  return all;
}

Index Edit::dimension() const {
  Index sum = 0;
  for (const GroupEdit& group : groups) sum += group.size;
  return sum;
}

Edit identity_edit(int space, const std::vector<Index>& groups) {
  Edit edit;
  edit.space = space;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    edit.groups.push_back({static_cast<Index>(g), groups[g], {}});
  }
  edit.record.space = space;
  for (const Index size : groups) edit.record.before += size;
  edit.record.after = edit.record.before;
  return edit;
}

namespace {

bool fits(const GroupEdit& group, Index before) {
  if (group.t.size() > 0) return group.t.rows() == group.size && group.t.cols() == before;
  return group.gone.rows() == before && group.gone.cols() + group.size == before;
}

}  // namespace

Matrix<double> GroupEdit::matrix(Index before) const {
  if (t.size() > 0) return t;
  if (copies()) return Matrix<double>::Identity(size, before);
  return Isometry<double>(*this, before).times(Matrix<double>::Identity(before, before));
}

// Householder's QR of what goes: its reflections take the directions to the first coordinates, up to signs. In the
// compact form of Schreiber and Van Loan 1989, H₁ … H_k = I − V S Vᵀ, so that T = [0 I] (I − V Sᵀ Vᵀ).
template <class S>
Isometry<S>::Isometry(const GroupEdit& group, Index before) : size_(group.size) {
  ISOFORM_ASSERT(group.copies() || fits(group, before), "shape of T");
  if (group.gone.size() == 0) {
    t_ = group.matrix(before).template cast<S>();
    for (Index i = 0; i < size_; ++i) new_.push_back(t_.row(i).squaredNorm() == 0 ? 1 : 0);
    return;
  }
  cut_ = group.gone.cols();
  new_.assign(static_cast<std::size_t>(size_), 0);
  const Eigen::HouseholderQR<Matrix<double>> qr(group.gone);
  Matrix<double> v = qr.matrixQR().triangularView<Eigen::StrictlyLower>();
  v.diagonal().setOnes();
  Matrix<double> s = Matrix<double>::Zero(cut_, cut_);
  for (Index k = 0; k < cut_; ++k) {
    const double tau = qr.hCoeffs()[k];
    s(k, k) = tau;
    if (k > 0)
      s.col(k).head(k) = -tau * (s.topLeftCorner(k, k) * (v.leftCols(k).transpose() * v.col(k)));
  }
  y_ = (v * s).template cast<S>();
  v_ = v.template cast<S>();
}

template <class S>
Matrix<S> Isometry<S>::times(const Matrix<S>& m) const {
  if (t_.size() > 0) return product(Op::none, t_, Op::none, m);
  return m.bottomRows(size_) -
         product(Op::none, v_.bottomRows(size_), Op::none, product(Op::transpose, y_, Op::none, m));
}

// T_ij = δ_{i+cut,j} − Σ_a v_ia y_ja, so T_ij² is diagonal but for (Σ_a v_ia y_ja)², a sum over pairs of a.
template <class S>
Matrix<S> Isometry<S>::squared_times(const Matrix<S>& m) {
  const Index pairs = cut_ * (cut_ + 1) / 2;
  if (t_.size() > 0 || 2 * pairs >= m.rows()) {
    if (squared_.size() == 0) {
      squared_ = (t_.size() > 0 ? t_ : times(Matrix<S>::Identity(m.rows(), m.rows()))).cwiseAbs2();
    }
    return product(Op::none, squared_, Op::none, m);
  }
  const auto v = v_.bottomRows(size_);
  const Vector<S> diagonal =
      Vector<S>::Ones(size_) - S(2) * v.cwiseProduct(y_.bottomRows(size_)).rowwise().sum();
  Matrix<S> left(size_, pairs), right(m.rows(), pairs);
  Index at = 0;
  for (Index a = 0; a < cut_; ++a) {
    for (Index b = 0; b <= a; ++b, ++at) {
      left.col(at) = S(a == b ? 1 : 2) * v.col(a).cwiseProduct(v.col(b));
      right.col(at) = y_.col(a).cwiseProduct(y_.col(b));
    }
  }
  return diagonal.asDiagonal() * m.bottomRows(size_) +
         product(Op::none, left, Op::none, product(Op::transpose, right, Op::none, m));
}

namespace {

template <class S>
Matrix<S> apply(Isometry<S>& isometry, Transport kind, const Matrix<S>& m) {
  return kind == Transport::linear ? isometry.times(m) : isometry.squared_times(m);
}

}  // namespace

template <class Work>
EditTransport<Work>::EditTransport(const Edit& edit, const std::vector<Index>& groups_before)
    : edit_(&edit), begins_(groups_before.size() + 1, 0), turning_(edit.groups.size()) {
  std::partial_sum(groups_before.begin(), groups_before.end(), begins_.begin() + 1);
  for (std::size_t g = 0; g < edit.groups.size(); ++g) {
    const GroupEdit& group = edit.groups[g];
    if (group.source == GroupEdit::kNew) continue;
    ISOFORM_ASSERT(group.source >= 0 && group.source < static_cast<Index>(groups_before.size()),
                   "the source of a group");
    const Index n = groups_before[group.source];
    ISOFORM_ASSERT(group.copies() ? group.size == n + group.born : fits(group, n), "shape of T");
    if (!group.copies()) turning_[g].emplace(group, n);
  }
}

template <class Work>
template <class T>
Matrix<T> EditTransport<Work>::rows(const Matrix<T>& m, Transport kind, double fill) {
  ISOFORM_ASSERT(m.rows() == begins_.back(), "rows of an array on an edited space");
  Matrix<T> out(edit_->dimension(), m.cols());
  Index row = 0;
  for (std::size_t g = 0; g < edit_->groups.size(); ++g) {
    const GroupEdit& group = edit_->groups[g];
    auto after = out.middleRows(row, group.size);
    row += group.size;
    if (group.source == GroupEdit::kNew) {
      after.setConstant(T(fill));
      continue;
    }
    const Index n = begins_[group.source + 1] - begins_[group.source];
    const auto before = m.middleRows(begins_[group.source], n);
    if (!turning_[g]) {
      after.topRows(n) = before;
      after.bottomRows(group.size - n).setConstant(T(fill));
      continue;
    }
    after = apply<Work>(*turning_[g], kind, before.template cast<Work>()).template cast<T>();
    for (Index i = 0; fill != 0 && i < group.size; ++i) {
      if (turning_[g]->is_new()[i] != 0) after.row(i).setConstant(T(fill));
    }
  }
  return out;
}

template <class Work>
template <class T>
Matrix<T> EditTransport<Work>::columns(const Matrix<T>& m, Transport kind, double fill) {
  ISOFORM_ASSERT(m.cols() == begins_.back(), "columns of an array on an edited space");
  Matrix<T> out(m.rows(), edit_->dimension());
  Index column = 0;
  for (std::size_t g = 0; g < edit_->groups.size(); ++g) {
    const GroupEdit& group = edit_->groups[g];
    auto after = out.middleCols(column, group.size);
    column += group.size;
    if (group.source == GroupEdit::kNew) {
      after.setConstant(T(fill));
      continue;
    }
    const Index n = begins_[group.source + 1] - begins_[group.source];
    const auto before = m.middleCols(begins_[group.source], n);
    if (!turning_[g]) {
      after.leftCols(n) = before;
      after.rightCols(group.size - n).setConstant(T(fill));
      continue;
    }
    after = apply<Work>(*turning_[g], kind, before.transpose().template cast<Work>())
                .transpose()
                .template cast<T>();
    for (Index i = 0; fill != 0 && i < group.size; ++i) {
      if (turning_[g]->is_new()[i] != 0) after.col(i).setConstant(T(fill));
    }
  }
  return out;
}

template <class T>
Matrix<T> transport_gates(const Edit& edit, const Matrix<T>& m, double fill) {
  Matrix<T> out =
      Matrix<T>::Constant(m.rows(), static_cast<Index>(edit.groups.size()), static_cast<T>(fill));
  for (std::size_t g = 0; g < edit.groups.size(); ++g) {
    const Index source = edit.groups[g].source;
    if (source != GroupEdit::kNew) out.col(static_cast<Index>(g)) = m.col(source);
  }
  return out;
}

#define ISOFORM_FOR_SCALARS(T, Work)                                                 \
  template Matrix<T> EditTransport<Work>::rows(const Matrix<T>&, Transport, double); \
  template Matrix<T> EditTransport<Work>::columns(const Matrix<T>&, Transport, double);
ISOFORM_FOR_SCALARS(float, double)
ISOFORM_FOR_SCALARS(float, float)
ISOFORM_FOR_SCALARS(double, double)
#undef ISOFORM_FOR_SCALARS
template class EditTransport<float>;
template class EditTransport<double>;
template class Isometry<float>;
template class Isometry<double>;
template Matrix<float> transport_gates(const Edit&, const Matrix<float>&, double);
template Matrix<double> transport_gates(const Edit&, const Matrix<double>&, double);

}  // namespace isoform
