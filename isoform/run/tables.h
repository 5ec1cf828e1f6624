// A run on a table: what is read, what is kept for which purpose, the model that begins, cross-validation.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "isoform/run/settings.h"
#include "isoform/run/table_scores.h"
#include "isoform/table/encode.h"

namespace isoform {

/// A table with its schema.
struct TableData {
  TableFacts facts;
  EncodedTable rows;
};

/// Reads settings.data twice: for its schema and for its samples. UsageError, FormatError, FileError as infer_schema and encode_table.
[[nodiscard]] TableData read_table(const RunSettings& settings);

/// Rows of a file as a model reads them that has learned from a table. `labelled`: as encode_table. UsageError: a model that has not;
/// else as encode_table.
template <class T>
EncodedTable read_rows(const Model<T>& model, const std::string& path, const CsvOptions& csv,
                       bool labelled);

/// What people shall know of rows that were read, a sentence each: categories never seen, values newly missing, columns that are not read,
/// rows left out.
[[nodiscard]] std::vector<std::string> notes(const EncodeReport& report);
/// The same of a table that a model begins with: how each column is read.
[[nodiscard]] std::vector<std::string> notes(const TableFacts& facts);

/// Rows that a run learns from, chooses by, and is measured on.
struct TableParts {
  Dataset training, validation, test;  // validation and test may be empty
  std::string test_name;               // "20 % of customers", "a table of its own"
};

/// Takes the test part (TableSettings::test, unless `whole`), and settings.validation of what is left, from each class its share.
[[nodiscard]] TableParts split_table(const RunSettings& settings, const TableData& table,
                                     bool whole = false);

/// Training samples weighted as they are to count: their own weights, and as class_weights says, with mean 1.
[[nodiscard]] Dataset weighted(const Dataset& data, ClassWeights class_weights);

/// Settings for so many training samples of this kind of target: RunSettings::finish(samples), and the loss. UsageError for a loss that does
/// not fit.
[[nodiscard]] RunSettings table_settings(const RunSettings& settings, const Schema& schema,
                                         Index samples);

/// True for numbers of one unit, as pixels are: 16 columns or more, all whole numbers from 0 on, of which half or more reach the
/// largest there is. O(values).
[[nodiscard]] bool share_a_unit(const Schema& schema, const Dataset& data);

/// Model::set_transform takes deviations below 1e-8 for none, as of pixels that are always black. A column may have a small unit: features from
/// `first` on whose deviation is more than 10⁻⁶ of their mean are divided by it.
template <class T>
void scale_small(Model<T>& model, Index first, const Vector<double>& mean,
                 const Vector<double>& deviation);

/// An untrained model that reads tables of this schema. Scaling::automatic: together where columns share a unit, else as table_deviations.
template <class T>
Model<T> create_table_model(const RunSettings& settings, const Schema& schema,
                            const Dataset& training);

/// What each part of a cross-validation said of the rows that it had not seen.
struct CrossValidation {
  std::vector<TableScores> folds;
  std::vector<std::vector<Index>> widths;  // of each fold's network
  std::vector<std::uint32_t> fold;         // of each sample
  Matrix<double> answers;                  // out of fold [outputs × samples]
};

/// Trains settings.table.folds models, each on the rows of the other parts (its validation part among them), as train does with the settings
/// for as many samples, and within the budgets of RunSettings. Folds run beside each other; results do not depend on how many. `done` is told of each fold,
/// from any thread but one at a time. Stops early, with the folds that are done, when `stop` is set.
[[nodiscard]] CrossValidation cross_validate(const RunSettings& settings, const TableData& table,
                                             const std::function<void(int done)>& done = {},
                                             const std::atomic<bool>* stop = nullptr);

}  // namespace isoform
