// A small data set on disk, for what reads sets by the names of their folders.
#pragma once

#include <filesystem>
#include <string>

#include "data/idx_files.h"
#include "tests/support/dice.h"

namespace isoform::testing {

/// Three classes of noisy 2 × 2 pictures, in the four files of a set: 240 to train on, 90 to test.
inline void write_set(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto part = [&](const std::string& stem, std::uint32_t samples, std::uint64_t seed) {
    Dice dice(seed, 81);
    testing_data::Bytes pixels, labels;
    for (std::uint32_t j = 0; j < samples; ++j) {
      const auto label = static_cast<std::uint8_t>(dice.between(0, 2));
      labels.push_back(label);
      for (int i = 0; i < 4; ++i) {
        pixels.push_back(static_cast<std::uint8_t>(dice.between(0, 99) + (i == label ? 120 : 0)));
      }
    }
    testing_data::write_plain(folder / (stem + "-images-idx3-ubyte"),
                              testing_data::idx_bytes({samples, 2, 2}, pixels));
    testing_data::write_plain(folder / (stem + "-labels-idx1-ubyte"),
                              testing_data::idx_bytes({samples}, labels));
  };
  part("train", 240, 1);
  part("t10k", 90, 2);
}

}  // namespace isoform::testing
