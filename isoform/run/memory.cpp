#include "isoform/run/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <unordered_map>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/data/combine.h"
#include "isoform/data/replay.h"
#include "isoform/io/json.h"
#include "isoform/io/safetensors.h"

namespace isoform {

namespace {

constexpr const char* kKey = "isoform.memory";

std::vector<std::string> texts(const Field& field) {
  std::vector<std::string> all;
  for (const Field& text : field.list()) all.push_back(text.text());
  return all;
}

template <class T>
const std::vector<T>& numbers(const TensorFile& file, const std::string& name, std::size_t columns,
                              const std::string& path) {
  const auto found = file.tensors.find(name);
  const auto* values =
      found == file.tensors.end() ? nullptr : std::get_if<std::vector<T>>(&found->second.data);
  if (values == nullptr || columns == 0 || values->size() % columns != 0) {
    throw FormatError(fmt::format(
        "'{}': tensor {} is missing, or of another size than its names say; the file is damaged. "
        "Without it the model learns from the new table alone",
        path, name));
  }
  return *values;
}

}  // namespace

std::filesystem::path memory_path(const std::filesystem::path& model) {
  std::filesystem::path path = model;
  if (path.extension() == ".safetensors") return path.replace_extension(".memory.safetensors");
  return path += ".memory";
}

Memory remember(const std::vector<Dataset>& parts, const std::vector<std::string>& features,
                Index most, std::uint64_t seed) {
  ReplayBuffer buffer(most, seed);
  std::vector<double> counts;
  for (const Dataset& part : parts) {
    if (part.empty()) continue;
    buffer.add(part.with_weights({}));
    counts.resize(part.has_targets() ? 1 : part.classes().size(), 0);
    for (Index i = 0; i < part.samples(); ++i) {
      counts[part.labels()[static_cast<std::size_t>(i)]] += static_cast<double>(part.weight(i));
    }
  }
  return {buffer.contents(), features, counts, {seen_rows(parts, features)}};
}

void save_memory(const Memory& memory, const std::filesystem::path& path) {
  const Dataset& rows = memory.rows;
  const Dataset::Contents facts = contents_without_values(rows);
  Matrix<float> x(rows.features(), rows.samples());
  std::vector<std::uint32_t> all(static_cast<std::size_t>(rows.samples()));
  std::iota(all.begin(), all.end(), 0U);
  rows.gather(all, View<float>(x));
  TensorFile file;
  file.tensors["rows"] = {{rows.samples(), rows.features()},
                          std::vector<float>(x.data(), x.data() + x.size())};
  if (rows.has_targets()) {
    file.tensors["answers"] = {{rows.samples(), static_cast<Index>(rows.classes().size())},
                               facts.targets};
  } else {
    file.tensors["answers"] = {{rows.samples()},
                               std::vector<float>(facts.labels.begin(), facts.labels.end())};
  }
  nlohmann::json seen = nlohmann::json::array();
  for (const SeenRows& s : memory.seen) {
    file.tensors[fmt::format("seen.{}", seen.size())] = {{static_cast<Index>(s.rows.size())},
                                                         s.rows};
    seen.push_back(s.features);
  }
  file.metadata[kKey] = nlohmann::json{
      {"format", 1},
      {"name", rows.name()},
      {"features", memory.features},
      {"classes", rows.classes()},
      {"counts", memory.counts},
      {"seen", seen},
      {"targets",
       rows.has_targets()}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  write_file_atomically(path, serialise(file));
}

Memory load_memory(const std::filesystem::path& path) {
  const TensorFile file = read_tensors(path);
  const auto text = file.metadata.find(kKey);
  if (text == file.metadata.end()) {
    throw FormatError(
        fmt::format("'{}': holds no rows of a model; is it the right file?", path.string()));
  }
  const std::string where = fmt::format("'{}', {}", path.string(), kKey);
  const nlohmann::json parsed = parse_json(text->second, where);
  const Field all(parsed, where);
  if (all["format"].integer(1) > 1) {
    throw FormatError(fmt::format("{}: written by a newer Isoform; update this one", where));
  }
  Memory memory{{}, texts(all["features"]), {}, {}};
  if (parsed.is_object() && parsed.contains("seen")) {  // files of 0.1 do without
    for (const Field& features : all["seen"].list()) {
      const std::string name = fmt::format("seen.{}", memory.seen.size());
      memory.seen.push_back({texts(features), numbers<double>(file, name, 1, path.string())});
      std::sort(memory.seen.back().rows.begin(), memory.seen.back().rows.end());
    }
  }
  for (const Field& count : all["counts"].list()) memory.counts.push_back(count.number());
  Dataset::Contents c{.name = all["name"].text(),
                      .features = static_cast<Index>(memory.features.size()),
                      .classes = texts(all["classes"])};
  c.feature_names = memory.features;
  c.values = numbers<float>(file, "rows", memory.features.size(), path.string());
  const bool targets = all["targets"].flag();
  const auto counts_nothing = [](double count) { return !(count >= 0) || count > 1e30; };
  if (memory.counts.size() != (targets ? 1 : c.classes.size()) ||
      std::any_of(memory.counts.begin(), memory.counts.end(), counts_nothing)) {
    all["counts"].fail("a number for each class");
  }
  const std::vector<float>& answers =
      numbers<float>(file, "answers", targets ? c.classes.size() : 1, path.string());
  if (targets) {
    c.targets = answers;
    c.labels.assign(answers.size() / c.classes.size(), 0);
  } else {
    for (const float label : answers) {
      const bool fits = label >= 0 && label < static_cast<float>(c.classes.size());
      c.labels.push_back(fits ? static_cast<std::uint32_t>(label)
                              : static_cast<std::uint32_t>(c.classes.size()));
    }
  }
  if (c.labels.empty()) {
    throw FormatError(fmt::format("'{}': holds no rows; the file is damaged", path.string()));
  }
  try {
    memory.rows = Dataset(std::move(c));
  } catch (const UsageError& error) {
    throw FormatError(fmt::format("'{}': {}; the file is damaged", path.string(), error.what()));
  }
  return memory;
}

Memory renamed(Memory memory, const std::string& from, const std::string& to) {
  std::vector<std::string> classes = memory.rows.classes();
  std::replace(classes.begin(), classes.end(), from, to);
  if (memory.rows.has_targets() || classes == memory.rows.classes()) return memory;
  memory.rows = memory.rows.with_classes(std::move(classes), 0);
  return memory;
}

Dataset remembered_rows(const Memory& memory, const Schema& schema,
                        const std::vector<std::string>& features,
                        const std::vector<std::string>& classes) {
  std::unordered_map<std::string, Index> known;
  for (const std::string& name : memory.features) known.emplace(name, std::ssize(known));
  std::unordered_map<std::string, FeatureSource> sources;
  std::set<std::size_t> known_columns;
  for (const auto& [name, source] : features_of(schema)) {
    sources.emplace(name, source);
    if (known.contains(name)) known_columns.insert(source.column);
  }
  Dataset::Contents c = contents_without_values(memory.rows);
  std::vector<double> kept(memory.counts.size(), 0);
  for (const std::uint32_t label : c.labels) kept[label] += 1;
  for (const std::uint32_t label : c.labels) {
    c.weights.push_back(static_cast<float>(memory.counts[label] / kept[label]));
  }
  std::vector<float> values(features.size() * c.labels.size());
  Matrix<float> row(memory.rows.features(), 1);
  for (std::uint32_t i = 0; i < c.labels.size(); ++i) {
    memory.rows.gather(std::span(&i, 1), View<float>(row));
    for (std::size_t f = 0; f < features.size(); ++f) {
      float& to = values[i * features.size() + f];
      if (const auto found = known.find(features[f]); found != known.end()) {
        to = row(found->second, 0);
        continue;
      }
      const auto source = sources.find(features[f]);
      if (source == sources.end()) continue;
      const Column& column = schema.columns[source->second.column];
      if (source->second.missing) {
        to = known_columns.contains(source->second.column) ? 0 : 1;
      } else if (column.kind == ColumnKind::number) {
        to = static_cast<float>(column.fill);
      }
    }
  }
  for (std::uint32_t& label : c.labels) {
    const std::string& name = memory.rows.classes()[label];
    const auto found = std::find(classes.begin(), classes.end(), name);
    if (memory.rows.has_targets()) break;
    if (found == classes.end()) {
      throw UsageError(fmt::format(
          "the rows kept beside the model have a class '{}' that it no longer has; move their file "
          "(NAME.memory…) away to go on without them",
          name));
    }
    label = static_cast<std::uint32_t>(found - classes.begin());
  }
  c.features = static_cast<Index>(features.size());
  c.feature_names = features;
  c.classes = classes;
  c.image.reset();
  c.values = std::move(values);
  return Dataset(std::move(c));
}

}  // namespace isoform
