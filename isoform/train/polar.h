// The orthogonal factor of a matrix, roughly and fast: the direction of Muon. docs/mathematics.md 7.
#pragma once

#include "isoform/linalg/engine.h"

namespace isoform {

/// P(M): five steps X ← aX + (bA + cA²)X, A = XXᵀ, from X = M/‖M‖ (Frobenius), with the a, b, c of Jordan et al. 2024
/// (Muon), which bring singular values above about 1/500 of the norm between 0.7 and 1.2. P(QMRᵀ) = Q P(M) Rᵀ for all
/// orthogonal Q, R. Rows and columns of zeros stay so; P(0) = 0.
///
/// The steps are taken on the smaller of MMᵀ, MᵀM: for sides n ≤ m, 2n²m + 18n³ multiply–adds.
template <class T>
Matrix<T> polar_factor(Engine<T>& engine, const Matrix<T>& m);

}  // namespace isoform
