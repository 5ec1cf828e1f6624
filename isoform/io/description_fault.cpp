// Whether the parts of a description fit together.
#include <fmt/ranges.h>

#include <cmath>
#include <set>

#include "isoform/io/description_words.h"

namespace isoform {

namespace {

// A name as it will be read: two that differ in bytes that are no text would come back as one.
std::string written(const std::string& name) { return detail::dumped(name); }

// Spaces of a graph that no map ends in are given; what no map starts from besides, and has no groups, is an output.
std::vector<Index> graph_sizes(const ModelDescription& d, bool outputs) {
  std::vector<char> reads(d.spaces.size(), 0), is_read(d.spaces.size(), 0);
  for (const MapDescription& m : d.maps) {
    reads[static_cast<std::size_t>(m.to)] = 1;
    is_read[static_cast<std::size_t>(m.from)] = 1;
  }
  std::vector<Index> sizes;
  for (std::size_t i = 0; i < d.spaces.size(); ++i) {
    const SpaceDescription& s = d.spaces[i];
    if (!s.groups.empty() || s.dimension == 0 || (reads[i] != 0) != outputs) continue;
    if (!outputs || is_read[i] == 0) sizes.push_back(s.dimension);
  }
  return sizes;
}

std::string inputs_fault(const ModelDescription& d) {
  if (d.inputs.empty()) return {};
  std::set<std::string> names;
  const std::vector<Index> spaces =
      d.architecture == Layout::graph ? d.input_sizes() : std::vector<Index>{};
  if (!spaces.empty() && spaces.size() != d.inputs.size()) {
    return fmt::format("inputs: needs one for each of {} input spaces, got {}", spaces.size(),
                       d.inputs.size());
  }
  Index left = spaces.empty() ? d.widths.front() : 0;
  for (std::size_t i = 0; i < d.inputs.size(); ++i) {
    const auto& [size, input] = d.inputs[i];
    if (!names.insert(written(input.name)).second) {
      return fmt::format("inputs: two are called {}; every input needs its own name",
                         in_quotes(input.name));
    }
    if (!input.features.empty() && static_cast<Index>(input.features.size()) != size) {
      return fmt::format("inputs[{}].features: need a name for each of {} features, got {}", i,
                         size, input.features.size());
    }
    if (!spaces.empty() && spaces[i] != size) {
      return fmt::format("inputs[{}].size: needs the dimension {} of its space, got {}", i,
                         spaces[i], size);
    }
    if (!spaces.empty()) continue;
    // Compared before it is subtracted, so that no sum overflows.
    if (size > left) left = -1;
    if (left < 0) break;
    left -= size;
  }
  if (left != 0) {
    return fmt::format("inputs: need sizes that add up to the width {}", d.widths.front());
  }
  return {};
}

std::string task_fault(const std::string& where, const Task& task,
                       const std::set<std::string>& inputs) {
  if (task.outputs.empty()) return where + ".outputs: need at least 1 name, got none";
  if (!(task.weight > 0) || !std::isfinite(task.weight)) {
    return fmt::format("{}.weight: needs a number above 0, got {}", where, task.weight);
  }
  std::set<std::string> read;
  for (const std::string& input : task.inputs) {
    if (!inputs.contains(written(input))) {
      return fmt::format("{}.inputs: {} is none of the model's inputs", where, in_quotes(input));
    }
    if (!read.insert(written(input)).second) {
      return fmt::format("{}.inputs: {} is there twice", where, in_quotes(input));
    }
  }
  return {};
}

std::string heads_fault(const ModelDescription& d) {
  if (d.architecture == Layout::chain) {
    std::size_t outputs = 0;
    for (const Task& task : d.tasks) outputs += task.outputs.size();
    if (static_cast<Index>(outputs) == d.widths.back()) return {};
    return fmt::format("tasks: need a name for each of {} outputs, got {}", d.widths.back(),
                       outputs);
  }
  const std::vector<Index> heads = d.output_sizes();
  if (heads.size() != d.tasks.size()) {
    return fmt::format("tasks: needs one for each of {} output spaces, got {}", heads.size(),
                       d.tasks.size());
  }
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const auto outputs = static_cast<Index>(d.tasks[i].outputs.size());
    if (outputs == heads[i]) continue;
    return fmt::format("tasks[{}].outputs: need a name for each of {} outputs, got {}", i, heads[i],
                       outputs);
  }
  return {};
}

std::string tasks_fault(const ModelDescription& d) {
  if (d.tasks.empty()) return {};
  std::set<std::string> names, inputs;
  for (const InputDescription& input : d.inputs) inputs.insert(written(input.input.name));
  for (std::size_t i = 0; i < d.tasks.size(); ++i) {
    if (!names.insert(written(d.tasks[i].name)).second) {
      return fmt::format("tasks: two are called {}; every task needs its own name",
                         in_quotes(d.tasks[i].name));
    }
    std::string fault = task_fault(fmt::format("tasks[{}]", i), d.tasks[i], inputs);
    if (!fault.empty()) return fault;
  }
  return heads_fault(d);
}

std::string history_fault(const ModelDescription& d) {
  if (d.history.size() > kMaxHistory) {
    return fmt::format("history: needs at most {} records, got {}", kMaxHistory, d.history.size());
  }
  const bool graph = d.architecture == Layout::graph;
  const int first = graph ? -1 : 1;
  const int last = static_cast<int>(graph ? d.spaces.size() - 1 : d.hidden());
  for (std::size_t i = 0; i < d.history.size(); ++i) {
    const EditRecord& r = d.history[i];
    const Index least = std::min({r.before, r.after, r.born, r.removed, r.group.value_or(0)});
    if (r.step < 0 || least < 0 || r.space < first || r.space > last) {
      return fmt::format(
          "history[{}]: needs counts of at least 0 and a space from {} to {}, got step "
          "{}, space {}, before {}, after {}, born {}, removed {}",
          i, first, last, r.step, r.space, r.before, r.after, r.born, r.removed);
    }
  }
  return {};
}

std::string image_fault(const ModelDescription& d) {
  const Index rows = d.image_rows, cols = d.image_cols;
  if (rows == 0 && cols == 0) return {};
  for (const Index inputs : d.input_sizes()) {
    if (rows >= 1 && cols >= 1 && rows <= inputs / cols && inputs % (rows * cols) == 0) continue;
    return fmt::format("image: needs rows and columns that divide {} inputs, got {} × {}", inputs,
                       rows, cols);
  }
  return {};
}

}  // namespace

