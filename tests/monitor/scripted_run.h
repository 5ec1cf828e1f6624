// A run that never happened: events as a trainer would send them, for the monitor's tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "isoform/train/event.h"

namespace isoform::testing {

struct Script {
  int epochs = 10;
  int spaces = 2;     // hidden
  bool edits = true;  // false: training with fixed widths
  bool spectra = true;
  bool missing = false;  // some values NaN
  bool end = true;       // false: cut short
  std::int64_t steps_per_epoch = 844;
};

inline double wobble(std::int64_t i) { return std::sin(12.9898 * static_cast<double>(i)); }

inline std::int64_t count_parameters(const std::vector<std::int64_t>& widths) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) sum += (widths[i] + 1) * widths[i + 1];
  return sum;
}

inline std::vector<Event> scripted_run(const Script& script = {}) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<Event> events;
  const auto hidden = static_cast<std::size_t>(script.spaces);
  std::vector<std::int64_t> widths(hidden + 2, 16);
  for (std::size_t s = 1; s <= hidden; ++s) widths[s] = 16 + 4 * static_cast<std::int64_t>(s % 3);
  widths.front() = 784;
  widths.back() = 10;
  std::int64_t step = 0, born_in_all = 0, removed_in_all = 0;
  int epoch = 0;
  double time = 0;
  const auto send = [&](std::string type, nlohmann::json data) {
    events.push_back({std::move(type), step, epoch, time, std::move(data)});
  };
  const std::int64_t total = script.epochs * script.steps_per_epoch;
  send("start", {{"widths", widths},
                 {"groups", nlohmann::json::array()},
                 {"parameters", count_parameters(widths)},
                 {"data", "fashion-mnist"},
                 {"samples", 54000},
                 {"epochs", script.epochs},
                 {"steps_per_epoch", script.steps_per_epoch},
                 {"steps", total},
                 {"version", "0.1.0"},
                 {"engine", "cpu"},
                 {"settings", nlohmann::json::object()}});
  const auto edit = [&](std::size_t space, const char* kind, std::int64_t born,
                        std::int64_t removed) {
    const std::int64_t before = widths[space];
    widths[space] += born - removed;
    born_in_all += born;
    removed_in_all += removed;
    send("edit", {{"space", space},
                  {"kind", kind},
                  {"group", nullptr},
                  {"before", before},
                  {"after", widths[space]},
                  {"born", born},
                  {"removed", removed},
                  {"score", 0.02},
                  {"bound", nullptr},
                  {"change", 0.001},
                  {"why", "scripted"}});
  };
  for (epoch = 1; epoch <= script.epochs; ++epoch) {
    for (std::int64_t i = 0; i < script.steps_per_epoch; ++i) {
      ++step;
      time += 0.0097;
      const double progress = static_cast<double>(step) / 8440.0;
      const double loss = 0.32 + 1.9 * std::exp(-9 * progress) + 0.05 * wobble(step);
      if (step % 20 == 0) send("step", {{"loss", loss}, {"learning_rate", 0.001}});
      if (!script.edits || step % 211 != 0) continue;
      for (std::size_t s = 1; s <= hidden; ++s) {
        const auto turn = static_cast<std::int64_t>(s) + step / 211;
        const std::int64_t wanted = 34 + 22 * static_cast<std::int64_t>((s * 5) % 3);
        if (widths[s] < wanted && turn % 2 == 0) edit(s, "grow", 3 + turn % 4, 0);
        if (widths[s] >= wanted - 6 && turn % 3 == 0) edit(s, "shrink", 0, 2 + turn % 3);
      }
    }
    time += 0.4;  // validation
    const double done = epoch;
    if (script.spectra) {
      nlohmann::json spaces = nlohmann::json::array();
      for (std::size_t s = 1; s <= hidden; ++s) {
        std::vector<double> values;
        const double width = static_cast<double>(widths[s]);
        const double effective = width * (0.55 + 0.3 * (1 - std::exp(-done / 4)));
        for (double k = 0; k < width; ++k) {
          const double tail = std::exp(-std::pow(k / effective, 4) * 3.5);
          values.push_back((1 + 0.25 * done) * 2.5 / (1 + 0.35 * k) * tail + 0.003);
        }
        if (script.missing && s == 1) values[2] = nan;
        spaces.push_back({{"space", s}, {"values", values}, {"threshold", 0.02}});
      }
      send("spectrum", {{"spaces", spaces}});
    }
    const bool lost = script.missing && epoch % 3 == 0;
    const double fit = 1 - std::exp(-done / 2.2);
    send("epoch", {{"train_loss", 0.95 - 0.66 * fit},
                   {"train_accuracy", 0.70 + 0.205 * fit},
                   {"validation_loss", lost ? nan : 0.93 - 0.58 * fit + 0.003 * done},
                   {"validation_accuracy", lost ? nan : 0.705 + 0.178 * fit},
                   {"widths", widths},
                   {"groups", nlohmann::json::array()},
                   {"parameters", count_parameters(widths)},
                   {"learning_rate", 0.001},
                   {"scaffold", std::vector<std::int64_t>(hidden, 1)},
                   {"epochs", script.epochs}});
  }
  epoch = script.epochs;
  if (!script.end) {  // cut inside the last epoch
    events.resize(events.size() - std::min<std::size_t>(events.size() - 1, 12));
    return events;
  }
  send("end", {{"reason", "finished"},
               {"widths", widths},
               {"parameters", count_parameters(widths)},
               {"born", born_in_all},
               {"removed", removed_in_all},
               {"message", ""}});
  return events;
}

}  // namespace isoform::testing
