#include "isoform/run/seen.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace isoform {

namespace {

// FNV-1a, 64 bits: the same on every machine.
class Hash {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) byte(static_cast<unsigned char>(c));
  }
  void add(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value + 0.0F);  // -0 is 0
    for (int i = 0; i < 4; ++i) byte((bits >> (8 * i)) & 255U);
  }
  // What a double holds without rounding.
  [[nodiscard]] double value() const { return static_cast<double>(state_ >> 11); }

 private:
  void byte(std::uint64_t b) { state_ = (state_ ^ b) * 0x100000001b3U; }
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

// One number for each row, of the features at these places.
std::vector<double> numbers_of(const Dataset& data, const std::vector<Index>& places) {
  std::vector<double> numbers;
  Matrix<float> x(data.features(), 1);
  for (std::uint32_t i = 0; i < data.samples(); ++i) {
    data.gather(std::span(&i, 1), View<float>(x));
    Hash hash;
    for (const Index place : places) hash.add(x(place, 0));
    for (const float target : data.targets(i)) hash.add(target);
    if (!data.has_targets()) hash.add(data.classes()[data.labels()[i]]);
    numbers.push_back(hash.value());
  }
  return numbers;
}

}  // namespace

SeenRows seen_rows(std::span<const Dataset> parts, const std::vector<std::string>& features) {
  SeenRows seen{features, {}};
  std::vector<Index> all;
  for (std::size_t f = 0; f < features.size(); ++f) all.push_back(static_cast<Index>(f));
  for (const Dataset& part : parts) {
    if (part.empty()) continue;
    const std::vector<double> numbers = numbers_of(part, all);
    seen.rows.insert(seen.rows.end(), numbers.begin(), numbers.end());
  }
  std::sort(seen.rows.begin(), seen.rows.end());
  seen.rows.erase(std::unique(seen.rows.begin(), seen.rows.end()), seen.rows.end());
  return seen;
}

std::vector<bool> are_seen(const std::vector<SeenRows>& seen, const Dataset& table) {
  std::vector<bool> known(static_cast<std::size_t>(table.samples()), false);
  std::unordered_map<std::string, Index> at;
  for (const std::string& name : table.feature_names()) at.emplace(name, std::ssize(at));
  for (const SeenRows& rows : seen) {
    std::vector<Index> places;
    for (const std::string& name : rows.features) {
      const auto found = at.find(name);
      if (found == at.end()) break;
      places.push_back(found->second);
    }
    if (places.size() < rows.features.size()) continue;
    const std::vector<double> numbers = numbers_of(table, places);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (std::binary_search(rows.rows.begin(), rows.rows.end(), numbers[i])) known[i] = true;
    }
  }
  return known;
}

}  // namespace isoform
