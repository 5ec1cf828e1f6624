#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/io/checkpoint.h"
#include "isoform/io/checkpoint_shelf.h"
#include "isoform/io/description.h"
#include "isoform/io/description_words.h"

namespace isoform {

using detail::CheckpointShelf;
using detail::parse_int;
using detail::parse_number;
using detail::parse_text;
using detail::unless_null;

namespace {

StopReason parse_reason(const Field& field) {
  const std::string name = field.text();
  for (const StopReason reason :
       {StopReason::finished, StopReason::stopped, StopReason::diverged}) {
    if (stop_reason_name(reason) == name) return reason;
  }
  field.fail("a reason to stop");
}

std::uint32_t parse_sum(const Field& field) {
  const std::int64_t value = field.integer(0);
  if (value > std::numeric_limits<std::uint32_t>::max()) field.fail("32 bits");
  return static_cast<std::uint32_t>(value);
}

template <class T>
class Reader {
 public:
  Reader(TensorFile file, std::string name) : shelf_(std::move(file), std::move(name)) {}

  Checkpoint<T> read(const nlohmann::json& parsed, const std::string& where) {
    const Field all(parsed, where);
    Checkpoint<T> checkpoint;
    checkpoint.version = all["version"].text();
    checkpoint.settings = parsed.value("settings", nlohmann::json::object());
    TrainerState<T>& s = checkpoint.state;
    s.model = detail::take_model(shelf_, all["model"], "model");
    if (const auto good = all.find("last_good")) {
      s.last_good = detail::take_model(shelf_, *good, "last_good");
    }
    if (const auto best = all.find("best")) {
      s.best = {detail::take_model(shelf_, (*best)["model"], "best"), parse_number((*best)["loss"]),
                parse_number((*best)["accuracy"]), parse_int((*best)["epoch"], 1)};
    }
    read_run(all["run"], s);
    read_optimiser(all["optimiser"], s.model.network, s.optimiser);
    read_adaptation(all["adaptation"], s.model.network, s.adaptation);
    for (const Field& d : all["data"].list()) {
      s.data.push_back({parse_text(d["name"]), d["features"].integer(0), d["classes"].integer(0),
                        d["training_samples"].integer(0), d["validation_samples"].integer(0),
                        parse_sum(d["training_checksum"]), parse_sum(d["validation_checksum"])});
    }
    for (const Field& c : all["courses"].list()) {
      const Field total = c["total"];
      s.courses.push_back({parse_text(c["task"]),
                           parse_text(c["data"]),
                           static_cast<std::uint64_t>(c["rounds"].integer(0)),
                           static_cast<std::uint64_t>(c["next"].integer(0)),
                           {parse_number(total["loss"]), total["correct"].integer(0),
                            total["samples"].integer(0), parse_number(total["weight"])}});
    }
    shelf_.require(!s.courses.empty(), "courses", "are missing");
    shelf_.check_empty();
    return checkpoint;
  }

 private:
  void read_run(const Field& all, TrainerState<T>& s) {
    s.reason = parse_reason(all["reason"]);
    s.message = parse_text(all["message"]);
    s.step = all["step"].integer(0);
    s.epoch = parse_int(all["epoch"], 0);
    s.steps_per_epoch = all["steps_per_epoch"].integer(0);
    s.epoch_step = unless_null<std::int64_t>(
        all, "epoch_step", +[](const Field& f) { return f.integer(0); });
    shelf_.require(s.epoch_step.value_or(0) <= s.steps_per_epoch, "run.epoch_step",
                   "is beyond the epoch");
    shelf_.require(s.reason == StopReason::diverged || !s.epoch_step || s.last_good.has_value(),
                   "last_good", "does not go with the place in the epoch");
    s.phase_steps = all["phase_steps"].integer(0);
    s.phase_start = all["phase_start"].integer(0);
    s.next_change = static_cast<std::size_t>(all["next_change"].integer(0));
    for (const Field& change : all["untold"].list()) s.untold.push_back(change.value());
    s.good_born = all["good_born"].integer(0);
    s.good_removed = all["good_removed"].integer(0);
    s.born = all["born"].integer(0);
    s.removed = all["removed"].integer(0);
    s.validation_accuracy = parse_number(all["validation_accuracy"]);
    s.learning_rate = parse_number(all["learning_rate"]);
    s.seconds = parse_number(all["seconds"]);
    // What older checkpoints do not have.
    s.good_epoch = s.epoch_step ? s.epoch - 1 : s.epoch;
    if (const auto good = all.find("good_epoch")) {
      s.good_epoch = parse_int(*good, 0);
      s.train_loss = parse_number(all["train_loss"]);
      s.lowest_loss = parse_number(all["lowest_loss"]);
    }
    if (const auto spent = all.find("evaluation_seconds")) {
      s.evaluation_seconds = parse_number(*spent);
    }
    if (const auto spent = all.find("checkpoint_seconds")) {
      s.checkpoint_seconds = parse_number(*spent);
    }
  }

