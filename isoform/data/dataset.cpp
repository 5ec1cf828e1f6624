#include "isoform/data/dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "isoform/base/error.h"

namespace isoform {

namespace {

// By division: a product of sizes could overflow.
bool has_features(const ImageShape& image, Index features) {
  if (image.rows < 1 || image.columns < 1 || image.channels < 1) return false;
  return features % image.rows == 0 && features / image.rows % image.columns == 0 &&
         features / image.rows / image.columns == image.channels;
}

void validate(const Dataset::Contents& c) {
  const auto refuse = [&](const std::string& what) {
    throw UsageError(fmt::format("dataset '{}': {}", c.name, what));
  };
  const std::size_t samples = c.labels.size();
  const std::size_t stored = std::visit([](const auto& v) { return v.size(); }, c.values);
  if (c.features < 0 || (c.features == 0 && samples > 0)) {
    refuse(fmt::format("needs at least 1 feature, got {}", c.features));
  }
  if (samples > std::numeric_limits<std::uint32_t>::max()) {
    refuse(fmt::format("holds up to 4294967295 samples, got {}", samples));
  }
  const auto features = static_cast<std::size_t>(c.features);
  const bool fits =
      features == 0 ? stored == 0 : stored % features == 0 && stored / features == samples;
  if (!fits) {
    refuse(fmt::format("{} samples of {} features need as many values, got {} values", samples,
                       c.features, stored));
  }
  if (!c.feature_names.empty() && c.feature_names.size() != features) {
    refuse(
        fmt::format("{} features need as many names, got {}", c.features, c.feature_names.size()));
  }
  if (c.image && !has_features(*c.image, c.features)) {
    refuse(
        fmt::format("an image of {} × {} × {} (rows, columns, channels) does not have {} features",
                    c.image->rows, c.image->columns, c.image->channels, c.features));
  }
  for (std::size_t i = 0; i < samples; ++i) {
    if (c.labels[i] >= c.classes.size()) {
      refuse(fmt::format("label {} of sample {} needs to be below the number of classes, {}",
                         c.labels[i], i, c.classes.size()));
    }
  }
  const auto require_finite = [&](std::span<const float> floats) {
    for (std::size_t i = 0; i < floats.size(); ++i) {
      if (!std::isfinite(floats[i])) {
        refuse(fmt::format("feature {} of sample {} is {}; replace values that are not finite",
                           i % features, i / features, floats[i]));
      }
    }
  };
  if (const auto* floats = std::get_if<std::vector<float>>(&c.values)) require_finite(*floats);
  if (const auto* floats = std::get_if<MappedFloats>(&c.values)) require_finite(*floats);
}

void validate_targets(const Dataset::Contents& c) {
  const auto refuse = [&](const std::string& what) {
    throw UsageError(fmt::format("dataset '{}': {}", c.name, what));
  };
  const std::size_t samples = c.labels.size();
  if (!c.targets.empty() && c.targets.size() != samples * c.classes.size()) {
    refuse(fmt::format("{} samples with {} outputs need as many targets, got {}", samples,
                       c.classes.size(), c.targets.size()));
  }
  for (std::size_t i = 0; i < c.targets.size(); ++i) {
    if (!std::isfinite(c.targets[i])) {
      refuse(fmt::format("target {} of sample {} is {}; replace values that are not finite",
                         i % c.classes.size(), i / c.classes.size(), c.targets[i]));
    }
  }
  for (std::size_t i = 0; !c.targets.empty() && i < samples; ++i) {
    if (c.labels[i] != 0) refuse("has targets, so that every label needs to be 0");
  }
}

void validate_weights(const std::string& name, const std::vector<float>& weights,
                      std::size_t samples) {
  const auto refuse = [&](const std::string& what) {
    throw UsageError(fmt::format("dataset '{}': {}", name, what));
  };
  if (weights.size() != samples) {
    refuse(fmt::format("{} samples need as many weights, got {}", samples, weights.size()));
  }
  bool any = samples == 0;
  for (std::size_t i = 0; i < samples; ++i) {
    if (!(weights[i] >= 0) || !std::isfinite(weights[i])) {
      refuse(fmt::format("the weight of sample {} needs to be 0 or more, got {}", i, weights[i]));
    }
    any = any || weights[i] > 0;
  }
  if (!any) refuse("all weights are 0; nothing would count");
}

}  // namespace

std::string_view to_string(Split split) { return split == Split::train ? "train" : "test"; }

Dataset::Dataset() : contents_(std::make_shared<const Contents>()) {}

Dataset::Dataset(Contents contents) {
  validate(contents);
  validate_targets(contents);
  if (!contents.weights.empty()) {
    validate_weights(contents.name, contents.weights, contents.labels.size());
  }
  contents_ = std::make_shared<const Contents>(std::move(contents));
}

const std::string& Dataset::name() const { return contents_->name; }
Index Dataset::features() const { return contents_->features; }
Index Dataset::samples() const { return static_cast<Index>(labels().size()); }
const std::vector<std::string>& Dataset::classes() const {
  return selection_ ? selection_->classes : contents_->classes;
}
const std::optional<ImageShape>& Dataset::image() const { return contents_->image; }
const std::vector<std::string>& Dataset::feature_names() const { return contents_->feature_names; }
const Dataset::Values& Dataset::stored_values() const { return contents_->values; }

const std::vector<std::uint32_t>& Dataset::labels() const {
  return selection_ ? selection_->labels : contents_->labels;
}

std::size_t Dataset::stored_position(Index sample) const {
  const auto i = static_cast<std::size_t>(sample);
  return selection_ ? selection_->positions[i] : i;
}

bool Dataset::has_targets() const { return !contents_->targets.empty(); }

std::span<const float> Dataset::targets(Index sample) const {
  if (!has_targets()) return {};
  const std::size_t outputs = contents_->classes.size();
  return std::span(contents_->targets).subspan(stored_position(sample) * outputs, outputs);
}

bool Dataset::has_weights() const {
  return !(selection_ ? selection_->weights : contents_->weights).empty();
}

float Dataset::weight(Index sample) const {
  const std::vector<float>& weights = selection_ ? selection_->weights : contents_->weights;
  return weights.empty() ? 1 : weights[static_cast<std::size_t>(sample)];
}

template <class T>
void Dataset::gather_rows(std::span<const std::uint32_t> samples, View<T> out, Index first) const {
  if (first < 0 || first + out.rows() > features() ||
      out.cols() != static_cast<Index>(samples.size())) {
    throw UsageError(
        fmt::format("gathering from '{}': it has {} features and {} samples are asked for; a "
                    "matrix of {} × {} for features from {} on does not fit",
                    name(), features(), samples.size(), out.rows(), out.cols(), first));
  }
  const auto width = static_cast<std::size_t>(features()),
             rows = static_cast<std::size_t>(out.rows());
  std::visit(
      [&](const auto& values) {
        for (std::size_t j = 0; j < samples.size(); ++j) {
          if (static_cast<Index>(samples[j]) >= this->samples()) {
            throw UsageError(fmt::format("gathering from '{}': has {} samples, asked for number {}",
                                         name(), this->samples(), samples[j]));
          }
          const auto* const x =
              values.data() + stored_position(samples[j]) * width + static_cast<std::size_t>(first);
          T* const y = out.data() + static_cast<Index>(j) * out.outerStride();
          for (std::size_t f = 0; f < rows; ++f) y[f] = static_cast<T>(x[f]);
        }
      },
      contents_->values);
}

template <class T>
void Dataset::require_whole(std::span<const std::uint32_t> samples, View<T> out) const {
  if (out.rows() == features() && out.cols() == static_cast<Index>(samples.size())) return;
  throw UsageError(fmt::format(
      "gathering from '{}': the matrix needs to be {} × {} (features × samples), got {} × {}",
      name(), features(), samples.size(), out.rows(), out.cols()));
}

void Dataset::gather(std::span<const std::uint32_t> samples, View<float> out) const {
  require_whole<float>(samples, out);
  gather_rows<float>(samples, out, 0);
}
void Dataset::gather(std::span<const std::uint32_t> samples, View<double> out) const {
  require_whole<double>(samples, out);
  gather_rows<double>(samples, out, 0);
}
void Dataset::gather(std::span<const std::uint32_t> samples, View<float> out, Index first) const {
  gather_rows<float>(samples, out, first);
}
void Dataset::gather(std::span<const std::uint32_t> samples, View<double> out, Index first) const {
  gather_rows<double>(samples, out, first);
}

Dataset Dataset::subset(std::span<const std::uint32_t> indices) const {
  Selection selection;
  selection.classes = classes();
  selection.positions.reserve(indices.size());
  selection.labels.reserve(indices.size());
  for (const std::uint32_t i : indices) {
    if (static_cast<Index>(i) >= samples()) {
      throw UsageError(
          fmt::format("subset of '{}': has {} samples, asked for number {}", name(), samples(), i));
    }
    selection.positions.push_back(static_cast<std::uint32_t>(stored_position(i)));
    selection.labels.push_back(labels()[i]);
    if (has_weights()) selection.weights.push_back(weight(i));
  }
  Dataset out = *this;
  out.selection_ = std::make_shared<const Selection>(std::move(selection));
  return out;
}

Dataset Dataset::with_weights(const std::vector<float>& weights) const {
  if (!weights.empty()) validate_weights(name(), weights, labels().size());
  Selection selection{{}, labels(), classes(), weights};
  for (Index i = 0; i < samples(); ++i) {
    selection.positions.push_back(static_cast<std::uint32_t>(stored_position(i)));
  }
  Dataset out = *this;
  out.selection_ = std::make_shared<const Selection>(std::move(selection));
  return out;
}

Dataset Dataset::with_classes(std::vector<std::string> classes, std::uint32_t first) const {
  if (has_targets()) {
    throw UsageError(
        fmt::format("classes of '{}': it has numbers to be answered, no classes", name()));
  }
  Selection selection;
  for (Index i = 0; i < samples(); ++i) {
    const std::uint32_t label = labels()[static_cast<std::size_t>(i)];
    if (label < first || label - first >= classes.size()) {
      throw UsageError(
          fmt::format("classes of '{}': {} of them from {} on have no room for label {}", name(),
                      classes.size(), first, label));
    }
    selection.positions.push_back(static_cast<std::uint32_t>(stored_position(i)));
    selection.labels.push_back(label - first);
    if (has_weights()) selection.weights.push_back(weight(i));
  }
  selection.classes = std::move(classes);
  Dataset out = *this;
  out.selection_ = std::make_shared<const Selection>(std::move(selection));
  return out;
}

Dataset::Contents contents_without_values(const Dataset& data) {
  Dataset::Contents contents{.name = data.name(),
                             .features = data.features(),
                             .labels = data.labels(),
                             .classes = data.classes(),
                             .image = data.image(),
                             .feature_names = data.feature_names()};
  for (Index i = 0; i < data.samples(); ++i) {
    const std::span<const float> targets = data.targets(i);
    contents.targets.insert(contents.targets.end(), targets.begin(), targets.end());
    if (data.has_weights()) contents.weights.push_back(data.weight(i));
  }
  return contents;
}

Dataset select_features(const Dataset& data, std::span<const Index> positions) {
  for (const Index position : positions) {
    if (position >= 0 && position < data.features()) continue;
    throw UsageError(fmt::format("dataset '{}': has features 0 to {}, asked for {}", data.name(),
                                 data.features() - 1, position));
  }
  if (positions.empty()) {
    throw UsageError(fmt::format("dataset '{}': needs at least 1 feature to keep", data.name()));
  }
  const auto chosen = [&](const auto& values) {
    std::vector<typename std::decay_t<decltype(values)>::value_type> kept;
    kept.reserve(static_cast<std::size_t>(data.samples()) * positions.size());
    for (Index i = 0; i < data.samples(); ++i) {
      const std::size_t first = data.stored_position(i) * static_cast<std::size_t>(data.features());
      for (const Index position : positions) {
        kept.push_back(values[first + static_cast<std::size_t>(position)]);
      }
    }
    return Dataset::Values(std::move(kept));
  };
  Dataset::Contents contents = contents_without_values(data);
  contents.features = static_cast<Index>(positions.size());
  contents.values = std::visit(chosen, data.stored_values());
  contents.image.reset();
  contents.feature_names.clear();
  for (const Index position : positions) {
    if (data.feature_names().empty()) break;
    contents.feature_names.push_back(data.feature_names()[static_cast<std::size_t>(position)]);
  }
  return Dataset(std::move(contents));
}

}  // namespace isoform
