// What trials measured, as a tidy table: every number with the labels that say what it is of.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "isoform/train/metrics.h"

namespace isoform {

/// Names and values, in order: {"data", "mnist"}, {"arm", "paper"}, {"seed", "3"}.
using Labels = std::vector<std::pair<std::string, std::string>>;
/// "mnist, paper, seed 3": values, numbers with their names.
std::string labels_text(const Labels& labels);

/// One number, or a list of them by index (singular values), of a figure.
struct Measurement {
  Labels at;
  std::string figure;
  std::vector<double> values;
};

/// Mean and standard error of the mean; the error is NaN for fewer than two values, both without any.
using Summary = MeanWithError;
inline Summary summarise(const std::vector<double>& values) {
  return mean_and_standard_error(values);
}

/// Rows in the order of the trials, whatever order they ran in.
class Measurements {
 public:
  void add(Measurement row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] const std::vector<Measurement>& rows() const { return rows_; }
  /// Values of a figure in rows that have all these labels, one row after the other. O(rows).
  [[nodiscard]] std::vector<double> values(const Labels& where, const std::string& figure) const;
  [[nodiscard]] Summary summary(const Labels& where, const std::string& figure) const {
    return summarise(values(where, figure));
  }
  /// What a label is in rows with these others, each once, in order of appearance.
  [[nodiscard]] std::vector<std::string> levels(const std::string& label,
                                                const Labels& where = {}) const;
  /// One line a number: the labels, figure, index, value. RFC 4180; numbers so that they read back exactly.
  [[nodiscard]] std::string csv() const;
  /// [{labels…, "figure", "values"}]; what is no number is null.
  [[nodiscard]] nlohmann::json json() const;

 private:
  std::vector<Measurement> rows_;
};

/// A measurement as it is kept, and back; what is no number becomes NaN.
nlohmann::json to_json(const Measurement& row);
Measurement measurement_from_json(const nlohmann::json& json);

}  // namespace isoform
