#include "isoform/train/factors.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "isoform/base/error.h"

namespace isoform {

namespace {
constexpr Index kMostSamples = 16;
constexpr Index kPeriod = 8;
}  // namespace

bool is_gathering(std::int64_t step, Index largest_group) {
  const std::int64_t period = std::max(kPeriod, largest_group / 4);
  return step < period ? std::has_single_bit(static_cast<std::uint64_t>(step)) : step % period == 0;
}

template <class T>
void Factor<T>::gather(Engine<T>& engine, Op op, ConstView<T> g, std::span<const Index> groups,
                       double fade) {
  const bool rows = op == Op::none;
  const bool first = blocks.empty();
  blocks.resize(groups.size());
  Index at = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Index n = groups[i];
    Matrix<T>& block = blocks[i];
    if (first) block.setZero(n, n);
    ISOFORM_ASSERT(block.rows() == n, "factors follow every edit");
    const ConstView<T> part =
        rows ? ConstView<T>(g.middleRows(at, n)) : ConstView<T>(g.middleCols(at, n));
    const Op other = rows ? Op::transpose : Op::none;
    engine.multiply(op, part, other, part, static_cast<T>(fade), block);
    at += n;
  }
  samples =
      fade * samples + static_cast<double>(std::min(kMostSamples, rows ? g.cols() : g.rows()));
}

template <class T>
Vector<double> Factor<T>::follow(EditTransport<T>& transport, const Vector<double>& fresh) {
  const Edit& edit = transport.edit();
  Vector<double> lambda = Vector<double>::Ones(edit.dimension());
  if (blocks.empty()) return lambda;
  double trace = 0, size = 0;
  for (const Matrix<T>& block : blocks) {
    trace += static_cast<double>(block.trace());
    size += static_cast<double>(block.rows());
  }
  const auto start = [&](Index i) {
    return static_cast<T>(trace / size * (fresh.size() > 0 ? fresh[i] : 1));
  };
  std::vector<Matrix<T>> next;
  Index row = 0;
  for (std::size_t g = 0; g < edit.groups.size(); ++g) {
    const GroupEdit& group = edit.groups[g];
    if (group.source == GroupEdit::kNew) {
      next.emplace_back(Matrix<T>::Zero(group.size, group.size));
      for (Index i = 0; i < group.size; ++i) next.back()(i, i) = start(row + i);
    } else if (group.copies()) {
      const Matrix<T>& old = blocks[static_cast<std::size_t>(group.source)];
      const Index n = old.rows();
      Matrix<T>& grown = next.emplace_back(group.size, group.size);
      grown.topLeftCorner(n, n) = old;
      grown.bottomRows(group.size - n).setZero();
      grown.rightCols(group.size - n).setZero();
      for (Index i = n; i < group.size; ++i) grown(i, i) = start(row + i);
    } else {
      const Matrix<T>& old = blocks[static_cast<std::size_t>(group.source)];
      Isometry<T>& isometry = *transport.isometry(g);
      const Matrix<T> half = isometry.times(old);
      const Matrix<T>& turned = next.emplace_back(isometry.times(half.transpose()));
      const Vector<T> level = isometry.squared_times(old.diagonal());
      for (Index i = 0; i < group.size; ++i) {
        if (isometry.is_new()[i] != 0) {
          next.back()(i, i) = start(row + i);
        } else if (level[i] > 0) {
          const double ratio = static_cast<double>(turned(i, i)) / static_cast<double>(level[i]);
          lambda[row + i] = (samples * ratio + 1) / (samples + 1);
        }
      }
    }
    row += group.size;
  }
  blocks = std::move(next);
  return lambda;
}

template struct Factor<float>;
template struct Factor<double>;

}  // namespace isoform
