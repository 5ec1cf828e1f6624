// isoform predict, for tables: one row of answers for each row that is asked.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/cli/predict.h"
#include "isoform/run/tables.h"

namespace isoform::cli {

namespace {

// Columns of the table that go into the answers as they stand: the fields of each row.
std::vector<std::vector<std::string>> kept_columns(const CsvFile& file,
                                                   const std::vector<std::string>& keep) {
  std::vector<std::size_t> places;
  for (const std::string& name : keep) {
    const auto found = std::find(file.columns().begin(), file.columns().end(), name);
    if (found == file.columns().end()) {
      throw UsageError(fmt::format("keep: '{}' has no column '{}'{}", file.name(), name,
                                   did_you_mean(name, file.columns())));
    }
    places.push_back(static_cast<std::size_t>(found - file.columns().begin()));
  }
  std::vector<std::vector<std::string>> rows;
  if (places.empty()) return rows;
  file.read([&](const CsvFile::Record& record) {
    std::vector<std::string>& fields = rows.emplace_back();
    for (const std::size_t place : places) fields.emplace_back(record.fields[place]);
  });
  return rows;
}

std::string head(const Schema& schema, const std::vector<std::string>& outputs,
                 const std::vector<std::string>& keep) {
  std::vector<std::string> names = keep;
  // A kept column may be called as an answer is.
  const auto add = [&](std::string name) {
    while (std::find(names.begin(), names.end(), name) != names.end()) name.insert(0, "predicted ");
    names.push_back(std::move(name));
  };
  if (schema.target == TargetKind::classes) {
    add(schema.targets.front());
    add("probability");
  } else {
    for (const std::string& name : outputs) add(name);
  }
  if (schema.target != TargetKind::numbers) {
    for (const std::string& name : outputs) add("probability of " + name);
  }
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + csv_field(name);
  return text + "\n";
}

// Digits that tell an answer apart by a millionth of what the answers of training deviate by.
int digits_of(const Schema& schema, Index output, double answer) {
  const double scale = schema.scale[static_cast<std::size_t>(output)];
  const double magnitude = std::abs(answer) / std::max(scale, 1e-300);
  return std::clamp(7 + static_cast<int>(std::ceil(std::log10(std::max(magnitude, 1.0)))), 9, 17);
}

std::string row(const Schema& schema, const std::vector<std::string>& outputs,
                const Matrix<double>& answers, Index j) {
  const auto column = answers.col(j);
  std::string text;
  if (schema.target == TargetKind::numbers) {
    for (Index k = 0; k < column.size(); ++k) {
      text +=
          fmt::format("{}{:.{}g}", k > 0 ? "," : "", column[k], digits_of(schema, k, column[k]));
    }
    return text + "\n";
  }
  if (schema.target == TargetKind::classes) {
    Index best = 0;
    const double probability = column.maxCoeff(&best);
    text =
        fmt::format("{},{:.6f}", csv_field(outputs[static_cast<std::size_t>(best)]), probability);
  } else {
    for (Index k = 0; k < column.size(); ++k) {
      text += fmt::format("{}{}", k > 0 ? "," : "", column[k] > 0.5 ? 1 : 0);
    }
  }
  for (Index k = 0; k < column.size(); ++k) text += fmt::format(",{:.6f}", column[k]);
  return text + "\n";
}

nlohmann::json row_json(const Schema& schema, const std::vector<std::string>& outputs,
                        const Matrix<double>& answers, Index j) {
  const auto column = answers.col(j);
  nlohmann::json json = {{"row", j + 1}};
  const bool numbers = schema.target == TargetKind::numbers;
  for (Index k = 0; k < column.size(); ++k) {
    json[numbers ? "prediction" : "probabilities"][outputs[static_cast<std::size_t>(k)]] =
        column[k];
    if (schema.target == TargetKind::labels) {
      json["prediction"][outputs[static_cast<std::size_t>(k)]] = column[k] > 0.5;
    }
  }
  if (schema.target == TargetKind::classes) {
    Index best = 0;
    json["probability"] = column.maxCoeff(&best);
    json["prediction"] = outputs[static_cast<std::size_t>(best)];
  }
  return json;
}

}  // namespace

std::string predict_table(const Model<float>& model, const PredictOptions& o, Engine<float>& engine,
                          Index* rows) {
  // Once for both readings, as a pipe can be read only once.
  const CsvFile file(o.data.data, o.data.csv());
  if (!model.schema) {
    throw UsageError(fmt::format(
        "data: '{}' is a table, and the model has not learned from one (train --target does)",
        o.data.data));
  }
  const EncodedTable table = encode_table(file, *model.schema,
                                          {.features = model.inputs.front().features,
                                           .classes = model.tasks.front().outputs,
                                           .labelled = false});
  for (const std::string& note : notes(table.report)) complain("note: " + note);
  const std::vector<std::vector<std::string>> kept = kept_columns(file, o.keep);
  const Matrix<double> answers = table_answers(model, table.data, engine);
  const std::vector<std::string>& outputs = model.tasks.front().outputs;
  const Index all = answers.cols();
  *rows = o.count > 0 ? std::min(o.count, all) : all;
  if (o.json) {
    nlohmann::json list = nlohmann::json::array();
    for (Index j = 0; j < *rows; ++j) {
      list.push_back(row_json(*model.schema, outputs, answers, j));
      for (std::size_t k = 0; k < o.keep.size(); ++k) {
        list.back()["kept"][o.keep[k]] = kept[static_cast<std::size_t>(j)][k];
      }
    }
    return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  std::string text = head(*model.schema, outputs, o.keep);
  for (Index j = 0; j < *rows; ++j) {
    for (std::size_t k = 0; k < o.keep.size(); ++k) {
      text += csv_field(kept[static_cast<std::size_t>(j)][k]) + ",";
    }
    text += row(*model.schema, outputs, answers, j);
  }
  return text;
}

}  // namespace isoform::cli
