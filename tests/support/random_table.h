// Random tables, and models that read them.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "isoform/run/tables.h"
#include "table/tables.h"
#include "tests/support/dice.h"

namespace isoform::testing {

/// Columns x1 and x2 (numbers, x2 often missing), city (a category) and y. The class, label pair or number depends on x1 and city.
struct RandomTable {
  TargetKind kind = TargetKind::classes;
  int rows = 200;
  int cities = 3, classes = 3;
  bool weights = false;  // column w
  bool wider = false;    // column x3 too, and x1 is missing now and then

  [[nodiscard]] Rows write(std::uint64_t seed) const {
    Dice dice(seed, 130);
    Rows all = {{"x1", "x2", "city"}};
    auto& head = all.front();
    if (kind == TargetKind::labels) head.insert(head.end(), {"p", "q"});
    if (kind != TargetKind::labels) head.emplace_back("y");
    if (weights) head.emplace_back("w");
    if (wider) head.emplace_back("x3");
    for (int i = 0; i < rows; ++i) {
      const double x = dice.normal(), other = dice.normal();
      const Index city = dice.between(0, cities - 1);
      std::vector<std::string> row = {std::to_string(x),
                                      dice.between(0, 3) == 0 ? "" : std::to_string(other),
                                      "city " + std::to_string(city)};
      if (wider && dice.between(0, 9) == 0) row[0] = "NA";
      const double y = 3 * x + static_cast<double>(city) + 0.1 * dice.normal();
      if (kind == TargetKind::classes) {
        const double k = std::clamp(std::floor((y - 1 + classes) / 2), 0.0, classes - 1.0);
        row.push_back("class " + std::to_string(static_cast<int>(k)));
      } else if (kind == TargetKind::labels) {
        row.insert(row.end(), {x > 0 ? "1" : "0", city == 0 ? "1" : "0"});
      } else {
        row.push_back(std::to_string(50 + 10 * y));
      }
      if (weights) row.push_back(std::to_string(dice.between(1, 4)));
      if (wider) row.push_back(std::to_string(dice.normal()));
      all.push_back(std::move(row));
    }
    return all;
  }
  [[nodiscard]] std::vector<std::string> targets() const {
    return kind == TargetKind::labels ? std::vector<std::string>{"p", "q"}
                                      : std::vector<std::string>{"y"};
  }
};

/// Settings of a short run on a file.
inline RunSettings table_run(const std::string& path, const RandomTable& table = {}) {
  RunSettings settings;
  settings.data = path;
  settings.table.columns.targets = table.targets();
  if (table.weights) settings.table.columns.weights = "w";
  settings.training.epochs = 5;
  settings.training.batch_size = 16;
  settings.training.adapt.enabled = false;
  settings.hidden = {8};
  settings.engine.threads = 1;
  return settings;
}

/// A model of random weights that reads the table.
template <class T>
Model<T> table_model(const RunSettings& settings, const TableData& table, std::uint64_t seed = 1) {
  const Dataset& rows = table.rows.data;
  Model<T> model = create_table_model<T>(
      table_settings(settings, table.facts.schema, rows.samples()), table.facts.schema, rows);
  Dice dice(seed, 131);
  for (const Map<T>& map : model.network.maps()) {
    for (T& value : model.network.map(map.id).a.reshaped())
      value = static_cast<T>(dice.normal() / 2);
  }
  return model;
}

}  // namespace isoform::testing