  Factor<T> take_factor(const Field& all, const std::string& prefix) {
    Factor<T> factor;
    const std::int64_t blocks = all["blocks"].integer(0);
    for (std::int64_t k = 0; k < blocks; ++k) {
      factor.blocks.push_back(shelf_.take(fmt::format("{}.{}", prefix, k)));
    }
    factor.samples = parse_number(all["samples"]);
    return factor;
  }

  // Blocks in the groups of one side.
  void check_factor(const Factor<T>& factor, const std::vector<Index>& groups,
                    const std::string& who) const {
    if (factor.blocks.empty()) return;
    bool fits = factor.blocks.size() == groups.size();
    for (std::size_t k = 0; fits && k < groups.size(); ++k) {
      fits = factor.blocks[k].rows() == groups[k] && factor.blocks[k].cols() == groups[k];
    }
    shelf_.require(fits, who, "has factors of another shape");
  }

  void read_optimiser(const Field& all, const Network<T>& network, OptimiserMemory<T>& memory) {
    memory.steps = all["steps"].integer(0);
    std::size_t k = 0;
    for (const Field& field : all["parameters"].list()) {
      const std::string who = fmt::format("optimiser.{}", k++);
      const std::string name = field["role"].text();
      const auto* role = std::find(detail::kRoles.begin(), detail::kRoles.end(), name);
      shelf_.require(role != detail::kRoles.end(), who, "is of no kind of parameter");
      const ParameterKey key = {static_cast<Role>(role - detail::kRoles.begin()),
                                parse_int(field["owner"], 0)};
      OptimiserState<T> state;
      state.steps = field["steps"].integer(0);
      state.gathered = field["gathered"].integer(0);
      state.first = shelf_.take(who + ".first");
      state.second = shelf_.take(who + ".second");
      state.rows = take_factor(field["rows"], who + ".rows");
      state.columns = take_factor(field["columns"], who + ".columns");
      check_parameter(key, network, state, who);
      shelf_.require(memory.parameters.emplace(key, std::move(state)).second, who,
                     "is there twice");
    }
  }

  // What belongs to an owner that is gone is dropped by the optimiser in time, and may have any shape.
  void check_parameter(const ParameterKey& key, const Network<T>& network,
                       const OptimiserState<T>& state, const std::string& who) const {
    Index rows = 0, cols = 1;
    if (key.role == Role::length) {
      if (!network.has_space(key.owner)) return;
      rows = network.space(key.owner).gates();
    } else {
      if (!network.has_map(key.owner)) return;
      const Map<T>& m = network.map(key.owner);
      rows = m.a.rows();
      if (key.role == Role::weight) cols = m.inputs;
      if (key.role == Role::psi) cols = m.psi().cols();
      if (key.role == Role::chi) cols = m.chi().cols();
      check_factor(state.rows, network.space(m.to).groups, who);
      check_factor(state.columns, network.space(m.from).groups, who);
    }
    const Matrix<T>& second = state.second;
    shelf_.require(state.first.rows() == rows && state.first.cols() == cols, who,
                   "has another shape");
    shelf_.require(second.size() == 0 || second.size() == 1 ||
                       (second.rows() == rows && second.cols() == cols),
                   who, "has second moments of another shape");
  }

