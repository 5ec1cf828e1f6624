// isoform train --continue: a model that has learned meets other data.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <filesystem>

#include "isoform/base/error.h"
#include "isoform/cli/train_load.h"
#include "isoform/data/combine.h"
#include "isoform/data/split.h"
#include "isoform/monitor/format.h"
#include "isoform/run/memory.h"

namespace isoform::cli {

namespace {

void require_none_of_a_beginning(const TrainOptions& o) {
  for (const std::string_view flag : {"hidden", "group-size", "radial", "length", "psi", "norms",
                                      "initialiser", "architecture", "stream", "scaling", "loss"}) {
    if (was_given(o, flag)) {
      throw UsageError(fmt::format(
          "{}: is of a model that begins; this one goes on (leave it out, or leave out --continue)",
          flag));
    }
  }
}

// Rows that the model has learned from are learned again, and measure nothing.
TableParts split_new_rows(const TrainOptions& o, const TableData& table,
                          const std::vector<SeenRows>& seen) {
  const std::vector<bool> known = are_seen(seen, table.rows.data);
  std::vector<std::uint32_t> old_rows, new_rows;
  for (std::uint32_t i = 0; i < known.size(); ++i) (known[i] ? old_rows : new_rows).push_back(i);
  TableData fresh = table;
  fresh.rows.data = table.rows.data.subset(new_rows);
  TableParts parts;
  if (fresh.rows.data.samples() > 1) {
    parts = split_table(o.settings, fresh);
    if (was_given(o, "test")) warn_of_shared_rows(parts, table.rows.data.feature_names(), seen);
  } else {
    parts = {table.rows.data, table.rows.data.subset({}), table.rows.data.subset({}), ""};
  }
  if (!old_rows.empty()) {
    say(o, fmt::format("{} rows of '{}' have been learned before: they are learned again, and {}",
                       format_count(std::ssize(old_rows)), o.settings.data,
                       parts.test.empty() ? "nothing is left to measure the model"
                                          : "the others alone measure the model"));
    if (fresh.rows.data.samples() > 1) {
      const std::array<Dataset, 2> both = {table.rows.data.subset(old_rows), parts.training};
      parts.training = parts.training.empty() ? both[0] : joined(both);
    }
  }
  // Its data set has the task's name; people know the file's.
  if (!parts.test.empty() && parts.test_name != o.settings.table.test) {
    parts.test_name = fmt::format("{:.3g} % of the new rows of {}",
                                  100 * std::stod(o.settings.table.test), o.settings.data);
  }
  return parts;
}

std::string first_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  const std::size_t shown = std::min(kShown, names.size());
  return fmt::format(
      "{}{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
      shown < names.size() ? ", …" : "");
}

}  // namespace

