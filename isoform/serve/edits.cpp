#include "isoform/serve/edits.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "isoform/base/random.h"
#include "isoform/io/json.h"
#include "isoform/model/blocks.h"
#include "isoform/network/change.h"
#include "isoform/network/cost.h"
#include "isoform/network/initialise.h"
#include "isoform/serve/http.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/reduction.h"

namespace isoform {

namespace {

using nlohmann::json;

constexpr Index kRandomInputs = 256;
constexpr std::int64_t kMostNames = 1000;

void only(const json& object, const char* where, const std::vector<std::string>& known) {
  if (!object.is_object()) throw HttpError(422, fmt::format("{}: needs an object", where));
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw HttpError(422, fmt::format("{}: {} is unknown; known are {}", where, in_quotes(key),
                                       fmt::join(known, ", ")));
    }
  }
}

int hidden_space(const Network<float>& network, const Field& field) {
  const std::int64_t space = field["space"].integer(1);
  const std::vector<int> hidden = network.hidden();
  if (std::find(hidden.begin(), hidden.end(), space) == hidden.end()) {
    throw HttpError(422, fmt::format("{}.space: hidden layers are {}, got {}", field.where(),
                                     fmt::join(hidden, ", "), space));
  }
  return static_cast<int>(space);
}

Network<float> shrunk(Model<float>& model, const Field& wish, const Matrix<float>& x, bool random,
                      Engine<float>& engine) {
  only(wish.value(), "shrink", {"tolerance", "widths", "parameters", "below_need"});
  const auto tolerance = wish.find("tolerance"), widths = wish.find("widths"),
             parameters = wish.find("parameters");
  if ((tolerance ? 1 : 0) + (widths ? 1 : 0) + (parameters ? 1 : 0) != 1) {
    throw HttpError(422, "shrink: needs one of tolerance, widths, parameters");
  }
  if (model.network.hidden().empty())
    throw HttpError(422, "shrink: this model has no hidden layer");
  // Random inputs tell what the gates do, and nothing of which directions matter: they judge, and refit nothing.
  const bool by_data = !random || tolerance;
  ReductionSettings settings{by_data ? Rule::jacobian : Rule::singular, !random};
  if (const auto below = wish.find("below_need")) settings.below_need = below->flag();
  Reducer<float> reducer(model.network, engine, by_data ? x : Matrix<float>(x.rows(), 0), settings);
  Reduction<float> reduction;
  if (tolerance) {
    const double most = tolerance->number();
    if (!(most >= 0))
      throw HttpError(422, fmt::format("shrink.tolerance: needs 0 or more, got {}", most));
    reduction = reducer.to_tolerance(most);
    if (reduction.layers.empty()) {
      throw HttpError(
          409, reduction.cheapest > 0
                   ? fmt::format("shrink.tolerance: nothing can go within {}: the least important "
                                 "neuron changes the outputs by {:.2g} of their length",
                                 most, reduction.cheapest)
                   : "shrink.tolerance: no layer has more neurons than the outputs need");
    }
  } else if (widths) {
    std::vector<Index> wanted;
    for (const Field& one : widths->list()) wanted.push_back(one.integer(1));
    reduction = reducer.to_widths(wanted);
  } else {
    reduction = reducer.to_parameters(parameters->integer(1));
  }
  for (const Edit& edit : reduction.edits) model.record(edit.record);
  return std::move(reduction.network);
}

void append_classes(const Version& version, Model<float>& model, const Field& wish) {
  only(wish.value(), "append_class", {"name", "names", "task"});
  const auto task_name = wish.find("task");
  const std::size_t task = version.task_index(task_name ? task_name->text() : "");
  if (answer_kind(version, task) != AnswerKind::classes) {
    throw HttpError(
        422, fmt::format("append_class: task '{}' answers with {}, not with classes",
                         version.tasks[task].name, answer_kind_name(answer_kind(version, task))));
  }
  std::vector<std::string> names;
  if (const auto name = wish.find("name")) names.push_back(name->text());
  if (const auto list = wish.find("names")) {
    for (const Field& one : list->list()) names.push_back(one.text());
  }
  if (std::ssize(names) > kMostNames)
    throw HttpError(422, fmt::format("append_class: at most {} names at a time", kMostNames));
  append_outputs(model, version.tasks[task].name, names);
}

