#include "isoform/run/tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/base/thread_pool.h"
#include "isoform/data/split.h"
#include "isoform/run/budget.h"

namespace isoform {

namespace {

std::vector<std::uint32_t> samples_of(const std::vector<std::uint32_t>& fold, std::uint32_t part,
                                      bool inside) {
  std::vector<std::uint32_t> samples;
  for (std::size_t i = 0; i < fold.size(); ++i) {
    if ((fold[i] == part) == inside) samples.push_back(static_cast<std::uint32_t>(i));
  }
  return samples;
}

}  // namespace

TableData read_table(const RunSettings& settings) {
  const CsvFile file(settings.data, settings.table.columns.csv);
  TableOptions options = settings.table.columns;
  options.robust = options.robust || settings.loss == Loss::huber;
  TableData table{infer_schema(file, options), {}};
  table.rows =
      encode_table(file, table.facts.schema,
                   {.classes = table.facts.classes,
                    .weights = settings.table.columns.weights,
                    .in_memory = static_cast<std::uint64_t>(settings.table.in_memory) << 20});
  return table;
}

template <class T>
EncodedTable read_rows(const Model<T>& model, const std::string& path, const CsvOptions& csv,
                       bool labelled) {
  if (!model.schema) {
    throw UsageError(fmt::format(
        "data: '{}' is a table, and the model has not learned from one (train --target does)",
        path));
  }
  return encode_table(CsvFile(path, csv), *model.schema,
                      {.features = model.inputs.front().features,
                       .classes = model.tasks.front().outputs,
                       .labelled = labelled});
}

std::vector<std::string> notes(const EncodeReport& report) {
  std::vector<std::string> lines;
  for (const auto& [column, unknown] : report.unseen) {
    lines.push_back(fmt::format(
        "column '{}': {} rows have a category that the model has not seen (the first: '{}'); it "
        "counts as none",
        column, unknown.rows, unknown.first));
  }
  for (const auto& [column, rows] : report.newly_missing) {
    lines.push_back(fmt::format(
        "column '{}': is missing in {} rows, and was never missing in training; the mean, or no "
        "category, stands for it",
        column, rows));
  }
  if (!report.new_columns.empty()) {
    constexpr std::size_t kShown = 8;
    const std::size_t shown = std::min(report.new_columns.size(), kShown);
    lines.push_back(fmt::format(
        "columns that the model does not read: {}{}",
        fmt::join(report.new_columns.begin(),
                  report.new_columns.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
        shown < report.new_columns.size() ? ", …" : ""));
  }
  if (report.without_target > 0) {
    lines.push_back(fmt::format("{} rows without a target are left out", report.without_target));
  }
  return lines;
}

std::vector<std::string> notes(const TableFacts& facts) {
  std::vector<std::string> lines;
  std::size_t numbers = 0, categories = 0, filled = 0;
  std::uint64_t missing = 0;
  std::vector<std::string> ignored;
  for (std::size_t c = 0; c < facts.schema.columns.size(); ++c) {
    const Column& column = facts.schema.columns[c];
    numbers += column.kind == ColumnKind::number ? 1 : 0;
    categories += column.kind == ColumnKind::category ? 1 : 0;
    filled += column.has_missing ? 1 : 0;
    missing += column.has_missing ? facts.missing[c] : 0;
    if (column.kind == ColumnKind::ignored && ignored.size() < 8) {
      ignored.push_back(fmt::format("{} ({})", column.name, column.why));
    }
  }
  const std::size_t left_out = facts.schema.columns.size() - numbers - categories;
  std::string line = fmt::format("{} columns of numbers, {} of categories", numbers, categories);
  if (facts.decimal_point == ',') line += ", written with decimal commas";
  if (left_out > 0) line += fmt::format("; {} not read", left_out);
  lines.push_back(line);
  if (!ignored.empty()) {
    lines.push_back(fmt::format("not read: {}{}", fmt::join(ignored, ", "),
                                ignored.size() < left_out ? ", …" : ""));
  }
  if (filled > 0) {
    lines.push_back(fmt::format(
        "missing: {} value{} in {} column{}; numbers are filled with the mean, and that they were "
        "missing is a feature",
        missing, missing == 1 ? "" : "s", filled, filled == 1 ? "" : "s"));
  }
  if (facts.without_target > 0) {
    lines.push_back(fmt::format("{} rows without a target are left out", facts.without_target));
  }
  return lines;
}

TableParts split_table(const RunSettings& settings, const TableData& table, bool whole) {
  TableParts parts;
  Dataset rest = table.rows.data;
  const std::optional<double> share = settings.table.test_share();
  if (!share) {
    parts.test =
        encode_table(CsvFile(settings.table.test, settings.table.columns.csv), table.facts.schema,
                     {.classes = table.facts.classes, .weights = settings.table.columns.weights})
            .data;
    parts.test_name = settings.table.test;
  } else if (*share > 0 && !whole) {
    const TrainValidation cut = stratified_split(rest, *share, settings.training.seed + 1);
    parts.test = cut.validation;
    parts.test_name = fmt::format("{:.3g} % of {}", 100 * *share, rest.name());
    rest = cut.train;
  }
  const TrainValidation cut = stratified_split(rest, settings.validation, settings.training.seed);
  parts.training = cut.train;
  parts.validation = cut.validation;
  return parts;
}

Dataset weighted(const Dataset& data, ClassWeights kind) {
  const bool balanced = kind == ClassWeights::balanced && !data.has_targets();
  if (!balanced && !data.has_weights()) return data;
  std::vector<double> of_class(data.classes().size(), 0);
  for (Index i = 0; i < data.samples(); ++i) {
    of_class[data.labels()[static_cast<std::size_t>(i)]] += static_cast<double>(data.weight(i));
  }
  std::vector<double> weights;
  for (Index i = 0; i < data.samples(); ++i) {
    const double whole = of_class[data.labels()[static_cast<std::size_t>(i)]];
    const auto own = static_cast<double>(data.weight(i));
    weights.push_back(balanced && whole > 0 ? own / whole : own);
  }
  const double mean =
      std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(weights.size());
  if (!(mean > 0)) {
    throw UsageError(fmt::format(
        "weights: all weights are 0 among the {} rows of '{}' to learn from; nothing would count",
        data.samples(), data.name()));
  }
  std::vector<float> scaled;
  for (const double w : weights) scaled.push_back(static_cast<float>(w / mean));
  return data.with_weights(scaled);
}

RunSettings table_settings(const RunSettings& settings, const Schema& schema, Index samples) {
  RunSettings own = settings;
  own.finish(samples);
  const bool said = own.loss != Loss::cross_entropy;
  switch (schema.target) {
    case TargetKind::classes:
      break;
    case TargetKind::labels:
      if (!said) own.loss = Loss::binary;
      break;
    case TargetKind::numbers:
      if (!said) own.loss = Loss::squared;
      if (own.loss == Loss::binary) {
        throw UsageError("loss: binary is of labels; numbers take squared or huber");
      }
      break;
  }
  return own;
}

bool share_a_unit(const Schema& schema, const Dataset& data) {
  constexpr Index kColumns = 16;
  for (const Column& column : schema.columns) {
    if (column.kind == ColumnKind::category || column.has_missing) return false;
  }
  if (data.features() < kColumns) return false;
  Vector<float> most = Vector<float>::Zero(data.features());
  Matrix<float> x(data.features(), 1);
  for (std::uint32_t i = 0; i < data.samples(); ++i) {
    data.gather(std::span(&i, 1), View<float>(x));
    if (x.minCoeff() < 0 || (x.array() != x.array().round()).any()) return false;
    most = most.cwiseMax(x.col(0));
  }
  const float largest = most.maxCoeff();
  return largest > 1 && 2 * (most.array() == largest).count() >= data.features();
}

template <class T>
void scale_small(Model<T>& model, Index first, const Vector<double>& mean,
                 const Vector<double>& deviation) {
  for (Index f = 0; f < mean.size(); ++f) {
    const double d = deviation[f];
    if (d < 1e-8 && d > 1e-30 && d > 1e-6 * std::abs(mean[f])) {
      model.scale[first + f] = static_cast<T>(1 / d);
    }
  }
}

template <class T>
Model<T> create_table_model(const RunSettings& settings, const Schema& schema,
                            const Dataset& training) {
  Model<T> model = create_model<T>(settings, training);
  const std::vector<std::string> features = feature_names(schema);
  Scaling scaling = settings.training.scaling;
  if (scaling == Scaling::automatic && share_a_unit(schema, training)) scaling = Scaling::together;
  const FeatureStatistics statistics = input_statistics(training, scaling);
  model.set_transform(statistics.mean,
                      scaling == Scaling::together
                          ? statistics.standard_deviation
                          : table_deviations(schema, features, statistics.standard_deviation));
  scale_small(model, 0, statistics.mean, statistics.standard_deviation);
  model.inputs = {{training.name(), features}};
  model.schema = schema;
  return model;
}

CrossValidation cross_validate(const RunSettings& settings, const TableData& table,
                               const std::function<void(int done)>& done,
                               const std::atomic<bool>* stop) {
  const Dataset& data = table.rows.data;
  const Schema& schema = table.facts.schema;
  const int count = settings.table.folds;
  CrossValidation all;
  all.fold = folds(data, count, settings.training.seed);
  all.folds.resize(static_cast<std::size_t>(count));
  all.widths.resize(all.folds.size());
  all.answers.setConstant(static_cast<Index>(data.classes().size()), data.samples(),
                          std::numeric_limits<double>::quiet_NaN());
  // Networks of all folds begin alike, so that one budget is theirs, found before they keep each other waiting.
  RunSettings asked = settings;
  RunSettings whole = table_settings(settings, schema, data.samples());
  apply_budgets(whole, create_table_model<float>(whole, schema, data).network, data.samples(),
                *create_engine<float>({whole.engine.name, 1}));
  recall_budgets(asked, whole.training.adapt.policy.parameter_budget);
  std::mutex mutex;
  int finished = 0;
  const int threads = settings.engine.threads;
  ThreadPool pool(threads > 0 ? threads : ThreadPool::available_cores());
  pool.run(count, [&](Index k) {
    if (stop != nullptr && stop->load()) return;
    const auto part = static_cast<std::uint32_t>(k);
    const std::vector<std::uint32_t> held_out = samples_of(all.fold, part, true);
    const TrainValidation cut = stratified_split(data.subset(samples_of(all.fold, part, false)),
                                                 settings.validation, settings.training.seed);
    const Dataset training = weighted(cut.train, settings.table.class_weights);
    const RunSettings own = table_settings(asked, schema, training.samples());
    const auto engine = create_engine<float>({own.engine.name, 1});
    Model<float> model = create_table_model<float>(own, schema, training);
    const TrainResult result =
        train(model, {{data.name(), training, cut.validation}}, own.training, *engine, {}, stop);
    if (result.reason == StopReason::stopped) return;
    const Dataset unseen = data.subset(held_out);
    const Matrix<double> answers = table_answers(model, unseen, *engine);
    const std::scoped_lock lock(mutex);
    for (std::size_t j = 0; j < held_out.size(); ++j) {
      all.answers.col(held_out[j]) = answers.col(static_cast<Index>(j));
    }
    all.folds[part] = score_answers(schema, answers, unseen);
    all.widths[part] = model.network.widths();
    if (done) done(++finished);
  });
  std::erase_if(all.folds, [](const TableScores& scores) { return scores.empty(); });
  std::erase_if(all.widths, [](const auto& widths) { return widths.empty(); });
  return all;
}

template EncodedTable read_rows(const Model<float>&, const std::string&, const CsvOptions&, bool);
template EncodedTable read_rows(const Model<double>&, const std::string&, const CsvOptions&, bool);
template void scale_small(Model<float>&, Index, const Vector<double>&, const Vector<double>&);
template void scale_small(Model<double>&, Index, const Vector<double>&, const Vector<double>&);
template Model<float> create_table_model(const RunSettings&, const Schema&, const Dataset&);
template Model<double> create_table_model(const RunSettings&, const Schema&, const Dataset&);

}  // namespace isoform
