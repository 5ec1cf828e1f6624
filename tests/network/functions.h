// Functions on vectors that tests of symmetry look at.
#pragma once

#include <vector>

#include "isoform/network/equivariance.h"
#include "tests/support/dice.h"

namespace isoform::testing {

using Sizes = std::vector<Index>;

template <class T>
Space<T> space_of(const Sizes& groups, Radial radial, const std::vector<double>& o) {
  Space<T> space;
  space.id = 1;
  space.groups = groups;
  for (const Index size : groups) space.dimension += size;
  space.radial = radial;
  space.length_mode = LengthMode::constant;
  space.length = Vector<T>::Zero(space.gates());
  for (Index g = 0; g < space.gates(); ++g) {
    space.set_o(g, o[static_cast<std::size_t>(g) % o.size()]);
  }
  return space;
}

// The activation of a space of this library, in double.
inline VectorFunction gates_of(const Sizes& groups, const std::vector<double>& o = {0},
                               Radial radial = Radial::tanh) {
  static const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  return activation_of(space_of<double>(groups, radial, o), *engine);
}

inline Matrix<double> tanh_of(const Matrix<double>& z) { return z.array().tanh(); }

// Commutes with nothing but the identity: a polynomial of degree three with random coefficients, made bounded.
inline VectorFunction arbitrary(Index n, std::uint64_t seed) {
  Dice dice(seed, 5);
  const Matrix<double> a = dice.normals(n, n), b = dice.normals(n, n), c = dice.normals(n, n);
  return [a, b, c](const Matrix<double>& z) -> Matrix<double> {
    const Matrix<double> cube = (b * z).array() * (c * z).array() * z.array();
    const Matrix<double> square = (c * z).array() * (a * z).array();
    return (a * z + 0.5 * cube + square).array().sin();
  };
}

}  // namespace isoform::testing
