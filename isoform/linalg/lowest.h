// The lower end of a spectrum without the rest of it. Private to linalg.
#pragma once

#include "isoform/linalg/matrix.h"

namespace isoform {

/// Eigenvectors [m × count] of the `count` smallest eigenvalues of a positive semidefinite matrix, of which the lower triangle is
/// read. A few by a block Krylov space of the inverse (Golub and Underwood 1977; Ericsson and Ruhe 1980), in which the lowest
/// come first: Cholesky's factor and some ten products with four columns. More, or where this does not converge, by
/// LAPACK's bisection. Rayleigh quotients are right to 1e-9 of themselves, and to the square of that over the gap to the others
/// where there is one: directions are mixed with such alone as are no worse. Same matrix: same bits.
Matrix<double> lowest_eigenvectors(const Matrix<double>& gram, Index count);

}  // namespace isoform
