#include "isoform/table/encode.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "isoform/base/error.h"
#include "isoform/base/text.h"

namespace isoform {

namespace {

constexpr Index kNowhere = -1;

// Where the features of one column of the file lie in a sample.
struct Place {
  const Column* column = nullptr;
  std::size_t in_file = 0;
  Index number = kNowhere, missing = kNowhere;
  std::unordered_map<std::string, Index>
      categories;  // kNowhere: known, but the model has no feature for it
};

class Encoder {
 public:
  Encoder(const CsvFile& file, const Schema& schema, const EncodeOptions& options)
      : file_(file), schema_(schema), options_(options) {
    for (std::size_t c = 0; c < file.columns().size(); ++c) in_file_[file.columns()[c]] = c;
    place_features();
    if (options.labelled) {
      for (const std::string& name : schema.targets) targets_.push_back(in_file(name, "target"));
      for (std::size_t k = 0; k < options.classes.size(); ++k) {
        classes_[options.classes[k]] = static_cast<std::uint32_t>(k);
      }
    }
    if (!options.weights.empty()) weights_ = in_file(options.weights, "column of weights");
    std::unordered_set<std::string_view> known(schema.targets.begin(), schema.targets.end());
    for (const Column& column : schema.columns) known.insert(column.name);
    for (const std::string& name : file.columns()) {
      if (known.contains(name) || name == options.weights) continue;
      result_.report.new_columns.push_back(name);
    }
  }

  EncodedTable run() {
    contents_.name = options_.name.empty() ? stem() : options_.name;
    contents_.features = features_;
    contents_.classes = options_.classes;
    FloatStore values(options_.in_memory);
    std::vector<float> sample;
    file_.read([&](const CsvFile::Record& record) {
      if (options_.labelled && !answer(record)) {
        ++result_.report.without_target;
        return;
      }
      if (!options_.labelled) contents_.labels.push_back(0);
      if (weights_) contents_.weights.push_back(weight(record));
      sample.assign(static_cast<std::size_t>(features_), 0.0F);
      for (const Place& place : places_) fill(place, record, sample.data());
      values.append(sample);
      result_.lines.push_back(record.line);
    });
    if (contents_.labels.empty()) {
      throw FormatError(fmt::format("{}: has no rows{}", file_.name(),
                                    result_.report.without_target > 0
                                        ? " whose target is known"
                                        : " after the line of names"));
    }
    if (contents_.classes.empty()) contents_.classes = {"?"};
    std::visit([&](auto all) { contents_.values = std::move(all); }, values.take());
    result_.data = Dataset(std::move(contents_));
    return std::move(result_);
  }

 private:
  std::string stem() const {
    std::filesystem::path path = std::filesystem::path(file_.name()).filename();
    if (path.extension() == ".gz") path = path.stem();
    const std::string name = path.stem().string();
    return name.empty() ? "table" : name;
  }

  std::size_t in_file(const std::string& name, std::string_view what) const {
    if (const auto found = in_file_.find(name); found != in_file_.end()) return found->second;
    throw UsageError(fmt::format("'{}' has no column '{}', which is the {} of the model{}{}",
                                 file_.name(), name, what, did_you_mean(name, file_.columns()),
                                 file_.header_hint()));
  }

