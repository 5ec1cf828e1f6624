#include "isoform/base/random.h"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "isoform/base/error.h"

namespace isoform {

namespace {

// splitmix64 finaliser: spreads (purpose, id) over a word so that neighbouring ids share no key bits.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

struct Words {
  std::uint64_t a, b;
};

Words draw(const std::uint32_t (&key)[2], const std::uint32_t (&counter)[2], std::uint64_t index) {
  const r123::Philox4x32 philox;
  const r123::Philox4x32::ctr_type input = {{static_cast<std::uint32_t>(index),
                                             static_cast<std::uint32_t>(index >> 32), counter[0],
                                             counter[1]}};
  const r123::Philox4x32::key_type k = {{key[0], key[1]}};
  const auto out = philox(input, k);
  return {(std::uint64_t{out[0]} << 32) | out[1], (std::uint64_t{out[2]} << 32) | out[3]};
}

double to_unit(std::uint64_t word) { return static_cast<double>(word >> 11) * 0x1.0p-53; }

}  // namespace

Random::Random(std::uint64_t seed, Purpose purpose, std::uint64_t step, std::uint64_t id)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {
  ISOFORM_ASSERT(step >> 32 == 0, "steps below 2^32");
  const std::uint64_t folded = mix((static_cast<std::uint64_t>(purpose) << 48) ^ mix(id));
  counter_[0] = static_cast<std::uint32_t>(folded) ^ static_cast<std::uint32_t>(folded >> 32);
  counter_[1] = static_cast<std::uint32_t>(step);
}

double Random::uniform(std::uint64_t index) const { return to_unit(draw(key_, counter_, index).a); }

double Random::normal(std::uint64_t index) const {
  const Words w = draw(key_, counter_, index);
  const double radius = std::sqrt(-2.0 * std::log(1.0 - to_unit(w.a)));
  return radius * std::cos(2.0 * std::numbers::pi * to_unit(w.b));
}

void Random::keep(double p, std::span<float> out) const {
  constexpr std::size_t kParts = 8;  // of 16 bits
  const auto limit = static_cast<std::uint64_t>(std::llround(p * 0x1.0p16));
  const auto kept = static_cast<float>(1 / (1 - p));
  for (std::size_t at = 0; at < out.size(); at += kParts) {
    const Words words = draw(key_, counter_, at / kParts);
    std::uint64_t word = words.a;
    for (std::size_t i = 0; i < kParts && at + i < out.size(); ++i) {
      if (i == kParts / 2) word = words.b;
      out[at + i] = (word & 0xffff) < limit ? 0.0F : kept;
      word >>= 16;
    }
  }
}

std::uint64_t Random::below(std::uint64_t bound, std::uint64_t index) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{draw(key_, counter_, index).a} * bound) >> 64);
}

std::vector<std::uint32_t> Random::permutation(std::uint32_t n) const {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  for (std::uint32_t i = n; i > 1; --i) {
    std::swap(order[i - 1], order[below(i, i)]);
  }
  return order;
}

}  // namespace isoform
