// isoform task
#include "isoform/cli/task.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/model/tasks.h"
#include "isoform/monitor/format.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
A task is a list of outputs and the inputs they are for. What the others answer is measured with every change.
Examples:
  isoform task list model.safetensors
  isoform task add model.safetensors two.safetensors --data mnist               # classes and an input of its own
  isoform task add in.safetensors out.safetensors --name shoes --outputs flat,heeled --inputs fashion-mnist
  isoform task off two.safetensors two.safetensors fashion-mnist                # kept, but trained no more
  isoform task freeze two.safetensors two.safetensors --trunk --task fashion-mnist
  isoform task remove two.safetensors one.safetensors mnist
  isoform task add-outputs in.safetensors out.safetensors --outputs sandals,slippers
  isoform task remove-inputs in.safetensors out.safetensors --features 0,1,2 --data fashion-mnist)";

std::string first_few(const std::vector<std::string>& names) {
  std::string text = fmt::format("{}", names.size());
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string next = i == 0 ? names[i] : ", " + names[i];
    if (text_columns(list + next) > 36) {
      list += i == 0 ? "…" : ", …";
      break;
    }
    list += next;
  }
  return fmt::format("{} ({})", text, list);
}

std::string weight_text(double weight) { return fmt::format("{:g}", weight); }

void list_tasks(const std::string& file, bool json) {
  auto model = load_model<float>(file);
  name_parts(model, model.tasks.empty() ? "task" : model.tasks.front().name);
  const Network<float>& network = model.network;
  Index groups = 0, frozen = 0;
  for (const int id : network.hidden()) {
    const Space<float>& space = network.space(id);
    groups += space.gates();
    for (Index g = 0; g < space.gates(); ++g) frozen += space.is_frozen(g) ? 1 : 0;
  }
  nlohmann::json all = nlohmann::json::array(), inputs = nlohmann::json::array();
  Table tasks({"task", "reads", "outputs", "loss", "weight", "trained", "head"});
  const std::vector<int> heads = network.outputs(), sources = network.inputs();
  for (std::size_t i = 0; i < model.tasks.size(); ++i) {
    const Task& task = model.tasks[i];
    const bool fixed = network.space(heads[i]).is_frozen(0);
    tasks.row({task.name, fmt::format("{}", fmt::join(task.inputs, ", ")), first_few(task.outputs),
               std::string(loss_name(task.loss)), weight_text(task.weight),
               task.active ? "yes" : "no", fixed ? "frozen" : "free"});
    all.push_back({{"name", task.name},
                   {"inputs", task.inputs},
                   {"outputs", task.outputs},
                   {"loss", loss_name(task.loss)},
                   {"weight", task.weight},
                   {"active", task.active},
                   {"frozen", fixed}});
  }
  Table of_inputs({"input", "features"});
  for (std::size_t k = 0; k < model.inputs.size(); ++k) {
    const Input& input = model.inputs[k];
    const Index n = network.space(sources[k]).dimension;
    of_inputs.row(
        {input.name, input.features.empty() ? format_count(n) : first_few(input.features)});
    inputs.push_back({{"name", input.name}, {"count", n}, {"features", input.features}});
  }
  if (json) {
    return print_json({{"tasks", all},
                       {"inputs", inputs},
                       {"widths", network.widths()},
                       {"parameters", network.parameter_count()},
                       {"groups", groups},
                       {"frozen_groups", frozen}});
  }
  print(tasks.text() + "\n" + of_inputs.text() + "\n");
  print_line(fmt::format("trunk  {}, {} of {} groups frozen", format_widths(network.widths()),
                         format_count(frozen), format_count(groups)));
}

struct AddOptions : TaskOptions {
  std::string name, set, set_dir, loss = "cross_entropy";
  std::vector<std::string> outputs, inputs;
  double weight = 1;
  std::uint64_t seed = 0;
};

