#include "isoform/network/equivariance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "isoform/activation/radial.h"
#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/network/initialise.h"

namespace isoform {

namespace {

// Of Purpose::rotation, beyond those of spaces and of elements (symmetry.cpp).
constexpr std::uint64_t kPointIds = std::uint64_t{1} << 33;

// f's answer, refused unless it has the shape of z.
Matrix<double> values_of(const VectorFunction& f, const Matrix<double>& z) {
  Matrix<double> y = f(z);
  if (y.rows() != z.rows() || y.cols() != z.cols()) {
    throw UsageError(
        fmt::format("symmetry: the function needs to give a column for each column, [{} × {}], and "
                    "gave [{} × {}]",
                    z.rows(), z.cols(), y.rows(), y.cols()));
  }
  return y;
}

}  // namespace

template <class T>
VectorFunction activation_of(const Space<T>& space, Engine<T>& engine) {
  if (!space.hidden()) {
    throw UsageError(fmt::format("activation: space {} ({}) has no gates; choose a hidden space",
                                 space.id, space.name));
  }
  std::vector<T> o;
  for (Index g = 0; g < space.gates(); ++g) o.push_back(space.o(g));
  return [space, o, &engine](const Matrix<double>& in) -> Matrix<double> {
    if (in.rows() != space.dimension) {
      throw UsageError(fmt::format("activation: space {} needs vectors of {}, got {}", space.id,
                                   space.dimension, in.rows()));
    }
    const Matrix<T> z = in.cast<T>();
    Matrix<T> h(z.rows(), z.cols()), s(space.gates(), z.cols()), kappa(space.gates(), z.cols());
    engine.gate_forward({space.groups, radial_function<T>(space.radial)}, z, o, h, s, kappa);
    return h.template cast<double>();
  };
}

void CommutationSettings::validate() const {
  if (elements < 1 || points < 1 || !(scale > 0) || !std::isfinite(scale)) {
    throw UsageError(fmt::format(
        "commutation: needs at least one element, one point and a scale above 0, got {}, {} and {}",
        elements, points, scale));
  }
}

double commutation_error(const VectorFunction& f, const Symmetry& symmetry,
                         const CommutationSettings& settings) {
  settings.validate();
  const Random random(settings.seed, Purpose::rotation, 0, kPointIds);
  const Random size(settings.seed, Purpose::rotation, 1, kPointIds);
  Matrix<double> z = normal_matrix(symmetry.dimension(), settings.points, random);
  for (Index j = 0; j < z.cols(); ++j) {
    z.col(j) *=
        settings.scale * std::pow(10.0, 2 * size.uniform(static_cast<std::uint64_t>(j)) - 1);
  }
  const Matrix<double> fz = values_of(f, z);
  const bool all = symmetry.order() <= static_cast<double>(settings.elements);
  const Index count = all ? static_cast<Index>(symmetry.order()) : settings.elements;
  double worst = 0;
  for (Index i = 0; i < count; ++i) {
    const Matrix<double> r = all ? symmetry.element(static_cast<std::uint64_t>(i))
                                 : symmetry.sample(settings.seed, static_cast<std::uint32_t>(i));
    const Matrix<double> here = values_of(f, r * z), there = r * fz;
    for (Index j = 0; j < z.cols(); ++j) {
      const double error = (here.col(j) - there.col(j)).norm();
      if (error == 0) continue;
      const double relative = error / std::max(here.col(j).norm(), there.col(j).norm());
      if (std::isnan(relative)) return relative;
      worst = std::max(worst, relative);
    }
  }
  return worst;
}

void ProjectionSettings::validate() const {
  if (samples >= 2 && samples <= std::numeric_limits<std::int32_t>::max()) return;
  throw UsageError(fmt::format("projection: needs 2 to {} samples, got {}",
                               std::numeric_limits<std::int32_t>::max(), samples));
}

namespace {

constexpr Index kFewestReplicates = 16;  // what the standard error is estimated from, at least

Matrix<double> mean_over_all(const VectorFunction& f, const Symmetry& symmetry,
                             const Matrix<double>& z) {
  Matrix<double> sum = Matrix<double>::Zero(z.rows(), z.cols());
  const auto count = static_cast<std::uint64_t>(symmetry.order());
  for (std::uint64_t i = 0; i < count; ++i) {
    const Matrix<double> r = symmetry.element(i);
    sum.noalias() += r.transpose() * values_of(f, r * z);
  }
  return sum / static_cast<double>(count);
}

// One element's share of the mean. O(n) factors take the columns of R and their opposites in turn as directions
// u; the others, R itself.
Matrix<double> replicate(const VectorFunction& f, const Symmetry& symmetry, const Matrix<double>& z,
                         const Matrix<double>& lengths, Index axes, const Matrix<double>& r) {
  Matrix<double> sum = Matrix<double>::Zero(z.rows(), z.cols()), x(z.rows(), z.cols());
  const auto for_factors = [&](const auto& orthogonal, const auto& discrete) {
    Index at = 0, row = 0;
    for (const SymmetryFactor& factor : symmetry.factors()) {
      const Index n = factor.size;
      if (factor.kind == SymmetryKind::orthogonal) {
        orthogonal(at, n, row);
      } else {
        discrete(at, n);
      }
      at += n;
      ++row;
    }
  };
  const Index evaluations = std::max(Index{1}, 2 * axes);
  for (Index k = 0; k < evaluations; ++k) {
    const auto direction = [&](Index at, Index n) -> Vector<double> {
      return (k % 2 == 0 ? 1.0 : -1.0) * r.block(at, at + k / 2 % n, n, 1);
    };
    for_factors([&](Index at, Index n,
                    Index row) { x.middleRows(at, n) = direction(at, n) * lengths.row(row); },
                [&](Index at, Index n) {
                  x.middleRows(at, n) = r.block(at, at, n, n) * z.middleRows(at, n);
                });
    const Matrix<double> y = values_of(f, x);
    for_factors(
        [&](Index at, Index n, Index row) {
          const Vector<double> along = y.middleRows(at, n).transpose() * direction(at, n);
          for (Index j = 0; j < z.cols(); ++j) {
            if (lengths(row, j) == 0) continue;  // what commutes is 0 at 0
            sum.block(at, j, n, 1) += along[j] / lengths(row, j) * z.block(at, j, n, 1);
          }
        },
        [&](Index at, Index n) {
          sum.middleRows(at, n) += r.block(at, at, n, n).transpose() * y.middleRows(at, n);
        });
  }
  return sum / static_cast<double>(evaluations);
}

}  // namespace

Projection project_at(const VectorFunction& f, const Symmetry& symmetry, const Matrix<double>& z,
                      const ProjectionSettings& settings) {
  settings.validate();
  if (z.rows() != symmetry.dimension()) {
    throw UsageError(fmt::format("projection: {} acts on vectors of {}, got points of {}",
                                 symmetry.name(), symmetry.dimension(), z.rows()));
  }
  Projection out;
  out.error = Matrix<double>::Zero(z.rows(), z.cols());
  if (symmetry.order() <= static_cast<double>(settings.samples)) {
    out.value = mean_over_all(f, symmetry, z);
    return out;
  }
  Matrix<double> lengths(static_cast<Index>(symmetry.factors().size()), z.cols());
  Index axes = 0, at = 0, row = 0;  // axes: the largest n of the O(n), 0 without one
  for (const SymmetryFactor& factor : symmetry.factors()) {
    lengths.row(row++) = z.middleRows(at, factor.size).colwise().norm();
    at += factor.size;
    if (factor.kind == SymmetryKind::orthogonal) axes = std::max(axes, factor.size);
  }
  const Index evaluations = std::max(Index{1}, 2 * axes);
  const Index count = std::max(kFewestReplicates, (settings.samples - 1) / evaluations + 1);
  // Running mean and squares (Welford).
  out.value = Matrix<double>::Zero(z.rows(), z.cols());
  for (Index i = 0; i < count; ++i) {
    const Matrix<double> one =
        replicate(f, symmetry, z, lengths, axes,
                  symmetry.sample(settings.seed, static_cast<std::uint32_t>(i)));
    const Matrix<double> step = one - out.value;
    out.value += step / static_cast<double>(i + 1);
    out.error.array() += step.array() * (one - out.value).array();
  }
  out.error = (out.error / static_cast<double>((count - 1) * count)).cwiseAbs().cwiseSqrt();
  return out;
}

VectorFunction project(VectorFunction f, const Symmetry& symmetry,
                       const ProjectionSettings& settings) {
  settings.validate();
  return [f = std::move(f), symmetry, settings](const Matrix<double>& z) {
    return project_at(f, symmetry, z, settings).value;
  };
}

template VectorFunction activation_of(const Space<float>&, Engine<float>&);
template VectorFunction activation_of(const Space<double>&, Engine<double>&);

}  // namespace isoform
