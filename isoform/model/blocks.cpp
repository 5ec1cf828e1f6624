#include "isoform/model/blocks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/model/tasks.h"

namespace isoform {

namespace {

// New names beside those there are. `what` begins messages: "outputs of task 'digits'".
void require_new(const std::string& what, const std::vector<std::string>& there,
                 const std::vector<std::string>& names) {
  if (names.empty()) throw UsageError(fmt::format("{}: need at least one name, got none", what));
  std::set<std::string> taken(there.begin(), there.end());
  for (const std::string& name : names) {
    require_name(what, name);
    if (!taken.insert(name).second) {
      throw UsageError(fmt::format("{}: '{}' is taken; choose another name", what, name));
    }
  }
}

std::vector<Index> places_of(const std::string& what, const std::vector<std::string>& there,
                             const std::vector<std::string>& names) {
  std::vector<Index> places;
  for (const std::string& name : names) {
    const auto found = std::find(there.begin(), there.end(), name);
    if (found == there.end()) {
      throw UsageError(fmt::format("{}: '{}' is unknown; there are {}{}", what, name,
                                   fmt::join(there, ", "), did_you_mean(name, there)));
    }
    places.push_back(found - there.begin());
  }
  return places;
}

// The positions below n that are not among `gone`. Throws unless these are positions, each said once, and not all.
std::vector<Index> others(const std::string& what, Index n, const std::vector<Index>& gone) {
  if (gone.empty()) throw UsageError(fmt::format("{}: need at least one to remove", what));
  std::vector<char> stays(static_cast<std::size_t>(n), 1);
  for (const Index i : gone) {
    if (i < 0 || i >= n) {
      throw UsageError(
          fmt::format("{}: position {} is out of range; there are 0 to {}", what, i, n - 1));
    }
    if (stays[i] == 0) {
      throw UsageError(fmt::format("{}: position {} is said twice; say it once", what, i));
    }
    stays[i] = 0;
  }
  std::vector<Index> left;
  for (Index i = 0; i < n; ++i) {
    if (stays[i] != 0) left.push_back(i);
  }
  if (left.empty()) {
    throw UsageError(fmt::format("{}: all {} would go, and one must stay", what, n));
  }
  return left;
}

template <class Value>
std::vector<Value> select(const std::vector<Value>& list, const std::vector<Index>& places) {
  std::vector<Value> out;
  for (const Index i : places) out.push_back(list[static_cast<std::size_t>(i)]);
  return out;
}

std::vector<Index> first_places(Index count) {
  std::vector<Index> places(static_cast<std::size_t>(count));
  std::iota(places.begin(), places.end(), Index{0});
  return places;
}

// One part whose coordinates are those before at `sources`; a source beyond them is new.
Edit reselect(int space, Index before, const std::vector<Index>& sources) {
  Edit edit = identity_edit(space, {before});
  const auto after = static_cast<Index>(sources.size());
  edit.groups.front().size = after;
  const auto stays = std::min(before, after);
  if (after < before ||
      !std::equal(sources.begin(), sources.begin() + stays, first_places(stays).begin())) {
    edit.groups.front().t = Matrix<double>::Zero(after, before);
    for (Index i = 0; i < after; ++i) {
      if (sources[i] < before) edit.groups.front().t(i, sources[i]) = 1;
    }
  }
  if (edit.groups.front().copies()) edit.groups.front().born = after - before;
  edit.record.kind = after > before ? EditKind::append : EditKind::reduce;
  edit.record.after = after;
  edit.record.born = std::max<Index>(0, after - before);
  edit.record.removed = std::max<Index>(0, before - after);
  return edit;
}

template <class T>
void apply(Model<T>& model, const Edit& edit, const BeforeApply& before_apply) {
  if (before_apply) before_apply(edit);
  model.network.apply(edit);
}

// True where nobody runs the network with this input absent.
template <class T>
bool always_read(const Model<T>& model, const std::string& input) {
  return std::all_of(model.tasks.begin(), model.tasks.end(), [&](const Task& task) {
    return task.inputs.empty() ||
           std::find(task.inputs.begin(), task.inputs.end(), input) != task.inputs.end();
  });
}

template <class T>
void refuse_if_frozen(const Network<T>& network, int input, const std::string& what,
                      const std::vector<Index>& gone) {
  for (const int id : network.outgoing(input)) {
    const Map<T>& m = network.map(id);
    for (const RowRange& r : network.frozen_rows(m.to)) {
      for (const Index j : gone) {
        if (m.a.col(j).segment(r.begin, r.end - r.begin).isZero(0)) continue;
        throw UsageError(fmt::format("{}: '{}' is frozen and reads what would go; thaw it first",
                                     what, network.space(m.to).name));
      }
    }
  }
}

}  // namespace

template <class T>
void append_outputs(Model<T>& model, std::string_view task, const std::vector<std::string>& names,
                    const BeforeApply& before_apply) {
  const std::size_t index = model.task_index(task);
  std::vector<std::string>& outputs = model.tasks[index].outputs;
  require_new(fmt::format("outputs of task '{}'", task), outputs, names);
  const int space = model.network.outputs()[index];
  const Index before = model.network.space(space).dimension;
  const Index after = before + static_cast<Index>(names.size());
  apply(model, reselect(space, before, first_places(after)), before_apply);
  outputs.insert(outputs.end(), names.begin(), names.end());
}

template <class T>
void remove_outputs(Model<T>& model, std::string_view task, const std::vector<std::string>& names,
                    const BeforeApply& before_apply) {
  const std::size_t index = model.task_index(task);
  std::vector<std::string>& outputs = model.tasks[index].outputs;
  const std::string what = fmt::format("outputs of task '{}'", task);
  const int space = model.network.outputs()[index];
  const Index before = model.network.space(space).dimension;
  const std::vector<Index> kept = others(what, before, places_of(what, outputs, names));
  apply(model, reselect(space, before, kept), before_apply);
  outputs = select(outputs, kept);
}

template <class T>
void rename_output(Model<T>& model, std::string_view task, std::string_view name,
                   const std::string& to) {
  std::vector<std::string>& outputs = model.tasks[model.task_index(task)].outputs;
  const std::string what = fmt::format("outputs of task '{}'", task);
  const Index place = places_of(what, outputs, {std::string(name)}).front();
  if (name != to) require_new(what, outputs, {to});
  outputs[static_cast<std::size_t>(place)] = to;
}

template <class T>
void name_features(Model<T>& model, std::string_view input) {
  const std::size_t index = model.input_index(input);
  std::vector<std::string>& features = model.inputs[index].features;
  if (!features.empty()) return;
  const Index count = model.network.space(model.network.inputs()[index]).dimension;
  for (Index i = 0; i < count; ++i) features.push_back(std::to_string(i));
}

template <class T>
void append_features(Model<T>& model, std::string_view input, const std::vector<std::string>& names,
                     const Vector<double>& mean, const Vector<double>& deviation,
                     const BeforeApply& before_apply) {
  const std::size_t index = model.input_index(input);
  const std::string what = fmt::format("features of input '{}'", input);
  const int space = model.network.inputs()[index];
  const Index before = model.network.space(space).dimension;
  const auto count = static_cast<Index>(names.size());
  std::vector<std::string> features = model.inputs[index].features;
  if (features.empty()) {
    for (Index i = 0; i < before; ++i) features.push_back(std::to_string(i));
  }
  require_new(what, features, names);
  ISOFORM_ASSERT(mean.size() == count && deviation.size() == count,
                 "a mean and a deviation for each feature");
  if (!mean.allFinite()) throw UsageError(fmt::format("{}: mean needs to be finite", what));
  if (!deviation.allFinite() || deviation.minCoeff() < 0) {
    throw UsageError(fmt::format("{}: deviation needs to be finite and 0 or more", what));
  }
  features.insert(features.end(), names.begin(), names.end());

  const Index at = model.rows_of_input(space).end;
  apply(model, reselect(space, before, first_places(before + count)), before_apply);
  Model<T> block;  // the transform of what is new
  block.set_transform(mean, deviation);
  const auto insert = [&](Vector<T>& to, const Vector<T>& what_comes) {
    Vector<T> longer(to.size() + count);
    longer << to.head(at), what_comes, to.tail(to.size() - at);
    to = longer;
  };
  insert(model.mean, block.mean);
  insert(model.scale, block.scale);
  model.inputs[index].features = std::move(features);
  model.image_rows = model.image_cols = 0;
}

template <class T>
FeatureRemoval remove_features(Model<T>& model, std::string_view input,
                               const std::vector<Index>& positions, ConstView<T> x,
                               const BeforeApply& before_apply) {
  const std::size_t index = model.input_index(input);
  const std::string what = fmt::format("features of input '{}'", input);
  Network<T>& network = model.network;
  const int space = network.inputs()[index];
  const Index before = network.space(space).dimension, offset = model.rows_of_input(space).begin;
  const std::vector<Index> kept = others(what, before, positions);
  refuse_if_frozen(network, space, what, positions);
  ISOFORM_ASSERT(x.cols() == 0 || x.rows() == network.widths().front(),
                 "samples of all inputs one below the other");

  const bool constant = always_read(model, model.inputs[index].name);
  const ConstView<T> rows = x.middleRows(std::min(offset, x.rows()), x.cols() == 0 ? 0 : before);
  const FeaturePrediction p = predict_features<T>(rows, kept, positions, constant);
  FeatureRemoval removal = foresee_removal<T>(network, space, rows, kept, positions, p);
  Edit edit = reselect(space, before, kept);
  // β₀ goes where the bias counts: in this map, or in another into the same space.
  std::vector<std::pair<int, Vector<double>>> elsewhere;
  for (const int id : network.outgoing(space)) {
    const Map<T>& m = network.map(id);
    const Matrix<double> columns = m.a(Eigen::all, positions).template cast<double>();
    const Vector<double> bias = columns * p.constant;
    Matrix<double> delta = Matrix<double>::Zero(m.a.rows(), p.b.cols() + 1);
    delta.leftCols(p.b.cols()) = columns * p.b;
    if (network.carries_bias(id)) delta.rightCols(1) = bias;
    edit.corrections.push_back({id, std::move(delta)});
    for (const Map<T>& other : network.maps()) {
      if (other.id == id || network.writes(other.id) != network.writes(id) ||
          other.factors != m.factors)
        continue;
      if (network.carries_bias(other.id)) elsewhere.emplace_back(other.id, bias);
    }
  }
  apply(model, edit, before_apply);
  for (const auto& [id, bias] : elsewhere) {
    auto own = network.map(id).bias();
    own = (own.template cast<double>() + bias).template cast<T>();
  }

  const auto drop = [&](Vector<T>& from) {
    std::vector<Index> places = first_places(offset);
    for (const Index i : kept) places.push_back(offset + i);
    for (Index i = offset + before; i < from.size(); ++i) places.push_back(i);
    from = from(places).eval();
  };
  drop(model.mean);
  drop(model.scale);
  std::vector<std::string>& features = model.inputs[index].features;
  if (!features.empty()) features = select(features, kept);
  model.image_rows = model.image_cols = 0;
  return removal;
}

template <class T>
std::vector<Index> feature_positions(const Model<T>& model, std::string_view input,
                                     const std::vector<std::string>& names) {
  const std::size_t index = model.input_index(input);
  const std::string what = fmt::format("features of input '{}'", input);
  const std::vector<std::string>& features = model.inputs[index].features;
  if (features.empty()) {
    throw UsageError(fmt::format("{}: have no names; give positions from 0", what));
  }
  return places_of(what, features, names);
}

#define ISOFORM_FOR_SCALAR(T)                                                                      \
  template void name_features(Model<T>&, std::string_view);                                        \
  template void append_outputs(Model<T>&, std::string_view, const std::vector<std::string>&,       \
                               const BeforeApply&);                                                \
  template void remove_outputs(Model<T>&, std::string_view, const std::vector<std::string>&,       \
                               const BeforeApply&);                                                \
  template void rename_output(Model<T>&, std::string_view, std::string_view, const std::string&);  \
  template void append_features(Model<T>&, std::string_view, const std::vector<std::string>&,      \
                                const Vector<double>&, const Vector<double>&, const BeforeApply&); \
  template FeatureRemoval remove_features(Model<T>&, std::string_view, const std::vector<Index>&,  \
                                          ConstView<T>, const BeforeApply&);                       \
  template std::vector<Index> feature_positions(const Model<T>&, std::string_view,                 \
                                                const std::vector<std::string>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