void add(const AddOptions& o) {
  if (o.set.empty() == o.outputs.empty()) {
    throw UsageError(fmt::format("task add: needs --outputs or --data, got {}",
                                 o.set.empty() ? "neither" : "both"));
  }
  if (o.set.empty() && o.name.empty()) {
    throw UsageError(
        "task add: needs --name NAME, since there is no data that it could be called after");
  }
  TaskEdit edit(o);
  Model<float>& model = edit.model();
  Task task;
  task.name = o.name;
  task.outputs = o.outputs;
  task.inputs = o.inputs;
  task.loss = loss_from_name(o.loss);
  task.weight = o.weight;
  Dataset data;
  if (!o.set.empty()) {
    data = load(o.set, Split::train, {o.set_dir, true});
    if (task.name.empty()) task.name = data.name();
    task.outputs = data.classes();
  }
  std::string own;
  if (!o.set.empty() && o.inputs.empty()) {
    NewInput input{{task.name}, {}, {}};
    const FeatureStatistics statistics = input_statistics(data, Scaling::automatic);
    input.mean = statistics.mean;
    input.deviation = statistics.standard_deviation;
    if (data.image() && data.image()->channels == 1) {
      input.image_rows = data.image()->rows;
      input.image_cols = data.image()->columns;
    }
    // Nobody else reads it, so it may begin as a fresh network does.
    append_input(model, input, Start::random, o.seed);
    task.inputs = {task.name};
    own = fmt::format(" (new, {} features)", format_count(data.features()));
  } else if (o.inputs.empty()) {
    task.inputs = {edit.input_or_only("", "--inputs")};
  }
  append_task(model, task, o.seed);
  if (!o.set.empty()) {
    Index features = 0;
    for (const int id : model.route(model.tasks.size() - 1).inputs) {
      features += model.network.space(id).dimension;
    }
    if (features != data.features()) {
      throw UsageError(fmt::format(
          "inputs: {} have {} features, but a sample of '{}' has {}; name others, or none for an "
          "input of its own",
          fmt::join(task.inputs, ", "), features, data.name(), data.features()));
    }
  }
  edit.json() = {{"added", task.name}, {"inputs", task.inputs}, {"outputs", task.outputs}};
  edit.say("added", fmt::format("{}: {} outputs, {}, weight {}", task.name, task.outputs.size(),
                                o.loss, weight_text(o.weight)));
  edit.say("reads", fmt::format("{}{}", fmt::join(task.inputs, ", "), own));
  edit.finish();
}

struct NameOptions : TaskOptions {
  std::string name, to;
  bool input = false;
};

void remove(const NameOptions& o) {
  TaskEdit edit(o);
  remove_task(edit.model(), o.name);
  std::vector<std::string> gone;
  for (const Input& input : edit.before().inputs) {
    const auto& left = edit.model().inputs;
    if (std::none_of(left.begin(), left.end(),
                     [&](const Input& i) { return i.name == input.name; }))
      gone.push_back(input.name);
  }
  edit.json() = {{"removed", o.name}, {"inputs_removed", gone}};
  edit.say("removed", gone.empty()
                          ? o.name
                          : fmt::format("{}, and with it the input {} that nobody else reads",
                                        o.name, fmt::join(gone, ", ")));
  edit.finish();
}

void rename(const NameOptions& o) {
  TaskEdit edit(o);
  if (o.input) {
    rename_input(edit.model(), o.name, o.to);
  } else {
    rename_task(edit.model(), o.name, o.to);
  }
  edit.json() = {{"renamed", o.name}, {"to", o.to}, {"what", o.input ? "input" : "task"}};
  edit.say("renamed", fmt::format("{} {} → {}", o.input ? "input" : "task", o.name, o.to));
  edit.finish();
}

void activate(const NameOptions& o, bool on) {
  TaskEdit edit(o);
  Model<float>& model = edit.model();
  Task& task = model.tasks[model.task_index(o.name)];
  const bool was = task.active;
  task.active = on;
  edit.json() = {{"task", o.name}, {"active", on}};
  edit.say(on ? "on" : "off", fmt::format("{}{}", o.name, was == on ? ", as it was" : ""));
  if (std::none_of(model.tasks.begin(), model.tasks.end(),
                   [](const Task& t) { return t.active; })) {
    edit.say("note", "no task is on: train refuses such a model");
  }
  edit.finish();
}

struct SetOptions : NameOptions {
  std::string loss;
  std::optional<double> weight;
};

void set(const SetOptions& o) {
  if (o.loss.empty() && !o.weight) {
    throw UsageError("task set: needs --loss or --weight, got neither");
  }
  if (o.weight && !(*o.weight > 0 && *o.weight <= kMaxWeight)) {
    throw UsageError(fmt::format("weight: needs a number above 0 and at most {:g}, got {}",
                                 kMaxWeight, *o.weight));
  }
  TaskEdit edit(o);
  Task& task = edit.model().tasks[edit.model().task_index(o.name)];
  const Task was = task;
  if (!o.loss.empty()) task.loss = loss_from_name(o.loss);
  if (o.weight) task.weight = *o.weight;
  edit.json() = {{"task", o.name}, {"loss", loss_name(task.loss)}, {"weight", task.weight}};
  edit.say("task", o.name);
  edit.say("loss", fmt::format("{} → {}", loss_name(was.loss), loss_name(task.loss)));
  edit.say("weight", fmt::format("{} → {}", weight_text(was.weight), weight_text(task.weight)));
  edit.finish();
}

struct FreezeOptions : TaskOptions {
  bool trunk = false;
  std::vector<std::string> tasks;
};

