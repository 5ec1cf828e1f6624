#include <fmt/format.h>

#include <set>
#include <utility>

#include "isoform/base/file.h"
#include "isoform/base/version.h"
#include "isoform/io/checkpoint.h"
#include "isoform/io/checkpoint_words.h"
#include "isoform/io/description_words.h"

namespace isoform {

using detail::number_json;
using detail::text_json;
using nlohmann::json;

namespace {

json texts_json(const std::vector<std::string>& texts) {
  json list = json::array();
  for (const std::string& text : texts) list.push_back(text_json(text));
  return list;
}

json record_json(const EditRecord& r) {
  const auto or_null = [](const auto& value) { return value ? number_json(*value) : json(); };
  return {{"step", r.step},
          {"kind", edit_kind_name(r.kind)},
          {"space", r.space},
          {"group", r.group ? json(*r.group) : json()},
          {"before", r.before},
          {"after", r.after},
          {"born", r.born},
          {"removed", r.removed},
          {"score", number_json(r.score)},
          {"bound", or_null(r.bound)},
          {"change", or_null(r.change)},
          {"why", text_json(r.why)}};
}

json score_json(const BatchScore& score) {
  return {{"loss", number_json(score.loss)},
          {"correct", score.correct},
          {"samples", score.samples},
          {"weight", number_json(score.weight)}};
}

template <class T>
class Writer {
 public:
  TensorFile write(const Checkpoint<T>& checkpoint) {
    const TrainerState<T>& s = checkpoint.state;
    json all = {{"format", kCheckpointFormat},
                {"version", version()},
                {"numbers", detail::numbers_name<T>()},
                {"settings", checkpoint.settings},
                {"run", run_json(s)},
                {"model", model_json(s.model, "model")},
                {"optimiser", optimiser_json(s.optimiser)},
                {"adaptation", adaptation_json(s.adaptation)},
                {"data", json::array()},
                {"courses", json::array()}};
    if (s.best) {
      all["best"] = {{"model", model_json(s.best->model, "best")},
                     {"loss", number_json(s.best->loss)},
                     {"accuracy", number_json(s.best->accuracy)},
                     {"epoch", s.best->epoch}};
    }
    if (s.last_good) all["last_good"] = model_json(*s.last_good, "last_good");
    for (const DataFingerprint& d : s.data) {
      all["data"].push_back({{"name", text_json(d.name)},
                             {"features", d.features},
                             {"classes", d.classes},
                             {"training_samples", d.training_samples},
                             {"validation_samples", d.validation_samples},
                             {"training_checksum", d.training_checksum},
                             {"validation_checksum", d.validation_checksum}});
    }
    for (const CourseState& course : s.courses) {
      all["courses"].push_back({{"task", text_json(course.task)},
                                {"data", text_json(course.data)},
                                {"rounds", course.rounds},
                                {"next", course.next},
                                {"total", score_json(course.total)}});
    }
    file_.metadata[detail::kCheckpointKey] =
        all.dump(-1, ' ', false, json::error_handler_t::replace);
    file_.metadata[detail::kExtraKey] = checkpoint.extra;
    file_.metadata[detail::kSumKey] = detail::checkpoint_sum(file_);
    return std::move(file_);
  }

 private:
  // Row-major, as files have it.
  template <class S, int Columns>
  void add(const std::string& name, const Eigen::Matrix<S, Eigen::Dynamic, Columns>& m) {
    std::vector<S> numbers(static_cast<std::size_t>(m.size()));
    Eigen::Map<Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
        numbers.data(), m.rows(), m.cols()) = m;
    Tensor& tensor = file_.tensors[name];
    tensor.shape = {m.rows()};
    if (Columns != 1) tensor.shape.push_back(m.cols());
    tensor.data = std::move(numbers);
  }