std::vector<Index> ModelDescription::input_sizes() const {
  if (architecture == Layout::graph) return graph_sizes(*this, false);
  if (inputs.empty()) return {widths.front()};
  std::vector<Index> sizes;
  for (const InputDescription& input : inputs) sizes.push_back(input.size);
  return sizes;
}

std::vector<Index> ModelDescription::output_sizes() const {
  if (architecture == Layout::graph) return graph_sizes(*this, true);
  if (tasks.empty()) return {widths.back()};
  std::vector<Index> sizes;
  for (const Task& task : tasks) sizes.push_back(static_cast<Index>(task.outputs.size()));
  return sizes;
}

std::string detail::sizes_fault(const std::string& where, const std::vector<Index>& groups,
                                Index width) {
  Index left = width;
  for (const Index size : groups) {
    // Compared before it is subtracted, so that no sum overflows.
    if (size < 1 || size > left) left = -1;
    if (left < 0) break;
    left -= size;
  }
  if (left == 0) return {};
  return fmt::format("{}: needs sizes of at least 1 that add up to the width {}, got [{}]", where,
                     width, fmt::join(groups, ", "));
}

std::string detail::frozen_fault(const std::string& where, const std::vector<Index>& frozen,
                                 std::size_t parts) {
  Index last = -1;
  for (const Index part : frozen) {
    if (part <= last || part >= static_cast<Index>(parts)) {
      return fmt::format("{}: needs positions of {} groups in ascending order, from 0, got [{}]",
                         where, parts, fmt::join(frozen, ", "));
    }
    last = part;
  }
  return {};
}

std::string description_fault(const ModelDescription& d) {
  const bool graph = d.architecture == Layout::graph;
  for (const auto check : {graph ? detail::graph_fault : detail::chain_fault, inputs_fault,
                           tasks_fault, history_fault, image_fault, detail::schema_fault}) {
    if (std::string fault = check(d); !fault.empty()) return fault;
  }
  return {};
}

}  // namespace isoform