void freeze(const FreezeOptions& o, bool frozen) {
  const char* verb = frozen ? "freeze" : "thaw";
  if (!o.trunk && o.tasks.empty()) {
    throw UsageError(fmt::format("task {}: needs --trunk, --task NAME or both, got neither", verb));
  }
  TaskEdit edit(o);
  std::vector<std::string> what;
  if (o.trunk) {
    freeze_trunk(edit.model(), frozen);
    what.emplace_back("the trunk");
  }
  for (const std::string& task : o.tasks) {
    freeze_head(edit.model(), task, frozen);
    what.push_back("the head of " + task);
  }
  edit.json() = {{frozen ? "frozen" : "thawed", what}};
  edit.say(frozen ? "frozen" : "thawed", fmt::format("{}", fmt::join(what, ", ")));
  edit.finish();
}

template <class Options>
CLI::App* subverb(CLI::App& task, const char* name, const char* help,
                  const std::shared_ptr<Options>& options,
                  const std::function<void(const Options&)>& run, bool measured = true) {
  CLI::App* verb = task.add_subcommand(name, help);
  options->add_to(*verb, measured);
  verb->callback([options, run] { run(*options); });
  return verb;
}

void add_add(CLI::App& task) {
  auto o = std::make_shared<AddOptions>();
  CLI::App* verb =
      subverb<AddOptions>(task, "add", "add a task with a head of its own", o, add, false);
  verb->add_option("--name", o->name, "its name [that of the data]")->type_name("NAME");
  verb->add_option("--outputs", o->outputs, "names of its outputs")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("A,B,…");
  verb->add_option("--data", o->set,
                   "data it is for: outputs are the classes, the input is standardised")
      ->type_name("SET");
  verb->add_option("--data-dir", o->set_dir, "folder where known sets are looked for")
      ->type_name("DIR");
  verb->add_option("--inputs", o->inputs,
                   "inputs it reads, of those that are there [with --data one of its own, else the "
                   "only one]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("A,B,…");
  verb->add_option("--loss", o->loss, "cross_entropy or squared")
      ->type_name("LOSS")
      ->capture_default_str();
  verb->add_option("--weight", o->weight, "weight of its loss among the tasks")
      ->type_name("NUMBER")
      ->capture_default_str();
  verb->add_option("--seed", o->seed, "seed of its first weights")->type_name("COUNT");
}

void add_named(CLI::App& task, const char* name, const char* help,
               const std::function<void(const NameOptions&)>& run) {
  auto o = std::make_shared<NameOptions>();
  CLI::App* verb = subverb<NameOptions>(task, name, help, o, run);
  verb->add_option("task", o->name, "name of the task")->required()->type_name("NAME");
}

}  // namespace

void add_task(CLI::App& app) {
  CLI::App* task = app.add_subcommand("task", "add, remove, freeze … the tasks of a saved model");
  task->footer(kExamples);
  task->require_subcommand(1);

  auto file = std::make_shared<TaskOptions>();
  CLI::App* list = task->add_subcommand("list", "tasks and inputs of a model");
  list->add_option("model", file->in, "model file")->required()->type_name("MODEL");
  list->add_flag("--json", file->json, "print as JSON");
  list->callback([file] { list_tasks(file->in, file->json); });

  add_add(*task);
  add_named(*task, "remove", "remove a task, and inputs that only it reads", remove);
  auto names = std::make_shared<NameOptions>();
  CLI::App* verb =
      subverb<NameOptions>(*task, "rename", "give a task or an input another name", names, rename);
  verb->add_option("name", names->name, "name there is")->required()->type_name("NAME");
  verb->add_option("to", names->to, "name there will be")->required()->type_name("NEW");
  verb->add_flag("--input", names->input, "it is an input's name");
  add_named(*task, "on", "train a task (again)", [](const NameOptions& o) { activate(o, true); });
  add_named(*task, "off", "keep a task, but train it no more",
            [](const NameOptions& o) { activate(o, false); });
  auto values = std::make_shared<SetOptions>();
  verb = subverb<SetOptions>(*task, "set", "change the loss or weight of a task", values, set);
  verb->add_option("task", values->name, "name of the task")->required()->type_name("NAME");
  verb->add_option("--loss", values->loss, "cross_entropy or squared")->type_name("LOSS");
  verb->add_option("--weight", values->weight, "weight of its loss among the tasks")
      ->type_name("NUMBER");
  for (const bool frozen : {true, false}) {
    auto o = std::make_shared<FreezeOptions>();
    verb = subverb<FreezeOptions>(
        *task, frozen ? "freeze" : "thaw",
        frozen ? "mark the trunk or heads as trained no more" : "take such marks away", o,
        [frozen](const FreezeOptions& options) { freeze(options, frozen); });
    verb->add_flag("--trunk", o->trunk, "all groups of the hidden layers that there are now");
    verb->add_option("--task", o->tasks, "heads of these tasks")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("A,B,…");
  }
  add_block_verbs(*task);
}

}  // namespace isoform::cli