// A model that has learned from a table meets another.
TrainData continue_table(TrainOptions& o, Model<float> model) {
  TrainData all;
  if (!model.schema) {
    throw UsageError(fmt::format(
        "continue: '{}' has not learned from a table; give it the data it knows", o.from));
  }
  RunSettings& settings = o.settings;
  const auto& asked = settings.table.columns.targets;
  if (!asked.empty() && asked != model.schema->targets) {
    throw UsageError(
        fmt::format("target: '{}' answers {}; leave --target out, or begin a new model", o.from,
                    fmt::join(model.schema->targets, ", ")));
  }
  if (const auto& kind = settings.table.columns.target_kind;
      kind && *kind != model.schema->target) {
    throw UsageError(fmt::format("target-kind: '{}' answers {}; leave --target-kind out", o.from,
                                 target_kind_name(model.schema->target)));
  }
  require_none_of_a_beginning(o);
  require_fitting(o, model.schema->target);
  const CsvFile file(settings.data, settings.table.columns.csv);
  settings.table.columns = known_columns(settings.table.columns, *model.schema, file);
  const TableFacts facts = infer_schema(file, settings.table.columns);
  const Model<float> before = model;
  const Extension added = extend_model(model, facts, file, settings.table.columns.weights);
  TableData table{facts, encode_table(file, *model.schema,
                                      {.features = model.inputs.front().features,
                                       .classes = model.tasks.front().outputs,
                                       .weights = settings.table.columns.weights,
                                       .name = model.tasks.front().name})};
  table.facts.schema = *model.schema;
  for (const std::string& note : notes(table.rows.report)) say(o, "note: " + note);
  say(o, fmt::format(
             "{}: {} rows; new classes: {}; new columns: {}; new features: {}", settings.data,
             format_count(table.rows.data.samples()),
             added.classes.empty() ? "none" : fmt::format("{}", fmt::join(added.classes, ", ")),
             added.columns.empty() ? "none" : fmt::format("{}", fmt::join(added.columns, ", ")),
             added.features.size()));

  const std::filesystem::path kept = memory_path(o.from);
  std::error_code ignored;
  Memory memory;
  if (std::filesystem::exists(kept, ignored)) memory = load_memory(kept);
  all.seen = memory.seen;
  TableParts parts = split_new_rows(o, table, memory.seen);
  if (!memory.rows.empty()) {
    const Dataset rows = remembered_rows(memory, *model.schema, model.inputs.front().features,
                                         model.tasks.front().outputs);
    // The old logits, before anything is learned.
    const auto engine = create_engine<float>(settings.engine);
    const Matrix<float> now = logits(model, rows, *engine);
    const Matrix<float> then = logits(before, as_read(before, memory.rows), *engine);
    const float moved = (now.topRows(then.rows()) - then).cwiseAbs().maxCoeff();
    say(o, fmt::format("{} rows kept beside the model are learned again with the new ones; on them "
                       "the old logits are {}",
                       format_count(rows.samples()),
                       moved == 0 ? "unchanged to the last bit"
                                  : fmt::format("changed by {:.2g} at most", moved)));
    const TrainValidation old = stratified_split(rows, settings.validation, settings.training.seed);
    // Rows that are kept stand for many.
    const auto counted = [](const Dataset& d) {
      return d.has_weights()
                 ? d
                 : d.with_weights(std::vector<float>(static_cast<std::size_t>(d.samples()), 1));
    };
    const auto both = [&](const Dataset& a, const Dataset& b) {
      if (a.empty() || b.empty()) return a.empty() ? b : a;
      const std::array<Dataset, 2> list = {counted(a), counted(b)};
      return joined(list);
    };
    parts.training = both(old.train, parts.training);
    parts.validation = both(old.validation, parts.validation);
  } else {
    complain(
        fmt::format("note: there is no '{}': without rows of what it learned before, the model "
                    "forgets what the "
                    "new table does not hold",
                    kept.string()));
  }
  settings.loss = model.tasks.front().loss;
  // A trained network is not to be shaken.
  settings.training.optimiser.learning_rate =
      settings.training.optimiser.rate() * settings.training.schedule.restart;
  settings = table_settings(settings, *model.schema, parts.training.samples());
  const std::string name = table.rows.data.name();
  all.known = {parts.training, parts.validation};
  all.data.push_back(
      {name, weighted(parts.training, settings.table.class_weights), parts.validation});
  if (!parts.test.empty()) all.tests[name] = parts.test;
  all.test_name = parts.test_name;
  all.table = std::move(table);
  all.model = std::move(model);
  return all;
}

// A model that has learned from a set meets another.
TrainData continue_sets(const TrainOptions& o, Model<float> model) {
  const RunSettings& settings = o.settings;
  require_none_of_a_beginning(o);
  TrainData all = load_sets(settings);
  // A model of one task takes the data there are, whatever they are called (train/courses.h).
  if (model.tasks.size() == 1 && all.data.size() == 1) {
    const Task& task = model.tasks.front();
    TaskData& data = all.data.front();
    if (task.outputs != data.training.classes() &&
        task.outputs.size() == data.training.classes().size()) {
      complain(fmt::format(
          "note: '{}' answers {}, the data '{}' have {}: its outputs learn these in their place "
          "(to learn them beside: the data it knows, and --change 'epoch=2 append={}')",
          task.name, first_of(task.outputs), data.name, first_of(data.training.classes()),
          settings.data));
    }
    if (auto test = all.tests.extract(data.name); !test.empty()) {
      test.key() = task.name;
      all.tests.insert(std::move(test));
    }
    data.name = task.name;
  }
  all.model = std::move(model);
  return all;
}

}  // namespace isoform::cli