  json run_json(const TrainerState<T>& s) {
    return {{"step", s.step},
            {"epoch", s.epoch},
            {"epoch_step", s.epoch_step ? json(*s.epoch_step) : json()},
            {"steps_per_epoch", s.steps_per_epoch},
            {"phase_steps", s.phase_steps},
            {"phase_start", s.phase_start},
            {"next_change", s.next_change},
            {"untold", s.untold},
            {"good_born", s.good_born},
            {"good_removed", s.good_removed},
            {"good_epoch", s.good_epoch},
            {"train_loss", number_json(s.train_loss)},
            {"lowest_loss", number_json(s.lowest_loss)},
            {"born", s.born},
            {"removed", s.removed},
            {"validation_accuracy", number_json(s.validation_accuracy)},
            {"learning_rate", number_json(s.learning_rate)},
            {"seconds", number_json(s.seconds)},
            {"evaluation_seconds", number_json(s.evaluation_seconds)},
            {"checkpoint_seconds", number_json(s.checkpoint_seconds)},
            {"reason", stop_reason_name(s.reason)},
            {"message", text_json(s.message)}};
  }

  json model_json(const Model<T>& model, const std::string& prefix) {
    const Network<T>& network = model.network;
    json spaces = json::array(), maps = json::array();
    for (const Space<T>& s : network.spaces()) {
      std::vector<int> frozen(s.frozen.begin(), s.frozen.end());
      spaces.push_back({{"id", s.id},
                        {"name", text_json(s.name)},
                        {"dimension", s.dimension},
                        {"groups", s.groups},
                        {"radial", radial_name(s.radial)},
                        {"length_mode", length_mode_name(s.length_mode)},
                        {"frozen", frozen}});
      add(fmt::format("{}.space.{}", prefix, s.id), s.length);
    }
    for (const Map<T>& m : network.maps()) {
      maps.push_back({{"id", m.id},
                      {"from", m.from},
                      {"to", m.to},
                      {"psi_mode", psi_mode_name(m.psi_mode)},
                      {"norms", m.norms},
                      {"factors", m.factors}});
      add(fmt::format("{}.map.{}", prefix, m.id), m.a);
    }
    json tasks = json::array(), inputs = json::array(), history = json::array();
    for (const Task& task : model.tasks) {
      tasks.push_back({{"name", text_json(task.name)},
                       {"outputs", texts_json(task.outputs)},
                       {"loss", loss_name(task.loss)},
                       {"active", task.active},
                       {"inputs", texts_json(task.inputs)},
                       {"weight", number_json(task.weight)}});
    }
    for (const Input& input : model.inputs) {
      inputs.push_back({{"name", text_json(input.name)}, {"features", texts_json(input.features)}});
    }
    for (const EditRecord& record : model.history) history.push_back(record_json(record));
    add(prefix + ".mean", model.mean);
    add(prefix + ".scale", model.scale);
    return {{"space_ids", network.space_ids()},
            {"map_ids", network.map_ids()},
            {"spaces", spaces},
            {"maps", maps},
            {"tasks", tasks},
            {"inputs", inputs},
            {"image", {model.image_rows, model.image_cols}},
            {"schema", model.schema ? detail::schema_json(*model.schema) : json()},
            {"history", history}};
  }

  json factor_json(const Factor<T>& factor, const std::string& prefix) {
    for (std::size_t k = 0; k < factor.blocks.size(); ++k) {
      add(fmt::format("{}.{}", prefix, k), factor.blocks[k]);
    }
    return {{"blocks", factor.blocks.size()}, {"samples", number_json(factor.samples)}};
  }

  json optimiser_json(const OptimiserMemory<T>& memory) {
    json parameters = json::array();
    for (const auto& [key, state] : memory.parameters) {
      const std::string prefix = fmt::format("optimiser.{}", parameters.size());
      add(prefix + ".first", state.first);
      add(prefix + ".second", state.second);
      parameters.push_back({{"role", detail::kRoles.at(static_cast<std::size_t>(key.role))},
                            {"owner", key.owner},
                            {"steps", state.steps},
                            {"gathered", state.gathered},
                            {"rows", factor_json(state.rows, prefix + ".rows")},
                            {"columns", factor_json(state.columns, prefix + ".columns")}});
    }
    return {{"steps", memory.steps}, {"parameters", parameters}};
  }

