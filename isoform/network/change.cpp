#include "isoform/network/change.h"

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"

namespace isoform {

namespace {

double larger(double a, double b) { return std::isnan(a) || a >= b ? a : b; }

}  // namespace

template <class T>
Change measure_change(ConstView<T> before, ConstView<T> after) {
  ISOFORM_ASSERT(before.rows() == after.rows() && before.cols() == after.cols(),
                 "outputs of the same samples");
  Change change;
  const auto count = static_cast<double>(std::max<Index>(1, before.cols()));
  double squares = 0, output_squares = 0;
  for (Index j = 0; j < before.cols(); ++j) {
    const Vector<double> y = before.col(j).template cast<double>();
    const double norm = y.norm(), moved = (after.col(j).template cast<double>() - y).norm();
    const double relative = norm == 0 ? 0 : moved / norm;
    // A change that is no number is the largest there is, and stays.
    change.largest = larger(change.largest, relative);
    change.largest_absolute = larger(change.largest_absolute, moved);
    change.mean += relative / count;
    squares += moved * moved;
    output_squares += norm * norm;
  }
  change.rms = std::sqrt(squares / count);
  change.output_rms = std::sqrt(output_squares / count);
  return change;
}

template Change measure_change(ConstView<float>, ConstView<float>);
template Change measure_change(ConstView<double>, ConstView<double>);

}  // namespace isoform
