#include "isoform/network/edit.h"

#include "isoform/base/error.h"

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

std::vector<Index> begins(const std::vector<Index>& sizes) {
  std::vector<Index> at(sizes.size() + 1, 0);
  for (std::size_t g = 0; g < sizes.size(); ++g) at[g + 1] = at[g] + sizes[g];
  return at;
}

}  // namespace

Matrix<double> transport_rows(const Edit& edit, const std::vector<Index>& groups_before,
                              const Matrix<double>& m, Transport kind, double fill) {
  const std::vector<Index> at = begins(groups_before);
  ISOFORM_ASSERT(m.rows() == at.back(), "rows of an array on an edited space");
  Matrix<double> out = Matrix<double>::Constant(edit.dimension(), m.cols(), fill);
  Index row = 0;
  for (const GroupEdit& group : edit.groups) {
    if (group.source != GroupEdit::kNew) {
      ISOFORM_ASSERT(group.source >= 0 && group.source < static_cast<Index>(groups_before.size()),
                     "the source of a group");
      const auto before = m.middleRows(at[group.source], groups_before[group.source]);
      ISOFORM_ASSERT(
          group.t.size() == 0 || (group.t.rows() == group.size && group.t.cols() == before.rows()),
          "shape of T");
      auto after = out.middleRows(row, group.size);
      if (group.t.size() == 0) {
        ISOFORM_ASSERT(group.size == before.rows(), "an unchanged group");
        after = before;
      } else if (kind == Transport::linear) {
        after.noalias() = group.t * before;
      } else {
        after.noalias() = group.t.cwiseAbs2() * before;
      }
      for (Index i = 0; fill != 0 && i < group.t.rows(); ++i) {
        if (group.t.row(i).squaredNorm() == 0) after.row(i).setConstant(fill);  // a new neuron
      }
    }
    row += group.size;
  }
  return out;
}

Matrix<double> transport_columns(const Edit& edit, const std::vector<Index>& groups_before,
                                 const Matrix<double>& m, Transport kind, double fill) {
  return transport_rows(edit, groups_before, m.transpose(), kind, fill).transpose();
}

Matrix<double> transport_gates(const Edit& edit, const Matrix<double>& m, double fill) {
  Matrix<double> out =
      Matrix<double>::Constant(m.rows(), static_cast<Index>(edit.groups.size()), fill);
  for (std::size_t g = 0; g < edit.groups.size(); ++g) {
    const Index source = edit.groups[g].source;
    if (source != GroupEdit::kNew) out.col(static_cast<Index>(g)) = m.col(source);
  }
  return out;
}

}  // namespace isoform