  json adaptation_json(const AdaptationState& s) {
    json limits = json::array(), stages = json::array();
    for (const auto& [space, limit] : s.limits) limits.push_back({space, limit});
    for (const Statistics::OfStage& stage : s.statistics.stages()) {
      const std::string prefix = fmt::format("statistics.{}", stages.size());
      for (std::size_t g = 0; g < stage.moments.size(); ++g) {
        add(fmt::format("{}.moments.{}", prefix, g), stage.moments[g]);
      }
      add(prefix + ".z_sum", stage.z_sum);
      add(prefix + ".probe", stage.probe);
      add(prefix + ".delta", stage.delta);
      stages.push_back({{"samples", stage.samples},
                        {"moments", stage.moments.size()},
                        {"z_squares", number_json(stage.z_squares)}});
    }
    return {{"samples", s.statistics.samples()},
            {"stages", stages},
            {"steps", s.steps},
            {"interval", s.interval},
            {"settle_from", s.settle_from},
            {"budget", s.budget},
            {"tolerance", s.tolerance ? number_json(*s.tolerance) : nlohmann::json()},
            {"parameter_budget",
             s.parameter_budget ? nlohmann::json(*s.parameter_budget) : nlohmann::json()},
            {"settled", s.settled},
            {"pending", s.pending},
            {"scaffold", s.scaffold},
            {"limits", limits},
            {"rests", s.rests},
            {"seconds", number_json(s.seconds)}};
  }

  TensorFile file_;
};

}  // namespace

template <class T>
std::string serialise_checkpoint(const Checkpoint<T>& checkpoint) {
  return serialise(Writer<T>().write(checkpoint));
}

template <class T>
void save_checkpoint(const Checkpoint<T>& checkpoint, const std::filesystem::path& path) {
  write_file_atomically(path, serialise_checkpoint(checkpoint));
}

std::vector<Difference> setting_differences(const json& then, const json& now) {
  std::vector<Difference> all;
  const auto text = [](const json* value) {
    return value == nullptr ? "not there"
                            : value->dump(-1, ' ', false, json::error_handler_t::replace);
  };
  const auto member = [](const json* object, const std::string& key) -> const json* {
    if (object == nullptr || !object->is_object()) return nullptr;
    const auto found = object->find(key);
    return found == object->end() ? nullptr : &*found;
  };
  // Numbers come back from a text as they were; whole ones may do so as fractions.
  const auto same = [](const json* a, const json* b) {
    return a != nullptr && b != nullptr && *a == *b;
  };
  const auto keys = [](const json* a, const json* b) {
    std::set<std::string> names;
    for (const json* object : {a, b}) {
      if (object == nullptr || !object->is_object()) continue;
      for (const auto& [key, value] : object->items()) names.insert(key);
    }
    return names;
  };
  for (const std::string& section : keys(&then, &now)) {
    const json *old = member(&then, section), *fresh = member(&now, section);
    const bool objects =
        (old == nullptr || old->is_object()) && (fresh == nullptr || fresh->is_object());
    if (!objects) {
      if (!same(old, fresh)) all.push_back({section, text(old), text(fresh)});
      continue;
    }
    for (const std::string& key : keys(old, fresh)) {
      const json *before = member(old, key), *after = member(fresh, key);
      if (same(before, after)) continue;
      all.push_back({fmt::format("{}.{}", section, key), text(before), text(after)});
    }
  }
  return all;
}

#define ISOFORM_FOR_SCALAR(T)                                      \
  template std::string serialise_checkpoint(const Checkpoint<T>&); \
  template void save_checkpoint(const Checkpoint<T>&, const std::filesystem::path&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
