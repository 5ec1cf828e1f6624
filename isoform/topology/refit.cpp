#include "isoform/topology/refit.h"

#include <fmt/format.h>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/network/moments.h"
#include "isoform/topology/diagonalise.h"

namespace isoform {

namespace {

template <class T>
Matrix<double> correction(const Network<T>& reduced, const Network<T>& original, int map,
                          Engine<T>& engine, ConstView<T> x, double ridge) {
  const Map<T>& m = reduced.map(map);
  const Index features = m.a.cols();
  const auto sums = create_engine<double>({engine.name(), engine.threads()});
  Matrix<double> gram = Matrix<double>::Zero(features, features),
                 cross = Matrix<double>::Zero(m.a.rows(), features);
  Pass<T> target;
  each_batch(reduced, engine, x, [&](Index first, Pass<T>& pass) {
    target.prepare(original, pass.samples());
    target.set_input(x.middleCols(first, pass.samples()));
    forward(original, engine, target);
    const Matrix<double> f =
        pass.augmented(reduced.reads(map)).topRows(features).template cast<double>();
    const Matrix<double> missing = target.z(original.writes(map)).template cast<double>() -
                                   pass.z(reduced.writes(map)).template cast<double>();
    sums->multiply(Op::none, f, Op::transpose, f, 1, gram);
    sums->multiply(Op::none, missing, Op::transpose, f, 1, cross);
  });
  gram.diagonal().array() += ridge * gram.diagonal().mean();
  return solve_positive(gram, cross.transpose()).transpose();
}

}  // namespace

template <class T>
Edit refit(const Network<T>& reduced, const Network<T>& original, int space, Engine<T>& engine,
           ConstView<T> x, double ridge) {
  require_hidden(reduced, space, "refit");
  if (x.cols() == 0) throw UsageError("refit: needs at least one sample, got none");
  if (!(ridge > 0))
    throw UsageError(fmt::format("refit: ridge needs to be above 0, got {}", ridge));
  Edit edit = identity_edit(space, reduced.space(space).groups);
  edit.record.kind = EditKind::refit;
  edit.record.why = fmt::format("next map refitted on {} samples", x.cols());
  for (const int id : reduced.outgoing(space)) {
    Matrix<double> delta = correction(reduced, original, id, engine, x, ridge);
    for (const RowRange& r : reduced.frozen_rows(reduced.map(id).to)) {
      delta.middleRows(r.begin, r.end - r.begin).setZero();
    }
    edit.corrections.push_back({id, std::move(delta)});
  }
  return edit;
}

#define ISOFORM_FOR_SCALAR(T) \
  template Edit refit(const Network<T>&, const Network<T>&, int, Engine<T>&, ConstView<T>, double);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
