#include "isoform/train/run_events.h"

#include <algorithm>
#include <limits>

#include "isoform/topology/diagonalise.h"
#include "isoform/train/evaluate.h"

namespace isoform {

using Json = nlohmann::json;

Json edit_json(const EditRecord& r) {
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  return {{"space", r.space},
          {"kind", edit_kind_name(r.kind)},
          {"group", or_null(r.group)},
          {"before", r.before},
          {"after", r.after},
          {"born", r.born},
          {"removed", r.removed},
          {"score", r.score},
          {"bound", or_null(r.bound)},
          {"change", or_null(r.change)},
          {"why", r.why}};
}

template <class T>
Json groups_json(const Network<T>& network) {
  Json all = Json::array();
  for (const int id : network.hidden()) all.push_back(network.space(id).groups);
  return all;
}

template <class T>
Json tasks_json(const Model<T>& model) {
  const std::vector<std::size_t> active = active_tasks(model);
  Json all = Json::array();
  for (std::size_t i = 0; i < model.tasks.size(); ++i) {
    const bool on = std::find(active.begin(), active.end(), i) != active.end();
    all.push_back({{"name", model.tasks[i].name}, {"active", on}});
  }
  return all;
}

template <class T>
Json spectra_json(const Network<T>& network, const AdaptSettings& settings) {
  const bool paper = settings.enabled && settings.policy.rule == PolicyRule::paper;
  Json spaces = Json::array();
  for (const int id : network.hidden()) {
    const Vector<double> values = spectrum(network, id);
    spaces.push_back({{"space", id},
                      {"values", std::vector<double>(values.begin(), values.end())},
                      {"threshold", paper ? Json(settings.policy.idle_score()) : Json()}});
  }
  return spaces;
}

template <class T>
EpochScores score_epoch(const Model<T>& model, const Courses& courses, Engine<T>& engine) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::size_t> active = active_tasks(model);
  EpochScores mean;
  double weights = 0;
  for (std::size_t i = 0; i < model.tasks.size(); ++i) {
    const Task& task = model.tasks[i];
    const auto found = courses.all().find(task.name);
    if (found == courses.all().end()) continue;
    const Course& course = found->second;
    const bool on = std::find(active.begin(), active.end(), i) != active.end();
    const Evaluation held_out = course.data.validation.empty()
                                    ? Evaluation{0, kNone, kNone, {}}
                                    : evaluate(model, course.data.validation, engine, i);
    const auto count = static_cast<double>(course.total.samples);
    const double loss = on ? course.total.loss / course.total.weight : kNone;
    const bool numbers = course.data.training.has_targets() && task.loss != Loss::binary;
    const double accuracy =
        on && !numbers ? static_cast<double>(course.total.correct) / count : kNone;
    mean.tasks.push_back({{"name", task.name},
                          {"active", on},
                          {"train_loss", loss},
                          {"train_accuracy", accuracy},
                          {"validation_loss", held_out.loss},
                          {"validation_accuracy", held_out.accuracy}});
    if (!on) continue;
    weights += task.weight;
    mean.train_loss += task.weight * loss;
    mean.train_accuracy += task.weight * accuracy;
    mean.validation_loss += task.weight * held_out.loss;
    mean.validation_accuracy += task.weight * held_out.accuracy;
  }
  for (double* sum :
       {&mean.train_loss, &mean.train_accuracy, &mean.validation_loss, &mean.validation_accuracy}) {
    *sum /= weights;
  }
  return mean;
}

#define ISOFORM_FOR_SCALAR(T)                                          \
  template Json groups_json(const Network<T>&);                        \
  template Json tasks_json(const Model<T>&);                           \
  template Json spectra_json(const Network<T>&, const AdaptSettings&); \
  template EpochScores score_epoch(const Model<T>&, const Courses&, Engine<T>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
