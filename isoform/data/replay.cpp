#include "isoform/data/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/data/combine.h"

namespace isoform {

ReplayBuffer::ReplayBuffer(Index capacity, std::uint64_t seed) : capacity_(capacity), seed_(seed) {
  if (capacity < 1) {
    throw UsageError(fmt::format("buffer: needs room for at least 1 sample, got {}", capacity));
  }
}

void ReplayBuffer::add(const Dataset& data) {
  const std::array<Dataset, 2> parts = {contents_, data};
  const Dataset all =
      joined(contents_.empty() ? std::span<const Dataset>(&data, 1) : std::span(parts));
  const Random random(seed_, Purpose::replay);
  for (Index i = 0; i < data.samples(); ++i) keys_.push_back(random.uniform(seen_++));

  std::vector<std::vector<std::uint32_t>> of_class(all.classes().size());
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    of_class[all.labels()[i]].push_back(static_cast<std::uint32_t>(i));
  }
  // How many each class keeps: as if the largest gave up one at a time.
  std::vector<Index> sizes;
  for (const auto& positions : of_class) sizes.push_back(static_cast<Index>(positions.size()));
  Index most = 0, total = 0;
  for (const Index size : sizes) {
    most = std::max(most, size);
    total += size;
  }
  while (total > capacity_) {
    for (auto size = sizes.rbegin(); size != sizes.rend() && total > capacity_; ++size) {
      if (*size < most) continue;
      --*size;
      --total;
    }
    --most;
  }
  std::vector<std::uint32_t> kept;
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    auto& positions = of_class[c];
    std::sort(positions.begin(), positions.end(), [&](std::uint32_t a, std::uint32_t b) {
      return keys_[a] != keys_[b] ? keys_[a] < keys_[b] : a < b;
    });
    kept.insert(kept.end(), positions.begin(), positions.begin() + sizes[c]);
  }
  std::sort(kept.begin(), kept.end());
  std::vector<double> keys;
  for (const std::uint32_t i : kept) keys.push_back(keys_[i]);
  const Dataset chosen = all.subset(kept);
  contents_ = joined(std::span(&chosen, 1));
  keys_ = std::move(keys);
}

std::size_t ReplayBuffer::bytes() const {
  const std::size_t values = std::visit([](const auto& v) { return v.size() * sizeof(v.front()); },
                                        contents_.stored_values());
  return values + keys_.size() * (sizeof(std::uint32_t) + sizeof(double));
}

}  // namespace isoform