  void read_adaptation(const Field& all, const Network<T>& network, AdaptationState& s) {
    std::vector<Statistics::OfStage> stages;
    for (const Field& field : all["stages"].list()) {
      const std::string prefix = fmt::format("statistics.{}", stages.size());
      Statistics::OfStage& stage = stages.emplace_back();
      const std::int64_t moments = field["moments"].integer(0);
      for (std::int64_t g = 0; g < moments; ++g) {
        stage.moments.push_back(
            shelf_.template take<double>(fmt::format("{}.moments.{}", prefix, g)));
      }
      stage.z_sum = shelf_.template take_vector<double>(prefix + ".z_sum");
      stage.probe = shelf_.template take<double>(prefix + ".probe");
      stage.delta = shelf_.template take<double>(prefix + ".delta");
      stage.samples = field["samples"].integer(0);
      stage.z_squares = parse_number(field["z_squares"]);
    }
    shelf_.require(stages.empty() || stages.size() == network.stage_ids(), "statistics",
                   "are of another number of spaces");
    for (const Stage& stage : stages.empty() ? std::vector<Stage>{} : network.stages()) {
      const Space<T>& space = network.space(stage.space);
      const Statistics::OfStage& of = stages[static_cast<std::size_t>(stage.id)];
      bool fits = of.moments.size() == space.groups.size() && of.z_sum.size() == space.dimension;
      for (std::size_t g = 0; fits && g < of.moments.size(); ++g) {
        fits = of.moments[g].rows() == space.groups[g] + 2 &&
               of.moments[g].cols() == space.groups[g] + 2;
      }
      fits = fits &&
             (of.probe.size() == 0 ||
              of.probe.rows() == space.dimension + 1 + network.features(space.id)) &&
             (of.delta.size() == 0 || of.delta.rows() == space.dimension);
      shelf_.require(fits, fmt::format("statistics.{}", stage.id), "have another shape");
    }
    s.statistics = Statistics(all["samples"].integer(0), std::move(stages));
    s.steps = all["steps"].integer(0);
    s.interval = all["interval"].integer(0);
    s.settle_from = all["settle_from"].integer(0);
    s.budget = all["budget"].integer(0);
    // Older checkpoints have neither.
    const auto tolerance = all.find("tolerance"), budget = all.find("parameter_budget"),
               pending = all.find("pending");
    if (tolerance && !tolerance->is_null()) s.tolerance = parse_number(*tolerance);
    if (budget && !budget->is_null()) s.parameter_budget = budget->integer(1);
    s.settled = all["settled"].flag();
    s.pending = pending && pending->flag();
    s.scaffold = detail::parse_integers(all["scaffold"], 0);
    for (const Field& limit : all["limits"].list()) {
      const std::vector<Field> pair = limit.list();
      if (pair.size() != 2) limit.fail("a space and a text");
      s.limits[parse_int(pair[0], 0)] = pair[1].text();
    }
    for (const Field& rest : all["rests"].list()) s.rests.push_back(parse_int(rest, 0));
    s.seconds = parse_number(all["seconds"]);
  }

  CheckpointShelf<T> shelf_;
};

template <class T>
Checkpoint<T> from_tensors(TensorFile file, const std::string& name) {
  const auto about = file.metadata.find(detail::kCheckpointKey);
  if (about == file.metadata.end()) {
    const bool model = file.metadata.contains(kModelKey);
    throw FormatError(
        fmt::format("'{}': not a checkpoint but {}; give the file that --checkpoint "
                    "wrote",
                    name, model ? "a model" : "another safetensors file"));
  }
  const std::string where = fmt::format("'{}', {}", name, detail::kCheckpointKey);
  const nlohmann::json parsed = parse_json(about->second, where);
  const Field all(parsed, where);
  const std::int64_t format = all["format"].integer(1);
  if (format != kCheckpointFormat) {
    throw FormatError(fmt::format(
        "'{}': a checkpoint of format {}, this Isoform reads {}; go on with the version that wrote "
        "it, or begin anew without --resume",
        name, format, kCheckpointFormat));
  }
  if (file.metadata[detail::kSumKey] != detail::checkpoint_sum(file)) {
    throw FormatError(
        fmt::format("'{}': the checkpoint is damaged: its checksum does not fit; copy "
                    "it again, or begin anew without --resume",
                    name));
  }
  const std::string numbers = all["numbers"].text();
  if (numbers != detail::numbers_name<T>()) {
    throw FormatError(
        fmt::format("'{}': a run in {}, and this one is in {}; go on in the same "
                    "precision",
                    name, numbers, detail::numbers_name<T>()));
  }
  std::string extra = file.metadata[detail::kExtraKey];
  Reader<T> reader(std::move(file), name);
  Checkpoint<T> checkpoint = reader.read(parsed, where);
  checkpoint.extra = std::move(extra);
  return checkpoint;
}

}  // namespace

template <class T>
Checkpoint<T> parse_checkpoint(std::string_view bytes, const std::string& name_for_errors) {
  return from_tensors<T>(parse_tensors(bytes, name_for_errors), name_for_errors);
}

template <class T>
Checkpoint<T> load_checkpoint(const std::filesystem::path& path) {
  return from_tensors<T>(read_tensors(path), path.string());
}

#define ISOFORM_FOR_SCALAR(T)                                                    \
  template Checkpoint<T> parse_checkpoint(std::string_view, const std::string&); \
  template Checkpoint<T> load_checkpoint(const std::filesystem::path&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
