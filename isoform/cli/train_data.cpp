// isoform train: what is learned from.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <filesystem>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/cli/train.h"
#include "isoform/cli/verbs.h"
#include "isoform/data/array_set.h"
#include "isoform/data/combine.h"
#include "isoform/data/split.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/run/memory.h"

namespace isoform::cli {

namespace {

void say(const TrainOptions& o, const std::string& line) {
  if (!o.quiet) fmt::print(stderr, "{}\n", line);
}

// Arrays may come without.
bool has_test_part(const std::string& set) {
  if (find_entry(set) != nullptr || !(set.ends_with(".npz") || holds_arrays(set))) return true;
  return has_array_part(set, Split::test);
}

TrainData load_sets(const RunSettings& settings) {
  TrainData all;
  for (const std::string& set : settings.data_sets()) {
    const Dataset whole = load(set, Split::train, {settings.data_dir, true});
    const Dataset test =
        has_test_part(set) ? load(set, Split::test, {settings.data_dir, true}) : whole.subset({});
    if (test.features() != whole.features()) {
      throw FormatError(
          fmt::format("data '{}': the training part has {} features a sample, the test part {}; "
                      "give parts of the same set",
                      whole.name(), whole.features(), test.features()));
    }
    const TrainValidation parts = split(whole, settings.validation, settings.training.seed);
    const std::string name = all.data.empty() ? whole.name() : set;
    all.data.push_back({name, parts.train, parts.validation});
    if (!test.empty()) all.tests[name] = test;
  }
  return all;
}

void tell_table(const TrainOptions& o, const TableData& table) {
  const TableFacts& facts = table.facts;
  std::string target = fmt::format("{}", fmt::join(facts.schema.targets, ", "));
  if (facts.schema.target == TargetKind::classes) {
    constexpr std::size_t kShown = 6;
    std::vector<std::string> names;
    for (std::size_t k = 0; k < std::min(kShown, facts.classes.size()); ++k) {
      names.push_back(fmt::format("{} ({})", facts.classes[k],
                                  format_count(static_cast<std::int64_t>(facts.class_rows[k]))));
    }
    target += fmt::format(": {} classes, {}{}", facts.classes.size(), fmt::join(names, ", "),
                          names.size() < facts.classes.size() ? ", …" : "");
  } else {
    target += fmt::format(": {}", target_kind_name(facts.schema.target));
  }
  say(o, fmt::format("{}: {} rows; target {}", table.rows.data.name(),
                     format_count(static_cast<std::int64_t>(facts.rows)), target));
  for (const std::string& note : notes(facts)) say(o, "  " + note);
}

std::string out_of_fold_csv(const TableData& table, const CrossValidation& folds) {
  std::string csv = "line,fold";
  for (const std::string& name : table.rows.data.classes()) csv += "," + csv_field(name);
  csv += "\n";
  for (Index j = 0; j < folds.answers.cols(); ++j) {
    const auto i = static_cast<std::size_t>(j);
    csv += fmt::format("{},{}", table.rows.lines[i], folds.fold[i] + 1);
    for (const double y : folds.answers.col(j)) csv += fmt::format(",{:.9g}", y);
    csv += "\n";
  }
  return csv;
}

CrossValidation validate(const TrainOptions& o, const TableData& table) {
  const int count = o.settings.table.folds;
  const bool terminal = is_terminal(STDERR_FILENO);
  const auto tell = [&](int done) {
    if (o.quiet) return;
    const bool last = done == count;
    fmt::print(stderr, "{}cross-validation: {} of {} folds{}", terminal ? "\r" : "", done, count,
               terminal && !last ? "" : "\n");
    std::fflush(stderr);
  };
  CrossValidation folds = cross_validate(o.settings, table, tell, &catch_interrupts());
  if (static_cast<int>(folds.folds.size()) < count) {
    complain(
        fmt::format("stopped after {} of {} folds; nothing is written", folds.folds.size(), count));
    throw Exit{kInterrupted};
  }
  if (!o.out_of_fold.empty()) write_file_atomically(o.out_of_fold, out_of_fold_csv(table, folds));
  return folds;
}

TrainData load_table(TrainOptions& o) {
  TrainData all;
  all.table = read_table(o.settings);
  const TableData& table = *all.table;
  constexpr Index kFewest = 10;
  if (table.rows.data.samples() < kFewest) {
    throw UsageError(fmt::format("data: '{}' has {} rows; {} at least are needed to learn from",
                                 o.settings.data, table.rows.data.samples(), kFewest));
  }
  tell_table(o, table);
  const bool folds = o.settings.table.folds > 0;
  if (folds) all.folds = validate(o, table);
  TableParts parts = split_table(o.settings, table, folds);
  o.settings = table_settings(o.settings, table.facts.schema, parts.training.samples());
  const std::string name = table.rows.data.name();
  all.known = {parts.training, parts.validation};
  all.data.push_back(
      {name, weighted(parts.training, o.settings.table.class_weights), parts.validation});
  if (!parts.test.empty()) all.tests[name] = parts.test;
  all.test_name = parts.test_name;
  return all;
}

// A model that has learned from a table meets another.
TrainData continue_table(TrainOptions& o, Model<float> model) {
  TrainData all;
  if (!model.schema) {
    throw UsageError(fmt::format(
        "continue: '{}' has not learned from a table; give it the data it knows", o.from));
  }
  RunSettings& settings = o.settings;
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

  TableParts parts = split_table(settings, table);
  const std::filesystem::path kept = memory_path(o.from);
  std::error_code ignored;
  if (std::filesystem::exists(kept, ignored)) {
    const Memory memory = load_memory(kept);
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

void require_no_table(const RunSettings& settings) {
  const TableSettings& table = settings.table;
  const auto refuse = [&](std::string_view flag) {
    throw UsageError(
        fmt::format("{}: is for tables, and '{}' is none; give a file, for example customers.csv",
                    flag, settings.data));
  };
  if (!table.columns.targets.empty()) refuse("target");
  if (table.folds > 0) refuse("folds");
  if (!table.columns.weights.empty()) refuse("weights");
}

}  // namespace

TrainData load_train_data(TrainOptions& o) {
  RunSettings& settings = o.settings;
  const bool table = names_table(settings.data);
  if (table) {
    if (!settings.training.changes.empty()) {
      throw UsageError(
          "change: tasks come and go with known sets and folders; a table is one task (train "
          "--continue brings it classes and columns)");
    }
    if (settings.table.folds < 0 || settings.table.folds == 1) {
      throw UsageError(
          fmt::format("folds: needs 2 or more, or 0 for none, got {}", settings.table.folds));
    }
    if (settings.table.memory < 0) {
      throw UsageError(fmt::format("memory: needs 0 or more rows, got {}", settings.table.memory));
    }
    if (settings.table.in_memory < 0) {
      throw UsageError(
          fmt::format("in-memory: needs MiB, or 0 for half of what the machine has, got {}",
                      settings.table.in_memory));
    }
    RunSettings trial = settings;  // mistakes show before a long file is read
    trial.finish(1);
  } else {
    require_no_table(settings);
    settings.finish();
  }
  if (o.from.empty()) return table ? load_table(o) : load_sets(settings);
  Model<float> model = load_model<float>(o.from);
  if (table && settings.table.folds > 0) {
    throw UsageError("folds: a model that goes on is one; cross-validate a new one");
  }
  if (table) return continue_table(o, std::move(model));
  TrainData all = load_sets(settings);
  all.model = std::move(model);
  return all;
}

std::string keep_memory(const TrainOptions& o, const TrainData& data, const Model<float>& model) {
  const std::filesystem::path path = memory_path(o.out);
  if (!data.table) return "";
  if (o.settings.table.memory < 1) {
    // One of an earlier model of this name would be taken for this one's.
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return "";
  }
  save_memory(remember(data.known, model.inputs.front().features, o.settings.table.memory,
                       o.settings.training.seed),
              path);
  return path.string();
}

}  // namespace isoform::cli
