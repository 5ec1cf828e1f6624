// Mean and deviation of features, exact for bytes, and what inputs are divided by.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "isoform/base/error.h"
#include "isoform/data/dataset.h"

namespace isoform {

namespace {

constexpr std::array<std::string_view, 3> kScalings = {"auto", "each", "together"};

// The same exact sums, cut so that 32-bit accumulators (which vectorise) cannot overflow:
// 65,536 · 255² < 2³².
constexpr Index kBlock = 65536;

FeatureStatistics byte_statistics(const Dataset& data, const std::vector<std::uint8_t>& values) {
  const Index features = data.features();
  const Index samples = data.samples();
  const auto width = static_cast<std::size_t>(features);
  std::vector<std::uint64_t> sum(width, 0);
  std::vector<std::uint64_t> square(width, 0);
  std::vector<std::uint32_t> block_sum(width);
  std::vector<std::uint32_t> block_square(width);
  for (Index begin = 0; begin < samples; begin += kBlock) {
    std::fill(block_sum.begin(), block_sum.end(), 0U);
    std::fill(block_square.begin(), block_square.end(), 0U);
    std::uint32_t* const s = block_sum.data();
    std::uint32_t* const q = block_square.data();
    for (Index i = begin; i < std::min(begin + kBlock, samples); ++i) {
      const std::uint8_t* const x = values.data() + data.stored_position(i) * width;
      for (std::size_t f = 0; f < width; ++f) {
        const std::uint32_t v = x[f];
        s[f] += v;
        q[f] += v * v;
      }
    }
    for (std::size_t f = 0; f < width; ++f) {
      sum[f] += block_sum[f];
      square[f] += block_square[f];
    }
  }
  FeatureStatistics out{Vector<double>(features), Vector<double>(features)};
  __extension__ using Wide = unsigned __int128;
  const auto n = static_cast<double>(samples);
  for (std::size_t f = 0; f < width; ++f) {
    // n Σx² − (Σx)² is exact, so a constant feature has a deviation of exactly 0.
    const Wide spread =
        Wide{square[f]} * static_cast<std::uint64_t>(samples) - Wide{sum[f]} * sum[f];
    const auto k = static_cast<Index>(f);
    out.mean[k] = static_cast<double>(sum[f]) / n;
    out.standard_deviation[k] = std::sqrt(static_cast<double>(spread)) / n;
  }
  return out;
}

FeatureStatistics float_statistics(const Dataset& data, std::span<const float> values) {
  using Column = Eigen::Map<const Vector<float>>;
  const Index features = data.features();
  const auto n = static_cast<double>(data.samples());
  const auto sample = [&](Index i) {
    return Column(values.data() + data.stored_position(i) * static_cast<std::size_t>(features),
                  features)
        .cast<double>();
  };
  FeatureStatistics out{Vector<double>::Zero(features), Vector<double>::Zero(features)};
  for (Index i = 0; i < data.samples(); ++i) out.mean += sample(i);
  out.mean /= n;
  for (Index i = 0; i < data.samples(); ++i) {
    out.standard_deviation.array() += (sample(i) - out.mean).array().square();
  }
  out.standard_deviation = (out.standard_deviation / n).cwiseSqrt();
  return out;
}

}  // namespace

FeatureStatistics feature_statistics(const Dataset& data) {
  if (data.empty()) {
    throw UsageError(
        fmt::format("statistics of '{}': need at least 1 sample, got none", data.name()));
  }
  if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&data.stored_values())) {
    return byte_statistics(data, *bytes);
  }
  if (const auto* mapped = std::get_if<MappedFloats>(&data.stored_values())) {
    return float_statistics(data, *mapped);
  }
  return float_statistics(data, std::get<std::vector<float>>(data.stored_values()));
}

std::string_view scaling_name(Scaling scaling) {
  return kScalings[static_cast<std::size_t>(scaling)];
}

Scaling scaling_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kScalings.size(); ++i) {
    if (kScalings[i] == name) return static_cast<Scaling>(i);
  }
  throw UsageError(
      fmt::format("scaling: '{}' is unknown; known are {}", name, fmt::join(kScalings, ", ")));
}

FeatureStatistics input_statistics(const Dataset& data, Scaling scaling) {
  FeatureStatistics statistics = feature_statistics(data);
  if (scaling == Scaling::automatic) scaling = data.image() ? Scaling::together : Scaling::each;
  if (scaling == Scaling::together) {
    Vector<double>& deviation = statistics.standard_deviation;
    deviation.setConstant(
        std::sqrt(deviation.squaredNorm() / static_cast<double>(deviation.size())));
  }
  return statistics;
}

}  // namespace isoform