void rotate(Model<float>& model, const Field& wish) {
  only(wish.value(), "rotate", {"space", "kind", "seed"});
  const int space = hidden_space(model.network, wish);
  const auto kind_field = wish.find("kind");
  const std::string kind = kind_field ? kind_field->text() : "left";
  const auto seed = wish.find("seed");
  if (kind != "left" && kind != "right" && kind != "random") {
    throw HttpError(
        422, fmt::format("rotate.kind: needs left, right or random, got {}", in_quotes(kind)));
  }
  const Edit edit = kind == "left" ? rotate_left(model.network, space)
                    : kind == "right"
                        ? rotate_right(model.network, space)
                        : rotate_random(model.network, space,
                                        static_cast<std::uint64_t>(seed ? seed->integer(0) : 0));
  model.network.apply(edit);
  model.record(edit.record);
}

void grow_space(const Version& version, Model<float>& model, const Field& wish) {
  only(wish.value(), "grow", {"space", "by", "group_size"});
  const int space = hidden_space(model.network, wish);
  GrowSettings settings;
  if (const auto size = wish.find("group_size")) settings.group_size = size->integer(0);
  settings.seed = version.number;
  const Edit edit = grow(model.network, space, static_cast<Index>(wish["by"].integer(1)), settings);
  model.network.apply(edit);
  model.record(edit.record);
}

// How far outputs that there were before have moved. New ones stand behind those of their task.
Change change_of(const Version& before, const Model<float>& after, const Matrix<float>& x,
                 Engine<float>& engine) {
  const Matrix<float> y = outputs<float>(before.model.network, engine, x),
                      now = outputs<float>(after.network, engine, x);
  Matrix<float> same(y.rows(), y.cols());
  Index row = 0, row_now = 0;
  for (std::size_t i = 0; i < before.tasks.size(); ++i) {
    const Index n = before.tasks[i].outputs;
    same.middleRows(row, n) = now.middleRows(row_now, n);
    row += n;
    row_now += static_cast<Index>(after.tasks[i].outputs.size());
  }
  return measure_change<float>(y, same);
}

}  // namespace

Edited edit(const Version& version, const json& wish, Matrix<float> samples,
            const std::string& samples_name) {
  std::vector<std::string> asked;
  for (const char* one : {"shrink", "grow", "append_class", "rotate"}) {
    if (wish.contains(one)) asked.emplace_back(one);
  }
  if (asked.size() != 1) {
    throw HttpError(422, "edit: needs one of shrink, grow, append_class, rotate");
  }
  Edited edited{version.model, json::object()};
  Model<float>& model = edited.model;
  const auto engine = create_engine<float>({"cpu", 1});
  const bool random = samples.cols() == 0;
  const Index inputs = model.network.widths().front();
  if (random)
    samples = normal_matrix(inputs, kRandomInputs, Random(0, Purpose::test)).cast<float>();
  const Field field(wish[asked.front()], asked.front());
  try {
    if (asked.front() == "shrink") {
      Network<float> network = shrunk(model, field, samples, random, *engine);
      model.network = std::move(network);
    } else if (asked.front() == "grow") {
      grow_space(version, model, field);
    } else if (asked.front() == "rotate") {
      rotate(model, field);
    } else {
      append_classes(version, model, field);
    }
  } catch (const UsageError& error) {
    throw HttpError(422, error.what());
  } catch (const FormatError& error) {
    throw HttpError(422, error.what());
  }
  const Change change = change_of(version, model, samples, *engine);
  if (!model.history.empty() && asked.front() != "append_class")
    model.history.back().change = change.mean;
  edited.told = {{"made_by", asked.front()},
                 {"widths_before", version.model.network.widths()},
                 {"widths", model.network.widths()},
                 {"parameters_before", version.model.network.parameter_count()},
                 {"parameters", model.network.parameter_count()},
                 {"change", {{"mean", change.mean}, {"largest", change.largest}}},
                 {"judged_on", random ? fmt::format("{} random inputs", kRandomInputs)
                                      : fmt::format("{} {}", samples.cols(), samples_name)}};
  return edited;
}

}  // namespace isoform