  void place_features() {
    std::unordered_map<std::string, FeatureSource> sources;
    std::vector<std::string>& names = contents_.feature_names;
    names = options_.features;
    for (auto& [name, source] : features_of(schema_)) {
      if (options_.features.empty()) names.push_back(name);
      sources.emplace(name, source);
    }
    features_ = static_cast<Index>(names.size());
    std::map<std::size_t, Place> places;
    for (std::size_t f = 0; f < names.size(); ++f) {
      const auto found = sources.find(names[f]);
      if (found == sources.end()) {
        throw UsageError(
            fmt::format("the model reads a feature '{}' that none of its columns makes; it was "
                        "added or renamed "
                        "by hand, and tables no longer fit it",
                        names[f]));
      }
      const FeatureSource& source = found->second;
      Place& place = places[source.column];
      place.column = &schema_.columns[source.column];
      const auto at = static_cast<Index>(f);
      if (source.missing) {
        place.missing = at;
      } else if (place.column->kind == ColumnKind::category) {
        place.categories[place.column->categories[source.category]] = at;
      } else {
        place.number = at;
      }
    }
    std::vector<std::string> absent;
    for (auto& [column, place] : places) {
      for (const std::string& category : place.column->categories) {
        place.categories.emplace(category, kNowhere);
      }
      const auto found = in_file_.find(place.column->name);
      if (found == in_file_.end()) {
        absent.push_back(place.column->name);
        continue;
      }
      place.in_file = found->second;
      places_.push_back(std::move(place));
    }
    if (absent.empty()) return;
    constexpr std::size_t kShown = 12;
    const std::size_t shown = std::min(absent.size(), kShown);
    throw UsageError(fmt::format(
        "'{}' lacks {} of the {} columns that the model reads: {}{}{}{}", file_.name(),
        absent.size(), places.size(),
        fmt::join(absent.begin(), absent.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
        shown < absent.size() ? ", …" : "", did_you_mean(absent.front(), file_.columns()),
        file_.header_hint()));
  }

  void fill(const Place& place, const CsvFile::Record& record, float* sample) {
    const std::string_view field = record.fields[place.in_file];
    const Column& column = *place.column;
    if (is_missing(field)) {
      if (place.missing != kNowhere) sample[place.missing] = 1;
      if (!column.has_missing) ++result_.report.newly_missing[column.name];
      if (place.number != kNowhere) sample[place.number] = static_cast<float>(column.fill);
      return;
    }
    if (column.kind == ColumnKind::number) {
      if (place.number == kNowhere) return;
      sample[place.number] = static_cast<float>(number(record, place.in_file));
      return;
    }
    key_ = name_in(field);
    const auto found = place.categories.find(key_);
    if (found == place.categories.end()) {
      auto& unknown = result_.report.unseen[column.name];
      if (unknown.rows++ == 0) unknown.first = key_;
    } else if (found->second != kNowhere) {
      sample[found->second] = 1;
    }
  }

  double number(const CsvFile::Record& record, std::size_t column) const {
    const std::string_view field = record.fields[column];
    const auto value = number_in(field, file_.format().decimal_point);
    if (value && std::abs(*value) <= std::numeric_limits<float>::max()) return *value;
    throw FormatError(fmt::format("{}: needs a number{}, got '{}'",
                                  file_.place(record.line, column),
                                  value ? " of at most 3.4e38" : "", name_in(field)));
  }

  float weight(const CsvFile::Record& record) const {
    const double value = number(record, *weights_);
    if (value >= 0) return static_cast<float>(value);
    throw FormatError(fmt::format("{}: needs a weight of 0 or more, got {}",
                                  file_.place(record.line, *weights_), value));
  }

  // False where a target is missing.
  bool answer(const CsvFile::Record& record) {
    for (const std::size_t t : targets_) {
      if (is_missing(record.fields[t])) return false;
    }
    if (schema_.target == TargetKind::classes) {
      key_ = name_in(record.fields[targets_.front()]);
      const auto found = classes_.find(key_);
      if (found == classes_.end()) {
        throw FormatError(fmt::format(
            "{}: class '{}' is none of the model's ({}); isoform train --continue adds classes",
            file_.place(record.line, targets_.front()), key_, fmt::join(options_.classes, ", ")));
      }
      contents_.labels.push_back(found->second);
      return true;
    }
    contents_.labels.push_back(0);
    for (std::size_t k = 0; k < targets_.size(); ++k) {
      const double value = number(record, targets_[k]);
      if (schema_.target == TargetKind::numbers) {
        contents_.targets.push_back(
            static_cast<float>((value - schema_.mean[k]) / schema_.scale[k]));
        continue;
      }
      if (value != 0 && value != 1) {
        throw FormatError(fmt::format("{}: a label is 0 or 1, got {}",
                                      file_.place(record.line, targets_[k]), value));
      }
      contents_.targets.push_back(static_cast<float>(value));
    }
    return true;
  }

  const CsvFile& file_;
  const Schema& schema_;
  const EncodeOptions& options_;
  Index features_ = 0;
  std::unordered_map<std::string_view, std::size_t> in_file_;  // position of each column
  std::vector<Place> places_;
  std::vector<std::size_t> targets_;
  std::unordered_map<std::string, std::uint32_t> classes_;
  std::optional<std::size_t> weights_;
  std::string key_;
  Dataset::Contents contents_;
  EncodedTable result_;
};

}  // namespace

EncodedTable encode_table(const CsvFile& file, const Schema& schema, const EncodeOptions& options) {
  return Encoder(file, schema, options).run();
}

Vector<double> table_deviations(const Schema& schema, const std::vector<std::string>& features,
                                const Vector<double>& own) {
  std::unordered_map<std::string, std::size_t> category_of;  // feature → column
  for (const auto& [name, source] : features_of(schema)) {
    if (schema.columns[source.column].kind == ColumnKind::category) {
      category_of[name] = source.column;
    }
  }
  std::vector<double> variance(schema.columns.size(), 0);
  for (std::size_t f = 0; f < features.size(); ++f) {
    const auto found = category_of.find(features[f]);
    const double deviation = own[static_cast<Index>(f)];
    if (found != category_of.end()) variance[found->second] += deviation * deviation;
  }
  Vector<double> deviations = own;
  for (std::size_t f = 0; f < features.size(); ++f) {
    const auto found = category_of.find(features[f]);
    if (found != category_of.end()) {
      deviations[static_cast<Index>(f)] = std::sqrt(variance[found->second]);
    }
  }
  return deviations;
}

}  // namespace isoform
