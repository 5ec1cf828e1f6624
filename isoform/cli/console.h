// What the program prints, and where: results on standard output, progress and errors on standard error.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/data/catalogue.h"
#include "isoform/linalg/engine.h"
#include "isoform/model/model.h"
#include "isoform/network/change.h"
#include "isoform/table/csv.h"

namespace isoform::cli {

/// True where a person is likely to read the stream in colour (a terminal that is not dumb, NO_COLOR unset or empty).
bool colourful(int descriptor);
bool is_terminal(int descriptor);
/// Columns of the terminal on standard error; 0 if unknown.
int terminal_columns();

void print(std::string_view text);  // standard output
void print_line(std::string_view text = "");
void print_json(const nlohmann::json& json);
void complain(std::string_view text);  // standard error, "isoform: …"

/// From now on true after Ctrl-C, SIGTERM or a terminal that is closed, so that work can end well; a second signal ends
/// the program at once.
const std::atomic<bool>& catch_interrupts();

/// True for two names of one file, there or not; of "" never.
bool is_same_file(const std::string& a, const std::string& b);

/// Throws FileError unless a file can be written there; asked before long work, not after. Empty: no file.
void require_writable(const std::string& path);
/// Throws UsageError if two of these files, by name and path, are one: each would overwrite the other. Empty: no file.
void require_different(const std::vector<std::pair<std::string, std::string>>& files);

/// A table with a header; the first column left-aligned, the others right-aligned.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// "--data", "--data-dir", "--split" and "--threads" as every verb that reads data has them.
struct DataOptions {
  std::string data, data_dir, task, split = "test", delimiter = "auto", header = "auto",
                                    decimal = "auto";
  int threads = 0;
  void add_to(CLI::App& app, bool data_required);
  /// Rows of a table as the model reads them (notes on them go to standard error), or the part of a set. `labelled`: the answers are
  /// wanted too.
  [[nodiscard]] Dataset load(const Model<float>& model, bool labelled = true) const;
  [[nodiscard]] CsvOptions csv() const;
  [[nodiscard]] bool given() const { return !data.empty(); }
};

/// A measured change with words: "2e-07 of the output's length on average, at most 1.8e-06".
struct Change : isoform::Change {
  [[nodiscard]] std::string text() const;
  [[nodiscard]] nlohmann::json json() const { return {{"mean", mean}, {"largest", largest}}; }
};
Change measure_change(const Matrix<float>& before, const Matrix<float>& after);

}  // namespace isoform::cli
