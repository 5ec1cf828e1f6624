// isoform train: what is learned from.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/cli/train_load.h"
#include "isoform/cli/verbs.h"
#include "isoform/data/array_set.h"
#include "isoform/data/split.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/run/memory.h"

namespace isoform::cli {

namespace {

// Arrays may come without.
bool has_test_part(const std::string& set) {
  if (find_entry(set) != nullptr || !(set.ends_with(".npz") || holds_arrays(set))) return true;
  return has_array_part(set, Split::test);
}

// Settings of tables that are not as they always are.
void require_no_table(const TrainOptions& o) {
  const auto refuse = [&](std::string_view flag) {
    throw UsageError(
        fmt::format("{}: is for tables, and '{}' is none; give a file, for example customers.csv",
                    flag, o.settings.data));
  };
  if (!o.out_of_fold.empty()) refuse("out-of-fold");
  RunSettings standard;
  const std::vector<Setting> defaults = list_settings(standard);
  for (std::size_t i = 0; i < o.list.size(); ++i) {
    if (o.list[i].section == "table" && o.list[i].get() != defaults[i].get())
      refuse(o.list[i].name);
  }
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
  for (const std::string& warning : facts.warnings) complain("note: " + warning);
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

CrossValidation validate(const TrainOptions& o, const RunSettings& settings,
                         const TableData& table) {
  const int count = settings.table.folds;
  const bool terminal = is_terminal(STDERR_FILENO);
  const auto tell = [&](int done) {
    if (o.quiet) return;
    const bool last = done == count;
    fmt::print(stderr, "{}cross-validation: {} of {} folds{}", terminal ? "\r" : "", done, count,
               terminal && !last ? "" : "\n");
    std::fflush(stderr);
  };
  CrossValidation folds = cross_validate(settings, table, tell, &catch_interrupts());
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
  require_fitting(o, table.facts.schema.target);
  const bool folds = o.settings.table.folds > 0;
  if (!folds && !o.out_of_fold.empty()) {
    throw UsageError("out-of-fold: needs --folds K, got none");
  }
  if (folds) all.before_folds = o.settings;
  TableParts parts = split_table(o.settings, table, folds);
  if (was_given(o, "test")) warn_of_shared_rows(parts, table.rows.data.feature_names());
  o.settings = table_settings(o.settings, table.facts.schema, parts.training.samples());
  const std::string name = table.rows.data.name();
  all.known = {parts.training, parts.validation};
  all.data.push_back(
      {name, weighted(parts.training, o.settings.table.class_weights), parts.validation});
  if (!parts.test.empty()) all.tests[name] = parts.test;
  all.test_name = parts.test_name;
  return all;
}

}  // namespace

void say(const TrainOptions& o, const std::string& line) {
  if (!o.quiet) fmt::print(stderr, "{}\n", line);
}

bool was_given(const TrainOptions& o, std::string_view flag) {
  return std::any_of(o.given.begin(), o.given.end(),
                     [&](const auto& entry) { return entry.first->name == flag; });
}

void require_fitting(const TrainOptions& o, TargetKind target) {
  if (target != TargetKind::classes && o.settings.table.class_weights != ClassWeights::none) {
    throw UsageError(fmt::format(
        "class-weights: are of classes, and the target is {}; --weights COLUMN weights rows",
        target_kind_name(target)));
  }
  if (target != TargetKind::classes && was_given(o, "loss") &&
      o.settings.loss == Loss::cross_entropy) {
    throw UsageError(fmt::format("loss: cross_entropy is of classes; {}",
                                 target == TargetKind::numbers
                                     ? "numbers take squared or huber"
                                     : "labels take binary, squared or huber"));
  }
}

void warn_of_shared_rows(const TableParts& parts, const std::vector<std::string>& features,
                         std::vector<SeenRows> seen) {
  if (parts.test.empty()) return;
  seen.push_back(seen_rows(std::array{parts.training, parts.validation}, features));
  const std::vector<bool> shared = are_seen(seen, parts.test);
  const auto count = std::count(shared.begin(), shared.end(), true);
  if (count == 0) return;
  complain(
      fmt::format("note: {} of the {} rows of {} are among those that are learned from; they say "
                  "nothing of new "
                  "rows",
                  count, parts.test.samples(), parts.test_name));
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
    require_no_table(o);
    settings.finish();
  }
  if (o.from.empty()) return table ? load_table(o) : load_sets(settings);
  Model<float> model = load_model<float>(o.from);
  if (table && settings.table.folds > 0) {
    throw UsageError("folds: a model that goes on is one; cross-validate a new one");
  }
  if (table) return continue_table(o, std::move(model));
  return continue_sets(o, std::move(model));
}

void run_folds(const TrainOptions& o, TrainData& data) {
  if (data.before_folds) data.folds = validate(o, *data.before_folds, *data.table);
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
  Memory memory = remember(data.known, model.inputs.front().features, o.settings.table.memory,
                           o.settings.training.seed);
  memory.seen.insert(memory.seen.end(), data.seen.begin(), data.seen.end());
  save_memory(memory, path);
  return path.string();
}

}  // namespace isoform::cli
