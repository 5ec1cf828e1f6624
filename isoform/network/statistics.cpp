#include "isoform/network/statistics.h"

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"

namespace isoform {

template <class T>
Statistics::Statistics(const Network<T>& network) : stages_(network.stage_ids()) {
  for (const Stage& stage : network.stages()) {
    const Space<T>& s = network.space(stage.space);
    OfStage& of = stages_[stage.id];
    for (const Index size : s.groups)
      of.moments.push_back(Matrix<double>::Zero(size + 2, size + 2));
    of.z_sum = Vector<double>::Zero(s.dimension);
  }
}

bool Statistics::all_finite() const {
  return std::all_of(stages_.begin(), stages_.end(), [](const OfStage& of) {
    return std::isfinite(of.z_squares) && of.delta.allFinite() &&
           std::all_of(of.moments.begin(), of.moments.end(),
                       [](const Matrix<double>& m) { return m.allFinite(); });
  });
}

template <class T>
void Statistics::gather(const Network<T>& network, Pass<T>& pass, Gradients gradients) {
  samples_ += pass.samples();
  const bool add = gradients == Gradients::add;
  const auto put = [&](Matrix<double>& to, Index rows, const Matrix<double>& from) {
    const Index before = add ? to.cols() : 0;
    to.conservativeResize(rows, before + pass.samples());
    if (from.size() > 0) {
      to.rightCols(pass.samples()) = from;
    } else {
      to.rightCols(pass.samples()).setZero();
    }
  };
  const std::vector<int> outputs = network.outputs();
  for (const Stage& stage : network.stages()) {
    const Space<T>& s = network.space(stage.space);
    OfStage& of = stages_[stage.id];
    const bool output = std::find(outputs.begin(), outputs.end(), s.id) != outputs.end();
    const bool part = pass.takes_part(s.id);
    Matrix<double> augmented;
    if (!output) {
      if (part) augmented = pass.augmented(stage.id).template cast<double>();
      if (part && network.is_gate(s.id)) {
        augmented.topRows(s.dimension) = pass.z(s.id).template cast<double>();
      }
      put(of.probe, s.dimension + 1 + network.features(s.id), augmented);
    }
    if (network.is_given(s.id)) continue;
    Matrix<double> delta;
    if (part && pass.has_gradients()) delta = pass.delta(stage.id).template cast<double>();
    if (pass.has_gradients()) put(of.delta, s.dimension, delta);
    if (!part) continue;
    const Matrix<double> z = pass.z(stage.id).template cast<double>();
    of.samples += pass.samples();
    of.z_sum += z.rowwise().sum();
    of.z_squares += z.squaredNorm();
    Index at = 0;
    for (Index g = 0; g < s.gates(); ++g) {
      const Index n = s.groups[g];
      Matrix<double> local(n + 2, pass.samples());
      local.topRows(n) = augmented.middleRows(at, n);
      local.row(n).setOnes();
      local.row(n + 1) = augmented.row(s.dimension + 1 + g);
      of.moments[g].noalias() += local * local.transpose();
      at += n;
    }
  }
}

template <class T>
void Statistics::transport(const Network<T>& before, const Edit& edit) {
  const Space<T>& s = before.space(edit.space);
  ISOFORM_ASSERT(s.hidden(), "statistics follow edits of hidden spaces");
  OfStage& of = stages_.at(edit.space);
  // (h; 1; s) moves by diag(T, 1, 1) inside a group; a new group has h = 0 and a constant gate.
  std::vector<Matrix<double>> moments;
  const auto gates = static_cast<Index>(edit.groups.size());
  Vector<double> new_gate(gates);
  for (Index g = 0; g < gates; ++g) {
    const GroupEdit& group = edit.groups[g];
    Matrix<double> next = Matrix<double>::Zero(group.size + 2, group.size + 2);
    const Index n = group.size;
    const bool no_length = s.length_mode == LengthMode::none || edit.length.size() == 0;
    new_gate[g] = radial_gate(s.radial, no_length ? 0.0 : edit.length[g]);
    if (group.source == GroupEdit::kNew) {
      const Eigen::Vector2d tail(1, new_gate[g]);
      next.bottomRightCorner(2, 2) = static_cast<double>(samples_) * tail * tail.transpose();
    } else if (group.copies()) {
      const Matrix<double>& old = of.moments[group.source];
      const Index m = s.groups[group.source];
      next.topLeftCorner(m, m) = old.topLeftCorner(m, m);
      next.block(0, n, m, 2) = old.topRightCorner(m, 2);
      next.bottomLeftCorner(2, n) = next.topRightCorner(n, 2).transpose();
      next.bottomRightCorner(2, 2) = old.bottomRightCorner(2, 2);
    } else {
      const Matrix<double>& old = of.moments[group.source];
      const Index m = s.groups[group.source];
      const Isometry<double> isometry(group, m);
      const Matrix<double> half = isometry.times(old.topLeftCorner(m, m));
      next.topLeftCorner(n, n) = isometry.times(half.transpose());
      next.topRightCorner(n, 2) = isometry.times(old.topRightCorner(m, 2));
      next.bottomLeftCorner(2, n) = next.topRightCorner(n, 2).transpose();
      next.bottomRightCorner(2, 2) = old.bottomRightCorner(2, 2);
    }
    moments.push_back(std::move(next));
  }
  of.moments = std::move(moments);
  // What leaves takes its mean with it and not its variance, which stays as gathered.
  const double mean_before = of.z_sum.squaredNorm();
  of.z_sum = transport_rows<double>(edit, s.groups, of.z_sum);
  if (of.samples > 0) {
    of.z_squares -= (mean_before - of.z_sum.squaredNorm()) / static_cast<double>(of.samples);
  }
  if (of.probe.size() == 0) return;
  const Matrix<double> old = of.probe;
  const Index blocks = before.features(s.id) / s.gates();  // s, and ν where it is read
  of.probe.resize(edit.dimension() + 1 + blocks * gates, old.cols());
  of.probe.topRows(edit.dimension()) =
      transport_rows<double>(edit, s.groups, old.topRows(s.dimension));
  of.probe.row(edit.dimension()).setOnes();
  for (Index i = 0; i < blocks; ++i) {
    auto rows = of.probe.middleRows(edit.dimension() + 1 + i * gates, gates);
    rows = transport_gates<double>(
               edit, old.middleRows(s.dimension + 1 + i * s.gates(), s.gates()).transpose())
               .transpose();
    for (Index g = 0; g < gates; ++g) {
      if (edit.groups[g].source != GroupEdit::kNew) continue;
      rows.row(g).setConstant(i == 0 ? new_gate[g] : 1 / new_gate[g] - 1);
    }
  }
  if (of.delta.size() > 0) of.delta = transport_rows(edit, s.groups, of.delta);
}

Matrix<double> Statistics::moment(int space, Index group) const {
  ISOFORM_ASSERT(samples_ > 0, "moments are gathered before they are read");
  return stages_[space].moments[group] / static_cast<double>(samples_);
}

double Statistics::mean_gate(int space, Index group) const {
  const Matrix<double> m = moment(space, group);
  return m(m.rows() - 2, m.rows() - 1);
}

double Statistics::z_variance(int stage) const {
  ISOFORM_ASSERT(samples_ > 0, "moments are gathered before they are read");
  if (!saw(stage)) return 0;
  const auto count = static_cast<double>(stages_[stage].samples);
  return stages_[stage].z_squares / count - (stages_[stage].z_sum / count).squaredNorm();
}

#define ISOFORM_FOR_SCALAR(T)                                               \
  template Statistics::Statistics(const Network<T>&);                       \
  template void Statistics::gather(const Network<T>&, Pass<T>&, Gradients); \
  template void Statistics::transport(const Network<T>&, const Edit&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
