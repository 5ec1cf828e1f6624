#include "isoform/network/initialise.h"

#include <fmt/format.h>

#include <Eigen/QR>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/base/random.h"

namespace isoform {

std::string_view initialiser_name(Initialiser initialiser) {
  switch (initialiser) {
    case Initialiser::orthogonal:
      return "orthogonal";
    case Initialiser::xavier:
      return "xavier";
    case Initialiser::kaiming:
      return "kaiming";
  }
  throw InternalError("initialiser without a name");
}

Initialiser initialiser_from_name(std::string_view name) {
  for (const auto i : {Initialiser::orthogonal, Initialiser::xavier, Initialiser::kaiming}) {
    if (initialiser_name(i) == name) return i;
  }
  throw UsageError(
      fmt::format("initialiser: '{}' is unknown; known are orthogonal, xavier, kaiming", name));
}

Matrix<double> normal_matrix(Index rows, Index cols, const Random& random) {
  return Matrix<double>::NullaryExpr(rows, cols, [&](Index i, Index j) {
    return random.normal(static_cast<std::uint64_t>(i + j * rows));
  });
}

Matrix<double> orthogonal_matrix(Index rows, Index cols, const Random& random) {
  if (rows < cols) return orthogonal_matrix(cols, rows, random).transpose();
  const Eigen::HouseholderQR<Matrix<double>> qr(normal_matrix(rows, cols, random));
  Matrix<double> q = qr.householderQ() * Matrix<double>::Identity(rows, cols);
  // Fixing the signs of R's diagonal makes Q uniform (Mezzadri 2007).
  for (Index j = 0; j < cols; ++j) {
    if (qr.matrixQR()(j, j) < 0) q.col(j) *= -1;
  }
  return q;
}

Matrix<double> initial_weights(Initialiser initialiser, Index outputs, Index inputs,
                               std::uint64_t seed, int map) {
  const Random random(seed, Purpose::initialisation, 0, static_cast<std::uint64_t>(map));
  switch (initialiser) {
    case Initialiser::orthogonal:
      return orthogonal_matrix(outputs, inputs, random);
    case Initialiser::xavier:
      return std::sqrt(2.0 / static_cast<double>(inputs + outputs)) *
             normal_matrix(outputs, inputs, random);
    case Initialiser::kaiming:
      return std::sqrt(2.0 / static_cast<double>(inputs)) * normal_matrix(outputs, inputs, random);
  }
  throw InternalError("an initialiser without weights");
}

}  // namespace isoform
