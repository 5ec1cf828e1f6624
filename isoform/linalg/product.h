// Products outside of any engine, for edits and decompositions: on the thread that asks.
#pragma once

#include "isoform/linalg/engine.h"

namespace isoform {

/// op(A) op(B). Throws nothing; shapes must fit.
Matrix<double> product(Op op_a, ConstView<double> a, Op op_b, ConstView<double> b);
Matrix<float> product(Op op_a, ConstView<float> a, Op op_b, ConstView<float> b);

}  // namespace isoform
