// isoform task: outputs and features of what is there.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/cli/probe.h"
#include "isoform/cli/task.h"
#include "isoform/model/blocks.h"
#include "isoform/monitor/format.h"
#include "isoform/run/memory.h"

namespace isoform::cli {

namespace {

using Names = std::vector<std::string>;

struct OutputOptions : TaskOptions {
  std::string task, name, to;
  Names outputs;
};

void add_outputs(const OutputOptions& o) {
  TaskEdit edit(o);
  const std::string task = edit.task_or_only(o.task);
  append_outputs(edit.model(), task, o.outputs);
  const std::size_t index = edit.model().task_index(task);
  edit.json() = {{"task", task}, {"outputs", edit.model().tasks[index].outputs}};
  edit.say("added", fmt::format("{} to {}", fmt::join(o.outputs, ", "), task));
  const int head = edit.model().network.outputs()[index];
  if (edit.model().network.space(head).is_frozen(0)) {
    edit.say("note", fmt::format("the head of {} is frozen: its new outputs stay at 0 until it is "
                                 "thawed",
                                 task));
  }
  edit.say("note",
           "each new logit is 0 until it is trained, which lowers the probabilities of the "
           "others");
  edit.finish();
}

void remove_some(const OutputOptions& o) {
  TaskEdit edit(o);
  const std::string task = edit.task_or_only(o.task);
  remove_outputs(edit.model(), task, o.outputs);
  edit.json() = {{"task", task},
                 {"outputs", edit.model().tasks[edit.model().task_index(task)].outputs}};
  edit.say("removed", fmt::format("{} from {}", fmt::join(o.outputs, ", "), task));
  edit.finish();
}

void rename_one(const OutputOptions& o) {
  TaskEdit edit(o);
  const std::string task = edit.task_or_only(o.task);
  rename_output(edit.model(), task, o.name, o.to);
  edit.json() = {{"task", task}, {"renamed", o.name}, {"to", o.to}};
  edit.say("renamed", fmt::format("output {} of {} → {}", o.name, task, o.to));
  edit.finish();
  // The rows kept beside the model go on by the new name.
  const std::filesystem::path kept = memory_path(o.in);
  std::error_code ignored;
  if (memory_path(o.out) == kept && std::filesystem::exists(kept, ignored)) {
    save_memory(renamed(load_memory(kept), o.name, o.to), kept);
  }
}

struct FeatureOptions : TaskOptions {
  std::string input;
  std::string fold = "others";
  Names features;
  std::vector<double> mean = {0}, deviation = {1};
  Index samples = 10000;
  std::uint64_t seed = 0;
};

// One value for all, or one each.
Vector<double> for_each(const char* what, const std::vector<double>& values, std::size_t count) {
  if (values.size() != 1 && values.size() != count) {
    throw UsageError(fmt::format("{}: needs 1 number, or 1 for each of the {} features, got {}",
                                 what, count, values.size()));
  }
  Vector<double> all(static_cast<Index>(count));
  for (std::size_t i = 0; i < count; ++i) {
    all[static_cast<Index>(i)] = values[values.size() == 1 ? 0 : i];
  }
  return all;
}

void add_features(const FeatureOptions& o) {
  TaskEdit edit(o);
  const std::string input = edit.input_or_only(o.input);
  append_features(edit.model(), input, o.features, for_each("mean", o.mean, o.features.size()),
                  for_each("deviation", o.deviation, o.features.size()));
  edit.json() = {{"input", input}, {"added", o.features}};
  edit.say("added", fmt::format("{} to input {}", fmt::join(o.features, ", "), input));
  edit.finish();
}

// Names, or positions where there are no names.
std::vector<Index> positions_of(const Model<float>& model, const std::string& input,
                                const Names& words) {
  if (!model.inputs[model.input_index(input)].features.empty()) {
    return feature_positions(model, input, words);
  }
  std::vector<Index> positions;
  for (const std::string& word : words) {
    Index position = 0;
    const char* end = word.data() + word.size();
    const auto [at, error] = std::from_chars(word.data(), end, position);
    if (error != std::errc() || at != end) {
      throw UsageError(fmt::format(
          "features: the features of input '{}' have no names; needs positions from 0, got '{}'",
          input, word));
    }
    positions.push_back(position);
  }
  return positions;
}

void remove_some_features(const FeatureOptions& o) {
  if (o.samples < 0) {
    throw UsageError(fmt::format("samples: needs 0 (all) or more, got {}", o.samples));
  }
  TaskEdit edit(o);
  Model<float>& model = edit.model();
  const std::string input = edit.input_or_only(o.input);
  const int space = model.network.inputs()[model.input_index(input)];
  const Index before = model.network.space(space).dimension;
  const std::vector<Index> gone = positions_of(model, input, o.features);
  Matrix<float> x(model.network.widths().front(), 0);
  if (o.fold != "others" && o.fold != "mean") {
    throw UsageError(fmt::format("fold: needs others or mean, got '{}'", o.fold));
  }
  if (o.data.given() && o.fold == "others") {
    const Task& task = model.tasks[edit.data_task()];
    if (std::find(task.inputs.begin(), task.inputs.end(), input) == task.inputs.end()) {
      throw UsageError(
          fmt::format("data: are for task '{}', which does not read input '{}'", task.name, input));
    }
    DataOptions training = o.data;
    training.task = task.name;
    x = training_samples(edit.before(), training, o.samples, o.seed);
  }
  const FeatureRemoval removal = remove_features<float>(model, input, gone, x);
  std::vector<Index> kept;
  for (Index i = 0; i < before; ++i) {
    if (std::find(gone.begin(), gone.end(), i) == gone.end()) kept.push_back(i);
  }
  edit.features_left(space, kept);
  nlohmann::json& json = edit.json();
  json = {{"input", input},
          {"removed", o.features},
          {"samples", removal.samples},
          {"moved_rms", removal.moved}};
  edit.say("removed", fmt::format("{} of {} features of input {}", format_count(o.features.size()),
                                  format_count(before), input));
  if (removal.samples == 0) {
    edit.say("folded", o.data.given()
                           ? "the mean"
                           : "the mean; --data would fold what the others say about them");
  } else {
    json["unexplained"] = removal.unexplained;
    edit.say("folded",
             fmt::format("what the others say about them: {} of it ({} training samples)",
                         format_percent(1 - removal.unexplained), format_count(removal.samples)));
    if (removal.samples < 2 * static_cast<Index>(kept.size())) {
      edit.say("note", fmt::format("{} samples are few for {} features: beyond them the others may "
                                   "say less",
                                   format_count(removal.samples),
                                   format_count(static_cast<Index>(kept.size()))));
    }
  }
  if (removal.bound) {
    json["bound_on_samples"] = *removal.bound;
    json["largest_bound_on_samples"] = *removal.largest_bound;
    edit.say("bound", fmt::format("all outputs together move by {:.3g} (rms), {:.3g} at most, on "
                                  "these samples",
                                  *removal.bound, *removal.largest_bound));
  }
  edit.finish(true);
}

template <class Options>
std::shared_ptr<Options> add_verb(CLI::App& task, const char* name, const char* help,
                                  void (*run)(const Options&), CLI::App*& verb) {
  auto options = std::make_shared<Options>();
  verb = task.add_subcommand(name, help);
  options->add_to(*verb);
  verb->callback([options, run] { run(*options); });
  return options;
}

void add_list(CLI::App& verb, const char* flag, Names& names, const char* help) {
  verb.add_option(flag, names, help)
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("A,B,…");
}

}  // namespace

void add_block_verbs(CLI::App& task) {
  CLI::App* verb = nullptr;
  const auto add_task_flag = [&](OutputOptions& o) {
    verb->add_option("--task", o.task, "whose [the only one]")->type_name("NAME");
  };
  auto outputs = add_verb<OutputOptions>(task, "add-outputs", "classes behind those of a task",
                                         add_outputs, verb);
  add_task_flag(*outputs);
  add_list(*verb, "--outputs", outputs->outputs, "names of the new outputs");
  outputs = add_verb<OutputOptions>(task, "remove-outputs",
                                    "classes that go; the others stay exactly", remove_some, verb);
  add_task_flag(*outputs);
  add_list(*verb, "--outputs", outputs->outputs, "names of the outputs that go");
  outputs =
      add_verb<OutputOptions>(task, "rename-output", "give a class another name", rename_one, verb);
  add_task_flag(*outputs);
  verb->add_option("name", outputs->name, "name there is")->required()->type_name("NAME");
  verb->add_option("to", outputs->to, "name there will be")->required()->type_name("NEW");

  const auto add_input_flag = [&](FeatureOptions& o) {
    verb->add_option("--input", o.input, "whose [the only one]")->type_name("NAME");
  };
  auto features = add_verb<FeatureOptions>(task, "add-inputs", "features behind those of an input",
                                           add_features, verb);
  add_input_flag(*features);
  add_list(*verb, "--features", features->features, "names of the new features");
  const auto add_numbers = [&](const char* flag, std::vector<double>& values, const char* help) {
    verb->add_option(flag, values, help)
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("X,X,…")
        ->capture_default_str();
  };
  add_numbers("--mean", features->mean, "mean of their raw values: one for all or one each");
  add_numbers("--deviation", features->deviation, "standard deviation of their raw values");
  features = add_verb<FeatureOptions>(
      task, "remove-inputs", "features that go; with --data the others take over what they say",
      remove_some_features, verb);
  add_input_flag(*features);
  add_list(*verb, "--features", features->features,
           "names, or positions from 0 where there are none");
  verb->add_option(
          "--fold", features->fold,
          "with --data, what stands in for them: others (a regression on those that stay), mean")
      ->type_name("NAME")
      ->capture_default_str();
  verb->add_option("--samples", features->samples, "training samples to use; 0: all")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--seed", features->seed, "which samples are drawn")->type_name("COUNT");
}

}  // namespace isoform::cli
