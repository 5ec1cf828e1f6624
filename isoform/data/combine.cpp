#include "isoform/data/combine.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "isoform/base/error.h"

namespace isoform {

namespace {

std::vector<std::uint32_t> of_classes(const Dataset& data, std::uint32_t first,
                                      std::uint32_t last) {
  if (first > last || last >= data.classes().size()) {
    throw UsageError(fmt::format("classes of '{}': needs a range within 0 to {}, got {} to {}",
                                 data.name(), static_cast<long>(data.classes().size()) - 1, first,
                                 last));
  }
  std::vector<std::uint32_t> positions;
  for (std::size_t i = 0; i < data.labels().size(); ++i) {
    const std::uint32_t label = data.labels()[i];
    if (first <= label && label <= last) positions.push_back(static_cast<std::uint32_t>(i));
  }
  return positions;
}

// Calls use(values of one sample) in the order of the selection.
template <class Values, class Function>
void each_sample(const Dataset& data, const Values& values, const Function& use) {
  const auto width = static_cast<std::size_t>(data.features());
  for (Index i = 0; i < data.samples(); ++i) {
    use(std::span(values.data(), values.size()).subspan(data.stored_position(i) * width, width));
  }
}

template <class Stored>
std::vector<Stored> all_values(std::span<const Dataset> parts, std::size_t count) {
  std::vector<Stored> all;
  all.reserve(count);
  for (const Dataset& part : parts) {
    std::visit(
        [&](const auto& values) {
          each_sample(part, values, [&](const auto& sample) {
            for (const auto value : sample) all.push_back(static_cast<Stored>(value));
          });
        },
        part.stored_values());
  }
  return all;
}

}  // namespace

Dataset class_range(const Dataset& data, std::uint32_t first, std::uint32_t last) {
  const std::vector<std::uint32_t> positions = of_classes(data, first, last);
  const auto& classes = data.classes();
  return data.subset(positions).with_classes({classes.begin(), classes.begin() + last + 1}, 0);
}

Dataset class_task(const Dataset& data, std::uint32_t first, std::uint32_t last) {
  const std::vector<std::uint32_t> positions = of_classes(data, first, last);
  const auto& classes = data.classes();
  return data.subset(positions).with_classes({classes.begin() + first, classes.begin() + last + 1},
                                             first);
}

Dataset joined(std::span<const Dataset> parts) {
  if (parts.empty()) throw UsageError("joining data: needs at least 1 set, got none");
  const Dataset& head = parts.front();
  Dataset::Contents all{.name = head.name(),
                        .features = head.features(),
                        .classes = head.classes(),
                        .image = head.image(),
                        .feature_names = head.feature_names()};
  bool bytes = true;
  std::size_t count = 0;
  for (const Dataset& part : parts) {
    if (part.features() != head.features() || part.classes() != head.classes()) {
      throw UsageError(
          fmt::format("joining data: '{}' has {} features and {} classes, '{}' {} and {}, or other "
                      "names of classes; all parts need the same",
                      head.name(), head.features(), head.classes().size(), part.name(),
                      part.features(), part.classes().size()));
    }
    const Dataset::Contents own = contents_without_values(part);
    const bool alike =
        part.has_targets() == head.has_targets() && own.weights.empty() == !head.has_weights();
    if (!part.empty() && !alike) {
      throw UsageError(
          fmt::format("joining data: '{}' and '{}' need targets and weights both or neither",
                      head.name(), part.name()));
    }
    all.labels.insert(all.labels.end(), own.labels.begin(), own.labels.end());
    all.targets.insert(all.targets.end(), own.targets.begin(), own.targets.end());
    all.weights.insert(all.weights.end(), own.weights.begin(), own.weights.end());
    count += static_cast<std::size_t>(part.samples() * part.features());
    bytes = bytes && std::holds_alternative<std::vector<std::uint8_t>>(part.stored_values());
  }
  if (bytes) {
    all.values = all_values<std::uint8_t>(parts, count);
  } else {
    all.values = all_values<float>(parts, count);
  }
  return Dataset(std::move(all));
}

Dataset balanced(const Dataset& data) {
  std::vector<std::vector<std::uint32_t>> of_class(data.classes().size());
  for (std::size_t i = 0; i < data.labels().size(); ++i) {
    of_class[data.labels()[i]].push_back(static_cast<std::uint32_t>(i));
  }
  std::size_t most = 0;
  for (const auto& positions : of_class) most = std::max(most, positions.size());
  std::vector<std::uint32_t> all(data.labels().size());
  std::iota(all.begin(), all.end(), 0U);
  for (const auto& positions : of_class) {
    if (positions.empty()) continue;
    for (std::size_t i = positions.size(); i < most; ++i) {
      all.push_back(positions[i % positions.size()]);
    }
  }
  return data.subset(all);
}

Dataset with_features_permuted(const Dataset& data, std::span<const std::uint32_t> order) {
  const auto width = static_cast<std::size_t>(data.features());
  std::vector<char> seen(width, 0);
  bool fits = order.size() == width;
  for (const std::uint32_t from : order) {
    fits = fits && from < width && seen[from] == 0;
    if (fits) seen[from] = 1;
  }
  if (!fits) {
    throw UsageError(
        fmt::format("features of '{}': needs every number from 0 to {} once, in any "
                    "order; got {} numbers, or one that is too large or there twice",
                    data.name(), static_cast<long>(width) - 1, order.size()));
  }
  return select_features(data, std::vector<Index>(order.begin(), order.end()));
}

}  // namespace isoform
